"""Splits and dividends, derived from the steps of an adjusted close.

The factor close / adjusted close is constant between actions. Rounding makes it waver, so a stretch
is everything that one factor can explain within the rounding of the adjusted close; an action
stands where no factor explains both sides. Its size comes from the mean factors of both stretches.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from dataapi.ingest.problems import IngestError
from engine.types import FloatArray, IntArray

# Some providers keep adjusted prices in single precision: steps below two of these are noise.
NOISE = 1e-6
# A step beyond this is a split, or a mistake: no dividend takes a third of the price.
LARGEST_DIVIDEND_STEP = 1.5
SMALLEST_SPLIT_STEP = 1.2
MAX_RATIO_TERM = 10
MAX_WHOLE_RATIO = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Derived:
    """(ex_time_ms, ratio) of splits, (ex_time_ms, cash per raw share) of dividends."""

    splits: tuple[tuple[int, float], ...]
    dividends: tuple[tuple[int, float], ...]
    notes: tuple[str, ...]


def derive_actions(
    time: IntArray, close: FloatArray, adj_close: FloatArray, *, decimals: int
) -> Derived:
    """Return the actions that the steps of close / adj_close imply.

    Parameters
    ----------
    time : ndarray of int64, shape (n_bars,)
        UTC ms; an action gets the time of the first bar of its new factor.
    close, adj_close : ndarray of float64, shape (n_bars,)
        Raw and adjusted close, > 0. The factor's level plays no part, only its steps.
    decimals : int
        Decimals of the adjusted close as written: what its rounding can hide.

    Raises
    ------
    IngestError
        If a step is neither a split ratio nor as small as a dividend.

    Notes
    -----
    A dividend d shows as the step 1 + d / close_ex (reinvested at the ex-date's close, the Quandl
    WIKI way) or as 1 / (1 - d / close_before) (the CRSP and Yahoo way); the way whose amounts are
    the rounder numbers is taken, and said.
    """
    factor = close / adj_close
    tolerance = 0.5 * 10.0**-decimals / adj_close
    starts = _stretches(factor, tolerance + NOISE)
    ends = [*starts[1:], factor.size]
    means = [float(factor[a:b].mean()) for a, b in zip(starts, ends, strict=True)]
    noise = max(
        [
            1e-12,
            float(tolerance.max()),
            *(
                float(np.ptp(factor[a:b])) / mean
                for a, b, mean in zip(starts, ends, means, strict=True)
            ),
        ]
    )
    splits: list[tuple[int, float]] = []
    steps: list[tuple[int, float]] = []
    for i, before, after in zip(starts[1:], means, means[1:], strict=False):
        ratio = _split_ratio(before / after, noise)
        if ratio is not None:
            splits.append((int(time[i]), ratio))
        elif 1.0 < before / after < LARGEST_DIVIDEND_STEP:
            steps.append((i, before / after))
        else:
            day = str(np.datetime64(int(time[i]), "ms"))[:10]
            raise IngestError(
                f"The adjusted close steps by {before / after:.6g} on {day}: that is no split "
                "ratio and no dividend. Correct the column, or import without --derive-actions."
            )
    cash, way = _dividends(close, steps, noise)
    dividends = tuple((int(time[i]), amount) for (i, _), amount in zip(steps, cash, strict=True))
    notes = (f"Derived {len(splits)} splits and {len(dividends)} dividends from adj_close{way}.",)
    return Derived(splits=tuple(splits), dividends=dividends, notes=notes)


def _stretches(factor: FloatArray, tolerance: FloatArray) -> list[int]:
    """Return where each stretch of one factor begins: the first bar outside all earlier bands."""
    low = (factor * (1.0 - tolerance)).tolist()
    high = (factor * (1.0 + tolerance)).tolist()
    starts = [0]
    lowest, highest = low[0], high[0]
    for i in range(1, len(low)):
        lowest, highest = max(lowest, low[i]), min(highest, high[i])
        if lowest > highest:
            starts.append(i)
            lowest, highest = low[i], high[i]
    return starts


def _split_ratio(step: float, noise: float) -> float | None:
    """Return the simple ratio that a step is within the noise, or None."""
    if 1.0 / SMALLEST_SPLIT_STEP < step < SMALLEST_SPLIT_STEP:
        return None
    ratio = Fraction(step).limit_denominator(MAX_RATIO_TERM)
    if step < 1.0:
        ratio = 1 / Fraction(1.0 / step).limit_denominator(MAX_RATIO_TERM)
    larger = max(ratio.numerator, ratio.denominator)
    if min(ratio.numerator, ratio.denominator) > 1 and larger > MAX_RATIO_TERM:
        return None
    if larger > MAX_WHOLE_RATIO:
        return None
    is_close = abs(step / float(ratio) - 1.0) <= max(4.0 * noise, 1e-9)
    return float(ratio) if is_close else None


def _dividends(
    close: FloatArray, steps: list[tuple[int, float]], noise: float
) -> tuple[list[float], str]:
    """Return the cash of each step by the rounder of the two ways, and which way that was."""
    if not steps:
        return [], ""
    ways = {
        " (reinvested at the ex-date's close)": [
            (float(close[i]) * (step - 1.0), float(close[i])) for i, step in steps
        ],
        " (taken off the close before)": [
            (float(close[i - 1]) * (1.0 - 1.0 / step), float(close[i - 1])) for i, step in steps
        ],
    }
    found: dict[str, list[tuple[float, int]]] = {
        way: [_roundest(cash, 2.0 * noise * price) for cash, price in amounts]
        for way, amounts in ways.items()
    }
    best = min(found, key=lambda way: sum(decimals for _, decimals in found[way]))
    return [cash for cash, _ in found[best]], best


def _roundest(value: float, tolerance: float) -> tuple[float, int]:
    """Return the number with the fewest decimals within `tolerance`, and its decimals."""
    for decimals in range(16):
        rounded = round(value, decimals)
        if rounded > 0.0 and math.isclose(rounded, value, rel_tol=0.0, abs_tol=tolerance):
            return rounded, decimals
    return value, 16
