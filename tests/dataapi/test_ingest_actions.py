"""Actions derived from an adjusted close, against the known splits and dividends of real series."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dataapi.ingest import IngestError, ParseOptions, parse_csv
from dataapi.ingest.actions import derive_actions

BUNDLED = Path(__file__).resolve().parents[2] / "dataapi" / "bundled"
DAY = 86_400_000


def derived(symbol: str) -> tuple[list[tuple[str, float]], list[tuple[str, float]]]:
    data = (BUNDLED / f"{symbol}_1d.csv.gz").read_bytes()
    bars = parse_csv(data, ParseOptions(timeframe="1d", derive_actions=True)).bars
    assert bars is not None
    splits, dividends = (
        [(str(np.datetime64(t, "ms"))[:10], value) for t, value in actions or ()]
        for actions in (bars.splits, bars.dividends)
    )
    return splits, dividends


def test_apple_has_two_splits_and_three_dividends_and_a_fall_that_is_real():
    splits, dividends = derived("AAPL")

    assert splits == [("2000-06-21", 2.0), ("2005-02-28", 2.0)]
    assert dividends == [("2012-08-09", 2.65), ("2012-11-07", 2.65), ("2013-02-07", 2.65)]


def test_microsoft_has_a_split_and_its_special_dividend():
    splits, dividends = derived("MSFT")

    assert splits == [("2003-02-18", 2.0)]
    assert len(dividends) == 37
    assert dividends[:2] == [("2003-02-19", 0.08), ("2003-10-15", 0.16)]
    # Three dollars beside the regular eight cents.
    assert ("2004-11-15", 3.08) in dividends


def test_ibm_paid_52_dividends_of_whole_cents_and_google_none():
    splits, dividends = derived("IBM")

    assert splits == []
    assert len(dividends) == 52
    assert dividends[0] == ("2000-05-08", 0.13)
    assert dividends[-1] == ("2013-02-06", 0.85)
    assert all(value == round(value, 2) for _, value in dividends)
    assert derived("GOOG") == ([], [])


def adjusted(close: np.ndarray, events: dict[int, float], way: str, decimals: int) -> np.ndarray:
    """Adjust backwards by the definition: one factor for each event, applied to all bars before."""
    factor = np.ones(close.size)
    for i, cash in events.items():
        step = 1.0 + cash / close[i] if way == "ex" else 1.0 / (1.0 - cash / close[i - 1])
        factor[:i] *= step
    return np.round(close / factor, decimals)


@pytest.mark.parametrize("way", ["ex", "before"])
@pytest.mark.parametrize("decimals", [4, 6, 12])
def test_both_ways_of_adjusting_give_the_cash_that_was_paid(way, decimals):
    random = np.random.default_rng(7)
    close = np.round(80.0 * np.exp(np.cumsum(random.normal(0, 0.01, 2000))), 2)
    events = {i: [0.25, 0.31, 0.4][i % 3] for i in range(60, 2000, 63)}
    time = np.arange(2000, dtype=np.int64) * DAY

    found = derive_actions(time, close, adjusted(close, events, way, decimals), decimals=decimals)

    assert found.splits == ()
    assert [t // DAY for t, _ in found.dividends] == list(events)
    # What the rounding of the adjusted close hides of a price of about 100.
    tolerance = max(4 * 100 * 0.5 * 10.0**-decimals / 40, 1e-9)
    np.testing.assert_allclose(
        [cash for _, cash in found.dividends], list(events.values()), atol=tolerance
    )


@pytest.mark.parametrize("decimals", [2, 3, 4, 6])
@pytest.mark.parametrize("level", [1.0, 3.7])
def test_rounding_alone_is_never_an_action(decimals, level):
    random = np.random.default_rng(decimals)
    close = np.round(20.0 * np.exp(np.cumsum(random.normal(0, 0.02, 3000))), 2)
    time = np.arange(3000, dtype=np.int64) * DAY

    found = derive_actions(time, close, np.round(close / level, decimals), decimals=decimals)

    assert found.splits == found.dividends == ()


@pytest.mark.parametrize("ratio", [2.0, 3.0, 1.5, 7.0, 20.0, 0.1, 0.05, 2 / 3, 4 / 3])
def test_splits_of_every_usual_ratio_are_found_in_prices_of_two_decimals(ratio):
    random = np.random.default_rng(1)
    close = np.round(60.0 * np.exp(np.cumsum(random.normal(0, 0.01, 400))), 2)
    close[200:] = np.round(close[200:] / ratio, 2)
    factor = np.where(np.arange(400) < 200, ratio, 1.0)
    time = np.arange(400, dtype=np.int64) * DAY

    found = derive_actions(time, close, np.round(close / factor, 2), decimals=2)

    assert found.splits == ((200 * DAY, ratio),)
    assert found.dividends == ()


def test_a_step_that_is_no_split_and_no_dividend_is_refused():
    close = np.full(10, 50.0)
    factor = np.where(np.arange(10) < 5, 1.77, 1.0)

    with pytest.raises(IngestError, match=r"steps by 1.77 on 1970-01-06: that is no split"):
        derive_actions(np.arange(10, dtype=np.int64) * DAY, close, close / factor, decimals=12)


@pytest.mark.parametrize(
    ("text", "timeframe", "message"),
    [
        ("date,open,high,low,close\n2000-03-01,1,1,1,1\n", "1d", "needs a column adj_close"),
        (
            "date,open,high,low,close,adj_close\n2000-03-01 09:30,1,1,1,1,1\n",
            "1h",
            "needs daily bars, these are 1h",
        ),
    ],
)
def test_actions_need_daily_bars_with_an_adjusted_close(text, timeframe, message):
    with pytest.raises(IngestError, match=message):
        parse_csv(text.encode(), ParseOptions(timeframe=timeframe, derive_actions=True))


def test_a_bad_adjusted_close_is_a_bad_row_only_when_it_is_needed():
    text = b"date,open,high,low,close,adj_close\n2000-03-01,1,1,1,1,1\n2000-03-02,1,1,1,1,n/a\n"

    assert parse_csv(text, ParseOptions(timeframe="1d")).problems.total == 0
    needed = parse_csv(text, ParseOptions(timeframe="1d", derive_actions=True)).problems.listed
    assert [(p.row, p.column, p.value) for p in needed] == [(3, "adj_close", "n/a")]
