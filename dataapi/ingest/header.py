"""Which column is which: delimiter and header, found out and said."""

from __future__ import annotations

import csv
from dataclasses import dataclass

from dataapi.ingest.problems import IngestError

DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
ALIASES = {
    "time": ("time", "datetime", "timestamp", "dateandtime", "opentime", "ts", "gmttime"),
    "date": ("date", "day", "tradingday", "tradedate"),
    "open": ("open", "o", "openprice"),
    "high": ("high", "h", "highprice", "max"),
    "low": ("low", "l", "lowprice", "min"),
    "close": ("close", "c", "closeprice", "last", "closelast"),
    "volume": ("volume", "v", "vol", "tickvol", "tickvolume"),
    "adj_close": ("adjclose", "adjustedclose", "adjclosing", "closeadj"),
    "symbol": ("symbol", "ticker", "name", "instrument"),
}
PRICES = ("open", "high", "low", "close")
_NAME_OF = {alias: name for name, aliases in ALIASES.items() for alias in aliases}


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """Where each column stands; `ignored` are the columns nobody asked for."""

    delimiter: str
    width: int
    line: int
    columns: dict[str, int]
    ignored: tuple[str, ...]


def read_header(content: str) -> Header:
    """Return the header of a CSV text.

    Raises
    ------
    IngestError
        If there is no header, a column is missing, or two columns mean the same.
    """
    line_number, line = _first_line(content)
    delimiter = max(DELIMITERS, key=line.count)
    if not line.count(delimiter):
        raise IngestError(
            f"Expected columns separated by comma, semicolon, tab or |, the first line is "
            f"{line[:60]!r}."
        )
    cells = next(csv.reader([line], delimiter=delimiter))
    columns: dict[str, int] = {}
    ignored: list[str] = []
    for i, cell in enumerate(cells):
        name = _NAME_OF.get(_canonical(cell))
        if name is None:
            ignored.append(cell.strip())
        elif name in columns:
            raise IngestError(
                f"Two columns mean {name}: {cells[columns[name]].strip()!r} and {cell.strip()!r}. "
                "Remove one."
            )
        else:
            columns[name] = i
    _check_complete(columns, cells)
    return Header(
        delimiter=delimiter,
        width=len(cells),
        line=line_number,
        columns=columns,
        ignored=tuple(name for name in ignored if name),
    )


def _first_line(content: str) -> tuple[int, str]:
    """Return the header's line number and text; Excel's `sep=;` and blank lines come before it."""
    for number, line in enumerate(content[:100_000].splitlines(), start=1):
        if line.strip() and not line.lower().startswith("sep="):
            return number, line
    raise IngestError("The file is empty.")


def _canonical(cell: str) -> str:
    return "".join(letter for letter in cell.lower() if letter.isalnum())


def _check_complete(columns: dict[str, int], cells: list[str]) -> None:
    missing = [name for name in PRICES if name not in columns]
    if "time" not in columns and "date" not in columns:
        missing.insert(0, "date (or time)")
    if not missing:
        return
    if all(_canonical(cell)[:1].isdigit() for cell in cells if cell.strip()):
        raise IngestError(
            "The file has no header: its first line is data. Add a line such as "
            "date,open,high,low,close,volume."
        )
    raise IngestError(
        f"Missing column{'' if len(missing) == 1 else 's'} {', '.join(missing)}; the header has "
        f"{', '.join(cell.strip() for cell in cells)[:200]}."
    )
