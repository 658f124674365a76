"""One curve of how cost grows: more and more of one thing, all else left alone."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from tests.bench.measure import timed

REPEATS = 5
PATIENCE_S = 20.0
"""A point that takes longer in all is not repeated further."""


@dataclass(frozen=True, slots=True)
class Point:
    """One measurement: how much of what, and the median of how long it took."""

    n: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Curve:
    """How long `work` takes for ever more of `unit`."""

    unit: str
    work: str
    points: tuple[Point, ...]

    @property
    def picture(self) -> str:
        """Return the name of the curve's picture."""
        return f"{self.unit.replace(' ', '_')}.png"

    def table(self) -> str:
        """Return the curve as Markdown.

        The last column is the local exponent: 1 means that twice as much takes twice as long.
        """
        lines = [
            f"{self.work[0].upper()}{self.work[1:]}:",
            "",
            f"| {self.unit} | time | each | exponent |",
            "|---|---|---|---|",
        ]
        for point, exponent in zip(self.points, self.exponents(), strict=True):
            each = point.seconds / point.n * 1e9
            shown = "" if exponent is None else f"{exponent:.2f}"
            lines.append(
                f"| {point.n:,} | {point.seconds * 1e3:,.1f} ms | {each:,.0f} ns | {shown} |"
            )
        return "\n".join(lines)

    def exponents(self) -> list[float | None]:
        """Return d log(time) / d log(n) from each point's predecessor, None for the first.

        Examples
        --------
        >>> Curve("bars", "", (Point(10, 1.0), Point(100, 10.0))).exponents()
        [None, 1.0]
        """
        pairs = zip(self.points, self.points[1:], strict=False)
        return [None, *(_exponent(one, other) for one, other in pairs)]


def curve(unit: str, work: str, points: Iterable[Point]) -> Curve:
    """Return the curve of points as they are measured."""
    return Curve(unit, work, tuple(points))


def point(n: int, work: Callable[[], object]) -> Point:
    """Return how long the work takes after a first time, the median of a few."""
    work()
    seconds: list[float] = []
    while len(seconds) < REPEATS and (not seconds or sum(seconds) < PATIENCE_S):
        seconds.append(timed(work))
    return Point(n, statistics.median(seconds))


def _exponent(one: Point, other: Point) -> float:
    return math.log(other.seconds / one.seconds) / math.log(other.n / one.n)
