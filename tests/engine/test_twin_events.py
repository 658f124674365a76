"""An event strategy that orders anything, compiled, against its twin in plain Python (F1-F18).

`TWIN_CASES` raises the number of cases; a failure prints its seed.
"""

from __future__ import annotations

import os
from collections import Counter

import pytest

from engine.simulation import simulate
from engine.types import FillPhase, OrderStatus, OrderType, Reason
from tests.engine.comparison import first_difference
from tests.engine.random_events import random_event_case, twin_of_events
from tests.engine.test_twin import parts_of

N_CASES = int(os.environ.get("TWIN_CASES", "600"))
N_GROUPS = 6


@pytest.mark.parametrize("group", range(N_GROUPS))
def test_engine_and_twin_agree_on_random_orders(group: int) -> None:
    for seed in range(group, N_CASES, N_GROUPS):
        case = random_event_case(seed)

        got = simulate(case.market, case.events, case.config)

        difference = first_difference(got, twin_of_events(case), case.config.cash)
        assert difference is None, f"seed {seed}: {difference}"


def test_random_orders_reach_every_kind_of_fill_and_end() -> None:
    """The comparison above would be worth little on cases in which nothing happens."""
    seen: Counter[str] = Counter()
    for seed in range(300):
        case = random_event_case(seed)
        ledger = simulate(case.market, case.events, case.config)
        seen[ledger.status] += 1
        seen["ambiguous"] += ledger.ambiguous_fills
        seen.update(repr(OrderType(code)) for code in ledger.orders["type"])
        seen.update(repr(OrderStatus(code)) for code in ledger.orders["status"])
        seen.update(repr(Reason(code)) for code in ledger.fills["reason"])
        seen.update(repr(FillPhase(code)) for code in ledger.fills["phase"])
        seen["invalid"] += int((ledger.orders["reason"] == Reason.INVALID).sum())
        seen.update(parts_of(ledger))

    expected = {"done", "bankrupt", "stopped", "ambiguous", "invalid"}
    expected |= {"order in parts", "child in parts"}
    no_fill = {Reason.REBALANCE, Reason.EXPIRED, Reason.CASH, Reason.CONFLICT, Reason.INVALID}
    for kinds in (OrderType, OrderStatus, FillPhase, set(Reason) - no_fill):
        expected |= {repr(kind) for kind in kinds}
    assert {kind for kind in expected if not seen[kind]} == set()
