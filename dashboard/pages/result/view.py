"""What the head of a result says, decided from the run's documents: no components, no I/O."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from dashboard import formatting
from dashboard.metrics import METRICS, is_better

Document = Mapping[str, Any]

TABS = (
    ("overview", "Overview"),
    ("chart", "Chart"),
    ("trades", "Trades"),
    ("robustness", "Robustness"),
    ("orders", "Orders"),
    ("config", "Config & provenance"),
)

TILES = (
    "final_equity",
    "cagr",
    "sharpe",
    "sortino",
    "max_drawdown",
    "calmar",
    "volatility",
    "win_rate",
    "profit_factor",
    "gross_exposure",
)
PHONE_TILES = frozenset(
    {"final_equity", "cagr", "sharpe", "max_drawdown", "win_rate", "profit_factor"}
)
LINE = ("final_equity", "cagr", "sharpe", "max_drawdown", "profit_factor", "win_rate")

# Named by what happened rather than by the check, in the order of the strip; badges of other kinds
# follow as they come.
VERDICT_LABELS = {
    "look_ahead": "Look-ahead",
    "warm_up": "Warm-up",
    "fills": "Fills",
    "costs": "Costs",
    "deflated": "Deflated Sharpe",
    "trades": "Trades",
    "data": "Data",
}
DSR_FINE = 0.95


HINTS = {
    "deflated": "The chance that the true Sharpe beats the best one expects by luck of all trials "
    "of this strategy on these data, as the trial ledger counts by now. Want more than 0.95.",
}


class Verdict(NamedTuple):
    """One cell of the verdict strip."""

    kind: str
    level: str
    label: str
    fact: str
    hint: str


class Tile(NamedTuple):
    """One KPI: its value, and beside it the benchmark's or a companion number."""

    name: str
    label: str
    value: str
    beside: str
    delta: str
    is_better: bool | None
    definition: str


def title_of(run: Document, about: Document) -> str:
    """Return the run's name, or strategy and symbols while it has none."""
    strategy = run["strategy"]
    named = about.get("name") or run.get("name")
    return str(named or f"{strategy_title(strategy)} on {formatting.symbols(symbols_of(run))}")


def strategy_title(strategy: Document) -> str:
    """Return the strategy's title; a formula without a name is a "Formula"."""
    return str(strategy.get("title") or strategy.get("name") or "Formula")


def symbols_of(run: Document) -> list[str]:
    """Return the run's symbols in the order of its configuration."""
    return list(run["config"]["symbols"])


def identity(run: Document) -> list[str]:
    """Return the facts of the identity line after the strategy, most identifying first."""
    config = run["config"]
    names = symbols_of(run)
    shown = ", ".join(names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "")
    first, last = period(run)
    words = formatting.timeframe(config["timeframe"])
    spoken = words[0].upper() + words[1:]
    created = f"Run on {formatting.date(run['created'])}"
    took = elapsed_ms(run)
    return [
        shown,
        f"{spoken}, {first} to {last}",
        f"{formatting.money(config['cash'])} cash",
        f"{created}, {formatting.elapsed(took)}" if took is not None else created,
    ]


def period(run: Document) -> tuple[str, str]:
    """Return the dates of the first and the last bar of the run itself, warm-up left out."""
    config, data = run["config"], run["data"]
    first = min(formatting.date(item["first"]) for item in data)
    last = max(formatting.date(item["last"]) for item in data)
    if config.get("start"):
        first = max(first, formatting.date(config["start"]))
    if config.get("end"):
        last = min(last, formatting.date(config["end"]))
    return first, last


def elapsed_ms(run: Document) -> float | None:
    """Return how long the run took, None when its document does not say."""
    elapsed: float | None = run.get("timing", {}).get("elapsed_ms")
    return elapsed


def params_text(params: Document) -> str:
    """Return the parameters as "fast 20, slow 50"."""
    return ", ".join(f"{name} {formatting.plain(value)}" for name, value in params.items())


def verdicts(run: Document, about: Document) -> list[Verdict]:
    """Return the cells of the verdict strip: every check that was made, then other doubts."""
    badges = {badge["kind"]: badge for badge in run.get("badges", [])}
    facts = {
        "look_ahead": _check_fact(run, "look_ahead"),
        "warm_up": _check_fact(run, "warm_up"),
        "fills": _fills_fact(run),
        "costs": _costs_fact(run),
        "deflated": _deflated_fact(about),
        "trades": _trades_fact(run),
        "data": _data_fact(about),
    }
    if not facts["deflated"][1]:
        del facts["deflated"]
    cells = []
    for kind, (level, fact) in facts.items():
        badge = badges.pop(kind, {})
        cells.append(
            Verdict(
                kind=kind,
                level=_level(badge.get("level", level)),
                label=VERDICT_LABELS[kind],
                fact=fact,
                hint=badge.get("text", HINTS.get(kind, "")),
            )
        )
    for kind, badge in badges.items():
        level = _level(badge["level"])
        cells.append(
            Verdict(kind, level, badge["label"], _first_clause(badge["text"]), badge["text"])
        )
    return cells


def verdict_counts(cells: Sequence[Verdict]) -> list[tuple[str, str]]:
    """Return (level, "5 pass") for each level that occurs, worst last but before "not run"."""
    words = {
        "pass": ("pass", "pass"),
        "fail": ("fails", "fail"),
        "doubt": ("doubt", "doubts"),
        "none": ("not run", "not run"),
    }
    counts = []
    for level, (one, many) in words.items():
        n = sum(cell.level == level for cell in cells)
        if n:
            counts.append((level, f"{n} {one if n == 1 else many}"))
    return counts


