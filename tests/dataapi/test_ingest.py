"""CSV files: every spelling that is read, and every bad row with its number, value and reason."""

from __future__ import annotations

import gzip

import numpy as np
import pytest

from dataapi.ingest import IngestError, ParsedFile, ParseOptions, parse_csv
from dataapi.ingest.stamps import parse_stamp

HEADER = "date,open,high,low,close,volume"
# 2000-03-01 is 11,017 days after 1970-01-01: 30 years of 365 days, 7 leap days (1972 … 1996),
# then 31 + 29 days of 2000.
MARCH_1 = (30 * 365 + 7 + 31 + 29) * 86_400_000
DAY = 86_400_000
HOUR = 3_600_000


def parse(text: str | bytes, **options: object) -> ParsedFile:
    data = text if isinstance(text, bytes) else text.encode()
    return parse_csv(data, ParseOptions(**options))  # type: ignore[arg-type]


def daily(*rows: str, header: str = HEADER) -> str:
    return "\n".join([header, *rows]) + "\n"


def stamps(*texts: str) -> str:
    """Valid rows with these stamps."""
    return daily(*(f"{text},10,12,9,11,100" for text in texts))


def problems(parsed: ParsedFile) -> list[tuple[int, str, str, str]]:
    return [(p.row, p.column, p.value, p.reason) for p in parsed.problems.listed]


GOOD = daily("2000-03-01,10,12,9,11,100", "2000-03-02,11,13,10,12,200", "2000-03-03,1,3,.5,2e0,0")


def assert_good(parsed: ParsedFile) -> None:
    assert problems(parsed) == []
    bars = parsed.bars
    assert bars is not None
    assert bars.time.tolist() == [MARCH_1, MARCH_1 + DAY, MARCH_1 + 2 * DAY]
    assert bars.open.tolist() == [10.0, 11.0, 1.0]
    assert bars.high.tolist() == [12.0, 13.0, 3.0]
    assert bars.low.tolist() == [9.0, 10.0, 0.5]
    assert bars.close.tolist() == [11.0, 12.0, 2.0]
    assert bars.volume.tolist() == [100.0, 200.0, 0.0]
    assert parsed.timeframe == "1d"


@pytest.mark.parametrize(
    "data",
    [
        GOOD.encode(),
        gzip.compress(GOOD.encode()),
        gzip.compress(GOOD[:40].encode()) + gzip.compress(GOOD[40:].encode()),
        b"\xef\xbb\xbf" + GOOD.encode(),
        GOOD.encode("utf-16"),
        b"\xfe\xff" + GOOD.encode("utf-16-be"),
        GOOD.replace("\n", "\r\n").encode(),
        GOOD.replace("\n", "\r").encode(),
        GOOD.replace(",", ";").encode(),
        GOOD.replace(",", "\t").encode(),
        GOOD.replace(",", "|").encode(),
        GOOD.replace(",", ", ").encode(),
        GOOD.replace(",", ";").replace(".5", "0,5").replace("10;", "10,0;").encode(),
        GOOD.replace("9,11", '"9","11"').encode(),
        ("\n\n" + GOOD.replace("\n", "\n\n") + ",,,,,\n  \n").encode(),
        ("sep=,\n" + GOOD).encode(),
        GOOD.replace(HEADER, "Date,Open,HIGH, low ,Close*,Vol.").encode(),
        GOOD.replace(HEADER, "<DATE>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,<VOL>").encode(),
        GOOD.replace(HEADER, "timestamp,o,h,l,c,v").encode(),
        GOOD.replace("-", "/").encode(),
        GOOD.replace("2000-03-0", "2000-3-").encode(),
        GOOD.replace("2000-03-0", "2000030").encode(),
        GOOD.replace("\n2000-03-01", "\n1 Mar 2000")
        .replace("2000-03-02", "2 March 2000")
        .replace("2000-03-03", "3-MAR-2000")
        .encode(),
        GOOD.replace("2000-03-01", "01.03.2000")
        .replace("2000-03-02", "02.03.2000")
        .replace("2000-03-03", "3.3.2000")
        .encode(),
    ],
)
def test_one_file_in_many_spellings_is_read_alike(data):
    assert_good(parse(data))


def test_columns_in_another_order_and_unknown_ones_are_sorted_out():
    text = daily(
        "11,A,10,2000-03-01,100,9,12,x",
        "12,A,11,2000-03-02,200,10,13,x",
        header="close,ticker,open,date,volume,low,high,comment",
    )

    parsed = parse(text)

    assert parsed.bars is not None
    assert parsed.bars.close.tolist() == [11.0, 12.0]
    assert parsed.bars.low.tolist() == [9.0, 10.0]
    assert "Ignored columns: comment." in parsed.notes


