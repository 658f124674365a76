"""A CSV file made into bars: every row is either read exactly or reported with its reason."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

import numpy as np

from dataapi.ingest.actions import Derived, derive_actions
from dataapi.ingest.header import DELIMITERS, PRICES, Header, read_header
from dataapi.ingest.problems import IngestError, Problems
from dataapi.ingest.text import read_text
from dataapi.ingest.times import DateOrder, StampColumn, Times, check_steps, resolve_times
from engine.types import Bars, FloatArray, IntArray

BLOCK_ROWS = 16_384
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_DECIMAL_COMMA = re.compile(r"-?\d+,\d+", re.ASCII)
_THOUSANDS = re.compile(r"[+-]?\d{1,3}([, '’]\d{3})+(\.\d+)?", re.ASCII)
_SPECIAL = {"nan": "is NaN", "inf": "is infinite", "infinity": "is infinite"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ParseOptions:
    """What the caller says about a file; None is found out from the file."""

    timeframe: str | None = None
    tz: str | None = None
    date_order: DateOrder | None = None
    derive_actions: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedFile:
    """What a file holds.

    `bars` are the good rows only (None when there is none); `problems` says what the others are.
    """

    bars: Bars | None
    timeframe: str | None
    n_rows: int
    problems: Problems
    file: dict[str, str]
    notes: tuple[str, ...]


@dataclass(slots=True)
class _Columns:
    """Numbers of the rows whose stamp could be read, as blocks."""

    blocks: dict[str, list[FloatArray]] = field(default_factory=dict)
    adj_decimals: int = 0
    symbols: set[str] = field(default_factory=set)
    n_rows: int = 0

    def column(self, name: str) -> FloatArray:
        return np.concatenate(self.blocks[name])


def parse_csv(data: bytes, options: ParseOptions) -> ParsedFile:
    """Return the bars of a CSV file, and every reason why a row is none.

    Raises
    ------
    IngestError
        If the file cannot be read as a whole: empty, no header, a missing column, several
        symbols, mixed zones, a timeframe that does not fit.
    """
    text = read_text(data)
    header = read_header(text.content)
    has_decimal_comma = _has_decimal_comma(text.content, header)
    problems = Problems()
    stamps, columns = StampColumn(), _Columns()
    wanted = [name for name in (*PRICES, "volume") if name in header.columns]
    if options.derive_actions:
        wanted.append(_adj_close(header))
    for rows, lines in _blocks(text.content, header, columns, problems):
        if rows:
            reader = _BlockReader(header, wanted, has_decimal_comma, problems)
            reader.read(rows, lines, stamps, columns)
    if not columns.n_rows:
        raise IngestError("The file has a header and no rows.")
    if len(columns.symbols) > 1:
        names = ", ".join(sorted(columns.symbols)[:5])
        raise IngestError(f"The file holds several symbols ({names}): import one file for each.")
    notes = _notes(text.encoding, header, options)
    file = {
        "encoding": text.encoding,
        "compression": "gzip" if text.is_compressed else "none",
        "delimiter": DELIMITERS[header.delimiter],
        "decimal": "comma" if has_decimal_comma else "point",
        "stamps": stamps.style or "",
    }
    bars, timeframe = None, options.timeframe
    if stamps.rows:
        bars, timeframe = _assemble(stamps, columns, options, problems, notes)
    return ParsedFile(
        bars=bars,
        timeframe=timeframe,
        n_rows=columns.n_rows,
        problems=problems,
        file=file,
        notes=tuple(notes),
    )


def _blocks(
    content: str, header: Header, columns: _Columns, problems: Problems
) -> Iterator[tuple[list[list[str]], list[int]]]:
    """Yield complete rows with their line numbers, a block at a time; blank lines are skipped."""
    reader = csv.reader(io.StringIO(content, newline=""), delimiter=header.delimiter, strict=True)
    # Only a quoted cell can hold a line break, and only then do rows and lines part.
    size = 1 if '"' in content else BLOCK_ROWS
    rows: list[list[str]] = []
    lines: list[int] = []
    try:
        while part := list(islice(reader, size)):
            first = reader.line_num - len(part) + 1
            for line, row in _data_rows(part, first, header, columns, problems):
                rows.append(row)
                lines.append(line)
            if len(rows) >= BLOCK_ROWS:
                yield rows, lines
                rows, lines = [], []
    except csv.Error as error:
        raise IngestError(f"Line {reader.line_num} is not CSV: {error}.") from None
    yield rows, lines


def _data_rows(
    rows: list[list[str]], first: int, header: Header, columns: _Columns, problems: Problems
) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows below the header that have its width; note the others, skip blank ones."""
    for line, row in enumerate(rows, start=first):
        if line <= header.line or not any(row):
            continue
        if len(row) == header.width:
            columns.n_rows += 1
            yield line, row
        elif any(cell.strip() for cell in row):
            columns.n_rows += 1
            reason = f"the row has {len(row)} cells, the header has {header.width}"
            problems.add(line, "", header.delimiter.join(row), reason)