def tiles(
    metrics: Document, benchmark: Document, *, benchmark_name: str, is_selection: bool = False
) -> list[Tile]:
    """Return the ten KPIs, each against the benchmark where that means something."""
    return [
        _tile(name, metrics, benchmark, benchmark_name, is_selection=is_selection) for name in TILES
    ]


def benchmark_name(config: Document) -> str:
    """Return what the benchmark is called beside a number: "B&H", a symbol, or ""."""
    benchmark = config.get("benchmark")
    if benchmark is None:
        return ""
    return "B&H" if benchmark == "buy_and_hold" else str(benchmark)


def benchmark_title(config: Document) -> str:
    """Return what the benchmark is called in a legend."""
    name = benchmark_name(config)
    return "Buy and hold" if name == "B&H" else name


def _tile(
    name: str, metrics: Document, benchmark: Document, who: str, *, is_selection: bool
) -> Tile:
    metric, value = METRICS[name], metrics.get(name)
    theirs = benchmark.get(name) if who else None
    label = "Equity at its end" if is_selection and name == "final_equity" else metric.label
    beside, delta = _companion(name, metrics), ""
    if name in _DELTAS and theirs is not None:
        beside = f"{who} {_short(name, theirs)}"
        delta = _delta(name, value, theirs)
    better = is_better(name, value, theirs) if delta else None
    return Tile(name, label, metric.text(value), beside, delta, better, metric.definition)


def _companion(name: str, metrics: Document) -> str:
    """Return the number beside a KPI that a benchmark has no equal of."""
    pairs = {
        "win_rate": ("payoff", "payoff_ratio"),
        "profit_factor": ("per trade", "expectancy"),
        "gross_exposure": ("beta", "beta"),
    }
    if name not in pairs:
        return ""
    word, other = pairs[name]
    value = metrics.get(other)
    return "" if value is None else f"{word} {METRICS[other].text(value)}"


_DELTAS = {"final_equity", "cagr", "sharpe", "sortino", "max_drawdown", "calmar", "volatility"}
_POINTS = {"cagr", "max_drawdown", "volatility"}


def _short(name: str, value: float) -> str:
    """Return the benchmark's value in few characters: it stands beside a delta."""
    if name == "final_equity":
        return formatting.short_money(value)
    if name in _POINTS:
        return formatting.percent(value, 0)
    return METRICS[name].text(value)


def _delta(name: str, value: float | None, theirs: float) -> str:
    """Return the size of the difference; its sign is said by the mark for better and worse."""
    if value is None:
        return ""
    if name == "final_equity":
        return formatting.percent(abs(value / theirs - 1.0), 0) if theirs > 0.0 else ""
    if name in _POINTS:
        return formatting.points(abs(value - theirs))
    return formatting.decimal(abs(value - theirs), 2)


def _check_fact(run: Document, name: str) -> tuple[str, str]:
    """Return a check's level and, from its detail, the first fact: how much was checked."""
    check = run["checks"].get(name) or {}
    status = check.get("status", "not_run")
    if status != "pass":
        return status, _CHECK_WORDS[name].get(status, "Not run")
    fact = _first_clause(str(check.get("detail") or "")).split(", ", 1)[0]
    return status, f"None in {fact}" if name == "look_ahead" and fact[:1].isdigit() else fact


_CHECK_WORDS = {
    "look_ahead": {"fail": "Sees the future"},
    "warm_up": {"fail": "Depends on the start"},
}


def _fills_fact(run: Document) -> tuple[str, str]:
    n = int(run["checks"].get("ambiguous_fills") or 0)
    return ("doubt", f"{formatting.integer(n)} ambiguous") if n else ("pass", "None ambiguous")


def _costs_fact(run: Document) -> tuple[str, str]:
    config = run["config"]
    costs, execution = config["costs"], config["execution"]
    half_spread = execution["spread_bps"] / 2
    fee, slip = costs["rate_bps"], execution["slippage_bps"] + half_spread
    paid = formatting.short_money(run["metrics"].get("fees"))
    other = any(
        costs.get(name) for name in ("per_unit", "fixed", "minimum", "maker_bps", "taker_bps")
    )
    if not (fee or slip or other):
        return "doubt", "None charged"
    return "pass", f"{formatting.plain(fee)} + {formatting.plain(slip)} bps, {paid} paid"


def _trades_fact(run: Document) -> tuple[str, str]:
    closed, still = run["metrics"].get("trades") or 0, run["metrics"].get("open_trades") or 0
    text = f"{formatting.integer(closed)} closed"
    return "pass", f"{text}, {formatting.integer(still)} open" if still else text


def _deflated_fact(about: Document) -> tuple[str, str]:
    """Return what is left of the Sharpe after all trials of the ledger; "" where undefined."""
    ledger = about.get("ledger") or {}
    dsr = ledger.get("dsr")
    if dsr is None:
        return "none", ""
    text = "> 0.99" if dsr >= 0.995 else formatting.decimal(dsr)
    noun = "trial" if ledger["trials"] == 1 else "trials"
    level = "pass" if dsr >= DSR_FINE else "doubt"
    return level, f"{text} at {formatting.integer(ledger['trials'])} {noun}"


def _data_fact(about: Document) -> tuple[str, str]:
    states = {
        "unchanged": ("pass", "Unchanged"),
        "changed": ("doubt", "Changed since"),
        "missing": ("doubt", "No longer stored"),
    }
    return states.get(str(about.get("data_state")), ("none", "Unknown"))


def _level(level: str) -> str:
    return level if level in ("pass", "doubt", "fail") else "none"


def _first_clause(text: str) -> str:
    """Return the part before the first colon, semicolon or full stop, for a narrow cell."""
    for mark in (": ", "; ", ". "):
        text = text.split(mark, 1)[0]
    return text.rstrip(".")
