"""The checks on every run: no look-ahead, warm-up, and the range over the intrabar rules.

They run the strategy and the broker again on markets that differ only in what must not matter.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple, get_args

import numpy as np
import numpy.typing as npt

from config.run import Path
from engine.kernels.comparison import first_difference, first_other_condition
from engine.market import known_bars, truncate
from engine.resolve import WARM_UP_FACTOR
from engine.trial import Rows, Trial, decision_rows
from engine.types import (
    BoolArray,
    Decisions,
    FloatArray,
    IntArray,
    Ledger,
    Market,
    Signals,
    Table,
    Targets,
)

Verdict = dict[str, str]

N_CUTS = 32
TOLERANCE = 1e-9
SEED = 20_050_301
POISONED_BARS = 64
"""How far the poison reaches: a rule that looks further ahead meets the end of the cut bars."""

SETTLED_FACTOR = 20
"""After so many lookbacks a recursive indicator has forgotten its first values to 1e-8 or so."""

PATHS: tuple[str, ...] = get_args(Path)
_ORDER_COLUMNS = (
    "i_time",
    "symbol",
    "side",
    "type",
    "limit",
    "stop",
    "expire_bars",
    "stop_a",
    "stop_b",
    "target_a",
    "target_b",
    "trail",
    "size",
    "size_kind",
)
_FATE_COLUMNS = ("ended", "status", "reason", "quantity", "filled_quantity", "filled_price")
_FILL_COLUMNS = ("i_time", "symbol", "side", "quantity", "price", "fee", "reason")


class Observation(NamedTuple):
    """A run as the checks see it: what was wanted, on which indicators, and what came of it."""

    decisions: Decisions
    indicators: Mapping[str, FloatArray]
    ledger: Ledger

    @property
    def seen(self) -> Decisions:
        """Return what was wanted as the broker saw it, what depends on the position included."""
        return self.ledger.decisions or self.decisions


def not_run(why: str) -> Verdict:
    """Return the verdict of a check that was not made."""
    return {"status": "not_run", "detail": why}


def look_ahead(trial: Trial, market: Market, known: Observation) -> Verdict:
    """Return whether anything of a run changes when what comes later does.

    At `N_CUTS` instants, half of them right after signal bars, the bars after the cut are taken
    away, and in a second experiment multiplied by noise. Indicators and signals up to the cut,
    and the orders, fills and equity they lead to, must stay: conditions exactly, numbers to 1e-9.

    Parameters
    ----------
    trial : Trial
        The strategy and broker under suspicion.
    market, known : Market, Observation
        What the run used and what came out of it.

    Returns
    -------
    dict
        status "pass" or "fail" ("not_run" for a single bar) and detail, which names the first
        thing that changed.
    """
    cuts, n_after_signals = _cuts(market, known)
    if cuts.size == 0:
        return not_run("One bar leaves no future to change.")
    # A position closed because the data end there is no fill of the prefix.
    execution = trial.config.execution.model_copy(update={"finalize": False})
    config = trial.config.model_copy(update={"execution": execution})
    trial = replace(trial, config=config, is_result=False)
    generator = np.random.default_rng(SEED)
    ours = _comparable(known)
    for i_cut, cut in enumerate(cuts.tolist()):
        direction = 1.0 if i_cut % 2 else -1.0
        for how, other in (
            ("Taking away", truncate(market, cut)),
            ("Changing", _poisoned(market, cut, direction, generator)),
        ):
            change = _first_change(ours, _comparable(observe(trial, other)), cut, market.first)
            if change is not None:
                last, at = _stamp(market, cut - 1), _stamp(market, change.i_time)
                detail = f"{how} the bars after {last} changes {change.what} at {at}."
                return {"status": "fail", "detail": detail}
    return {
        "status": "pass",
        "detail": f"{cuts.size} cuts, {n_after_signals} right after signals: without the future, "
        "and with another one, nothing before it changes.",
    }


def observe(trial: Trial, market: Market) -> Observation:
    """Return what a run on this market wants, sees and does."""
    decisions, indicators = trial.evaluate(market)
    return Observation(decisions, indicators, trial.ledger(market, decisions))


def _cuts(market: Market, known: Observation) -> tuple[IntArray, int]:
    """Return after how many instants to cut, ascending, and how many follow a signal."""
    possible = np.arange(market.first + 1, market.time.size)
    after_signal = np.intersect1d(_signal_bars(market, known) + 1, possible)
    chosen = possible
    if possible.size > N_CUTS:
        generator = np.random.default_rng(SEED)
        half = generator.permutation(after_signal)[: N_CUTS // 2]
        others = generator.permutation(np.setdiff1d(possible, half))[: N_CUTS - half.size]
        chosen = np.sort(np.concatenate((half, others)))
    return chosen, int(np.isin(chosen, after_signal).sum())


def _signal_bars(market: Market, known: Observation) -> IntArray:
    """Return at which instants a formula wanted something, or another strategy ordered."""
    signals = known.seen
    if not isinstance(signals, Signals):
        return np.asarray(np.unique(known.ledger.orders["i_time"]) + market.first, np.int64)
    sides = (signals.long, signals.short)
    wanted = [condition.any(axis=0) for side in sides for condition in (side.enter, side.exit)]
    return np.flatnonzero(np.logical_or.reduce(wanted))


def _poisoned(market: Market, cut: int, direction: float, generator: np.random.Generator) -> Market:
    """Return the market with the bars from `cut` on multiplied by noise, and not many of them.

    Prices jump up or down at the cut, far enough to flip conditions on either side, and then
    only tremble: a market that kept jumping would multiply an account beyond what float64 can
    reconcile.
    """
    n_times = min(market.time.size, cut + POISONED_BARS)
    other = truncate(market, n_times)
    n_symbols, n_poisoned = len(market.symbols), n_times - cut
    jump = direction * generator.uniform(0.2, 1.5, (n_symbols, 1))
    noise = generator.uniform(-0.02, 0.02, (n_symbols, n_poisoned))
    level = np.exp(jump + noise)
    wider = 1.0 + np.abs(noise)

    def changed(column: FloatArray, factor: FloatArray) -> FloatArray:
        column = column.copy()
        column[:, cut:] *= factor
        return column

    return replace(
        other,
        open=changed(other.open, level),
        high=changed(other.high, level * wider),
        low=changed(other.low, level / wider),
        close=changed(other.close, level),
        volume=changed(other.volume, level[:, ::-1]),
        dividend=changed(other.dividend, level),
        read=market.read and _poisoned(market.read, known_bars(market, cut), direction, generator),
    )


class _Comparable(NamedTuple):
    """Everything of a run that must not depend on the future, as tables with a row a series."""

    rows: Rows
    orders: FloatArray
    fates: FloatArray
    fills: FloatArray
    equity: FloatArray


class _Change(NamedTuple):
    what: str
    i_time: int


def _comparable(observation: Observation) -> _Comparable:
    ledger = observation.ledger
    return _Comparable(
        decision_rows(observation.seen) | dict(observation.indicators),
        _numbers(ledger.orders, _ORDER_COLUMNS),
        _numbers(ledger.orders, _FATE_COLUMNS),
        _numbers(ledger.fills, _FILL_COLUMNS),
        ledger.equity[np.newaxis],
    )


def _numbers(table: Table, names: tuple[str, ...]) -> FloatArray:
    return np.array([table[name] for name in names], dtype=np.float64)


def _first_change(ours: _Comparable, theirs: _Comparable, cut: int, first: int) -> _Change | None:
    """Return what differs before `cut`, and where it begins to."""
    for name, row in ours.rows.items():
        at = _first_difference(row, theirs.rows[name], cut)
        if at >= 0:
            return _Change(name, at)
    n_run = cut - first
    at = _first_other_row(ours.orders, theirs.orders, n_run)
    if at >= 0:
        return _Change("the orders", first + at)
    at = _first_other_fate(ours, theirs, n_run)
    if at >= 0:
        return _Change("what became of an order", first + at)
    at = _first_other_row(ours.fills, theirs.fills, n_run)
    if at >= 0:
        return _Change("the fills", first + at)
    at = _first_difference(ours.equity, theirs.equity, n_run)
    return _Change("the equity", first + at) if at >= 0 else None


def _first_difference(ours: npt.NDArray[Any], theirs: npt.NDArray[Any], n_times: int) -> int:
    if ours.dtype == np.bool_:
        return int(first_other_condition(ours, theirs, n_times))
    return int(first_difference(ours, theirs, n_times, TOLERANCE))


def _first_other_fate(ours: _Comparable, theirs: _Comparable, n_run: int) -> int:
    """Return when the first order ends before `n_run` on one side only or otherwise, or -1.

    An order that still works may yet end in any way.
    """
    n_orders = int(np.searchsorted(ours.orders[0], n_run))
    known, other = ours.fates[:, :n_orders], theirs.fates[:, :n_orders]
    is_over, is_over_there = ((fates[0] >= 0.0) & (fates[0] < n_run) for fates in (known, other))
    is_other = is_over != is_over_there
    both = np.flatnonzero(is_over & is_over_there)
    # `take` keeps the layout, for any other one the kernel would be compiled anew.
    i_order = _first_difference(known.take(both, 1), other.take(both, 1), both.size)
    if i_order >= 0:
        is_other[both[i_order]] = True
    if not is_other.any():
        return -1
    i_order = int(is_other.argmax())
    return int(known[0, i_order] if is_over[i_order] else other[0, i_order])


def _first_other_row(ours: FloatArray, theirs: FloatArray, n_run: int) -> int:
    """Return the instant of the first row before `n_run` that only one side has, or -1."""
    n_ours, n_theirs = (int(np.searchsorted(rows[0], n_run)) for rows in (ours, theirs))
    n_both = min(n_ours, n_theirs)
    i_row = _first_difference(ours, theirs, n_both)
    if i_row >= 0:
        return int(min(ours[0, i_row], theirs[0, i_row]))
    if n_ours == n_theirs:
        return -1
    return int((ours if n_ours > n_both else theirs)[0, n_both])


def warm_up(trial: Trial, market: Market, known: Observation) -> Verdict:
    """Return whether signals depend on where the bars happen to begin.

    No condition may be true before the strategy's longest lookback, counted in own bars, nor
    before the run starts. Then every symbol's series is started one lookback later, and again in
    its middle. Recursive indicators (an exponential average) forget their first values gradually,
    so what differs after four lookbacks is reported; after twenty (with fewer bars: half of what
    is left, but four at least) the signals must be the same.

    Returns
    -------
    dict
        status "pass", "fail" or "not_run" (too few bars, or a formula that counts bars from the
        start of the run) and detail.
    """
    lookback = trial.strategy.lookback
    early = _first_early_signal(market, known, trial.strategy.soonest)
    if early is not None:
        detail = f"A signal at {_stamp(market, early)} comes before all indicators are valid."
        return {"status": "fail", "detail": detail}
    if lookback == 0:
        return {"status": "pass", "detail": "Nothing needs earlier bars."}
    first = _first_tradable(market, lookback)
    if first is None:
        return not_run(f"The strategy needs {lookback} earlier bars; there are not as many.")
    start = f"{lookback} bars, first tradable bar {_stamp(market, first)}"
    n_bars = int(market.has_bar.sum(axis=1).max())
    n_needed = (1 + WARM_UP_FACTOR) * lookback + 1
    if n_bars < n_needed:
        return not_run(f"{start}. Restarting elsewhere needs at least {n_needed} bars.")
    if trial.strategy.counts_bars:
        return not_run(f"{start}. The formula counts bars, so elsewhere it is another one.")
    drift = _Drift(0.0, "", 0)
    for n_later in sorted({lookback, max(lookback, n_bars // 2 - WARM_UP_FACTOR * lookback)}):
        other, indicators = trial.evaluate(_started_later(market, n_later))
        n_settling = min(SETTLED_FACTOR * lookback, (n_bars - n_later) // 2)
        n_settling = max(WARM_UP_FACTOR * lookback, n_settling)
        settled = _comparable_bars(market, n_later + n_settling, known.decisions)
        change = _first_change_where(settled, known.decisions, other)
        if change is not None:
            return {
                "status": "fail",
                "detail": f"{start}. Started {n_later} bars later, {change.what} differs at "
                f"{_stamp(market, change.i_time)}: the result depends on where the bars begin.",
            }
        n_warm = n_later + WARM_UP_FACTOR * lookback
        is_warm = _comparable_bars(market, n_warm, known.decisions)
        n_changes = _n_changes_where(is_warm, known.decisions, other)
        drift = max(drift, _drift_where(is_warm, known.indicators, indicators, n_changes))
    return {"status": "pass", "detail": f"{start}. {_drift_text(drift)}"}


def _conditions(decisions: Decisions) -> dict[str, BoolArray]:
    return {name: row for name, row in decision_rows(decisions).items() if row.dtype == np.bool_}


def _first_change_where(where: BoolArray, known: Decisions, other: Decisions) -> _Change | None:
    theirs = _conditions(other)
    for name, row in _conditions(known).items():
        differs = ((row != theirs[name]) & where).any(axis=0)
        if differs.any():
            return _Change(name, int(np.flatnonzero(differs)[0]))
    return None


def _n_changes_where(where: BoolArray, known: Decisions, other: Decisions) -> int:
    theirs = _conditions(other)
    return sum(
        int(np.count_nonzero((row != theirs[name]) & where))
        for name, row in _conditions(known).items()
    )


def _first_early_signal(market: Market, known: Observation, lookback: int) -> int | None:
    """Return when something was wanted or ordered before the first tradable bar, or None."""
    # An order may be made while its symbol has no bar, and waits; weights without history at once.
    may_order = np.cumsum(market.has_bar, axis=1) > lookback
    may_order |= lookback == 0
    may_order[:, : market.first] = False
    orders = known.ledger.orders
    is_ordered = np.zeros_like(may_order)
    is_ordered[orders["symbol"], orders["i_time"] + market.first] = True
    early = is_ordered & ~may_order
    if isinstance(known.decisions, Signals):
        wanted = np.logical_or.reduce(list(_conditions(known.decisions).values()))
        early |= wanted & ~(may_order & market.has_bar)
    return int(np.flatnonzero(early.any(axis=0))[0]) if early.any() else None


def _own_bars_from(market: Market, n_before: int) -> BoolArray:
    """Return where a symbol has a bar with at least `n_before` of its own bars before it."""
    is_late = np.cumsum(market.has_bar, axis=1) > n_before
    return np.logical_and(is_late, market.has_bar)


def _comparable_bars(market: Market, n_before: int, decisions: Decisions) -> BoolArray:
    """Return where decisions must agree once each symbol has `n_before` of its own bars.

    A weight is chosen among all symbols, so none may lack those.
    """
    has_enough = _own_bars_from(market, n_before)
    if not isinstance(decisions, Targets):
        return has_enough
    has_begun = np.cumsum(market.has_bar, axis=1) > 0
    lacks = has_begun & (np.cumsum(market.has_bar, axis=1) <= n_before)
    return np.logical_and(has_enough, ~lacks.any(axis=0))


def _first_tradable(market: Market, lookback: int) -> int | None:
    is_tradable: BoolArray = np.logical_or.reduce(_own_bars_from(market, lookback))
    is_tradable[: market.first] = False
    return int(np.flatnonzero(is_tradable)[0]) if is_tradable.any() else None


def _started_later(market: Market, n_bars: int) -> Market:
    """Return the market without each symbol's first `n_bars` own bars."""
    kept = _own_bars_from(market, n_bars)
    return replace(
        market,
        has_bar=kept,
        open=np.where(kept, market.open, np.nan),
        high=np.where(kept, market.high, np.nan),
        low=np.where(kept, market.low, np.nan),
        close=np.where(kept, market.close, np.nan),
        volume=np.where(kept, market.volume, np.nan),
        read=market.read and _started_later(market.read, n_bars),
    )