@dataclass(frozen=True, slots=True)
class _BlockReader:
    """Reads complete rows into stamps and numbers."""

    header: Header
    wanted: Sequence[str]
    has_decimal_comma: bool
    problems: Problems

    def read(
        self, rows: list[list[str]], lines: list[int], stamps: StampColumn, columns: _Columns
    ) -> None:
        cells = list(zip(*rows, strict=True))
        if "symbol" in self.header.columns:
            columns.symbols |= {text.strip() for text in cells[self.header.columns["symbol"]]}
        texts = _stamp_texts(cells, self.header)
        keep = stamps.add(lines, texts, self.problems)
        values: dict[str, FloatArray] = {}
        for name in self.wanted:
            column: Sequence[str] = cells[self.header.columns[name]]
            if self.has_decimal_comma:
                column = [text.replace(",", ".") for text in column]
            values[name] = _numbers(column, lines, name, self.problems)
            if name == "adj_close":
                columns.adj_decimals = max(columns.adj_decimals, *map(_decimals, column))
        _check_values(values, cells, lines, self.header, self.problems)
        for name, numbers in values.items():
            columns.blocks.setdefault(name, []).append(numbers[keep])


def _stamp_texts(cells: Sequence[Sequence[str]], header: Header) -> Sequence[str]:
    """Return the texts of the stamps; a date and a clock time in two columns are joined."""
    if "date" not in header.columns:
        return cells[header.columns["time"]]
    dates = cells[header.columns["date"]]
    if "time" not in header.columns:
        return dates
    clocks = cells[header.columns["time"]]
    return [f"{day.strip()} {clock.strip()}" for day, clock in zip(dates, clocks, strict=True)]


def _numbers(
    texts: Sequence[str], lines: Sequence[int], name: str, problems: Problems
) -> FloatArray:
    """Return the numbers as Python's float reads them; NaN where a text is none, noted."""
    joined = "".join(texts)
    # float() also takes 1_000 and digits of other scripts: such a block is read one by one.
    if joined.isascii() and "_" not in joined:
        try:
            values = np.fromiter(map(float, texts), np.float64, len(texts))
        except ValueError:
            pass
        else:
            if np.isfinite(values).all():
                return values
    values = np.full(len(texts), np.nan)
    for i, text in enumerate(texts):
        text = text.strip()
        if _NUMBER.fullmatch(text) and np.isfinite(float(text)):
            values[i] = float(text)
        else:
            problems.add(lines[i], name, text, _why_no_number(text))
    return values


def _why_no_number(text: str) -> str:
    if not text:
        return "is empty"
    special = _SPECIAL.get(text.lower().lstrip("+-"))
    if special:
        return special
    if _NUMBER.fullmatch(text):
        return "is too large for a number"
    if _THOUSANDS.fullmatch(text):
        return "has thousands separators: write it without"
    return "is not a number"


