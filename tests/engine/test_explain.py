"""Explaining a trade: every step by hand on small markets, and every trade of random ones."""

from __future__ import annotations

import math

import numpy as np
import pytest

from engine.analysis.explain import explain
from engine.analysis.story import Story, Trade
from engine.market import build_market
from engine.simulation import simulate
from engine.types import FillPhase, Reason, Signals, SizeKind
from tests.engine.random_markets import random_case
from tests.engine.scenario import DAY_MS, flat_bars, make_bars, make_config, make_side


def told(bars, *, enter=(), leave=(), short=(), long_prices=None, **options):
    """Return the story of long (and short) signals on one symbol."""
    market = build_market({"A": bars})
    size = options.pop("size", 1.0)
    decisions = Signals(
        long=make_side(market, {"A": enter}, {"A": leave}, long_prices or {}),
        short=make_side(market, {"A": short} if short else {}, {}, {}),
        size_kind=options.pop("size_kind", SizeKind.FRACTION),
        size=np.full(market.has_bar.shape, size),
    )
    config = make_config(**options)
    return Story(
        market=market,
        decisions=decisions,
        rows={"sma(close, 2)": market.close * 0.0 + 7.5},
        ledger=simulate(market, decisions, config),
        config=config,
        conditions={"enter_long": "the close is above 7"},
    )


def parts(found):
    return [(step["part"], step["kind"]) for step in found["steps"]]


def texts(found, part):
    return " ".join(step["text"] for step in found["steps"] if step["part"] == part)


def test_a_market_order_is_told_from_bar_to_result():
    story = told(
        flat_bars([100, 100, 110, 110]),
        enter={0},
        leave={2},
        execution__slippage_bps=5.0,
        costs__rate_bps=10.0,
        lot=1.0,
        cash=10_000.0,
    )
    found = explain(story, 0)

    assert parts(found) == [
        ("entry", "market"), ("entry", "signal"), ("entry", "order"), ("entry", "fill"),
        ("entry", "fill"), ("exit", "market"), ("exit", "signal"), ("exit", "order"),
        ("exit", "fill"), ("exit", "fill"),
    ]  # fmt: skip
    days = [step["time"][:10] for step in found["steps"]]
    assert days == ["1970-01-01"] * 3 + ["1970-01-02"] * 2 + ["1970-01-03"] * 3 + ["1970-01-04"] * 2
    entry, leave = texts(found, "entry"), texts(found, "exit")
    # 100 · 1.0005 = 100.05; 99 · 100.05 = 9,904.95, 10 bps of it 9.90.
    assert "the close is above 7. Known then: sma(close, 2) = 7.50." in entry
    assert "Price: 100.00 + 5 bps slippage = 100.05. A fee of 9.90 (10 bps)." in entry
    assert "99 × 100.05 = 9,904.95, with the fee 9,914.85." in entry
    # 110 · 0.9995 = 109.945; 99 · (109.945 − 100.05) = 979.605; fees 9.90495 + 10.884555.
    assert "Price: 110.00 − 5 bps slippage = 109.945." in leave
    assert "99 × (109.945 − 100.05) − fees of 20.79 = 958.82" in leave
    assert found["steps"][1]["values"] == {"sma(close, 2)": 7.5}
    assert found["levels"]["stop"].tolist() == pytest.approx([math.nan] * 3, nan_ok=True)


