"""Interleaved timing of two pieces of work, reported as a ratio within one run."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

Scale = Literal["tiny", "normal", "full"]
"""How large the work is: so small that only its path is tried, in minutes, or as the row says."""

Unit = Literal["s", "B", "n"]
"""Seconds, bytes or a count."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the report.

    Attributes
    ----------
    work, reference : str
        What was measured, against what.
    ours, other : float
        Medians, in `unit`; NaN for a row that could not be measured.
    spread, other_spread : float
        (third quartile - first quartile) / median of each.
    least, other_least : float
        The smallest of each: what other programs on the machine disturbed least.
    cpu, other_cpu : float
        Medians of the processor's time in seconds, where all work is done in one process: what is
        left of a busy machine's noise.
    n : int
        Measurements of ours.
    target : float or None
        The largest ratio ours / other that meets the target; None where none was set.
    note : str
        What the figures alone do not say, or why there are none.
    """

    name: str
    work: str
    reference: str
    ours: float
    other: float
    spread: float = 0.0
    other_spread: float = 0.0
    least: float = float("nan")
    other_least: float = float("nan")
    cpu: float = float("nan")
    other_cpu: float = float("nan")
    n: int = 1
    target: float | None = None
    unit: Unit = "s"
    note: str = ""

    @property
    def ratio(self) -> float:
        """Return ours / other; lower is better."""
        return self.ours / self.other

    @property
    def is_met(self) -> bool | None:
        """Return whether the target is met, None without a target or without figures."""
        if self.target is None or self.ratio != self.ratio:
            return None
        return self.ratio <= self.target


def compare(
    name: str,
    *,
    work: str,
    ours: Callable[[], object],
    reference: str,
    other: Callable[[], object],
    target: float | None,
    repeats: int,
    note: str = "",
) -> Row:
    """Time `ours` and `other` in turns, so that a slow moment of the machine meets both."""
    ours()
    other()
    times: tuple[list[float], list[float]] = ([], [])
    cpu: tuple[list[float], list[float]] = ([], [])
    for _ in range(repeats):
        for i, function in enumerate((ours, other)):
            began = time.process_time()
            times[i].append(timed(function))
            cpu[i].append(time.process_time() - began)
    found = row(
        name,
        work=work,
        ours=times[0],
        reference=reference,
        other=times[1],
        target=target,
        note=note,
    )
    return replace(found, cpu=statistics.median(cpu[0]), other_cpu=statistics.median(cpu[1]))


def row(
    name: str,
    *,
    work: str,
    ours: Sequence[float],
    reference: str,
    other: Sequence[float],
    target: float | None,
    unit: Unit = "s",
    note: str = "",
) -> Row:
    """Return the row of two lists of measurements."""
    return Row(
        name=name,
        work=work,
        reference=reference,
        ours=statistics.median(ours),
        other=statistics.median(other),
        spread=spread_of(ours),
        other_spread=spread_of(other),
        least=min(ours),
        other_least=min(other),
        n=len(ours),
        target=target,
        unit=unit,
        note=note,
    )


def unmeasured(name: str, *, work: str, reference: str, target: float | None, why: str) -> Row:
    """Return a row that says why it has no figures."""
    nan = float("nan")
    return Row(
        name=name, work=work, reference=reference, ours=nan, other=nan, target=target, note=why
    )


def spread_of(values: Sequence[float]) -> float:
    """Return (third quartile - first quartile) / median, 0 for a single value."""
    if len(values) < 2:
        return 0.0
    first, middle, third = statistics.quantiles(values, n=4)
    return (third - first) / middle if middle else 0.0


def timed(work: Callable[[], object]) -> float:
    """Return the seconds that a call takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started