class _Drift(NamedTuple):
    """How far an indicator differs at most, as a share of its usual size; signals that differ."""

    size: float
    label: str
    n_changes: int


def _drift_where(
    where: BoolArray,
    known: Mapping[str, FloatArray],
    found: Mapping[str, FloatArray],
    n_changes: int,
) -> _Drift:
    worst = _Drift(0.0, "", n_changes)
    for name, row in known.items():
        difference = np.abs(row[where] - found[name][where])
        is_known = np.isfinite(difference)
        if is_known.any():
            scale = float(np.abs(row[where][is_known]).mean()) or 1.0
            largest = float(difference[is_known].max())
            worst = max(worst, _Drift(largest / scale, name, n_changes))
    return worst


def _drift_text(drift: _Drift) -> str:
    if drift.size <= TOLERANCE:
        return "Restarted elsewhere: no drift."
    signals = f"{drift.n_changes} signals differ" if drift.n_changes else "no signal differs"
    return (
        f"Restarted elsewhere, after {WARM_UP_FACTOR} lookbacks {drift.label} drifts by at most "
        f"{drift.size:.1g} of its mean, and {signals}."
    )


class Band(NamedTuple):
    """The final equity under each path rule, and the range of equity at each close."""

    final_equity: dict[str, float]
    low: FloatArray
    high: FloatArray


def band(trial: Trial, market: Market, decisions: Decisions, ledger: Ledger) -> Band:
    """Return how far the equity depends on the order of prices inside a bar (F4).

    When no fill was ambiguous, each bar goes the same way under every rule from the same state,
    so all three runs are this one and none is repeated.
    """
    if ledger.ambiguous_fills == 0:
        final = dict.fromkeys(PATHS, float(ledger.equity[-1]))
        return Band(final, ledger.equity, ledger.equity)
    own_path = trial.config.execution.path
    curves = {
        path: ledger.equity
        if path == own_path
        else trial.ledger(market, decisions, path=path).equity
        for path in PATHS
    }
    stack = np.array(list(curves.values()))
    final = {path: float(curve[-1]) for path, curve in curves.items()}
    return Band(final, stack.min(axis=0), stack.max(axis=0))


def _stamp(market: Market, i_time: int) -> str:
    """Return an instant as people write it: a date for bars of a day or longer."""
    text = str(np.datetime64(int(market.time[i_time]), "ms"))
    return text.removesuffix("T00:00:00.000").removesuffix(":00.000").replace("T", " ")
