"""Target weights and flows in the compiled broker against its naive twin (F7, F13, F16…F18).

`TWIN_CASES` raises the number of cases; a failure prints its seed and a smaller case.
"""

from __future__ import annotations

import os
from collections import Counter

import pytest

from engine.simulation import simulate
from engine.types import FillPhase, OrderStatus, Reason
from tests.engine.random_targets import explain, random_target_case
from tests.engine.reference.targets import simulate_targets

N_CASES = int(os.environ.get("TWIN_CASES", "1500"))
N_GROUPS = 15


@pytest.mark.parametrize("group", range(N_GROUPS))
def test_engine_and_twin_agree_on_random_weights(group: int) -> None:
    for seed in range(group, N_CASES, N_GROUPS):
        difference = explain(random_target_case(seed), simulate, simulate_targets)

        assert difference is None, difference


def test_an_account_emptied_by_a_withdrawal_sizes_no_order() -> None:
    # Found among ten thousand cases: orders fill at this close, one waits for its symbol's bar, and
    # at the close that has it a withdrawal takes all of the equity. There is nothing to size it
    # by, so it is still there at the next close, which is ruin, and ends as everything does then.
    case = random_target_case(201_503)
    ledger = simulate(case.market, case.targets, case.config)
    waiting = ledger.orders["i_time"] + 1 == ledger.orders["ended"]

    assert explain(case, simulate, simulate_targets) is None
    assert ledger.status == "bankrupt"
    assert not waiting[4]
    assert Reason(ledger.orders["reason"][4]) is Reason.BANKRUPT


def test_random_weights_reach_every_kind_of_fill_and_end() -> None:
    """The comparison above would be worth little on cases in which nothing happens."""
    seen: Counter[str] = Counter()
    for seed in range(500):
        case = random_target_case(seed)
        ledger = simulate_targets(case.market, case.targets, case.config)
        seen[ledger.status] += 1
        seen["flow"] += int((ledger.flow != 0.0).sum())
        seen["stale bar"] += ledger.stale_bars
        seen.update(repr(OrderStatus(code)) for code in ledger.orders["status"])
        seen.update(repr(Reason(code)) for code in ledger.fills["reason"])
        seen.update(repr(FillPhase(code)) for code in ledger.fills["phase"])

    fills = {Reason.REBALANCE, Reason.FLIP, Reason.MARGIN, Reason.BANKRUPT, Reason.RISK}
    fills |= {Reason.DELISTED, Reason.SPLIT, Reason.END}
    ends = set(OrderStatus) - {OrderStatus.EXPIRED}
    expected = {"done", "bankrupt", "stopped", "flow", "stale bar"}
    for kinds in (fills, ends, {FillPhase.OPEN, FillPhase.CLOSE}):
        expected |= {repr(kind) for kind in kinds}
    assert {kind for kind in expected if not seen[kind]} == set()