def test_numbers_are_read_to_the_last_bit():
    text = daily("2000-03-01,0.1,1e300,5e-324,0.30000000000000004,9007199254740993")

    bars = parse(text, timeframe="1d").bars

    assert bars is not None
    assert (bars.open[0], bars.high[0], bars.low[0], bars.close[0], bars.volume[0]) == (
        0.1,
        1e300,
        5e-324,
        0.1 + 0.2,
        9007199254740992.0,
    )


def test_adjusted_close_is_ignored_with_a_note():
    text = daily("2000-03-01,10,12,9,11,100,n/a", header=f"{HEADER},Adj Close")

    parsed = parse(text, timeframe="1d")

    assert parsed.bars is not None
    assert parsed.bars.close.tolist() == [11.0]
    assert any(note.startswith("The column adj_close is ignored") for note in parsed.notes)


def test_a_file_without_volume_says_that_it_is_stored_as_zero():
    parsed = parse(
        daily("2000-03-01,10,12,9,11", header=HEADER.removesuffix(",volume")), timeframe="1d"
    )

    assert parsed.bars is not None
    assert parsed.bars.volume.tolist() == [0.0]
    assert "No volume column: volume is stored as 0." in parsed.notes


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "The file is empty"),
        (b" \n\n", "The file is empty"),
        (gzip.compress(b""), "The file is empty"),
        (HEADER.encode(), "has a header and no rows"),
        (f"{HEADER}\n\n,,,,,\n".encode(), "has a header and no rows"),
        (gzip.compress(GOOD.encode())[:-12], "ends early: it is damaged"),
        (b"\x1f\x8bnonsense", "gzip file is damaged"),
        (b"PK\x03\x04rest", "Excel workbook: save it as CSV"),
        (b"PAR1rest", "Parquet"),
        (b"date\0open", "NUL bytes"),
        (b"\xff\xfed", "damaged: truncated data in UTF-16"),
        (b"just text\nmore", "Expected columns separated by"),
        (b"2000-03-01,10,12,9,11,100\n", "The file has no header"),
        (daily("x", header="date,open,high,close").encode(), "Missing column low; the header has"),
        (daily("x", header="open,high,low,close").encode(), r"Missing column date \(or time\)"),
        (daily("x", header="a,b,c").encode(), "Missing columns date"),
        (daily("x", header=f"{HEADER},Close Price").encode(), "Two columns mean close"),
        (daily('2000-03-01,"10,12,9,11,100').encode(), "is not CSV"),
        (
            daily("2000-03-01,1,1,1,1,A", "2000-03-02,1,1,1,1,B", header="date,o,h,l,c,symbol"),
            r"several symbols \(A, B\)",
        ),
    ],
)
def test_a_file_that_is_none_is_refused(data, message):
    with pytest.raises(IngestError, match=message):
        parse(data)


BAD_ROWS = [
    (",10,12,9,11,100", "time", "", "is empty"),
    ("yesterday,10,12,9,11,100", "time", "yesterday", "is no date or time in a known form"),
    ("2000-02-30,10,12,9,11,100", "time", "2000-02-30", "is no date of the calendar"),
    ("00-03-05,10,12,9,11,100", "time", "00-03-05", "is no date or time in a known form"),
    ("2000-03-05 10:00,10,12,9,11,1", "time", "2000-03-05 10:00", "row 2 as year-month-day"),
    ("2000-03-05,,12,9,11,100", "open", "", "is empty"),
    ("2000-03-05,ten,12,9,11,100", "open", "ten", "is not a number"),
    ("2000-03-05,1_0,12,9,11,100", "open", "1_0", "is not a number"),
    ("2000-03-05,１０,12,9,11,100", "open", "１０", "is not a number"),
    ("2000-03-05,0x10,12,9,11,100", "open", "0x10", "is not a number"),
    ("2000-03-05,$10,12,9,11,100", "open", "$10", "is not a number"),
    ("2000-03-05,nan,12,9,11,100", "open", "nan", "is NaN"),
    ("2000-03-05,10,12,9,11,NaN", "volume", "NaN", "is NaN"),
    ("2000-03-05,10,inf,9,11,100", "high", "inf", "is infinite"),
    ("2000-03-05,10,-Infinity,9,11,100", "high", "-Infinity", "is infinite"),
    ("2000-03-05,10,1e999,9,11,100", "high", "1e999", "is too large for a number"),
    ('2000-03-05,10,12,9,11,"1,234,567"', "volume", "1,234,567", "has thousands separators"),
    ("2000-03-05,0,12,0,11,100", "open", "0", "is not above zero"),
    ("2000-03-05,-10,12,-11,11,100", "low", "-11", "is not above zero"),
    ("2000-03-05,10,9,12,11,100", "high", "9", "is below the low"),
    ("2000-03-05,13,12,9,11,100", "open", "13", "is above the high"),
    ("2000-03-05,8,12,9,11,100", "open", "8", "is below the low"),
    ("2000-03-05,10,12,9,12.01,100", "close", "12.01", "is above the high"),
    ("2000-03-05,10,12,9,8.99,100", "close", "8.99", "is below the low"),
    ("2000-03-05,10,12,9,11,-1", "volume", "-1", "is negative"),
    ("2000-03-05,10,12,9,11", "", "2000-03-05,10,12,9,11", "the row has 5 cells, the header has 6"),
    ("2000-03-02,10,12,9,11,100", "time", "2000-03-02", "is a duplicate of row 3"),
    ("2000-02-28,10,12,9,11,100", "time", "2000-02-28", "comes before row 4: rows must be sorted"),
]


