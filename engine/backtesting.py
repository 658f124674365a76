"""One backtest from bars and a configuration to an honest result."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from config.run import RunConfig
from engine.benchmark import buy_and_hold, hold
from engine.checks import Band, Observation, band, look_ahead, not_run, warm_up
from engine.clock import timeframe_of
from engine.detail import detail_of, with_detail
from engine.errors import InvalidBarsError, InvalidParameterError
from engine.market import build_market
from engine.metrics import Metrics, compute_metrics, conventions, curve_metrics
from engine.resolve import RunPlan, plan_run
from engine.tables import equity_table, fill_table, order_table, trade_table
from engine.trial import Trial
from engine.types import Bars, FloatArray, Ledger, Market, RunResult


def backtest(
    bars: Mapping[str, Bars],
    config: Mapping[str, Any] | RunConfig,
    *,
    checks: bool = True,
    detail: Mapping[str, Bars] | None = None,
) -> RunResult:
    """Run a strategy over bars and return what happened, measured and checked.

    Parameters
    ----------
    bars : mapping of symbol to Bars
        All symbols are traded, from one account; so `symbols` of the configuration may be left
        out, and `timeframe` too. With `symbols` given, a benchmark and symbols that the strategy
        reads by `of` are not traded when they are not among them.
    config : RunConfig or mapping
        As `config.run` describes; start and end are obeyed, and earlier bars feed indicators.
    checks : bool
        Whether to look for look-ahead and warm-up errors, which runs the strategy some seventy
        times more. The books are always reconciled.
    detail : mapping of symbol to Bars, optional
        Finer bars of traded symbols, which replace the path rule inside the bars that they agree
        with (F4); as `Bars.detail` does.

    Returns
    -------
    RunResult

    Raises
    ------
    InvalidBarsError
        If bars cannot be traded on, or none lies between start and end.
    InvalidParameterError, InvalidFormulaError, InvalidStrategyError, UnknownStrategyError
        If the configuration is refused; `field` is the dotted name.
    ReconciliationError
        If the books do not balance, which is a fault of the engine.

    Examples
    --------
    >>> time = 86_400_000 * np.arange(3)
    >>> price = np.array([100.0, 110.0, 121.0])
    >>> bars = Bars(time, price, price, price, price, np.ones(3))
    >>> free = {"costs": {"rate_bps": 0}, "execution": {"slippage_bps": 0}}
    >>> result = backtest({"ABC": bars}, {"strategy": {"name": "buy_and_hold"}, **free})
    >>> result.metrics["final_equity"]
    109999.0
    """
    if detail is not None:
        bars, config = with_detail(bars, config, detail)
    run = plan_run(with_bars_known(bars, config))
    market = run.market(bars)
    _require_volumes(run.config, market)
    trial = Trial(run.strategy, run.config)
    signals, rows = trial.evaluate(market)
    ledger = trial.ledger(market, signals)
    spread = band(trial, market, signals, ledger)
    verdicts = _no_verdicts()
    if checks:
        observation = Observation(signals, rows, ledger)
        verdicts = {
            "look_ahead": look_ahead(trial, market, observation),
            "warm_up": warm_up(trial, market, observation),
        }
    return _result(run, market, ledger, benchmark_values(run, market, bars), spread, verdicts)


def with_bars_known(
    bars: Mapping[str, Bars], config: Mapping[str, Any] | RunConfig
) -> Mapping[str, Any] | RunConfig:
    """Return the configuration with symbols and timeframe taken from the bars."""
    if not bars:
        raise InvalidBarsError("Expected the bars of at least one symbol, there are none.")
    asked = set(config.symbols if isinstance(config, RunConfig) else config.get("symbols") or ())
    beside = set(bars) - asked if asked & set(bars) else set()
    only_read = beside & _read_symbols(config) if beside else set()
    if isinstance(config, RunConfig):
        if beside == only_read and asked <= set(bars):
            return config
        config = config.model_dump(exclude_unset=True)
    timeframe = timeframe_of([series.time for series in bars.values()])
    return {"timeframe": timeframe, **config, "symbols": sorted(set(bars) - only_read)}


def _read_symbols(config: Mapping[str, Any] | RunConfig) -> set[str]:
    """Return the symbols that a run reads for its strategy or its benchmark."""
    run = plan_run(config)
    return {*run.strategy.symbols, run.config.benchmark or ""}


def _require_volumes(config: RunConfig, market: Market) -> None:
    """Raise InvalidParameterError when a symbol has no volume at all and an option needs it."""
    has_volume = (market.volume[:, market.first :] > 0.0).any(axis=1)
    for name in ("participation", "impact", "volume_impact"):
        if getattr(config.execution, name) and not has_volume.all():
            symbol = market.symbols[int(np.argmin(has_volume))]
            raise InvalidParameterError(
                f"`execution.{name}` needs volumes, and {symbol} has none in these bars: nothing "
                "would ever fill. Leave it out, or import bars with volumes.",
                field=f"execution.{name}",
            )


def benchmark_values(run: RunPlan, market: Market, bars: Mapping[str, Bars]) -> FloatArray | None:
    """Return the benchmark's value at each close of the run (M7), NaN where it has no bar."""
    name, cash = run.config.benchmark, run.config.cash
    if name is None:
        return None
    if name == "buy_and_hold":
        return buy_and_hold(market, cash)
    if name in market.symbols:
        return hold(market, name, cash)
    if name not in bars:
        raise InvalidParameterError(
            f"Expected the bars of the benchmark {name}, or one of the traded symbols "
            f"({', '.join(market.symbols)}), or buy_and_hold.",
            field="benchmark",
        )
    own = build_market({name: bars[name]}, start_ms=run.start_ms, end_ms=run.end_ms)
    value = np.full(market.time.size - market.first, np.nan)
    _, ours, theirs = np.intersect1d(
        market.time[market.first :], own.time, assume_unique=True, return_indices=True
    )
    value[ours] = hold(own, name, cash)[theirs]
    return value