def _check_values(
    values: dict[str, FloatArray],
    cells: Sequence[Sequence[str]],
    lines: Sequence[int],
    header: Header,
    problems: Problems,
) -> None:
    """Note prices that no bar can have. A NaN was noted before and compares as neither."""
    open_, high, low, close = (values[name] for name in PRICES)

    def note(name: str, is_bad: np.ndarray[tuple[int], np.dtype[np.bool_]], reason: str) -> None:
        for i in np.flatnonzero(is_bad).tolist():
            problems.add(lines[i], name, cells[header.columns[name]][i].strip(), reason)

    for name in values.keys() - {"volume"}:
        note(name, values[name] <= 0.0, "is not above zero")
    is_crossed = high < low
    note("high", is_crossed, "is below the low")
    for name, price in (("open", open_), ("close", close)):
        note(name, (price > high) & ~is_crossed, "is above the high")
        note(name, (price < low) & ~is_crossed, "is below the low")
    if "volume" in values:
        note("volume", values["volume"] < 0.0, "is negative")


def _assemble(
    stamps: StampColumn,
    columns: _Columns,
    options: ParseOptions,
    problems: Problems,
    notes: list[str],
) -> tuple[Bars | None, str]:
    """Return the good rows as bars in order of time, and their timeframe."""
    times = resolve_times(
        stamps,
        problems,
        timeframe=options.timeframe,
        tz=options.tz,
        date_order=options.date_order,
    )
    notes.extend(times.notes)
    values = {name: columns.column(name) for name in columns.blocks}
    time, row = times.time, times.row
    if time.size > 1 and (np.diff(time[times.is_good]) < 0).all() and times.is_good.sum() > 1:
        notes.append("The newest row comes first: the file was read from its end.")
        time, row, is_good = time[::-1], row[::-1], times.is_good[::-1]
        values = {name: column[::-1] for name, column in values.items()}
    else:
        is_good = times.is_good
    if is_good.any():
        check_steps(times, time[is_good], row[is_good], problems)
    keep = is_good & ~np.isin(row, np.array(sorted(problems.bad_rows), np.int64))
    if not keep.any():
        return None, times.timeframe
    kept = {name: column[keep] for name, column in values.items()}
    derived = _derived(times, time[keep], kept, columns, options)
    notes.extend(derived.notes)
    bars = Bars(
        time=time[keep],
        open=kept["open"],
        high=kept["high"],
        low=kept["low"],
        close=kept["close"],
        volume=kept.get("volume", np.zeros(int(keep.sum()))),
        splits=derived.splits or None,
        dividends=derived.dividends or None,
        tz=options.tz or "UTC",
    )
    return bars, times.timeframe


def _derived(
    times: Times,
    time: IntArray,
    kept: dict[str, FloatArray],
    columns: _Columns,
    options: ParseOptions,
) -> Derived:
    if not options.derive_actions:
        return Derived(splits=(), dividends=(), notes=())
    if not times.timeframe.endswith("d"):
        raise IngestError(f"--derive-actions needs daily bars, these are {times.timeframe}.")
    return derive_actions(time, kept["close"], kept["adj_close"], decimals=columns.adj_decimals)


def _notes(encoding: str, header: Header, options: ParseOptions) -> list[str]:
    notes: list[str] = []
    if encoding == "latin-1":
        notes.append("The text is not UTF-8: read as Latin-1.")
    if "volume" not in header.columns:
        notes.append("No volume column: volume is stored as 0.")
    if "adj_close" in header.columns and not options.derive_actions:
        notes.append(
            "The column adj_close is ignored: prices are stored as given. Its splits and dividends "
            "are stored with --derive-actions."
        )
    if header.ignored:
        notes.append(f"Ignored columns: {', '.join(header.ignored)[:200]}.")
    return notes


def _has_decimal_comma(content: str, header: Header) -> bool:
    """Return whether the first rows write prices as 1,25."""
    if header.delimiter == ",":
        return False
    lines = content[:100_000].splitlines()[header.line : header.line + 100]
    cells = [
        row[header.columns[name]].strip()
        for row in csv.reader(lines, delimiter=header.delimiter)
        if len(row) == header.width
        for name in PRICES
    ]
    return any(map(_DECIMAL_COMMA.fullmatch, cells)) and not any("." in cell for cell in cells)


def _adj_close(header: Header) -> str:
    if "adj_close" not in header.columns:
        raise IngestError("--derive-actions needs a column adj_close, the file has none.")
    return "adj_close"


def _decimals(text: str) -> int:
    return len(text.strip().partition(".")[2])
