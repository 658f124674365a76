"""From a finished backtest to what is stored and answered: document, tables, row of the list."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import numpy as np

from config.run import RunConfig
from dataapi import wire
from dataapi.services.badges import badges
from dataapi.services.curves import sparkline
from dataapi.services.describe import summary
from dataapi.services.inputs import Inputs
from dataapi.store import NewRun, RunListItem, run_trials
from engine.event_files import EventDefinition
from engine.formula import StrategyDefinition
from engine.metrics import Conventions, conventions
from engine.types import RunResult, Table
from engine.version import ENGINE_VERSION

API = "/api/v1"
TABLES = ("equity", "orders", "fills", "trades")
Document = dict[str, Any]


def new_run(inputs: Inputs, result: RunResult, *, elapsed_ms: float, public_url: str) -> NewRun:
    """Return what is stored of a finished run."""
    tables = run_tables(result)
    document = run_document(inputs, result, elapsed_ms=elapsed_ms, public_url=public_url)
    data = {item["symbol"]: item["fingerprint"] for item in document["data"]}
    return NewRun(
        id=inputs.id,
        key=inputs.key,
        strategy=inputs.plan.definition.name,
        params_text=params_text(document["strategy"]["params"]),
        timeframe=inputs.config.timeframe,
        status=result.status,
        engine_version=ENGINE_VERSION,
        first_ms=int(tables["equity"]["time"][0]),
        last_ms=int(tables["equity"]["time"][-1]),
        data=tuple((symbol, data[symbol]) for symbol in inputs.config.symbols),
        metrics=document["metrics"],
        summary=list_summary(document, tables["equity"]["equity"]),
        document=document,
        tables=tables,
        trials=run_trials(document),
    )


def run_document(
    inputs: Inputs, result: RunResult, *, elapsed_ms: float, public_url: str
) -> Document:
    """Return the run document of interfaces.md; only finite numbers, ready for JSON."""
    path = f"{API}/runs/{inputs.id}"
    data = inputs.data
    document = {
        "id": inputs.id,
        "key": inputs.key,
        "url": f"{public_url.rstrip('/')}/runs/{inputs.id}",
        "status": result.status,
        "created": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "summary": describe(inputs, result.equity["time"]),
        "config": inputs.config.model_dump(mode="json"),
        "strategy": strategy_part(inputs.plan.definition, inputs.plan.strategy.params),
        "engine_version": ENGINE_VERSION,
        "fingerprint": inputs.fingerprint,
        "data": data,
        "metrics": result.metrics,
        "benchmark_metrics": result.benchmark_metrics,
        "checks": result.checks,
        "badges": badges(
            inputs.config,
            checks=result.checks,
            metrics=result.metrics,
            status=result.status,
            is_adjusted=any(item["adjusted"] for item in data),
            is_synthetic=any(item["synthetic"] for item in data),
        ),
        "conventions": asdict(_conventions(inputs, result.equity["time"])),
        "timing": {"elapsed_ms": elapsed_ms, **library_versions()},
        "links": {
            name: f"{path}/{name}"
            for name in (*TABLES, "events", "statistics", "passports", "analysis", "about")
        }
        | {"self": path, "bundle": f"{path}/bundle.json"},
    }
    finite: Document = json.loads(wire.json_bytes(document))
    return finite


def run_tables(result: RunResult) -> dict[str, Table]:
    """Return the tables of a run as they are stored; `equity` has the benchmark and the band."""
    equity = dict(result.equity)
    benchmark = result.curves.get("benchmark")
    if benchmark is not None:
        equity["benchmark"] = benchmark
        # A benchmark of another clock is NaN where it has no bar.
        equity["benchmark_drawdown"] = benchmark / np.fmax.accumulate(benchmark) - 1.0
    for name in ("band_low", "band_high"):
        if name in result.curves:
            equity[name] = result.curves[name]
    return {
        "equity": equity,
        "orders": result.orders,
        "fills": result.fills,
        "trades": result.trades,
    }


def list_summary(document: Document, equity: np.ndarray[Any, Any]) -> Document:
    """Return what a row of the list shows besides its columns."""
    return {
        "sparkline": sparkline(equity),
        "badges": document["badges"],
        "title": document["strategy"]["title"],
    }


def list_item(item: RunListItem, public_url: str) -> Document:
    """Return a row of the list as it is answered."""
    return {
        "id": item.id,
        "url": f"{public_url.rstrip('/')}/runs/{item.id}",
        "name": item.name,
        "strategy": item.strategy,
        "title": item.summary.get("title", item.strategy),
        "params_text": item.params_text,
        "symbols": item.symbols,
        "timeframe": item.timeframe,
        "first": wire.iso_stamp(item.first_ms, item.timeframe),
        "last": wire.iso_stamp(item.last_ms, item.timeframe),
        "created": wire.iso_instant(item.created_ms),
        "status": item.status,
        "starred": item.is_starred,
        "tags": item.tags,
        "engine_version": item.engine_version,
        "metrics": item.metrics,
        "sparkline": item.summary.get("sparkline", []),
        "badges": item.summary.get("badges", []),
    }


def describe(inputs: Inputs, time: np.ndarray[Any, Any]) -> str:
    """Return the run in plain English."""
    timeframe = inputs.config.timeframe
    return summary(
        inputs.config,
        title=title_of(inputs.plan.definition),
        formula=inputs.plan.definition.formula,
        targets=inputs.plan.definition.summary,
        params=inputs.plan.strategy.params,
        first=wire.iso_stamp(time[0], timeframe),
        last=wire.iso_stamp(time[-1], timeframe),
    )


def strategy_part(definition: StrategyDefinition, params: Mapping[str, Any]) -> Document:
    """Return the strategy as a run document shows it."""
    return {
        "name": definition.name,
        "title": title_of(definition),
        "description": definition.description,
        "kind": definition.kind,
        "params": dict(params),
        "formula": dict(definition.formula),
        **_source(definition),
    }


def _source(definition: StrategyDefinition) -> Document:
    """Return what a run keeps of a strategy file: its name, its whole text, its indicators."""
    if not isinstance(definition, EventDefinition):
        return {}
    return {
        "file": f"{definition.name}.py",
        "code": definition.code,
        "indicators": dict(definition.indicators),
    }


def title_of(definition: StrategyDefinition) -> str:
    """Return a strategy's title; a formula that has only a name is called by it."""
    if definition.title == "Formula" and definition.name != "formula":
        return definition.name.replace("_", " ").capitalize()
    return definition.title