@pytest.mark.parametrize(
    ("bar", "rule", "words"),
    [
        # The stop of 95 inside the bar, and beyond it at the open; the target of 110 alike.
        ((100, 101, 94, 96), "F3", "The low of 94.00 reaches the stop of 95.00."),
        ((93, 94, 92, 93), "F4", "The bar opens at 93.00, at or beyond the stop of 95.00."),
        ((100, 111, 99, 109), "F3", "The high of 111.00 reaches the target of 110.00."),
        ((112, 113, 111, 112), "F4", "The bar opens at 112.00, at or beyond the target of 110.00."),
        ((100, 111, 94, 100), "F4", "the pessimistic rule decides"),
    ],
)
def test_a_child_says_why_it_filled_there(bar, rule, words):
    bars = make_bars([(100, 100, 100, 100), (100, 101, 99, 100), bar])
    found = explain(told(bars, enter={0}, long_prices={"stop": 95.0, "target": 110.0}), 0)
    step = next(s for s in found["steps"] if s["part"] == "exit" and s["kind"] == "fill")

    assert step["rule"] == rule
    assert words in step["text"]
    assert found["levels"]["stop"].tolist() == [95.0, 95.0]
    assert found["levels"]["target"].tolist() == [110.0, 110.0]
    assert found["levels"]["time"].tolist() == [DAY_MS, 2 * DAY_MS]


def test_a_trailing_stop_is_told_move_by_move():
    # In at the open of 100 with a distance of 5: 95. High 104 lifts it to 99, high 103 does not,
    # high 110 to 105, and the low of 104 reaches that.
    bars = make_bars(
        [(100, 100, 100, 100), (100, 104, 99.5, 103), (103, 103, 101, 102), (102, 110, 101, 109),
         (109, 109, 104, 104)]
    )  # fmt: skip
    found = explain(told(bars, enter={0}, long_prices={"trail": 5.0}), 0)
    moves = [step for step in found["steps"] if step["kind"] == "trail"]

    assert [(m["values"]["before"], m["values"]["after"]) for m in moves] == [(95, 99), (99, 105)]
    assert found["levels"]["stop"].tolist() == [95.0, 99.0, 99.0, 105.0]
    leave = texts(found, "exit")
    assert "The low of 104.00 reaches the trailing stop of 105.00." in leave


def test_a_split_moves_the_levels_and_is_told():
    bars = make_bars(
        [(100, 100, 100, 100), (100, 101, 99, 100), (50, 51, 49, 50), (50, 50, 47, 47)],
        splits=((2 * DAY_MS, 2.0),),
        dividends=((3 * DAY_MS, 0.5),),
    )
    found = explain(told(bars, enter={0}, long_prices={"stop": 96.0}), 0)

    assert found["levels"]["stop"].tolist() == [96.0, 48.0, 48.0]
    assert [s["title"] for s in found["steps"] if s["kind"] == "action"] == [
        "Split, 2 for 1", "Dividend of 0.5 a share",
    ]  # fmt: skip


def test_a_flip_a_forced_exit_and_an_open_trade_are_told():
    flipped = told(flat_bars([10, 10, 12, 12, 12]), enter={0}, short={2})
    assert "The order first closes" in texts(explain(flipped, 1), "entry")
    assert "The run ends with the position open" in texts(explain(flipped, 1), "exit")
    assert "`enter_short` is true" in texts(explain(flipped, 0), "exit")

    stopped = told(flat_bars([10, 10, 4, 4]), enter={0}, risk__max_drawdown_stop=0.5)
    assert "reached the configured limit" in texts(explain(stopped, 0), "exit")

    ended = told(flat_bars([10, 10, 11]), enter={0}, execution__finalize=True)
    assert "configured to close what is open" in texts(explain(ended, 0), "exit")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "100.20, without slippage"),
        ({"execution__slippage_bps": 20.0}, "100.20 + 20 bps slippage = 100.4004"),
        (
            {"execution__slippage_bps": 20.0, "execution__spread_bps": 10.0},
            # 100.20 · (1 + 0.0020 + 0.0005)
            "100.20 + 20 bps slippage + half of 10 bps spread = 100.4505",
        ),
        (
            {"execution__slippage_bps": 20.0, "execution__tick": 0.25},
            "100.20 + 20 bps slippage, rounded up to the tick of 0.25 = 100.50",
        ),
        (
            {
                "execution__slippage_bps": 20.0,
                "execution__tick": 0.25,
                "execution__slippage_ticks": 2.0,
            },
            # 100.4004 → 100.50, and two ticks of 0.25 more.
            "100.20 + 20 bps slippage, rounded up to the tick of 0.25, + 2 ticks = 101.00",
        ),
        (
            # 10 of 1,000 are 1 %: 0.1 · √0.01 = 1 %; 100.20 · 1.01 = 101.202.
            {
                "execution__impact": 0.1,
                "size": 10.0,
                "size_kind": SizeKind.UNITS,
                "cash": 1e4,
            },
            "100.20 + 100 bps impact of 1.00 % of the bar's volume = 101.202",
        ),
        (
            {"execution__slippage_bps": 20.0, "execution__clip": True},
            "100.20 + 20 bps slippage, held within the range of the bar = 100.30",
        ),
    ],
)
def test_the_arithmetic_of_a_price_adds_up(options, words):
    rows = [(100, 100, 100, 100), (100.2, 100.3, 100.0, 100.1)]
    bars = make_bars(rows, volume=np.full(2, 1000.0))
    found = explain(told(bars, enter={0}, **options), 0)

    assert f"Price: {words}." in texts(found, "entry")


