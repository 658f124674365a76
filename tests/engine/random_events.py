"""Seeded random runs of an event strategy that orders anything at all (F1-F18)."""

from __future__ import annotations

import random
from dataclasses import dataclass

from config.run import RunConfig, Sizing
from engine.event_files import PlannedEvents, plan_events, read_event_strategy
from engine.types import Events, Ledger, Market
from tests.engine.random_markets import random_case
from tests.engine.reference.events import simulate_events

# A linear congruence over the closes makes it order anything, the same every time. Levels lie on
# the grid of the random prices, so that bars touch them exactly.
WILD = """
from numba import njit

from engine.orders import BUY, NEXT_CLOSE, NEXT_OPEN, SELL, THIS_CLOSE, buy, cancel, close, sell

PARAMS = {"key": 1, "eagerness": 4}
INDICATORS = {"mean": "ema(close, 3)", "before": "close[1]"}
STATE = (1, 0.0)
MAX_ENTRIES = 500
MAX_ORDERS = 500


@njit
def bracket(orders, side, price, step, kind):
    if kind == 0:
        if side == BUY:
            buy(orders, units=5, stop=price - 2.0 * step, target=price + 3.0 * step)
        else:
            sell(orders, units=5, stop=price + 2.0 * step, target=price - 3.0 * step)
    elif kind == 1:
        if side == BUY:
            buy(orders, cash=300, limit=price - step, stop=price - 3.0 * step, expire_bars=3)
        else:
            sell(orders, cash=300, limit=price + step, stop=price + 3.0 * step, expire_bars=3)
    elif kind == 2:
        if side == BUY:
            buy(orders, risk=0.05, trigger=price + step, stop=price - step)
        else:
            sell(orders, risk=0.05, trigger=price - step, stop=price + step)
    elif kind == 3:
        if side == BUY:
            buy(orders, trigger=price + step, limit=price + step + 0.5, trail=step)
        else:
            sell(orders, trigger=price - step, limit=price - step - 0.5, trail=step)


def on_bar(bar, indicators, position, orders, state, params):
    r = (state[0] * 1103515245 + 12345 + params.key + int(bar.close * 16.0)) % 2147483648
    side = BUY if (r // 512) % 2 == 0 else SELL
    step = 0.25 * (1 + (r // 1024) % 12)
    kind = (r // 65536) % 16
    if (r // 2097152) % 8 >= params.eagerness:
        return r, indicators.mean
    if kind < 4:
        bracket(orders, side, bar.close, step, kind)
    elif kind == 4:
        close(orders, fraction=0.5)
    elif kind == 5:
        close(orders, quantity=3, when=NEXT_CLOSE)
        close(orders, quantity=2, when=NEXT_OPEN)
    elif kind == 6:
        close(orders, when=THIS_CLOSE)
    elif kind == 7:
        cancel(orders, side)
    elif kind == 8:
        # A cancel means the orders of earlier bars, wherever it stands.
        close(orders)
        cancel(orders)
        if side == BUY:
            buy(orders, fraction=0.3)
        else:
            sell(orders, fraction=0.3)
    elif kind == 9:
        if side == BUY:
            buy(orders, fraction=0.4, when=THIS_CLOSE, target_fraction=0.0625, trail_fraction=0.05)
        else:
            sell(orders, fraction=0.4, when=THIS_CLOSE, stop_fraction=0.0625)
    elif kind == 10:
        if side == BUY:
            buy(orders, units=7, when=NEXT_CLOSE, stop_fraction=0.03125)
        else:
            sell(orders, units=7, when=NEXT_CLOSE, trail_fraction=0.0625)
    elif kind == 11:
        # A ladder: each rung has a bracket of its own.
        buy(orders, units=2, limit=bar.close - step, target=bar.close)
        buy(orders, units=2, limit=bar.close - 2.0 * step, stop=bar.close - 4.0 * step)
        buy(orders, units=2, limit=bar.close - 3.0 * step, trail=2.0 * step, expire_bars=5)
    elif kind == 12:
        buy(orders, fraction=0.2, trigger=bar.close + step, expire_bars=2)
        sell(orders, fraction=0.2, trigger=bar.close - step, expire_bars=2)
    elif kind == 13:
        # Both mean nothing: a size below 0, a stop above a purchase.
        buy(orders, units=-1)
        buy(orders, units=1, stop=bar.close + step)
    elif kind == 14:
        if position.working > 2:
            cancel(orders)
        elif position.entries > 1 and position.bars_held > 2:
            close(orders, fraction=0.25)
        elif indicators.mean > indicators.before:
            sell(orders, cash=100)
    elif position.quantity > 0.0:
        sell(orders, units=4, limit=bar.close + step)
        close(orders, fraction=0.6)
    else:
        buy(orders)
    return r, indicators.mean
"""


@dataclass(frozen=True)
class EventCase:
    """One random run of `WILD`; `seed` makes it again."""

    seed: int
    market: Market
    strategy: PlannedEvents
    config: RunConfig

    @property
    def events(self) -> Events:
        """What the broker is given."""
        return self.strategy.decide(self.market, self.config)[0]


def random_event_case(seed: int) -> EventCase:
    """Return the case of a seed: always the same."""
    rng = random.Random(f"events {seed}")  # noqa: S311
    case = random_case(seed)
    sizing = Sizing(kind="units", value=6.0) if rng.random() < 0.15 else None
    config = case.config.model_copy(update={"sizing": sizing})
    params = {"key": rng.randrange(100_000), "eagerness": rng.randint(1, 8)}
    strategy = plan_events(read_event_strategy(WILD, name="wild"), params)
    return EventCase(seed, case.market, strategy, config)


def twin_of_events(case: EventCase) -> Ledger:
    """Return what the twin makes of a case, the same file as plain Python."""
    return simulate_events(case.market, case.events, case.strategy.params, case.config, WILD)
