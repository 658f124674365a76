"""What a walk-forward's page says, decided from its document: no components, no I/O."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from dashboard import formatting as fmt
from dashboard.figures.walkforward import Span
from dashboard.metrics import METRICS

Document = Mapping[str, Any]

OVER = frozenset({"done", "failed", "cancelled"})
EFFICIENCY_FINE = 0.5
TILES = ("sharpe", "cagr", "max_drawdown", "volatility", "trades")


class Tile(NamedTuple):
    """One number: its label, its text, a line below it, and what it is."""

    label: str
    value: str
    below: str
    definition: str
    level: str = ""


class Verdict(NamedTuple):
    """What to think of it, in a title and a sentence."""

    level: str
    title: str
    detail: str


def is_over(document: Document) -> bool:
    """Return whether nothing more will come."""
    return document["status"] in OVER


def is_done(window: Document) -> bool:
    """Return whether a window has been computed; one in which nothing was chosen has no numbers."""
    return window.get("in_sample_metrics") is not None or window.get("params") is not None


def is_folds(document: Document) -> bool:
    """Return whether this is a cross-validation: folds in place of windows in a row."""
    return document.get("method", "walk_forward") != "walk_forward"


def noun(document: Document) -> str:
    """Return what each of its choices is called."""
    return "choice" if is_folds(document) else "window"


def n_done(document: Document) -> int:
    """Return how many windows are computed."""
    return int(document.get("n_done") or 0)


def chosen_windows(document: Document) -> list[Document]:
    """Return the computed windows in which something was chosen."""
    return [window for window in document["windows"] if window.get("params") is not None]


def params_text(params: Mapping[str, Any], axes: Sequence[str]) -> str:
    """Return what a window chose: "fast 6, slow 65"."""
    return ", ".join(f"{name} {fmt.plain(params[name])}" for name in axes if name in params)


def facts(document: Document) -> list[str]:
    """Return the line below the title, after the strategy's name."""
    config = document["config"]
    start = "from the first bar" if config.get("anchored") else "rolling"
    if is_folds(document):
        return [*_fold_facts(config), *_common_facts(document)]
    parts = [
        f"chosen on {fmt.integer(config['in_sample'])} bars {start}, traded for "
        f"{fmt.integer(config['out_of_sample'])}",
    ]
    return [*parts, *_common_facts(document)]


def _fold_facts(config: Document) -> list[str]:
    n_folds, n_tested = config["n_folds"], config["n_test_folds"]
    gaps = [f"{name} {config[name]} bars" for name in ("purge", "embargo") if config.get(name)]
    tested = f", {n_tested} tested at a time" if config["method"] == "cpcv" else ""
    return [f"{n_folds} folds{tested}", *gaps]


def _common_facts(document: Document) -> list[str]:
    config = document["config"]
    run = config["run"]
    symbols = ", ".join(run["symbols"][:6])
    more = f" and {len(run['symbols']) - 6} more" if len(run["symbols"]) > 6 else ""
    parts = [f"{symbols}{more}"]
    if run.get("start") and run.get("end"):
        parts.append(f"{fmt.date(run['start'])} to {fmt.date(run['end'])}")
    if config.get("constraints"):
        parts.append(", ".join(config["constraints"]))
    parts.append(f"objective {METRICS[config['objective']].label}")
    return parts


def spans(document: Document) -> list[Span]:
    """Return the windows over time."""
    found = []
    for number, window in enumerate(document["windows"], start=1):
        inside, outside = window["in_sample"], window["out_of_sample"]
        lines = [
            f"<b>window {number}</b>",
            f"chosen on {fmt.date(inside['first'])} to {fmt.date(inside['last'])}",
            f"traded {fmt.date(outside['first'])} to {fmt.date(outside['last'])}",
        ]
        if is_done(window):
            lines.append(params_text(window["params"], axes_of(document)))
        found.append(
            Span(
                in_first=_ms(inside["first"]),
                in_last=_ms(inside["last"]),
                out_first=_ms(outside["first"]),
                out_last=_ms(outside["last"]),
                text="<br>".join(lines),
                is_done=is_done(window),
            )
        )
    return found


def _ms(value: str | float) -> float:
    return fmt.instant(value).timestamp() * 1000.0


def axes_of(document: Document) -> list[str]:
    """Return the names of what could be chosen."""
    return list(document.get("axes") or document["config"]["axes"])


def side(document: Document, name: str) -> tuple[list[float | None], list[float | None]]:
    """Return a metric of each window, in sample and out of sample; None while not computed."""
    inside, outside = (
        [(window.get(f"{part}_metrics") or {}).get(name) for window in document["windows"]]
        for part in ("in_sample", "out_of_sample")
    )
    return inside, outside


def chosen(document: Document, axis: str) -> list[Any]:
    """Return what each window chose for one parameter; None while not computed."""
    return [(window.get("params") or {}).get(axis) for window in document["windows"]]


def grid(document: Document, axis: str) -> list[Any]:
    """Return the values a parameter could take, in order; those that were chosen, if unknown."""
    known = (document.get("axes") or {}).get(axis)
    if known:
        return list(known)
    found = {value for value in chosen(document, axis) if value is not None}
    return sorted(found, key=lambda value: (isinstance(value, str), value))


def tiles(document: Document) -> list[Tile]:
    """Return the numbers of the joined out-of-sample parts."""
    metrics = (document.get("stitched") or {}).get("metrics") or {}
    if not metrics:
        return []
    found = [
        Tile(
            METRICS[name].label,
            METRICS[name].text(metrics.get(name)),
            "out of sample",
            METRICS[name].definition,
        )
        for name in TILES
        if name in metrics
    ]
    results = [window.get("out_of_sample_metrics") or {} for window in document["windows"]]
    gains = sum((found.get("total_return") or 0.0) > 0.0 for found in results)
    found.append(
        Tile(
            "Windows that gained",
            f"{gains} of {len(results)}",
            "out of sample",
            "Windows whose out-of-sample part ended above where it began.",
        )
    )
    efficiency = document.get("efficiency")
    if fmt.is_known(efficiency):
        found.insert(0, _efficiency_tile(efficiency))
    return found


