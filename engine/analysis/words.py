"""Numbers and instants in sentences."""

from __future__ import annotations

import numpy as np

MIDNIGHT = "T00:00"


def price(value: float) -> str:
    """Return a price with two to four decimals, a small one with six digits.

    Examples
    --------
    >>> price(101.2), price(101.2506), price(1234567.0), price(0.000012345678)
    ('101.20', '101.2506', '1,234,567.00', '1.23457e-05')
    """
    if 0.0 < abs(value) < 1.0:
        return f"{value:.6g}"
    text = f"{value:,.4f}"
    return text[:-2] if text.endswith("00") else text.removesuffix("0")


def amount(value: float) -> str:
    """Return a quantity without needless zeros.

    Examples
    --------
    >>> amount(987.0), amount(12345.678901), amount(0.25)
    ('987', '12,345.6789', '0.25')
    """
    return f"{value:,.10g}" if value == round(value) else f"{value:,.4f}".rstrip("0").rstrip(".")


def money(value: float) -> str:
    """Return money to the cent.

    Examples
    --------
    >>> money(-1234.5)
    '−1,234.50'
    """
    return f"{value:,.2f}".replace("-", "−")


def percent(share: float) -> str:
    """Return a fraction as percent, to about three digits.

    Examples
    --------
    >>> percent(0.0291), percent(-0.518), percent(12.4)
    ('2.91 %', '−51.8 %', '1,240 %')
    """
    value = 100.0 * share
    digits = 2 if abs(value) < 9.995 else 1 if abs(value) < 99.95 else 0
    return f"{value:,.{digits}f} %".replace("-", "−")


def iso(time_ms: int) -> str:
    """Return an instant as ISO 8601 UTC.

    Examples
    --------
    >>> iso(951782400000)
    '2000-02-29T00:00:00Z'
    """
    text = str(np.datetime64(int(time_ms), "ms"))
    return f"{text.removesuffix('.000')}Z"


def day(time_ms: int) -> str:
    """Return an instant as one says it: the date, and the clock time unless it is midnight.

    Examples
    --------
    >>> day(951782400000), day(951836400000)
    ('2000-02-29', '2000-02-29 15:00')
    """
    text = str(np.datetime64(int(time_ms), "ms"))[:16]
    return text.removesuffix(MIDNIGHT).replace("T", " ")
