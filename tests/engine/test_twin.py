"""The compiled broker against its naive twin, on random markets (F1…F18).

`TWIN_CASES` raises the number of cases; a failure prints its seed and a minimal
reproduction.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator

import pytest

from engine.simulation import simulate
from engine.types import FillPhase, Ledger, OrderStatus, OrderType, Reason
from tests.engine import reference
from tests.engine.comparison import explain, first_difference
from tests.engine.random_markets import random_case

N_CASES = int(os.environ.get("TWIN_CASES", "1500"))
N_GROUPS = 15


@pytest.mark.parametrize("group", range(N_GROUPS))
def test_engine_and_twin_agree_on_random_markets(group: int) -> None:
    for seed in range(group, N_CASES, N_GROUPS):
        difference = explain(random_case(seed), simulate, reference.simulate)

        assert difference is None, difference


def test_random_markets_reach_every_kind_of_fill_and_end() -> None:
    """The comparison above would be worth little on cases in which nothing happens."""
    seen: Counter[str] = Counter()
    for seed in range(500):
        case = random_case(seed)
        ledger = reference.simulate(case.market, case.signals, case.config)
        seen[ledger.status] += 1
        seen["conflict"] += ledger.conflicts
        seen["stale bar"] += ledger.stale_bars
        seen["ambiguous"] += ledger.ambiguous_fills
        seen.update(repr(OrderType(code)) for code in ledger.orders["type"])
        seen.update(repr(OrderStatus(code)) for code in ledger.orders["status"])
        seen.update(repr(Reason(code)) for code in ledger.fills["reason"])
        seen.update(repr(FillPhase(code)) for code in ledger.fills["phase"])
        seen.update(parts_of(ledger))

    # Rebalancing belongs to target strategies; the others end orders and make no fills.
    no_fill = {Reason.REBALANCE, Reason.EXPIRED, Reason.CASH, Reason.CONFLICT, Reason.INVALID}
    expected = {"done", "bankrupt", "stopped", "conflict", "stale bar", "ambiguous"}
    expected |= {"order in parts", "child in parts"}
    for kinds in (OrderType, OrderStatus, FillPhase, set(Reason) - no_fill):
        expected |= {repr(kind) for kind in kinds}
    assert {kind for kind in expected if not seen[kind]} == set()


def parts_of(ledger: Ledger) -> Iterator[str]:
    """Name each order and each child that filled more than once (F9)."""
    children = (Reason.STOP, Reason.TARGET, Reason.TRAIL)
    numbers, reasons = ledger.fills["order_id"].tolist(), ledger.fills["reason"].tolist()
    fills = Counter(zip(numbers, (reason in children for reason in reasons), strict=True))
    for (_, is_child), count in fills.items():
        if count > 1:
            yield "child in parts" if is_child else "order in parts"


@pytest.mark.parametrize("path", ["pessimistic", "optimistic", "ohlc"])
def test_a_path_given_wins_over_the_path_of_the_config(path: str) -> None:
    for seed in range(100):
        case = random_case(seed)
        execution = case.config.execution.model_copy(update={"path": path})
        config = case.config.model_copy(update={"execution": execution})

        got = simulate(case.market, case.signals, case.config, path=path)

        expected = simulate(case.market, case.signals, config)
        assert first_difference(got, expected, config.cash) is None, f"seed {seed}"
