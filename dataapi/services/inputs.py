"""Everything that determines a run, gathered: resolved configuration, bars, identity."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from config.run import RunConfig
from dataapi import wire
from dataapi.problems import TooLarge, Unprocessable, nearest
from dataapi.services.identity import run_id, run_key
from dataapi.store import NotStoredError, SeriesInfo, Store, fingerprint, portfolio_fingerprint
from engine.clock import DAY_MS
from engine.resolve import RunPlan, plan_run
from engine.types import Bars
from engine.version import ENGINE_VERSION


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """What a run is made from; two equal `key`s are the same run.

    `bars` holds the bars used by symbol, warm-up included: of the traded symbols, of those that
    the strategy reads, and of the benchmark where that is a symbol of its own. The plan's
    configuration is resolved: its start and end are set.
    """

    plan: RunPlan
    bars: dict[str, Bars]
    series: dict[str, SeriesInfo]
    fingerprint: str
    key: str

    @property
    def config(self) -> RunConfig:
        """Return the resolved configuration."""
        return self.plan.config

    @property
    def id(self) -> str:
        """Return the id of the run."""
        return run_id(self.key)

    @property
    def data(self) -> list[dict[str, Any]]:
        """Return what the run document says about its bars."""
        return [self._data_item(symbol) for symbol in sorted(self.bars)]

    def _data_item(self, symbol: str) -> dict[str, Any]:
        bars, timeframe = self.bars[symbol], self.config.timeframe
        item: dict[str, Any] = {
            "symbol": symbol,
            "timeframe": timeframe,
            "fingerprint": fingerprint(bars),
            "first": wire.iso_stamp(bars.time[0], timeframe),
            "last": wire.iso_stamp(bars.time[-1], timeframe),
            "bars": int(bars.time.size),
            "adjusted": self.series[symbol].is_adjusted,
            "synthetic": self.series[symbol].is_synthetic,
        }
        if bars.detail is not None:
            item["detail"] = {
                "timeframe": self.config.execution.detail_timeframe,
                "fingerprint": fingerprint(bars.detail),
                "bars": int(bars.detail.time.size),
            }
        return item


def gather(store: Store, config: RunConfig, *, max_run_bars: int) -> Inputs:
    """Return the inputs of the run that `config` asks for.

    Raises
    ------
    Unprocessable
        If a symbol is not stored, with the nearest that is, or has no bars in the period.
    TooLarge
        If the run would read more than `max_run_bars`.
    EngineError
        If the strategy, its parameters or the configuration are refused.
    """
    asked = plan_run(config)
    if asked.read_symbols:
        stored = store.series.list()
        asked.refuse_unread({one.symbol for one in stored if one.timeframe == config.timeframe})
    series = {symbol: _info(store, config, symbol) for symbol in _symbols(asked)}
    plan = plan_run(_with_period(config, series))
    bars = {
        symbol: store.series.bars(
            symbol,
            config.timeframe,
            plan.start_ms,
            plan.end_ms,
            warm_up_bars=plan.warm_up_bars,
        )
        for symbol in series
    }
    for symbol, one in bars.items():
        _refuse_empty(series[symbol], one, plan)
    _attach_detail(store, plan, bars)
    finer = [one.detail for one in bars.values() if one.detail is not None]
    n_bars = sum(one.time.size for one in [*bars.values(), *finer])
    if n_bars > max_run_bars:
        raise TooLarge(
            f"The run would read {n_bars:,} bars; the limit is {max_run_bars:,}. "
            "Choose a shorter period or fewer symbols."
        )
    resolved = plan.config.model_dump(mode="json")
    print_ = portfolio_fingerprint(bars)
    key = run_key(resolved, ENGINE_VERSION, print_)
    return Inputs(plan=plan, bars=bars, series=series, fingerprint=print_, key=key)


def _attach_detail(store: Store, plan: RunPlan, bars: dict[str, Bars]) -> None:
    """Give traded symbols their finer bars, where the run asks for them and they are stored."""
    timeframe = plan.config.execution.detail_timeframe
    if timeframe is None:
        return
    for symbol in plan.config.symbols:
        try:
            detail = store.series.bars(symbol, timeframe, *_span_ms(bars[symbol]))
        except NotStoredError:
            continue
        if detail.time.size:
            bars[symbol] = replace(bars[symbol], detail=detail)
    if all(bars[symbol].detail is None for symbol in plan.config.symbols):
        message = (
            f"No {timeframe} bars of {', '.join(plan.config.symbols)} are stored in the period: "
            "import them first, or leave detail_timeframe out."
        )
        raise Unprocessable(
            message, errors=[{"field": "execution.detail_timeframe", "message": message}]
        )


def _span_ms(bars: Bars) -> tuple[int, int]:
    """Return the instants between which finer bars can lie inside bars, dates of any zone."""
    step = int(np.diff(bars.time[-2:]).max(initial=DAY_MS))
    return int(bars.time[0]) - DAY_MS, int(bars.time[-1]) + step + DAY_MS


def read_symbols(config: RunConfig) -> list[str]:
    """Return the symbols whose bars are read: traded, named by the strategy, or the benchmark.

    Raises
    ------
    EngineError
        If the configuration is refused.
    """
    return _symbols(plan_run(config))


def _symbols(plan: RunPlan) -> list[str]:
    names = {*plan.config.symbols, *plan.read_symbols}
    if plan.config.benchmark not in {None, "buy_and_hold"}:
        names.add(str(plan.config.benchmark))
    return sorted(names)


def _info(store: Store, config: RunConfig, symbol: str) -> SeriesInfo:
    try:
        return store.series.get(symbol, config.timeframe)
    except NotStoredError:
        stored = [(info.symbol, info.timeframe) for info in store.series.list()]
    field = "benchmark" if symbol not in config.symbols else "symbols"
    timeframes = [timeframe for name, timeframe in stored if name == symbol]
    if timeframes:
        field = "timeframe"
        message = f"{symbol} is not stored in {config.timeframe}; it is in {', '.join(timeframes)}."
    else:
        hint = nearest(symbol, sorted({name for name, _ in stored}))
        message = f"No bars of {symbol} are stored.{hint or ' Import them first.'}"
    raise Unprocessable(message, errors=[{"field": field, "message": message}])


def _refuse_empty(info: SeriesInfo, bars: Bars, plan: RunPlan) -> None:
    """Raise when a symbol has no bar in the period; bars before it are for indicators only."""
    if bars.time.size and (plan.start_ms is None or bars.time[-1] >= plan.start_ms):
        return
    first, last = (wire.iso_stamp(ms, info.timeframe) for ms in (info.first_ms, info.last_ms))
    message = (
        f"{info.symbol} has no bars between {plan.config.start} and {plan.config.end}; "
        f"stored: {first} to {last}."
    )
    raise Unprocessable(message, errors=[{"field": "start", "message": message}])


def _with_period(config: RunConfig, series: dict[str, SeriesInfo]) -> RunConfig:
    """Return the configuration with symbols in order and both ends set.

    The order of symbols changes no result (F17), and newer bars shall not change this run.
    """
    traded = [series[symbol] for symbol in config.symbols]
    changes: dict[str, Any] = {"symbols": sorted(config.symbols)}
    if config.start is None:
        first_ms = min(info.first_ms for info in traded)
        changes["start"] = wire.iso_stamp(first_ms, config.timeframe)
    if config.end is None:
        last_ms = max(info.last_ms for info in traded)
        changes["end"] = wire.iso_stamp(last_ms, config.timeframe)
    return config.model_copy(update=changes)
