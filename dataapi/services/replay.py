"""A finished run gone through once more, for what is not stored with it.

Weights, indicator rows and events follow from the bars and the configuration in milliseconds, so
they are computed when asked for. They are shown only when the replay trades as the run did.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from dataapi.problems import Conflict, NotFound, nearest
from dataapi.services import documents
from dataapi.services.comparison import first_difference
from dataapi.services.curves import Columns, part, thinned
from dataapi.services.documents import Document
from dataapi.services.inputs import Inputs
from dataapi.services.runs import Runs
from engine.events import event_table
from engine.resolve import RunPlan
from engine.tables import fill_table
from engine.trades import position_weights
from engine.trial import Trial
from engine.types import Decisions, FloatArray, Ledger, Market


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """What a run was made of, once more in memory."""

    inputs: Inputs
    market: Market
    signals: Decisions
    rows: dict[str, FloatArray]
    ledger: Ledger

    @property
    def plan(self) -> RunPlan:
        """Return the resolved configuration with its strategy."""
        return self.inputs.plan


def replay(runs: Runs, run_id: str) -> Replay:
    """Go through a stored run again.

    Raises
    ------
    NotFound
        If there is no such run.
    Conflict
        If its bars are no longer stored as they were, or another engine trades differently.
    """
    document = runs.document(run_id)
    inputs = runs.gather(documents.config_of(document))
    if inputs.fingerprint != document["fingerprint"]:
        raise Conflict("The bars of this run have changed since: this can no longer be shown.")
    again = played(inputs)
    fills = fill_table(again.ledger, np.array(again.market.symbols))
    if first_difference(runs.table(run_id, "fills"), fills, "fills") is not None:
        raise Conflict(
            f"This run was made by engine {document['engine_version']}, and this one trades "
            "differently: run it again to see this."
        )
    return again


def played(inputs: Inputs) -> Replay:
    """Go through a run that need not be stored."""
    plan = inputs.plan
    market = plan.market(inputs.bars)
    trial = Trial(plan.strategy, plan.config)
    signals, rows = trial.evaluate(market)
    ledger = trial.ledger(market, signals)
    seen = ledger.decisions or signals
    return Replay(inputs=inputs, market=market, signals=seen, rows=rows, ledger=ledger)


def exposure(
    runs: Runs, run_id: str, from_ms: int | None, to_ms: int | None, points: int | None
) -> Columns:
    """Return signed weights at each close: `total` (of absolute weights) and one per symbol."""
    again = replay(runs, run_id)
    weights = position_weights(again.market, again.ledger)
    columns: Columns = {"time": again.ledger.time, "total": np.abs(weights).sum(axis=0)}
    columns |= dict(zip(again.market.symbols, weights, strict=True))
    return thinned(part(columns, from_ms, to_ms), points, ("total", *again.market.symbols[:8]))


def indicators(
    runs: Runs,
    run_id: str,
    symbol: str | None,
    from_ms: int | None,
    to_ms: int | None,
    points: int | None,
) -> Document:
    """Return the strategy's indicator rows of one symbol (the first when None) at its own bars.

    Returns
    -------
    dict
        symbol, time, and rows: label, pane (price: among the prices, own: below), values.
    """
    again = replay(runs, run_id)
    symbols = again.market.symbols
    if symbol is not None and symbol not in symbols:
        raise NotFound(f"The run does not trade {symbol}.{nearest(symbol, symbols)}")
    i_symbol = 0 if symbol is None else symbols.index(symbol)
    own = np.flatnonzero(again.market.has_bar[i_symbol])
    own = own[own >= again.market.first]
    rows = again.rows
    columns: Columns = {"time": again.market.time[own]}
    columns |= {label: values[i_symbol, own] for label, values in rows.items()}
    shown = thinned(part(columns, from_ms, to_ms), points, tuple(rows))
    panes = {
        row.label: "price" if row.is_price_level else "own" for row in again.plan.strategy.rows
    }
    return {
        "symbol": symbols[i_symbol],
        "time": shown["time"],
        "rows": [{"label": label, "pane": panes[label], "values": shown[label]} for label in rows],
    }


def events(runs: Runs, run_id: str) -> dict[str, Any]:
    """Return market, signal, order, fill and corporate-action events in their order."""
    again = replay(runs, run_id)
    return event_table(again.market, again.signals, again.ledger)