@pytest.mark.parametrize(
    ("fill", "words"),
    [
        ("next_open", "It fills at the next bar's open."),
        ("next_close", "It fills at the next bar's close."),
        ("this_close", "It fills at this very close."),
    ],
)
def test_a_market_order_says_where_it_fills(fill, words):
    story = told(flat_bars([100, 100, 110, 110]), enter={0}, execution__fill=fill)

    assert words in texts(explain(story, 0), "entry")


def test_a_limit_never_pays_more():
    bars = make_bars([(100, 100, 100, 100), (100, 101, 94, 100)])
    found = explain(
        told(bars, enter={0}, long_prices={"limit": 95.0}, execution__slippage_bps=20.0), 0
    )

    assert "A limit order to buy at 95.00 or better." in texts(found, "entry")
    assert "The low of 94.00 reaches the limit of 95.00" in texts(found, "entry")
    assert "Price: 95.00, without slippage." in texts(found, "entry")


# The later ones: entries filled in parts, of which some were closed before the rest.
@pytest.mark.parametrize("seed", [*range(60), 63, 212, 495, 907, 922, 1003])
def test_every_trade_of_a_random_market_is_told_and_its_levels_are_those_it_left_by(seed):
    case = random_case(seed)
    ledger = simulate(case.market, case.signals, case.config)
    story = Story(
        market=case.market,
        decisions=case.signals,
        rows={},
        ledger=ledger,
        config=case.config,
        conditions={},
    )
    for row in range(ledger.trades["symbol"].size):
        found = explain(story, row)
        steps = found["steps"]
        for part in ("entry", "held", "exit"):
            # An exit may have been ordered before the entry that it met was filled.
            times = [step["time"] for step in steps if step["part"] == part]
            assert times == sorted(times)
        assert [s["part"] for s in steps] == sorted(
            (s["part"] for s in steps), key=["entry", "held", "exit"].index
        )
        assert all(step["text"] and step["title"] and step["rule"][0] == "F" for step in steps)
        trade = Trade(story, row)
        leave = trade.exit_fill
        if leave is None or leave["reason"] not in (Reason.STOP, Reason.TRAIL, Reason.TARGET):
            continue
        is_target = leave["reason"] == Reason.TARGET
        left = trade.exit_levels
        levels = left.target if is_target else left.tighter
        beyond = trade.side * (leave["raw"] - levels[-1]) * (1 if is_target else -1)
        # At the level, or beyond it at an open or at the entry's own price.
        assert beyond >= -1e-9 * leave["raw"]
        if leave["phase"] == FillPhase.INSIDE and left.i[0] < trade.row["exit_i"]:
            assert leave["raw"] == pytest.approx(levels[-1], rel=1e-12)
