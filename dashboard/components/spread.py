"""Many components filled from one answer, of which only the newest counts.

When a callback is asked again before it has answered, dash-renderer drops the older answer,
whichever comes first. It fails to do so for a callback whose outputs match by ALL: where their
number is not that of the outputs declared (`pruneCallbacks`), the dropped one is put back, and an
answer that comes late undoes a newer one. So the server answers into one store, and the browser,
which is never late, hands the words on.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dash import ClientsideFunction, Dash, Input, Output

Words = Mapping[str, Mapping[str, Any]]
"""For each type of id, what to show by the one name beside it; what has no words is emptied."""


def spread(app: Dash, store: str, *outputs: Output) -> None:
    """Show the `Words` in a store in all components that `outputs`, two or more, match.

    Parameters
    ----------
    app : Dash
    store : str
        The id of a `dcc.Store`, in which a callback puts `Words`.
    outputs : Output
        Each of an id of a type and one name, which is ALL.
    """
    app.clientside_callback(
        ClientsideFunction("hindcast", "spread"),
        *outputs,
        Input(store, "data"),
        prevent_initial_call=True,
    )