@pytest.mark.parametrize(
    ("row", "column", "value", "reason"), BAD_ROWS, ids=[r[0] for r in BAD_ROWS]
)
def test_a_bad_row_is_reported_and_the_others_are_read(row, column, value, reason):
    parsed = parse(GOOD + row + "\n2000-03-06,10,12,9,11,100\n")

    found = [p for p in problems(parsed) if p[1:3] == (column, value)]
    assert [p[0] for p in found] == [5]
    assert reason in found[0][3]
    assert parsed.problems.bad_rows == {5}
    assert parsed.n_rows == 5
    assert parsed.bars is not None
    assert parsed.bars.time.tolist() == [MARCH_1 + i * DAY for i in (0, 1, 2, 5)]


def test_every_bad_value_counts_and_a_hundred_are_listed_in_order():
    rows = [f"2000-03-01,{'x' if i % 2 else '10'},12,9,-1,100" for i in range(500)]

    parsed = parse(daily("2000-02-01,10,12,9,11,100", *rows), timeframe="1d")

    # 250 opens that are no number; 500 closes not above zero, each also below the low; and, after
    # the first, 499 duplicates.
    assert parsed.problems.total == 250 + 2 * 500 + 499
    assert len(parsed.problems.listed) == 100
    assert [p.row for p in parsed.problems.listed] == sorted(p.row for p in parsed.problems.listed)


def test_row_numbers_count_the_lines_of_the_file():
    text = f'\n{HEADER},note\n2000-03-01,1,1,1,1,1,"two\nlines"\n\n2000-03-02,x,1,1,1,1,\n'

    assert [(p[0], p[2]) for p in problems(parse(text))] == [(6, "x")]


def test_rows_with_the_newest_first_are_turned_round_with_a_note():
    head, *rows = GOOD.splitlines()

    parsed = parse("\n".join([head, *reversed(rows)]))

    assert_good(parsed)
    assert any(note.startswith("The newest row comes first") for note in parsed.notes)


def test_one_row_out_of_order_is_not_sorted_silently():
    text = stamps("2000-03-03", "2000-03-02", "2000-03-04", "2000-03-06", "2000-03-05")

    assert [(p[0], p[3]) for p in problems(parse(text))] == [
        (3, "comes before row 2: rows must be sorted by time"),
        (6, "comes before row 5: rows must be sorted by time"),
    ]


@pytest.mark.parametrize(
    ("text", "days", "clock_ms", "offset_min"),
    [
        ("2000-03-01", 11_017, 0, None),
        ("2000-03-01 09:30", 11_017, 34_200_000, None),
        ("2000-03-01T09:30:01.25", 11_017, 34_201_250, None),
        ("2000-03-01 9:30 PM", 11_017, 77_400_000, None),
        ("2000-03-01 12:00 AM", 11_017, 0, None),
        ("2000-03-01T09:30:00Z", 11_017, 34_200_000, 0),
        ("2000-03-01 09:30:00 UTC", 11_017, 34_200_000, 0),
        ("2000-03-01 09:30:00-05:00", 11_017, 34_200_000, -300),
        ("2000-03-01 09:30 +0530", 11_017, 34_200_000, 330),
        ("20000301093000", 11_017, 34_200_000, None),
        ("200003010930", 11_017, 34_200_000, None),
        ("20000301 0930", 11_017, 34_200_000, None),
        ("Mar 1, 2000 09:30", 11_017, 34_200_000, None),
        # 951,868,800 s = 11,017 days.
        ("951868800", 11_017, 0, 0),
        ("951868800.25", 11_017, 250, 0),
        ("951868800250", 11_017, 250, 0),
        ("951868800250000", 11_017, 250, 0),
        ("951868800250000000", 11_017, 250, 0),
        ("2000-03-01 24:00", 11_017, None, None),
        ("2000-13-01", None, 0, None),
    ],
)
def test_stamps_in_many_forms(text, days, clock_ms, offset_min):
    stamp = parse_stamp(text)

    assert stamp is not None
    assert (stamp.days, stamp.clock_ms, stamp.offset_min) == (days, clock_ms, offset_min)


