"""Parts of a page below its first screen: sent with it, built when they come near.

Building costs the browser more than anything else on a page, most of all its charts, so what
nobody sees yet waits in a store. `assets/later.js` puts it in its place when that is near the
screen, otherwise when the browser is idle, and before printing.
"""

from __future__ import annotations

from dash import dcc, html
from dash.development.base_component import Component

from dashboard import ids, theme
from dashboard.components.basics import Children


def later(id: str, children: Children, *, height: int, class_name: str = "") -> list[Component]:
    """Return the place with the id `id`, still empty, and the store with its children.

    Parameters
    ----------
    id : str
        Of the place; a callback may fill it before its turn comes, and then wins.
    children : Children
        What will stand there.
    height : int
        Pixels kept free until then.
    class_name : str
        Of the place.
    """
    held = {"children": children, "theme": theme.current_theme()}
    return [
        html.Div(
            id=id, className=f"later {class_name}".strip(), style={"--later-height": f"{height}px"}
        ),
        dcc.Store(id=ids.later(id), data=held),
    ]
