"""The built-in strategies for several symbols: their weights and first trades by hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import engine
from engine.errors import InvalidParameterError
from engine.market import build_market, truncate
from engine.resolve import plan_run
from engine.targets.history import bars_a_year, closes_before, comparable_closes
from engine.targets.rules import pair_sides, winners
from engine.types import Bars
from tests.engine.sample_bars import real_bars
from tests.engine.scenario import flat_bars, make_config

DAY_MS = 86_400_000
FREE: dict[str, Any] = {
    "execution": {"slippage_bps": 0.0}, "costs": {"rate_bps": 0.0}, "lot": 0.0, "cash": 1000.0,
    "timeframe": "1d",
}  # fmt: skip
FIRST_DAYS = {"January": 0, "February": 31, "March": 59, "April": 90}


def on_days(prices: Mapping[int, float], n: int = 95, **fields: Any) -> Bars:
    """Flat daily bars from 1970-01-01 on that change their price on some days."""
    closes = np.empty(n)
    for day, price in sorted(prices.items()):
        closes[day:] = price
    return flat_bars(closes, **fields)


def run(name: str, bars: Mapping[str, Bars], **options: Any) -> engine.types.RunResult:
    strategy = {"name": name, "params": options.pop("params", {})}
    return engine.backtest(bars, {**FREE, "strategy": strategy, **options})


def first_trades(result: engine.types.RunResult, n: int = 9) -> list[tuple[Any, ...]]:
    fills = result.fills
    rows = zip(
        (fills["time"] // DAY_MS).tolist(), fills["symbol"].tolist(), fills["side"].tolist(),
        fills["quantity"].tolist(), fills["price"].tolist(), strict=True,
    )  # fmt: skip
    return list(rows)[:n]


def test_momentum_rotation_holds_what_rose_most():
    # February 1: over 20 bars A rose 10 %, B 20 %, C not at all. Of 1000 half goes to A and B.
    # March 1: A has not moved for 20 bars, B neither, C rose 50 %: a tie goes to the first name.
    # April 1: none has moved, so C goes and B comes back.
    bars = {
        "A": on_days({0: 10, 20: 11}),
        "B": on_days({0: 10, 20: 12}),
        "C": on_days({0: 10, 50: 15}),
    }

    result = run("momentum_rotation", bars, params={"lookback": 20, "top": 2})

    assert first_trades(result, 4) == [
        (32, "A", "buy", pytest.approx(500 / 11), 11.0),
        (32, "B", "buy", pytest.approx(500 / 12), 12.0),
        (60, "B", "sell", pytest.approx(500 / 12), 12.0),
        (60, "C", "buy", pytest.approx(500 / 15), 15.0),
    ]


def test_dual_momentum_goes_to_cash_when_nothing_rose():
    # February 1: B rose more than A. March 1: both fell since February 1, so all is sold at 8.
    bars = {"A": on_days({0: 10, 10: 11, 40: 10}), "B": on_days({0: 10, 10: 12, 40: 8})}

    result = run("dual_momentum", bars, params={"lookback": 28})

    assert first_trades(result) == [
        (32, "B", "buy", pytest.approx(1000 / 12), 12.0),
        (60, "B", "sell", pytest.approx(1000 / 12), 8.0),
    ]


def test_pairs_buys_the_cheap_one_and_sells_the_dear_one():
    # The logarithm of A/B over 4 bars: at the end 0, 0, 0, ln 2 has mean ln 2 / 4 and population
    # deviation ln 2 · √3/4, so the last lies √3 = 1.73 deviations above: sell A, buy B. One bar
    # later 0, 0, ln 2, ln 2 is 1 above, still on; then 0, ln 2, ln 2, ln 2 is 1/√3 = 0.58 and
    # four times ln 2 have no deviation. At bar 8 the ratio is back: −√3 turns the pair round.
    bars = {
        "A": flat_bars([10.0] * 4 + [20.0] * 4 + [10.0] * 3),
        "B": flat_bars([10.0] * 11),
    }

    result = run("pairs", bars, params={"lookback": 4, "entry": 1.5, "exit": 0.1})

    # Half of 1000 at the opens of bar 5: 25 A at 20, 50 B at 10. At the open of bar 9 A is 10,
    # equity 1000 + 25 · 10 = 1250 and half of it 625: from −25 to +62.5 A, from 50 to −62.5 B.
    assert first_trades(result) == [
        (5, "A", "sell", 25.0, 20.0),
        (5, "B", "buy", 50.0, 10.0),
        (9, "B", "sell", 112.5, 10.0),
        (9, "A", "buy", 87.5, 10.0),
    ]


def test_volatility_target_cuts_what_swings_too_much():
    # A alternates between 10 and 11 with returns 0.1 and −1/11: of two of them the mean is
    # 1/220 and the sample deviation |0.1 + 1/11| / √2 = 0.13497, a year √252 times that: 2.1427.
    # A target of 0.5 leaves 0.2333 of A's half; B does not move and gets its half whole.
    a = 21 / 110 / np.sqrt(2) * np.sqrt(252)
    closes = np.where(np.arange(40) % 2 == 0, 10.0, 11.0)
    bars = {"A": flat_bars(closes), "B": flat_bars([10.0] * 40)}

    result = run("volatility_target", bars, params={"target": 0.5, "lookback": 2})

    assert first_trades(result, 2) == [
        (32, "A", "buy", pytest.approx(0.5 / a / 2 * 1000 / 10), 10.0),
        (32, "B", "buy", 50.0, 10.0),
    ]


def test_fixed_weights_are_put_right_at_the_start_of_each_quarter():
    # Day 1: 600 and 400 of 1000. A doubles to 1200 of 1600: on day 91, after April 1, A is cut
    # to 960 (12 of 60 at 20) and B raised to 640 (24 more at 10).
    bars = {"A": on_days({0: 10, 40: 20}), "B": on_days({0: 10})}

    result = run("fixed_weights", bars, params={"weights": "A:0.6,B:0.4", "rebalance": "quarter"})

    assert result.config["strategy"]["params"]["weights"] == {"A": 0.6, "B": 0.4}
    assert first_trades(result) == [
        (1, "A", "buy", 60.0, 10.0), (1, "B", "buy", 40.0, 10.0),
        (91, "A", "sell", 12.0, 20.0), (91, "B", "buy", pytest.approx(24.0), 10.0),
    ]  # fmt: skip


def test_fixed_weights_in_a_band():
    # Halves of 1000. At 11 A is 550 of 1050, 0.524; at 13 650 of 1150, 0.565: beyond 0.05.
    bars = {"A": on_days({0: 10, 40: 11, 50: 13}), "B": on_days({0: 10})}

    result = run("fixed_weights", bars, params={"rebalance": "band:0.05"})

    assert first_trades(result)[2:] == [
        (51, "A", "sell", pytest.approx(75 / 13), 13.0),
        (51, "B", "buy", pytest.approx(7.5), 10.0),
    ]


def test_dollar_cost_average_spends_the_same_every_so_many_bars():
    bars = {"A": on_days({0: 10, 5: 20}, 12)}

    result = run("dollar_cost_average", bars, params={"amount": 100.0, "every": 4})

    assert first_trades(result) == [
        (1, "A", "buy", 10.0, 10.0), (5, "A", "buy", 5.0, 20.0), (9, "A", "buy", 5.0, 20.0),
    ]  # fmt: skip
    assert result.metrics["open_trades"] == 3


def test_dollar_cost_average_stops_when_the_money_is_gone():
    bars = {"A": on_days({0: 10}, 12)}

    result = run("dollar_cost_average", bars, params={"amount": 600.0, "every": 1})

    assert [deal[3] for deal in first_trades(result)] == [60.0, 40.0]


# What they cannot do ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "symbols", "options", "field", "says"),
    [
        ("pairs", ["A"], {}, "symbols", "exactly 2 symbols"),
        ("pairs", ["A", "B", "C"], {}, "symbols", "there are 3: A, B, C"),
        ("pairs", ["A", "B"], {"params": {"exit": 3.0}}, "strategy.params.exit", "below `entry`"),
        ("dual_momentum", ["A"], {}, "symbols", "at least 2"),
        ("momentum_rotation", ["A", "B"], {}, "strategy.params.top", "`top` = 3"),
        ("fixed_weights", ["A"], {"params": {"weights": "A:0.5,B:0.5"}},
         "strategy.params.weights", "a weight for B"),
        ("fixed_weights", ["A", "B"], {"params": {"weights": {"A": 0.5}}},
         "strategy.params.weights", "no weight for B"),
        ("fixed_weights", ["A"], {"params": {"weights": "A=0.5"}},
         "strategy.params.weights", "AAPL:0.6"),
        ("fixed_weights", ["A"], {"params": {"weights": "A:0.5,A:0.6"}},
         "strategy.params.weights", "A once"),
        ("fixed_weights", ["A"], {"params": {"weights": 3}}, "strategy.params.weights", "was 3"),
        ("fixed_weights", ["A"], {"params": {"weights": {"A": float("nan")}}},
         "strategy.params.weights", "number"),
        ("fixed_weights", ["A"], {"params": {"rebalance": "weekly"}},
         "strategy.params.rebalance", "band:x"),
        ("fixed_weights", ["A"], {"params": {"rebalance": "band:-1"}},
         "strategy.params.rebalance", "band:x"),
        ("fixed_weights", ["A"], {"params": {"rebalance": 3}},
         "strategy.params.rebalance", "a text"),
        ("fixed_weights", ["A"], {"sizing": {"kind": "units", "value": 3}}, "sizing", "leave"),
        ("fixed_weights", ["A"], {"execution": {"participation": 0.1}},
         "execution.participation", "not available"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(name, symbols, options, field, says):
    strategy = {"name": name, "params": options.pop("params", {})}

    with pytest.raises(InvalidParameterError, match=says) as refusal:
        plan_run({"symbols": symbols, "strategy": strategy, **options})

    assert refusal.value.field is not None
    assert refusal.value.field.startswith(field)


# What they know ---------------------------------------------------------------------------------


def gappy_market():
    """Three real series, one listed later, with bars missing here and there."""
    rng = np.random.default_rng(11)
    bars = {}
    for symbol in ("AAPL", "GOOG", "IBM"):
        whole = real_bars(symbol)
        kept = rng.random(whole.time.size) > 0.05
        columns = ("time", "open", "high", "low", "close", "volume")
        bars[symbol] = replace(whole, **{name: getattr(whole, name)[kept] for name in columns})
    return build_market(bars)


CASES = {
    "momentum_rotation": {"top": 1},
    "dual_momentum": {},
    "volatility_target": {},
    "fixed_weights": {"rebalance": "band:0.1"},
}


@pytest.mark.parametrize("name", CASES)
def test_weights_do_not_depend_on_what_comes_later(name):
    market = gappy_market()
    config = make_config(
        symbols=list(market.symbols), strategy={"name": name, "params": CASES[name]}, lot=None
    )
    strategy = plan_run(config).strategy
    whole = strategy.decide(market, config)[0].weights
    assert np.isfinite(whole).any()

    for n_times in (400, 1400, 1913):
        early = strategy.decide(truncate(market, n_times), config)[0].weights
        np.testing.assert_array_equal(early, whole[:, :n_times])


def test_earlier_closes_are_those_of_own_bars_in_the_shares_of_now():
    market = gappy_market()
    closes = comparable_closes(market)
    at = np.array([300, 900, 1400, 1800])

    found = closes_before(market, closes, at, 30)

    for s, symbol in enumerate(market.symbols):
        own = [t for t in range(market.time.size) if market.has_bar[s, t]]
        for k, t in enumerate(at.tolist()):
            before = [u for u in own if u <= t]
            if t not in own or len(before) <= 30:
                assert np.isnan(found[s, k]), (symbol, t)
                continue
            then = before[-31]
            ratio = np.prod(market.split[s, then + 1 : t + 1])
            rise = market.close[s, t] * ratio / market.close[s, then]
            assert closes[s, t] / found[s, k] == pytest.approx(rise, rel=1e-12)


def test_winners_are_those_of_a_plain_sort():
    rng = np.random.default_rng(2)
    for _ in range(200):
        n, top = int(rng.integers(1, 9)), 0
        top = int(rng.integers(1, n + 1))
        rises = rng.choice([-0.1, 0.0, 0.1, 0.2, np.nan], n)
        known = sorted((s for s in range(n) if rises[s] == rises[s]), key=lambda s: (-rises[s], s))
        expected = [1 / top if s in known[:top] else 0.0 for s in range(n)]

        found = winners(rises[np.newaxis], top)[0].tolist()

        assert found == expected if known else np.isnan(found).all()


def test_a_pair_changes_sides_as_a_plain_walk_does():
    rng = np.random.default_rng(3)
    for _ in range(100):
        distance = np.where(rng.random(50) < 0.1, np.nan, rng.normal(0.0, 2.0, 50))
        side, expected = 0, []
        for i, z in enumerate(distance):
            wanted = -1 if z > 2 else 1 if z < -2 else 0 if abs(z) < 0.5 else side
            if wanted != side:
                expected.append((i, wanted))
            side = wanted

        at, sides = pair_sides(distance, 2.0, 0.5)

        assert list(zip(at.tolist(), sides.tolist(), strict=True)) == expected


@pytest.mark.parametrize(
    ("timeframe", "calendar", "expected"),
    [
        ("1d", None, 252.0), ("1d", "24/7", 365.0), ("1w", None, 52.0), ("1mo", None, 12.0),
        ("3mo", None, 4.0), ("1h", "XNYS", 252 * 6.5), ("15min", "24/7", 365 * 96.0),
    ],
)  # fmt: skip
def test_bars_a_year_follow_timeframe_and_calendar(timeframe, calendar, expected):
    market = build_market({"A": flat_bars([10.0] * 3, calendar=calendar)})

    assert bars_a_year(market, make_config(timeframe=timeframe)) == expected


# Sizing (F7) ------------------------------------------------------------------------------------


def test_volatility_sizing_by_hand():
    # Returns alternate between 0.1 and −1/11: of 20 of them the mean is 1/220 and every one lies
    # 21/220 from it, so the sample variance is 20/19 of (21/220)². With 0.5 as the target.
    deviation = 21 / 220 * np.sqrt(20 / 19)
    fraction = 0.5 / (deviation * np.sqrt(252))
    bars = {"A": flat_bars(np.where(np.arange(30) % 2 == 0, 10.0, 11.0))}
    formula = {"enter_long": "close > 0"}

    result = engine.backtest(
        bars,
        {**FREE, "strategy": {"formula": formula}, "sizing": {"kind": "volatility", "value": 0.5}},
    )

    # 20 returns are known at bar 20; the order fills at bar 21, at 11.
    assert first_trades(result) == [(21, "A", "buy", pytest.approx(fraction * 1000 / 11), 11.0)]


def test_kelly_sizing_by_hand():
    # A trade every two bars: in at the open of an odd bar, out at the next open. Prices bring
    # +10 % three times, then −10 %, and so on: gains g and losses l as money. The first 20 use
    # 0.1 of equity. By then W = 15/20, and the payoff is that of the money won and lost.
    steps = [1.1, 1.1, 1.1, 0.9] * 6
    price, closes = 100.0, []
    for step in steps:
        closes += [price, price]
        price *= step
    closes += [price, price]
    bars = {"A": flat_bars(closes)}
    formula = {"enter_long": "bar_index % 2 == 0", "exit_long": "bar_index % 2 == 1"}

    result = engine.backtest(
        bars, {**FREE, "strategy": {"formula": formula}, "sizing": {"kind": "kelly", "value": 0.5}}
    )

    equity, won, lost = 1000.0, [], []
    expected = []
    for n, step in enumerate(steps):
        fraction = 0.1
        if n >= 20:
            share = len(won) / n
            payoff = (sum(won) / len(won)) / (sum(lost) / len(lost))
            fraction = 0.5 * (share - (1 - share) / payoff)
        gain = fraction * equity * (step - 1.0)
        expected.append(fraction * equity)
        (won if gain > 0 else lost).append(abs(gain))
        equity += gain
    bought = result.fills["side"] == "buy"
    spent = (result.fills["quantity"] * result.fills["price"])[bought]
    assert spent[:24] == pytest.approx(expected)
    assert bought.sum() == 25  # the last one has no bar left to leave on


def test_kelly_sizing_enters_no_more_without_an_edge():
    closes = []
    price = 100.0
    for _ in range(25):
        closes += [price, price]
        price *= 0.99
    formula = {"enter_long": "bar_index % 2 == 0", "exit_long": "bar_index % 2 == 1"}

    result = engine.backtest(
        {"A": flat_bars(closes)},
        {**FREE, "strategy": {"formula": formula}, "sizing": {"kind": "kelly", "value": 1.0}},
    )

    assert result.metrics["trades"] == 20
    assert result.orders["side"].size == 40