@pytest.mark.parametrize(
    "text", ["", "x", "2000", "03-2000", "12:30", "1 2 3", "00/01/02", "2000-03-01 x"]
)
def test_texts_that_are_no_stamps(text):
    assert parse_stamp(text) is None


@pytest.mark.parametrize(
    ("days", "first"),
    [(("28/02/2000", "01/03/2000"), "02-28"), (("02/28/2000", "03/01/2000"), "02-28")],
)
def test_day_and_month_are_told_apart_by_a_day_beyond_twelve(days, first):
    bars = parse(stamps(*days)).bars

    assert bars is not None
    assert str(np.datetime64(int(bars.time[0]), "ms"))[5:10] == first


def test_day_and_month_that_cannot_be_told_apart_are_asked_for():
    text = stamps("01/02/2000", "02/02/2000")

    with pytest.raises(IngestError, match="--date-order dmy or --date-order mdy"):
        parse(text, timeframe="1d")
    day_first = parse(text, date_order="dmy").bars
    month_first = parse(text, date_order="mdy", timeframe="1mo").bars
    assert day_first is not None
    assert month_first is not None
    # 1 and 2 February; 2 January and 2 February.
    assert np.diff(day_first.time).tolist() == [DAY]
    assert np.diff(month_first.time).tolist() == [31 * DAY]


def test_dates_that_are_day_first_and_month_first_are_refused():
    with pytest.raises(IngestError, match="Some dates are day first and others month first"):
        parse(stamps("28/02/2000", "03/13/2000"), timeframe="1d")


def intraday(*clocks: str) -> str:
    return stamps(*(f"2000-03-01 {clock}" for clock in clocks))


def test_clock_times_without_a_zone_are_utc_and_it_is_said():
    parsed = parse(intraday("09:30", "09:35", "09:40"))

    assert parsed.bars is not None
    assert parsed.timeframe == "5min"
    assert parsed.bars.time[0] == MARCH_1 + 9 * HOUR + HOUR // 2
    assert any("read as UTC" in note for note in parsed.notes)


def test_clock_times_are_read_in_the_zone_given():
    parsed = parse(intraday("09:30", "09:35"), tz="America/New_York")

    # New York is five hours behind UTC on the first of March.
    assert parsed.bars is not None
    assert parsed.bars.time[0] == MARCH_1 + 14 * HOUR + HOUR // 2
    assert parsed.bars.tz == "America/New_York"


def test_offsets_make_instants():
    bars = parse(intraday("09:30-05:00", "09:35-05:00")).bars

    assert bars is not None
    assert bars.time[0] == MARCH_1 + 14 * HOUR + HOUR // 2


@pytest.mark.parametrize(
    "date_texts",
    [
        ("2000-03-01 00:00:00-05:00", "2000-03-02 00:00:00-05:00"),
        ("2000-03-01 16:00", "2000-03-02 16:00"),
        ("2000-03-01T00:00:00Z", "2000-03-02T00:00:00Z"),
        # 14:30 UTC, the New York open, as seconds.
        ("951921000", "952007400"),
    ],
)
def test_daily_bars_are_stamped_midnight_utc_of_their_session(date_texts):
    bars = parse(stamps(*date_texts), timeframe="1d").bars

    assert bars is not None
    assert bars.time.tolist() == [MARCH_1, MARCH_1 + DAY]


def test_daily_instants_belong_to_the_session_date_of_the_zone():
    # 2000-03-01 23:00 UTC is the second of March in Tokyo.
    bars = parse(stamps("2000-03-01T23:00Z", "2000-03-02T23:00Z"), tz="Asia/Tokyo").bars

    assert bars is not None
    assert bars.time.tolist() == [MARCH_1 + DAY, MARCH_1 + 2 * DAY]


