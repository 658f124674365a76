"""Why a trade was made, at which price, and why it ended."""

from __future__ import annotations

from typing import Any

from dataapi import wire
from dataapi.problems import NotFound
from dataapi.services.documents import Document
from dataapi.services.phrases import phrase
from dataapi.services.replay import Replay, replay
from dataapi.services.runs import Runs
from engine.analysis.explain import explain
from engine.analysis.story import Story


def explanation(runs: Runs, run_id: str, trade: int) -> Document:
    """Return the steps of one trade with the values known at each, and its levels.

    Parameters
    ----------
    trade : int
        Row of the trades table.

    Raises
    ------
    NotFound
        If there is no such run, or the run has no such trade.
    Conflict
        If the run cannot be gone through again: its bars or the engine have changed.
    """
    columns = wire.json_columns(runs.table(run_id, "trades"))
    n_trades = len(columns["symbol"])
    if not 0 <= trade < n_trades:
        raise NotFound(f"The run has {n_trades} trades, numbered from 0; there is no {trade}.")
    found = explain(_story(replay(runs, run_id)), trade)
    return {
        "trade": {name: values[trade] for name, values in columns.items()},
        "steps": found["steps"],
        "levels": wire.json_columns(found["levels"]),
    }


def _story(again: Replay) -> Story:
    formula, params = again.plan.definition.formula, again.plan.strategy.params
    conditions: dict[str, Any] = {
        name: phrase(text, params)
        for name, text in formula.items()
        if name.startswith(("enter_", "exit_"))
    }
    return Story(
        market=again.market,
        decisions=again.signals,
        rows=again.rows,
        ledger=again.ledger,
        config=again.plan.config,
        conditions=conditions,
    )
