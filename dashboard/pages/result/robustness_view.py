"""What the robustness of a run comes to, decided from its analysis: no components, no I/O."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from dashboard import formatting
from dashboard.metrics import METRICS

Document = Mapping[str, Any]

MAX_SINGLE = 4
"""Variants of one group that the strip shows one by one; more become one row with their range."""

GROUPS = ("costs", "delay", "start", "parameters", "trades")
RANGES = {"start": "other starts", "parameters": "neighbours"}
CHOICES = ("total_return", "sharpe", "max_drawdown", "final_equity")
"""The numbers the Robustness tab can be drawn by."""


class Strip(NamedTuple):
    """One row of the strip, in percent of its width; `low` and `high` where several are meant."""

    label: str
    value: str
    change: str
    at: float
    low: float | None
    high: float | None
    is_better: bool
    is_loss: bool
    detail: str


class Scale(NamedTuple):
    """Where this run and its starting cash stand in the strip, in percent of its width."""

    base: float
    cash: float


def strip(run: Document, robustness: Document) -> tuple[list[Strip], Scale]:
    """Return the rows "final equity if one thing changes", and where this run stands."""
    cash = float(run["config"]["cash"])
    base = float(robustness["base"]["final_equity"])
    found = [*_band(run), *_rows(robustness["variants"])]
    values = [base, cash, *(value for _, *numbers, _ in found for value in numbers if value)]
    low, high = min(values), max(values)
    margin = (high - low) * 0.04 or 1.0

    def place(value: float | None) -> float | None:
        if value is None:
            return None
        return round(100.0 * (value - low + margin) / (high - low + 2.0 * margin), 2)

    rows = [
        Strip(
            label=label,
            value=formatting.short_money(value),
            change=formatting.percent(value / base - 1.0, 0, sign=True) if base > 0.0 else "",
            at=place(value) or 0.0,
            low=place(least),
            high=place(most),
            is_better=value >= base,
            is_loss=value < cash,
            detail=detail,
        )
        for label, value, least, most, detail in found
    ]
    return rows, Scale(place(base) or 0.0, place(cash) or 0.0)


Found = tuple[str, float, float | None, float | None, str]


def _band(run: Document) -> list[Found]:
    """Return the row of the three intrabar rules, where they differ."""
    band = run["checks"].get("band") or {}
    values = [float(value) for value in band.values() if value is not None]
    if not values or math.isclose(min(values), max(values), rel_tol=1e-9):
        return []
    detail = "Final equity if what a bar hides had gone the other way, by the three intrabar rules."
    return [("Intrabar rules", statistics.median(values), min(values), max(values), detail)]


def _rows(variants: Sequence[Document]) -> list[Found]:
    rows: list[Found] = []
    for group in GROUPS:
        # Costs × 1 is the run itself.
        own = [v for v in variants if v["group"] == group and v["id"] != "costs_1"]
        values = [float(v["metrics"]["final_equity"]) for v in own]
        if group in RANGES and len(own) > 1:
            label = f"{len(own)} {RANGES[group]}"
            detail = "The median; the bar is the range of " + ", ".join(v["label"] for v in own)
            rows.append((label, statistics.median(values), min(values), max(values), f"{detail}."))
        else:
            shown = zip(own[:MAX_SINGLE], values, strict=False)
            rows += [(v["label"], value, None, None, v["detail"]) for v, value in shown]
    return rows


def break_even(robustness: Document) -> str:
    """Return the costs at which nothing is left, in a few words; "" when there are none."""
    bps = robustness.get("break_even_bps")
    return "" if bps is None else f"breaks even at {formatting.decimal(bps, 0)} bps a side"


class Doubt(NamedTuple):
    """One finding of the diagnosis."""

    level: str
    title: str
    detail: str
    why: str


LEVELS = {"fail": "fail", "doubt": "doubt", "info": "none"}


def findings(diagnosis: Sequence[Document]) -> list[Doubt]:
    """Return the findings, the gravest first."""
    order = list(LEVELS)
    ranked = sorted(diagnosis, key=lambda item: order.index(item["severity"]))
    return [
        Doubt(LEVELS[item["severity"]], item["title"], item["detail"], item["why"])
        for item in ranked
    ]


def finding_counts(found: Sequence[Doubt]) -> list[tuple[str, str]]:
    """Return (level, "2 doubts") of the levels that occur."""
    words = {
        "fail": ("failure", "failures"),
        "doubt": ("doubt", "doubts"),
        "none": ("remark", "remarks"),
    }
    counts = []
    for level, (one, many) in words.items():
        n = sum(item.level == level for item in found)
        if n:
            counts.append((level, f"{n} {one if n == 1 else many}"))
    return counts


class Whisker(NamedTuple):
    """An interval in percent of a line's width, with the value and the benchmark on it."""

    low: float
    value: float
    high: float
    benchmark: float | None


def whisker(
    interval: Sequence[float | None] | None, value: float | None, benchmark: float | None = None
) -> Whisker | None:
    """Return how an interval is drawn; None when there is none."""
    if interval is None or value is None or formatting.is_missing(value):
        return None
    low, high = interval
    if low is None or high is None or formatting.is_missing(low) or formatting.is_missing(high):
        return None
    marks = [low, high, value] + ([] if benchmark is None else [benchmark])
    least, most = min(marks), max(marks)
    span = (most - least) or 1.0

    def place(mark: float) -> float:
        return round(4.0 + 92.0 * (mark - least) / span, 2)

    at = None if benchmark is None else place(benchmark)
    return Whisker(place(low), place(value), place(high), at)


def interval_text(name: str, interval: Sequence[float | None], level: float) -> str:
    """Return an interval in words: "95 % interval −1.2 % to +3.4 %"."""
    low, high = (METRICS[name].text(value) for value in interval)
    return f"{formatting.percent(level, 0)} interval {low} to {high}"