def _coverage(market: Market, config: RunConfig) -> dict[str, dict[str, Any]]:
    """Return in how many bars finer ones replaced the path rule, when they were asked for."""
    detail = detail_of(market, config)
    if detail is None:
        return {}
    n_bars = int(market.has_bar[:, market.first :].sum())
    found = {
        "timeframe": config.execution.detail_timeframe,
        "bars": n_bars - detail.n_without - detail.n_contradicting,
        "without": detail.n_without,
        "contradicting": detail.n_contradicting,
    }
    return {"detail": found}


def _no_verdicts() -> dict[str, dict[str, str]]:
    verdict = not_run("A preview is not checked.")
    return {"look_ahead": verdict, "warm_up": verdict}


def _result(
    run: RunPlan,
    market: Market,
    ledger: Ledger,
    benchmark: FloatArray | None,
    spread: Band,
    verdicts: dict[str, dict[str, str]],
) -> RunResult:
    config = run.config
    symbols = np.array(market.symbols)
    equity = equity_table(ledger, config.cash)
    fills = fill_table(ledger, symbols)
    trades = trade_table(ledger, symbols)
    rules = conventions(
        ledger.time,
        calendars=market.calendars,
        zones=market.zones,
        periods_per_year=config.periods_per_year,
        risk_free_rate=config.risk_free_rate,
    )
    theirs: Metrics = {}
    curves = {"band_low": spread.low, "band_high": spread.high}
    if benchmark is not None:
        curves["benchmark"] = benchmark
        has_value = np.isfinite(benchmark)
        if has_value.any():
            own_time, own_value = ledger.time[has_value], benchmark[has_value]
            theirs = curve_metrics(own_time, own_value, base=float(own_value[0]), rules=rules)
    return RunResult(
        metrics=compute_metrics(
            equity, trades, fills, base=config.cash, rules=rules, benchmark=benchmark
        ),
        benchmark_metrics=theirs,
        equity=equity,
        curves=curves,
        orders=order_table(ledger, symbols),
        fills=fills,
        trades=trades,
        checks={
            **verdicts,
            "ambiguous_fills": ledger.ambiguous_fills,
            "band": spread.final_equity,
            "recon_error": ledger.recon_error,
            **_coverage(market, config),
        },
        config=config.model_dump(mode="json"),
        status=ledger.status,
    )
