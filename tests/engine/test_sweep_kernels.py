"""The parts of a sweep's walk that say by words, keys and products what single steps would say."""

import numpy as np
import pytest
from numba import njit

from engine import Bars
from engine.clock import DAY_MS, last_of_days, last_of_each, local_days
from engine.kernels.sweep_plain import changes_of, extremes_between, write_extremes
from engine.kernels.sweep_rows import Averages, divide, write_keys
from engine.sweeps import transitions
from tests.engine.sample_bars import random_bars
from tests.engine.sweep_checks import assert_same_as_runs, measured, prepared
from tests.engine.test_sweeps_transitions import assert_walks_as_events, by_events

RANDOM = np.random.default_rng(5)


@njit
def changes(enter, leave, held):
    return changes_of(enter, leave, held)


@njit(error_model="numpy")
def divided(sums, n, centre):
    divide(sums, n, centre)


@njit(error_model="numpy")
def keyed(averages, begin, stop, rows, keys):
    write_keys(averages, begin, stop, rows, keys)


@njit
def extremes_of(close, begin, stop, extremes):
    write_extremes(close, 0, close.size, extremes)
    return extremes_between(extremes, begin, stop)


def followed(enter, leave, held):
    """The same bar by bar: flat only entries are seen, held only exits."""
    found = 0
    for t in range(64):
        if (leave if held else enter) >> t & 1:
            found, held = found | 1 << t, not held
    return found, held


@pytest.mark.parametrize("share", [0.02, 0.2, 0.7])
@pytest.mark.parametrize("is_apart", [True, False])
def test_one_addition_follows_a_position_over_a_word_of_signals(share, is_apart):
    for _ in range(500):
        words = RANDOM.random((2, 64)) < share
        words[1] &= ~(words[0] & is_apart)
        enter, leave = (int(sum(1 << t for t in np.flatnonzero(word).tolist())) for word in words)
        for held in (0, 1):
            found, after = changes(np.uint64(enter), np.uint64(leave), np.uint64(held))
            assert (int(found), bool(after)) == followed(enter, leave, bool(held))


@pytest.mark.parametrize("n", [*range(1, 40), 99, 251, 1_000, 4_097, 99_991])
def test_a_corrected_product_is_the_quotient_to_the_last_bit(n):
    scale = 10.0 ** RANDOM.integers(-12, 13, 20_000)
    sums = RANDOM.normal(0.0, 1.0, scale.size) * scale
    sums[:4] = 0.0, float(n), -3.0 * n, np.nextafter(float(n), 0.0)

    found = sums.copy()
    divided(found, n, 0.0)

    np.testing.assert_array_equal(found, sums / n)


@pytest.mark.parametrize("spread", [0.0, 1e-13, 1.0, 1e12])
def test_a_greater_key_is_of_a_greater_average(spread):
    n_bars, windows = 300, np.array([1, 3, 50])
    x = np.maximum(100.0 + spread * RANDOM.normal(0.0, 1.0, (1, n_bars)), 1e-9)
    places = 8 + np.arange(3) * 208
    rows = np.full(3 * 208 + 64, np.nan)
    for place, n in zip(places, windows, strict=True):
        means = np.convolve(x[0], np.full(n, 1.0 / n), "valid")
        rows[place : place + 200] = means[100 - n + 1 : 300 - n + 1]
    keys = np.zeros(rows.size, np.uint16)

    keyed(Averages(x, 0, 200, np.zeros(3, int), windows, places), 100, 300, rows, keys)

    stand = (places[:, None] + np.arange(200)).ravel()
    key, value = keys[stand].astype(int), rows[stand]
    order = np.lexsort((value, key))
    assert (np.diff(value[order])[np.diff(key[order]) > 0] > 0.0).all()
    assert spread < 1.0 or np.unique(key).size > 100


def test_two_stretches_that_overlap_have_the_extremes_of_all_between():
    close = RANDOM.random(200)
    extremes = np.empty((8, 400))
    for _ in range(500):
        begin, stop = np.sort(RANDOM.choice(201, 2, replace=False)).tolist()
        part = close[begin:stop]
        assert extremes_of(close, begin, stop, extremes) == (part.max(), part.min())


