"""Contributions and withdrawals in the twin, by plain dates."""

from __future__ import annotations

from datetime import UTC, datetime

from config.run import Flows


def period_of(time_ms: int, every: str) -> tuple[int, ...]:
    """The calendar period of a stamp's UTC date."""
    date = datetime.fromtimestamp(time_ms / 1000.0, UTC).date()
    return {
        "day": (date.toordinal(),),
        "week": tuple(date.isocalendar()[:2]),
        "month": (date.year, date.month),
        "quarter": (date.year, (date.month - 1) // 3),
        "year": (date.year,),
    }[every]


def due(times: list[int], i: int, flows: Flows | None) -> float:
    """What moves at the close of bar i of a run: at the first bar of each new period."""
    if flows is None or i == 0:
        return 0.0
    is_new = period_of(times[i], flows.every) != period_of(times[i - 1], flows.every)
    return flows.amount if is_new else 0.0
