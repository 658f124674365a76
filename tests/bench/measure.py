"""Interleaved timing of two pieces of work, reported as a ratio within one run."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the report.

    Attributes
    ----------
    work, reference : str
        What was measured, against what.
    ours_s, reference_s : float
        Medians in seconds.
    spread : float
        (third quartile - first quartile) / median of ours.
    target : float
        The largest ratio ours / reference that meets the target.
    """

    name: str
    work: str
    reference: str
    ours_s: float
    reference_s: float
    spread: float
    target: float

    @property
    def ratio(self) -> float:
        """Return ours / reference; lower is better."""
        return self.ours_s / self.reference_s


def compare(
    name: str,
    *,
    work: str,
    ours: Callable[[], object],
    reference: str,
    other: Callable[[], object],
    target: float,
    repeats: int,
) -> Row:
    """Time `ours` and `other` in turns, so that a slow moment of the machine meets both."""
    ours()
    other()
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(repeats):
        for function, seconds in zip((ours, other), times, strict=True):
            started = time.perf_counter()
            function()
            seconds.append(time.perf_counter() - started)
    return row(
        name, work=work, ours_s=times[0], reference=reference, reference_s=times[1], target=target
    )


def row(
    name: str,
    *,
    work: str,
    ours_s: list[float],
    reference: str,
    reference_s: list[float],
    target: float,
) -> Row:
    """Return the row of two lists of measured seconds."""
    first, middle, third = statistics.quantiles(ours_s, n=4)
    return Row(
        name=name,
        work=work,
        reference=reference,
        ours_s=middle,
        reference_s=statistics.median(reference_s),
        spread=(third - first) / middle,
        target=target,
    )