def test_local_times_that_happen_twice_or_never_are_bad_rows():
    # Summer time of New York began on 2000-04-02 at 02:00 and ended on 2000-10-29 at 02:00.
    text = stamps("2000-04-02 01:30", "2000-04-02 02:30", "2000-04-02 03:30", "2000-10-29 01:30")

    parsed = parse(text, tz="America/New_York", timeframe="1h")

    assert [(p[0], p[2]) for p in problems(parsed)] == [
        (3, "2000-04-02 02:30:00"),
        (5, "2000-10-29 01:30:00"),
    ]
    assert "does not exist in America/New_York" in problems(parsed)[0][3]
    assert "happens twice in America/New_York" in problems(parsed)[1][3]
    assert parsed.bars is not None
    assert np.diff(parsed.bars.time).tolist() == [HOUR]


def test_rows_with_and_without_a_zone_do_not_mix():
    parsed = parse(intraday("09:30", "09:35Z", "09:40", "09:45"), timeframe="5min")

    assert [(p[0], p[3]) for p in problems(parsed)] == [(3, "has a zone, other rows have none")]


def test_several_offsets_are_refused_unless_a_zone_explains_them():
    text = stamps("2000-03-31 09:30-05:00", "2000-04-03 09:30-04:00", "2000-04-03 09:35-04:00")

    with pytest.raises(IngestError, match=r"different UTC offsets \(-5 h, -4 h\)"):
        parse(text, timeframe="5min")
    bars = parse(text, timeframe="5min", tz="America/New_York").bars
    assert bars is not None
    assert np.diff(bars.time).tolist() == [3 * DAY - HOUR, 5 * 60_000]
    berlin = parse(text, timeframe="5min", tz="Europe/Berlin")
    assert "has the offset -5 h; Europe/Berlin has +2 h" in problems(berlin)[0][3]


def test_daily_offsets_of_winter_and_summer_are_one_zone_others_are_not():
    summer = stamps("2000-03-31 00:00-05:00", "2000-04-03 00:00-04:00")
    assert parse(summer, timeframe="1d").bars is not None

    with pytest.raises(IngestError, match="different UTC offsets"):
        parse(stamps("2000-03-31 00:00-05:00", "2000-04-03 00:00+01:00"), timeframe="1d")


def test_an_unknown_zone_is_refused():
    for tz in ("Mars/Olympus", "../../etc/passwd", ""):
        with pytest.raises(IngestError, match="Unknown time zone"):
            parse(GOOD, tz=tz)


@pytest.mark.parametrize(
    ("texts", "timeframe"),
    [
        (("2000-03-01", "2000-03-02", "2000-03-03", "2000-03-06"), "1d"),
        (("2000-03-03", "2000-03-10", "2000-03-17"), "1w"),
        (("2000-01-03", "2000-02-01", "2000-03-01"), "1mo"),
        (("2000-01-03", "2000-04-03", "2000-07-03"), "3mo"),
        (("2000-03-01 09:30", "2000-03-01 09:31", "2000-03-02 09:30", "2000-03-02 09:31"), "1min"),
        (("2000-03-01 09:30", "2000-03-01 10:30", "2000-03-01 11:30"), "1h"),
        (("2000-03-01 09:30:00", "2000-03-01 09:30:10"), "10s"),
    ],
)
def test_the_timeframe_is_found_from_the_steps(texts, timeframe):
    parsed = parse(stamps(*texts))

    assert parsed.timeframe == timeframe
    assert problems(parsed) == []


def test_a_single_bar_needs_its_timeframe_said():
    with pytest.raises(IngestError, match="say it with --timeframe"):
        parse(stamps("2000-03-01"))


def test_steps_that_do_not_fit_the_timeframe_are_refused():
    with pytest.raises(IngestError, match="do not fit the timeframe 1min: they look like 5min"):
        parse(intraday("09:30", "09:35", "09:40", "09:45", "09:50"), timeframe="1min")

    early = parse(intraday("09:30", "09:35", "09:37", "09:40"), timeframe="5min")
    assert (4, "comes less than 5min after row 3") in [(p[0], p[3]) for p in problems(early)]

    off = parse(intraday("09:30", "09:35", "09:41", "09:46:30", "09:55"), timeframe="5min")
    assert [p[0] for p in problems(off)] == [4, 5]
    assert "lies off the grid of 5min bars" in problems(off)[0][3]


def test_weeks_may_start_late_and_months_differ():
    assert problems(parse(stamps("2000-03-06", "2000-03-14", "2000-03-20"), timeframe="1w")) == []
    assert problems(parse(stamps("2000-01-31", "2000-02-29", "2000-03-31"), timeframe="1mo")) == []
    too_early = parse(stamps("2000-03-06", "2000-03-10", "2000-03-13"), timeframe="1w")
    assert [p[0] for p in problems(too_early)] == [3]
