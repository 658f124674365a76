"""Numbers as people read them; the only place where fractions become percents.

A missing value is "–". The minus sign is U+2212, the space before % a narrow no-break space
(U+202F), and nothing is ever printed as minus zero.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TypeGuard

MISSING = "–"
MINUS = "\N{MINUS SIGN}"
THIN = "\N{NARROW NO-BREAK SPACE}"

Number = float | int | None


def is_known(value: object) -> TypeGuard[float]:
    """Return whether there is a number to print: not None, NaN or infinite."""
    return value is not None and not (isinstance(value, float) and not math.isfinite(value))


def is_missing(value: object) -> bool:
    """Return whether there is no number to print."""
    return not is_known(value)


def decimal(value: Number, digits: int = 2, *, sign: bool = False, unit: str = "") -> str:
    """Return `value` with `digits` decimals and thousands separators.

    Examples
    --------
    >>> decimal(-1234.5, 1)
    '−1,234.5'
    >>> decimal(-0.001)
    '0.00'
    """
    if value is None or is_missing(value):
        return MISSING
    text = f"{abs(value):,.{digits}f}"
    is_zero = not text.strip("0.,")
    mark = "" if is_zero else MINUS if value < 0 else "+" if sign else ""
    return f"{mark}{text}{unit}"


def percent(value: Number, digits: int = 1, *, sign: bool = False) -> str:
    """Return the fraction `value` as a percentage: 0.114 is "11.4 %"."""
    if value is None or is_missing(value):
        return MISSING
    return decimal(value * 100.0, digits, sign=sign, unit=f"{THIN}%")


def signed_percent(value: Number, digits: int = 1) -> str:
    """Return the fraction `value` as a percentage with its sign: "+11.4 %"."""
    return percent(value, digits, sign=True)


def points(value: Number, digits: int = 1, *, sign: bool = False) -> str:
    """Return the fraction `value` in percent points, without unit: 0.114 is "11.4"."""
    if value is None or is_missing(value):
        return MISSING
    return decimal(value * 100.0, digits, sign=sign)


def integer(value: Number) -> str:
    """Return a count: "2,027"."""
    return decimal(value, 0)


def money(value: Number, digits: int = 0) -> str:
    """Return an amount of the account's currency: "$241,773", "−$1,250"."""
    if value is None or is_missing(value):
        return MISSING
    text = decimal(value, digits)
    return f"{MINUS}${text[1:]}" if text.startswith(MINUS) else f"${text}"


def short_money(value: Number) -> str:
    """Return an amount for an axis: "$242k", "$1.2M"."""
    if value is None or is_missing(value):
        return MISSING
    size = abs(value)
    for limit, unit in ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k")):
        # 999,950 prints as $1.0M, not as $1,000k.
        if size >= limit * (1.0 if limit == 1e3 else 0.9995):
            scaled = size / limit
            text = f"{scaled:.{0 if scaled >= 100 else 1}f}".removesuffix(".0")
            return f"{MINUS if value < 0 else ''}${text}{unit}"
    return money(value)


def plain(value: object) -> str:
    """Return a parameter's value as one would type it: 2.0 is "2", 0.02 is "0.02".

    Weights by symbol are "AAPL 0.6, MSFT 0.4", none of them is "equal".
    """
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {plain(part)}" for name, part in value.items()) or "equal"
    if isinstance(value, bool) or value is None:
        return MISSING if value is None else str(value).lower()
    if isinstance(value, int | float):
        if is_missing(value):
            return MISSING
        return f"{value:g}".replace("-", MINUS)
    return str(value)


def date(value: str | float | None) -> str:
    """Return the ISO date (UTC) of an ISO 8601 text or of epoch milliseconds."""
    if value is None or is_missing(value):
        return MISSING
    return instant(value).date().isoformat()


def instant(value: str | float) -> datetime:
    """Return an ISO 8601 text or epoch milliseconds as an aware time in UTC."""
    if isinstance(value, str):
        parsed = datetime.fromisoformat(value)
        return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)
    return datetime.fromtimestamp(value / 1000.0, tz=UTC)


def age(created: str | float | None, now: datetime) -> str:
    """Return how long ago `created` was: "4 min", "3 h", "12 d"; the ISO date after 90 days."""
    if created is None:
        return MISSING
    seconds = (now - instant(created)).total_seconds()
    if seconds < 60:
        return "now"
    if seconds < 3600:
        return f"{seconds // 60:.0f} min"
    if seconds < 86_400:
        return f"{seconds // 3600:.0f} h"
    if seconds < 90 * 86_400:
        return f"{seconds // 86_400:.0f} d"
    return date(created)


def elapsed(milliseconds: Number) -> str:
    """Return a duration: "38 ms", "1.3 s"."""
    if milliseconds is None or is_missing(milliseconds):
        return MISSING
    if milliseconds < 1000:
        return f"{milliseconds:.0f} ms"
    return f"{milliseconds / 1000:.1f} s"


def symbols(names: list[str]) -> str:
    """Return what a run was on: one name, else their number."""
    return names[0] if len(names) == 1 else f"{len(names)} symbols"


TIMEFRAMES = {"1d": "daily", "1w": "weekly", "1h": "hourly", "1min": "minute", "1mo": "monthly"}


def timeframe(code: str) -> str:
    """Return a timeframe in words: "daily", "hourly", else the code with "bars"."""
    return TIMEFRAMES.get(code, f"{code} bars")
