"""The kinds of cases on which the engine and its naive twins are compared."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from engine.simulation import simulate
from engine.types import FillPhase, Ledger
from tests.engine import reference
from tests.engine.comparison import first_difference
from tests.engine.random_detail import with_finer_bars
from tests.engine.random_events import random_event_case, twin_of_events
from tests.engine.random_markets import random_case
from tests.engine.random_positions import random_position_case, twin_of_positions
from tests.engine.random_targets import random_target_case
from tests.engine.reference.targets import simulate_targets


class Kind(NamedTuple):
    """One kind of case: how it is made of a seed, what it decides, and its twin."""

    make: Callable[[int], Any]
    decisions: Callable[[Any], Any]
    twin: Callable[[Any], Ledger]


def _twin_of_signals(case: Any) -> Ledger:
    return reference.simulate(case.market, case.signals, case.config)


KINDS = {
    "signals": Kind(random_case, lambda case: case.signals, _twin_of_signals),
    "targets": Kind(
        random_target_case,
        lambda case: case.targets,
        lambda case: simulate_targets(case.market, case.targets, case.config),
    ),
    "events": Kind(random_event_case, lambda case: case.events, twin_of_events),
    "positions": Kind(random_position_case, lambda case: case.signals, twin_of_positions),
    "finer bars": Kind(
        lambda seed: with_finer_bars(random_case(seed)),
        lambda case: case.signals,
        _twin_of_signals,
    ),
    "events on finer bars": Kind(
        lambda seed: with_finer_bars(random_event_case(seed)),
        lambda case: case.events,
        twin_of_events,
    ),
}


@dataclass
class Tally:
    """What the cases of a kind held, and how engine and twin parted on which seeds."""

    n_cases: int = 0
    seen: Counter[str] = field(default_factory=Counter)
    worst_recon_error: float = 0.0
    failed: dict[int, str] = field(default_factory=dict)

    def add(self, case: Any, got: Ledger) -> None:
        """Count what a case reaches."""
        market, execution = case.market, case.config.execution
        phases = got.fills["phase"]
        self.n_cases += 1
        self.worst_recon_error = max(self.worst_recon_error, got.recon_error)
        self.seen.update(
            {
                "orders": len(got.orders["order_id"]),
                "fills": len(phases),
                "fills inside a bar": int((phases == FillPhase.INSIDE).sum()),
                "trades": len(got.trades["symbol"]),
                "portfolios": len(market.symbols) > 1,
                "volume caps": execution.participation is not None,
                "splits": int((market.split != 1.0).sum()),
                "dividends": int((market.dividend != 0.0).sum()),
                "missing bars": int((~market.has_bar).sum()),
                got.status: 1,
            }
        )


def compared(kind: Kind, seeds: range) -> Tally:
    """Run the cases of a kind on both."""
    tally = Tally()
    for seed in seeds:
        case = kind.make(seed)
        got = simulate(case.market, kind.decisions(case), case.config)
        tally.add(case, got)
        difference = first_difference(got, kind.twin(case), case.config.cash)
        if difference is not None:
            tally.failed[seed] = difference
    return tally
