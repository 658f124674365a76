"""The event log of a run."""

import json

from engine.events import event_table
from engine.market import build_market
from engine.simulation import simulate
from engine.types import Signals, SizeKind
from tests.engine.scenario import DAY_MS, flat_bars, make_config, make_side


def log(bars, enter, exit_, **options):
    market = build_market({"A": bars})
    signals = Signals(
        long=make_side(market, {"A": enter}, {"A": exit_}, {}),
        short=make_side(market, {}, {}, {}),
        size_kind=SizeKind.FRACTION,
        size=market.close * 0.0 + 1.0,
    )
    ledger = simulate(market, signals, make_config(**options))
    table = event_table(market, signals, ledger)
    days = (table["time"] // DAY_MS).tolist()
    values = [json.loads(text) for text in table["values"]]
    return list(zip(days, table["kind"].tolist(), values, strict=True)), table


def test_events_follow_one_another_as_they_happened():
    bars = flat_bars([10, 10, 5, 5], splits=((2 * DAY_MS, 2.0),))

    events, table = log(bars, {0}, {2})

    assert [(day, kind) for day, kind, _ in events] == [
        (0, "market"),
        (0, "signal"),
        (0, "order"),
        (1, "fill"),
        (1, "market"),
        (2, "action"),
        (2, "market"),
        (2, "signal"),
        (2, "order"),
        (3, "fill"),
        (3, "market"),
    ]
    assert table["seq"].tolist() == list(range(11))
    assert events[1][2] == {"enter_long": True}
    assert events[3][2]["quantity"] == 100.0
    assert events[5][2] == {"split": 2.0}
    assert set(table["symbol"].tolist()) == {"A"}
    assert table["order_id"].tolist() == [-1, -1, 0, 0, -1, -1, -1, -1, 1, 1, -1]


def test_fill_at_the_close_of_its_signal_follows_its_order():
    events, _ = log(flat_bars([10, 10]), {0}, {}, execution__fill="this_close")

    assert [kind for _, kind, _ in events] == ["market", "signal", "order", "fill"]


def test_forced_exits_are_risk_events():
    events, _ = log(flat_bars([10, 10, 4, 4]), {0}, {}, risk__max_drawdown_stop=0.5)

    assert [(day, kind) for day, kind, _ in events][-4:] == [
        (2, "market"),
        (2, "risk"),
        (3, "fill"),
        (3, "market"),
    ]


def test_quiet_run_has_no_events():
    events, table = log(flat_bars([10, 10]), set(), set())

    assert events == []
    assert table["time"].size == 0