def stored_conventions(document: Document) -> Conventions:
    """Return the conventions that the statistics of a stored run were computed with."""
    return Conventions(**document["conventions"])


def params_text(params: Mapping[str, Any]) -> str:
    """Return the parameters in one line, `fast=10 slow=30`; a long-only direction goes unsaid."""
    said = {name: value for name, value in params.items() if value != "long_only"}
    return " ".join(f"{name}={_param_text(value)}" for name, value in said.items())


def _param_text(value: object) -> str:
    """Return a parameter as the command line takes it."""
    if isinstance(value, Mapping):
        return ",".join(f"{symbol}:{weight:g}" for symbol, weight in value.items())
    return str(value)


def library_versions() -> dict[str, str]:
    """Return what besides the engine takes part in a computation: libraries and processor."""
    from importlib.metadata import version

    return {
        "python": platform.python_version(),
        "numpy": np.__version__,
        "numba": version("numba"),
        "processor": _processor(),
        "host": os.uname().nodename,
    }


def config_of(document: Document) -> RunConfig:
    """Return the resolved configuration of a stored run."""
    return RunConfig.model_validate(document["config"])


def _conventions(inputs: Inputs, time: np.ndarray[Any, Any]) -> Conventions:
    traded = [inputs.bars[symbol] for symbol in inputs.config.symbols]
    return conventions(
        time,
        calendars=[bars.calendar for bars in traded],
        zones=[bars.tz for bars in traded],
        periods_per_year=inputs.config.periods_per_year,
        risk_free_rate=inputs.config.risk_free_rate,
    )


def _processor() -> str:
    """Return the processor's name; /proc knows it where the platform module does not."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            names = [
                line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")
            ]
    except OSError:
        names = []
    return names[0] if names else platform.machine()
