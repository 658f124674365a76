"""The quality report: what each check finds in a series made to have it, and only then."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dataapi.ingest.calendars import check_calendar, detect_calendar, sessions
from dataapi.ingest.problems import IngestError
from dataapi.ingest.quality import Finding, coverage, quality
from engine import Bars

DAY = 86_400_000
MINUTE = 60_000


def ms(text: str) -> int:
    return int(np.datetime64(text, "ms").astype(np.int64))


def bars_at(time: np.ndarray, **terms: object) -> Bars:
    """Bars whose prices move by about one percent and never repeat."""
    random = np.random.default_rng(3)
    close = np.round(100.0 * np.exp(np.cumsum(random.normal(0.0, 0.01, time.size))), 4)
    volume = np.full(time.size, 1000.0)
    return Bars(time, close, close * 1.01, close * 0.99, close, volume, **terms)  # type: ignore[arg-type]


def finding(bars: Bars, kind: str, timeframe: str = "1d") -> Finding:
    (found,) = [f for f in quality(bars, timeframe) if f.kind == kind]
    return found


# 2000-03-01 … 2000-06-30: no Saturday, no Sunday, no Good Friday (21 April), no Memorial Day
# (29 May): 122 days from a Wednesday on are 17 weeks and three weekdays: 34 of a weekend.
SPRING = sessions("XNYS", ms("2000-03-01"), ms("2000-06-30"))


def test_sessions_of_new_york_leave_weekends_and_holidays_out():
    assert SPRING.size == 122 - 34 - 2
    assert ms("2000-04-21") not in SPRING
    assert ms("2000-05-29") not in SPRING


def test_a_complete_series_passes_every_check():
    findings = quality(bars_at(SPRING, calendar="XNYS"), "1d")

    assert {f.kind: f.level for f in findings} == dict.fromkeys(
        ["order", "prices", "gaps", "closed_days", "outliers", "splits", "stale", "volume"], "pass"
    )


def test_missing_sessions_and_bars_on_holidays_are_named():
    time = np.sort(np.append(np.delete(SPRING, [10, 11]), ms("2000-04-21")))
    bars = bars_at(time, calendar="XNYS")

    gaps, closed = finding(bars, "gaps"), finding(bars, "closed_days")

    assert (gaps.level, gaps.count) == ("doubt", 2)
    # The eleventh session after the first of March is the fifteenth.
    assert [e["time"] for e in gaps.examples] == ["2000-03-15", "2000-03-16"]
    assert (closed.count, closed.examples[0]["time"]) == (1, "2000-04-21")


def test_missing_minutes_of_a_session_are_counted():
    # 2000-03-01, New York: 14:30 … 21:00 UTC is 390 minutes; the 31st and 32nd are left out.
    minutes = ms("2000-03-01T14:30") + MINUTE * np.delete(np.arange(390), [30, 31])

    gaps = finding(bars_at(minutes, calendar="XNYS"), "gaps", "1min")

    assert (gaps.count, gaps.examples[0]["time"]) == (2, "2000-03-01T15:00:00Z")


def test_a_market_that_never_closes_has_every_day():
    days = ms("2000-03-01") + DAY * np.delete(np.arange(60), [5])

    assert finding(bars_at(days, calendar="24/7"), "gaps").count == 1


def test_without_a_calendar_only_long_breaks_are_doubtful():
    days = ms("2000-03-01") + DAY * np.concatenate([np.arange(30), np.arange(45, 60)])
    bars = bars_at(days)

    gaps = finding(bars, "gaps")

    assert (gaps.count, gaps.examples) == (1, ({"from": "2000-03-30", "to": "2000-04-15"},))
    assert coverage(bars, "1d") == [
        {"from": "2000-03-01", "to": "2000-03-30"},
        {"from": "2000-04-15", "to": "2000-04-29"},
    ]


def test_a_calendar_without_record_of_the_period_is_said_not_passed():
    days = ms("1940-01-01") + DAY * np.arange(30)

    assert finding(bars_at(days, calendar="XKRX"), "gaps").level == "not_run"


def test_a_split_that_is_not_stored_is_found_and_a_stored_one_is_not():
    bars = bars_at(SPRING)
    half = np.where(np.arange(SPRING.size) < 40, 1.0, 0.5)
    prices = {name: getattr(bars, name) * half for name in ("open", "high", "low", "close")}
    broken = replace(bars, **prices)

    found = finding(broken, "splits")

    assert (found.level, found.count) == ("doubt", 1)
    assert found.examples[0]["time"] == str(np.datetime64(int(SPRING[40]), "ms"))[:10]
    stored = replace(broken, splits=((int(SPRING[40]), 2.0),))
    assert finding(stored, "splits").level == "pass"
    assert finding(stored, "outliers").level == "pass"


def test_an_outlier_is_a_note_with_its_return():
    bars = bars_at(SPRING)
    factor = np.where(np.arange(SPRING.size) < 40, 1.0, 0.6)
    prices = {name: getattr(bars, name) * factor for name in ("open", "high", "low", "close")}

    found = finding(replace(bars, **prices), "outliers")

    assert (found.level, found.count) == ("info", 1)
    # 0.6 times, beside a day's own move of about one percent.
    assert found.examples[0]["return"] == pytest.approx(-0.4, abs=0.03)


def test_stale_prices_and_missing_volume_are_found():
    bars = bars_at(SPRING)
    prices = {}
    for name in ("open", "high", "low", "close"):
        column = getattr(bars, name).copy()
        column[20:26] = column[20]
        column[50:54] = column[50]
        prices[name] = column
    volume = bars.volume.copy()
    volume[[3, 4]] = 0.0
    broken = replace(bars, volume=volume, **prices)

    stale, empty = finding(broken, "stale"), finding(broken, "volume")

    # Six equal bars are a stretch, four are not.
    assert (stale.level, stale.count, stale.examples[0]["bars"]) == ("doubt", 1, 6)
    assert (empty.level, empty.count) == ("info", 2)


@pytest.mark.parametrize("n_bars", [1, 2, 25])
def test_short_series_are_judged_without_error(n_bars):
    for timeframe in ("1d", "1w", "1min"):
        assert quality(bars_at(SPRING[:n_bars]), timeframe)
        assert coverage(bars_at(SPRING[:n_bars]), timeframe)


def test_the_calendar_of_daily_bars_is_found_or_left_open():
    every_day = ms("2000-03-01") + DAY * np.arange(100)
    weekdays = every_day[(every_day // DAY + 3) % 7 < 5]
    shifted = np.setdiff1d(weekdays, SPRING[::9])

    assert detect_calendar(SPRING, "1d") == "XNYS"
    assert detect_calendar(every_day, "1d") == "24/7"
    assert detect_calendar(SPRING[:10], "1d") is None
    assert detect_calendar(SPRING, "1h") is None
    assert detect_calendar(shifted, "1d") is None
    # Frankfurt trades on Memorial Day, Presidents' Day, the fourth of July and Thanksgiving.
    frankfurt = sessions("XFRA", ms("2000-01-01"), ms("2001-12-31"))
    assert detect_calendar(frankfurt, "1d") is None


def test_calendars_have_known_codes():
    for code in ("XNYS", "24/7", "fx"):
        assert check_calendar(code) == code
    for code in ("NOPE", "", "../x"):
        with pytest.raises(IngestError, match="Unknown calendar"):
            check_calendar(code)