@pytest.mark.parametrize("step_ms", [60_000, 3_600_000, 7_200_001, DAY_MS])
@pytest.mark.parametrize("zone", ["UTC", "America/New_York"])
def test_the_last_bars_of_days_are_those_after_which_the_date_changes(step_ms, zone):
    kept = RANDOM.random(20_000) < 0.6
    time = (1_700_000_000_000 + step_ms * np.arange(kept.size))[kept]
    time = time[(time // DAY_MS) % 5 > 1]  # whole days are missing

    expected = last_of_each(local_days(time, zone))

    assert last_of_days(time, zone).tolist() == expected.tolist()


def test_where_tiles_end_does_not_show_in_a_single_bit(monkeypatch):
    grid = {"fast": [2, 3, 5, 8, 13], "slow": [21, 34, 55]}
    bars = {"ABC": random_bars(1_500, 3)}
    config = {"strategy": {"name": "sma_cross"}, "lot": 0.0, "costs": {"rate_bps": 7.0}}
    found = []
    for words in (1, 3, 32):
        monkeypatch.setattr(transitions, "LEAST_TILE", words)
        monkeypatch.setattr(transitions, "MOST_TILE", words)
        found.append(measured(prepared(bars, config, grid)))

    for other in found[1:]:
        for name, column in found[0].items():
            np.testing.assert_array_equal(other[name], column, err_msg=name)
    assert_walks_as_events(bars, config, grid)


LEVELS = {"enter_long": "close < low_mark", "exit_long": "close > high_mark"}


def swept_drawdown(opens, closes, low_mark, high_mark):
    """The one point's maximum drawdown: all in, each side costs 5 and then 10 bps."""
    opens, closes = np.array(opens, float), np.array(closes, float)
    time = DAY_MS * np.arange(opens.size, dtype=np.int64)
    high, low = np.maximum(opens, closes), np.minimum(opens, closes)
    bars = {"ABC": Bars(time, opens, high, low, closes, np.full(opens.size, 1e6))}
    params = {"low_mark": low_mark, "high_mark": high_mark}
    config = {"strategy": {"formula": LEVELS, "params": params}, "lot": 0.0}
    sweep = prepared(bars, config, {"high_mark": [high_mark]})
    assert sweep.engine == "transitions", sweep.reason
    return measured(sweep)["max_drawdown"].item()


def test_a_holding_has_its_drawdown_from_its_own_highest():
    # Bought at 90 (bar 2). Equity per share: 100, 150, 120, 140: worst 120 of 150, and no more.
    opens = [100, 100, 90, 100, 150, 120]
    closes = [100, 90, 100, 150, 120, 140]
    assert swept_drawdown(opens, closes, 95.0, 1e6) == pytest.approx(-30 / 150, rel=1e-12)


def test_what_a_sale_brings_may_be_the_highest_equity():
    # Bought at 90, sold at 130 (bar 3), above every close while held: 110. Bought again at 90
    # (bar 5), with 5 bps of slippage and 10 of fees: worth 80/90 of what is left after both.
    opens = [100, 100, 90, 130, 100, 90, 80]
    closes = [100, 90, 110, 100, 90, 80, 80]
    expected = 80 / 90 / (1.0005 * 1.001) - 1.0
    assert swept_drawdown(opens, closes, 95.0, 105.0) == pytest.approx(expected, rel=1e-12)


def test_crosses_within_one_step_of_the_keys_are_seen():
    bars = random_bars(900, 8)
    spike = bars.time == 450 * DAY_MS  # next to it all averages of its tile have one key
    prices = [np.where(spike, 1e8 * x, x) for x in (bars.open, bars.high, bars.low, bars.close)]
    spiked = Bars(bars.time, *prices, bars.volume)
    config = {"strategy": {"name": "sma_cross"}, "lot": 0.0}

    sweep = prepared({"ABC": spiked}, config, {"fast": [2, 3, 5], "slow": [8, 13]})
    walked, expected = measured(sweep), by_events(sweep)

    assert walked["trades"].min() > 20
    assert walked["trades"].tolist() == expected["trades"].tolist()
    np.testing.assert_allclose(walked["final_equity"], expected["final_equity"], rtol=1e-12)


@pytest.mark.parametrize("ticks", [0, 2])
def test_stops_and_targets_are_found_among_64_bars_as_bar_by_bar(ticks):
    bars = {"ABC": random_bars(700, 11, tick=0.5)}
    formula = {
        "enter_long": "cross_above(sma(close, fast), sma(close, 9))",
        "exit_long": "cross_below(sma(close, fast), sma(close, 9))",
        "enter_short": "cross_below(sma(close, fast), sma(close, 9))",
        "stop_long": "entry_price * (1 - far)",
        "target_long": "entry_price * (1 + far)",
        "stop_short": "entry_price * (1 + far)",
        "target_short": "entry_price * (1 - far)",
    }
    config = {
        "strategy": {"formula": formula, "params": {"fast": 3, "far": 0.05}},
        "execution": {"tick": 0.5, "limit_ticks_through": ticks},
        "lot": 0.0,
    }
    grid = {"fast": [2, 3, 4], "far": [0.005, 0.02, 0.05, 0.2]}
    assert_same_as_runs(bars, config, grid)
