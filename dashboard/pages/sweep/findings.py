"""What to think of a finished sweep before picking from it: edge, plateau, overfitting."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from dashboard import formatting as fmt
from dashboard.metrics import METRICS
from dashboard.pages.sweep import cube as cubes
from dashboard.pages.sweep import view
from dashboard.pages.sweep.cube import Cube
from dashboard.sweep_axis import axis_text, equal_step, range_text

Document = Mapping[str, Any]

PBO_FINE = 0.1
COIN_TOSS = 0.4
"""From here on to one half the best of one half is in the other about what any point is."""
DSR_FINE = 0.95
GROWTH = 0.5
"""By how much of its length an axis is made longer where the best point lies on its border."""


class Finding(NamedTuple):
    """One of the three: its level, a bold title, the evidence, and the one thing to do."""

    kind: str
    level: str
    title: str
    detail: str


def findings(document: Document, cube: Cube) -> list[Finding]:
    """Return what to think of the best points, in the order of the strip; without any, nothing."""
    best = view.best(document)
    if best is None:
        return []
    found = [_edge(document, best)]
    plateau = _plateau(document, cube)
    if plateau is not None:
        found.append(plateau)
    overfit = _overfit(document)
    if overfit is not None:
        found.append(overfit)
    return found


def edge_axes(document: Document) -> dict[str, str]:
    """Return at which end, "low" or "high", of which axes the best point is."""
    return {item["axis"]: item["side"] for item in document.get("edges") or []}


def _edge(document: Document, best: Document) -> Finding:
    name = document["objective"]
    value = view.number_text(name, best["metrics"][name])
    where = view.params_text({key: best["params"][key] for key in document["axes"]})
    text = f"Best {METRICS[name].label} {value} at {where}"
    axes = list(edge_axes(document))
    if not axes:
        return Finding("edge", "pass", "Peak inside the grid", f"{text}: off every border.")
    verb = "is" if len(axes) == 1 else "are"
    detail = (
        f"{text}: {' and '.join(axes)} {verb} on the grid's border, better ones may lie beyond."
    )
    return Finding("edge", "doubt", "Peak at the edge", detail)


def _plateau(document: Document, cube: Cube) -> Finding | None:
    point = view.plateau(document)
    if point is None:
        reason = (document.get("plateau") or {}).get("reason")
        return Finding("none", "none", "No plateau", str(reason)) if reason else None
    name = document["objective"]
    value, near = (view.number_text(name, point[key]) for key in ("value", "worst"))
    where = view.params_text({key: point["params"][key] for key in document["axes"]})
    relation = "above" if cubes.is_smaller_better(name) else "below"
    detail = f"{where}: {METRICS[name].label} {value}, no neighbour {relation} {near}."
    if cubes.edges(cube, int(point["index"])):
        return Finding("plateau", "doubt", "Plateau at the edge", f"{detail} Part of it is unseen.")
    return Finding("plateau", "pass", "Plateau suggested", detail)


def _overfit(document: Document) -> Finding | None:
    share, dsr = document.get("pbo"), document.get("dsr")
    if not fmt.is_known(share):
        return None
    level, title = pbo_level(share), "Picking the best is partly luck"
    if level == "pass":
        title = "The best stays among the best"
    elif share > 0.5:
        title = "Picking the best does not carry over"
    elif share >= COIN_TOSS:
        title = "Picking the best is a coin toss"
    words = (
        f"In {fmt.percent(share, 0)} of the ways to halve the data, the best in one half is below "
        f"the median in the other."
    )
    if level == "pass" and fmt.is_known(dsr) and dsr < DSR_FINE:
        trials = fmt.integer(document.get("trials"))
        level, title = "doubt", "One of many trials"
        words += f" After {trials} trials the best is not beyond luck: DSR {fmt.decimal(dsr)}."
    return Finding("overfit", level, title, words)


def pbo_level(share: float) -> str:
    """Return how grave a probability of overfitting is."""
    return "pass" if share <= PBO_FINE else "doubt"


def dsr_level(value: float) -> str:
    """Return how grave a deflated Sharpe is."""
    return "pass" if value >= DSR_FINE else "doubt"


def extended(document: Document) -> dict[str, str]:
    """Return the axes as texts, longer by half at the ends where the best point lies.

    Axes of unequal steps stay as they are.
    """
    ends = edge_axes(document)
    texts = {}
    for name, values in document["axes"].items():
        step = equal_step(values)
        if name not in ends or step is None:
            texts[name] = axis_text(values)
            continue
        n_more = max(1, round(GROWTH * (len(values) - 1)))
        first, last = values[0], values[-1]
        if ends[name] == "high":
            last = last + step * n_more
        else:
            first = first - step * n_more
            # Most parameters are lengths: below zero they would be refused.
            while first <= 0.0 < values[0]:
                first += step
        texts[name] = range_text(first, last, step)
    return texts