def _efficiency_tile(value: float) -> Tile:
    return Tile(
        "Efficiency",
        fmt.percent(value, 0),
        f"want > {fmt.percent(EFFICIENCY_FINE, 0)}",
        "Annual return out of sample as a share of the annual return in sample, over all windows: "
        "how much of what the choice promised was kept.",
        "pass" if value >= EFFICIENCY_FINE else "doubt",
    )


def verdict(document: Document) -> Verdict | None:
    """Return what the efficiency says; None without one."""
    share = document.get("efficiency")
    if document["status"] != "done":
        return None
    if not fmt.is_known(share):
        reason = (document.get("efficiency_detail") or {}).get("reason")
        return Verdict("none", "No efficiency", str(reason)) if reason else None
    kept = fmt.percent(share, 0)
    if share >= EFFICIENCY_FINE:
        title = "The choice carries over"
        detail = f"Out of sample kept {kept} of the annual return that the choice had in sample."
        return Verdict("pass", title, detail)
    if share > 0.0:
        detail = f"Out of sample kept only {kept} of the annual return the choice had in sample."
        return Verdict("doubt", "Less than half carries over", detail)
    detail = "What was best in sample earned nothing, or lost, in the bars that followed."
    return Verdict("fail", "The choice does not carry over", detail)


def steadiness(document: Document) -> str:
    """Return how often the choice changed: "the choice changed in 5 of 11 steps".

    Nothing for folds, which do not follow each other.
    """
    if is_folds(document):
        return ""
    names = axes_of(document)
    picks = [tuple(w["params"].get(name) for name in names) for w in chosen_windows(document)]
    if len(picks) < 2:
        return ""
    changes = sum(a != b for a, b in pairwise(picks))
    return f"the choice changed in {changes} of {len(picks) - 1} steps"


def table(document: Document) -> list[list[str]]:
    """Return a row a window: number, dates, parameters, and both sides' numbers."""
    axes = axes_of(document)
    objective = document["config"]["objective"]
    rows = []
    for number, window in enumerate(document["windows"], start=1):
        outside = window["out_of_sample"]
        row = [str(number), f"{fmt.date(outside['first'])} to {fmt.date(outside['last'])}"]
        params = window.get("params") or {}
        row += [fmt.plain(params.get(name)) for name in axes]
        for part in ("in_sample_metrics", "out_of_sample_metrics"):
            row.append(METRICS[objective].text((window.get(part) or {}).get(objective)))
        last = window.get("out_of_sample_metrics") or {}
        row += [METRICS[name].text(last.get(name)) for name in ("total_return", "max_drawdown")]
        rows.append(row)
    return rows


def table_heads(document: Document) -> list[str]:
    """Return the heads of that table."""
    label = METRICS[document["config"]["objective"]].label
    return [
        "#",
        "Traded",
        *axes_of(document),
        f"{label} in",
        f"{label} out",
        "Return out",
        "Drawdown out",
    ]


# Folds

SPREAD = ("sharpe", "total_return", "cagr", "max_drawdown", "volatility", "calmar")


def fold_tiles(document: Document) -> list[Tile]:
    """Return the numbers of a cross-validation; nothing while it is not done."""
    loss = document.get("probability_of_loss")
    if loss is None:
        return []
    inside, outside = (document.get(f"{side}_sharpe") for side in ("in_sample", "out_of_sample"))
    return [
        Tile(
            "Sharpe out of sample",
            METRICS["sharpe"].text(outside),
            f"in sample {METRICS['sharpe'].text(inside)}",
            "Mean over the choices. The gap is what choosing promised and did not keep.",
        ),
        Tile(
            "Paths that lose",
            fmt.percent(loss, 0),
            f"of {fmt.integer(len(document['paths']))} paths",
            "Share of the histories, put together of folds that did not choose for themselves, "
            "that end below the starting cash.",
            "doubt" if float(loss) > 0.2 else "pass",
        ),
    ]


def spread_rows(document: Document) -> list[list[str]]:
    """Return the spread of each metric over the paths: 5 %, 25 %, median, 75 %, 95 %."""
    rows = []
    for name in SPREAD:
        spread = (document.get("distribution") or {}).get(name)
        if spread is None:
            continue
        metric = METRICS[name]
        cells = [metric.text(spread.get(key)) for key in ("p05", "p25", "p50", "p75", "p95")]
        rows.append([metric.label, *cells])
    return rows


def fold_table(document: Document) -> list[list[str]]:
    """Return a row a choice: number, tested folds, parameters, and both sides' numbers."""
    objective = document["config"]["objective"]
    rows = []
    for number, window in enumerate(document["windows"], start=1):
        params = window.get("params") or {}
        folds = ", ".join(str(fold + 1) for fold in window["folds"])
        sides = [
            METRICS[objective].text((window.get(f"{part}_metrics") or {}).get(objective))
            for part in ("in_sample", "out_of_sample")
        ]
        chosen = [fmt.plain(params.get(name)) for name in axes_of(document)]
        rows.append([str(number), folds, *chosen, *sides])
    return rows


def fold_heads(document: Document) -> list[str]:
    """Return the heads of that table."""
    label = METRICS[document["config"]["objective"]].label
    return ["#", "Tested folds", *axes_of(document), f"{label} in", f"{label} out"]
