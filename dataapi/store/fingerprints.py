"""What identifies bars, independent of how they are stored."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

import numpy as np

from engine.types import Bars, FloatArray

_CANONICAL_NAN = np.float64(np.nan)


def fingerprint(bars: Bars) -> str:
    """Return the sha256 (hex) over times, open, high, low, close and volume.

    int64 little-endian times, then each float64 little-endian column in that order; −0.0 counts
    as 0.0 and every NaN as the same NaN. Works on any slice; chunks and codecs play no part.
    """
    digest = hashlib.sha256(np.ascontiguousarray(bars.time, dtype="<i8").data)
    for column in (bars.open, bars.high, bars.low, bars.close, bars.volume):
        digest.update(np.ascontiguousarray(normalised(column), dtype="<f8").data)
    return digest.hexdigest()


def portfolio_fingerprint(bars: Mapping[str, Bars]) -> str:
    """Return the sha256 (hex) over symbols in code-point order, each with all that a run reads.

    For each symbol: its name, a zero byte, `fingerprint` (32 bytes), the canonical JSON of its
    terms (calendar, delisted, lot, tz), a zero byte, then for splits and for dividends their
    number (int64) and the pairs (int64 time, float64 value), all little-endian; for finer bars
    that replace the path rule the word detail and their `fingerprint` (32 bytes).
    """
    digest = hashlib.sha256()
    for symbol in sorted(bars):
        one = bars[symbol]
        terms = {
            "calendar": one.calendar,
            "delisted": one.delisted,
            "lot": float(one.lot),
            "tz": one.tz,
        }
        digest.update(symbol.encode() + b"\0" + bytes.fromhex(fingerprint(one)))
        digest.update(json.dumps(terms, sort_keys=True, separators=(",", ":")).encode() + b"\0")
        for actions in (one.splits or (), one.dividends or ()):
            digest.update(np.array(len(actions), "<i8").tobytes())
            pairs = np.array(list(actions), dtype=[("time", "<i8"), ("value", "<f8")])
            digest.update(pairs.tobytes())
        if one.detail is not None:
            digest.update(b"detail" + bytes.fromhex(fingerprint(one.detail)))
    return digest.hexdigest()


def normalised(values: FloatArray) -> FloatArray:
    """Return values with −0.0 as 0.0 and every NaN as the same NaN."""
    result = values + 0.0
    is_nan = np.isnan(result)
    if is_nan.any():
        result[is_nan] = _CANONICAL_NAN
    return result
