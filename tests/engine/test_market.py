"""The data handler and the checks of bars."""

from dataclasses import replace

import numpy as np
import pytest

from engine.errors import InvalidBarsError
from engine.market import build_market, truncate
from engine.validation import check_bars
from tests.engine.scenario import DAY_MS, flat_bars, make_bars

BARS = make_bars([(10, 12, 9, 11), (11, 13, 10, 12), (12, 14, 11, 13)])


def test_union_clock_has_nan_where_a_symbol_has_no_bar():
    market = build_market(
        {"b": flat_bars([1, 2], days=(0, 2)), "A": flat_bars([5, 6], days=(0, 1))}
    )

    assert market.symbols == ("A", "b")
    assert (market.time // DAY_MS).tolist() == [0, 1, 2]
    assert market.has_bar.tolist() == [[True, True, False], [True, False, True]]
    np.testing.assert_array_equal(market.close, [[5, 6, np.nan], [1, np.nan, 2]])


def test_warm_up_bars_come_before_the_first_bar_of_the_run():
    market = build_market({"A": flat_bars(range(1, 11))}, start_ms=5 * DAY_MS, warm_up_bars=3)

    assert market.close[0].tolist() == [3, 4, 5, 6, 7, 8, 9, 10]
    assert market.first == 3
    assert market.time[market.first] == 5 * DAY_MS


def test_both_ends_belong_to_the_run():
    market = build_market({"A": flat_bars(range(1, 11))}, start_ms=2 * DAY_MS, end_ms=4 * DAY_MS)

    assert (market.time // DAY_MS).tolist() == [2, 3, 4]


def test_no_bars_in_the_range_says_what_is_stored():
    with pytest.raises(InvalidBarsError, match=r"A: no bars between 1970-02-.*stored: 1970-01-01"):
        build_market({"A": BARS}, start_ms=40 * DAY_MS)


def test_action_stands_at_its_date_or_at_the_next_bar():
    bars = flat_bars(
        [1, 2, 3],
        days=(0, 2, 4),
        splits=((2 * DAY_MS, 2.0), (3 * DAY_MS, 3.0)),
        dividends=((9 * DAY_MS, 1.0),),
    )

    market = build_market({"A": bars})

    assert market.split.tolist() == [[1, 2, 3]]
    assert market.dividend.tolist() == [[0, 0, 0]]


def test_symbol_whose_series_goes_on_is_not_delisted_in_the_run():
    bars = flat_bars([1, 2, 3], delisted=True)

    assert build_market({"A": bars}).delisted.tolist() == [True]
    assert build_market({"A": bars}, end_ms=DAY_MS).delisted.tolist() == [False]
    assert truncate(build_market({"A": bars}), 2).delisted.tolist() == [False]


def test_truncate_forgets_the_future():
    market = build_market({"A": BARS, "B": flat_bars([1, 2], days=(0, 1))})

    cut = truncate(market, 2)

    assert cut.time.tolist() == [0, DAY_MS]
    assert cut.close.flags.c_contiguous
    np.testing.assert_array_equal(cut.close, market.close[:, :2])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"time": np.array([0, 0, DAY_MS])}, "increasing times at bar 1"),
        ({"open": np.array([10, np.nan, 12.0])}, "a price from 1e-15 to 1e15 at bar 1"),
        ({"close": np.array([11, 12, -1.0])}, "`close` was -1.0"),
        ({"high": np.array([12, 11.5, 14.0])}, "a high ≥ open and close at bar 1"),
        ({"low": np.array([10.5, 10, 11.0])}, "a low ≤ open and close at bar 0"),
        ({"volume": np.array([1, -1, 1.0])}, "a volume ≥ 0 at bar 1"),
        ({"volume": np.array([1.0])}, r"`volume` as float64 of shape \(3,\)"),
        ({"time": np.array([0.0, 1, 2])}, "int64 array of UTC milliseconds"),
        ({"splits": ((0, 0.0),)}, "a split ratio from 1e-06 to 1e\\+06"),
        ({"lot": -1.0}, "a lot of 0 or from"),
    ],
)
def test_bars_that_cannot_be_traded_on_are_refused(change, message):
    with pytest.raises(InvalidBarsError, match=message):
        check_bars("A", replace(BARS, **change))


def test_no_bars_at_all_are_refused():
    with pytest.raises(InvalidBarsError, match="at least one bar"):
        check_bars("A", flat_bars([]))
    with pytest.raises(InvalidBarsError, match="at least one symbol"):
        build_market({})
