"""What an import does to bars that are stored already."""

from __future__ import annotations

from typing import Any

import numpy as np

from dataapi.ingest.problems import IngestError
from engine.types import Bars, IntArray

COLUMNS = ("open", "high", "low", "close", "volume")
Actions = tuple[tuple[int, float], ...]


def merge_bars(stored: Bars, given: Bars, *, replace: bool) -> Bars:
    """Return stored and given bars as one series.

    Bars at new times are added. Bars at stored times must be the same; with `replace` the given
    ones win, and stored bars inside their period that they do not have are dropped. Stored
    actions stay, unless the given bars bring actions of their own for their period.

    Raises
    ------
    IngestError
        If a bar or action differs from the stored one and `replace` is not set; names the first.
    """
    if not replace:
        _refuse_first_difference(stored, given)
    inside = _inside(stored.time, given)
    taken = np.isin(stored.time, given.time)
    keep = ~inside if replace else ~taken
    time = np.concatenate([stored.time[keep], given.time])
    order = np.argsort(time, kind="stable")
    columns: dict[str, Any] = {
        name: np.concatenate([getattr(stored, name)[keep], getattr(given, name)])[order]
        for name in COLUMNS
    }
    return Bars(
        time=time[order],
        **columns,
        splits=_merge_actions("split", stored.splits, given.splits, given, replace=replace),
        dividends=_merge_actions(
            "dividend", stored.dividends, given.dividends, given, replace=replace
        ),
        lot=given.lot,
        delisted=given.delisted,
        calendar=given.calendar,
        tz=given.tz,
    )


def _refuse_first_difference(stored: Bars, given: Bars) -> None:
    _, i_stored, i_given = np.intersect1d(
        stored.time, given.time, assume_unique=True, return_indices=True
    )
    differs = {
        name: getattr(stored, name)[i_stored] != getattr(given, name)[i_given] for name in COLUMNS
    }
    any_differs = np.logical_or.reduce(list(differs.values()))
    if not any_differs.any():
        return
    i = int(np.argmax(any_differs))
    name = next(name for name in COLUMNS if differs[name][i])
    stamp = _text(int(given.time[i_given[i]]))
    n_more = int(any_differs.sum()) - 1
    more = f" ({n_more} more bars differ)" if n_more else ""
    raise IngestError(
        f"The file contradicts what is stored: at {stamp} {name} is stored as "
        f"{float(getattr(stored, name)[i_stored[i]])!r}, the file has "
        f"{float(getattr(given, name)[i_given[i]])!r}{more}. Use --replace to take the file's bars."
    )


def _merge_actions(
    kind: str, stored: Actions | None, given_actions: Actions | None, given: Bars, *, replace: bool
) -> Actions | None:
    if not given.splits and not given.dividends:
        return stored
    first, last = int(given.time[0]), int(given.time[-1])
    # The first bar's own step cannot be seen: its action stays as stored.
    inside = {t: value for t, value in stored or () if first < t <= last}
    found = dict(given_actions or ())
    if not replace:
        for t in sorted(inside.keys() | found.keys()):
            if t in inside and inside[t] != found.get(t):
                raise IngestError(
                    f"The file contradicts what is stored: the {kind} {inside[t]!r} of {_text(t)} "
                    f"is {'not in it' if t not in found else repr(found[t])}. Use --replace to "
                    "take the file's actions."
                )
    outside = [(t, value) for t, value in stored or () if not first < t <= last]
    return tuple(sorted([*outside, *found.items()])) or None


def _inside(time: IntArray, given: Bars) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    return np.asarray((time >= given.time[0]) & (time <= given.time[-1]))


def _text(time_ms: int) -> str:
    return str(np.datetime64(time_ms, "ms")).removesuffix("T00:00:00.000")
