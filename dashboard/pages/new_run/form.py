"""The form's controls as a RunConfig, and back.

A form is a flat dictionary of what the controls show. What a cloned run's configuration holds and
the form has no control for is kept in `base` and goes into the next run unchanged.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from config.run import RunConfig
from dashboard.pages.new_run import formula_text

Form = dict[str, Any]
Config = dict[str, Any]

DEFAULTS: Config = RunConfig(
    symbols=["AAPL"],
    strategy={"name": "sma_cross"},
).model_dump()

# Form key -> where it is in the configuration; percent controls hold percents, not fractions.
PLACES: dict[str, tuple[str, ...]] = {
    "timeframe": ("timeframe",),
    "start": ("start",),
    "end": ("end",),
    "cash": ("cash",),
    "benchmark": ("benchmark",),
    "fill": ("execution", "fill"),
    "path": ("execution", "path"),
    "slippage_bps": ("execution", "slippage_bps"),
    "spread_bps": ("execution", "spread_bps"),
    "cash_policy": ("execution", "cash_policy"),
    "rate_bps": ("costs", "rate_bps"),
    "fixed": ("costs", "fixed"),
    "impact": ("execution", "impact"),
    "volume_impact": ("execution", "volume_impact"),
    "slippage_ticks": ("execution", "slippage_ticks"),
    "tick": ("execution", "tick"),
    "time_in_force": ("execution", "time_in_force"),
}
PERCENT_PLACES: dict[str, tuple[str, ...]] = {
    "drawdown_stop": ("risk", "max_drawdown_stop"),
    "borrow_rate": ("costs", "borrow_rate"),
    "cash_rate": ("costs", "cash_rate"),
    "margin_initial": ("margin", "initial"),
    "participation": ("execution", "participation"),
}
# An empty number control: the default, or nothing where nothing is allowed.
MAY_BE_EMPTY = {
    "start",
    "end",
    "drawdown_stop",
    "benchmark",
    "participation",
    "impact",
    "volume_impact",
    "tick",
}
NO_BENCHMARK = "none"
NO_FLOWS = "none"
# Sizes as fractions of equity, risk or volatility are shown in percent.
PERCENT_SIZES = {"fraction", "risk", "volatility", "kelly"}

PRESETS: dict[str, dict[str, float]] = {
    "zero": {"rate_bps": 0.0, "fixed": 0.0, "slippage_bps": 0.0, "spread_bps": 0.0},
    "retail": {"rate_bps": 0.0, "fixed": 1.0, "slippage_bps": 5.0, "spread_bps": 4.0},
    "default": {"rate_bps": 10.0, "fixed": 0.0, "slippage_bps": 5.0, "spread_bps": 0.0},
    "strict": {"rate_bps": 20.0, "fixed": 1.0, "slippage_bps": 15.0, "spread_bps": 10.0},
}
COSTS = tuple(PRESETS["zero"])


def preset_of(form: Mapping[str, Any]) -> str:
    """Return the name of the cost preset that the form's costs are, "" when they are none."""
    for name, costs in PRESETS.items():
        if all(float(form.get(key) or 0.0) == value for key, value in costs.items()):
            return name
    return ""


def to_config(form: Mapping[str, Any], base: Mapping[str, Any] | None = None) -> Config:
    """Return the configuration that the form asks for; what it leaves empty is the default."""
    config: Config = copy.deepcopy(dict(base or {}))
    config["symbols"] = list(form["symbols"] or [])
    config["strategy"] = _strategy(form)
    config["sizing"] = _sizing(form)
    config["flows"] = _flows(form)
    for key, place in PLACES.items():
        _put(config, place, _value(key, form.get(key), place))
    for key, place in PERCENT_PLACES.items():
        value = _value(key, form.get(key), place, scale=100.0)
        # 7 % is 0.07, not 0.07000000000000001.
        _put(config, place, None if value is None else float(f"{value / 100.0:.12g}"))
    if form.get("benchmark") == NO_BENCHMARK:
        config["benchmark"] = None
    return config


def _value(key: str, value: Any, place: tuple[str, ...], *, scale: float = 1.0) -> Any:
    if value not in ("", None):
        return value
    if key in MAY_BE_EMPTY and key != "benchmark":
        return None
    default = _get(DEFAULTS, place)
    return default * scale if isinstance(default, float) else default


def _strategy(form: Mapping[str, Any]) -> Config:
    params = {name: value for name, value in (form.get("params") or {}).items() if value != ""}
    if form["mode"] == "formula":
        parsed = formula_text.read(form.get("text") or "")
        known = {name: params.get(name, spec["default"]) for name, spec in parsed.params.items()}
        return {"formula": parsed.formula, "params": known}
    return {"name": form["strategy"], "params": params}


def _sizing(form: Mapping[str, Any]) -> Config | None:
    kind, value = form.get("size_kind"), form.get("size_value")
    if not kind or kind == "own" or value in ("", None):
        return None
    number = float(str(value))
    if kind in PERCENT_SIZES:
        number = float(f"{number / 100.0:.12g}")
    return {"kind": kind, "value": number}


def _flows(form: Mapping[str, Any]) -> Config | None:
    every, amount = form.get("flow_every"), form.get("flow_amount")
    if not every or every == NO_FLOWS or amount in ("", None):
        return None
    return {"amount": float(str(amount)), "every": every}


def from_config(config: Mapping[str, Any], strategies: Mapping[str, Mapping[str, Any]]) -> Form:
    """Return the form that shows `config`, with the parameters' schema from `strategies`."""
    strategy = config["strategy"]
    is_formula = strategy.get("formula") is not None
    form: Form = {
        "symbols": list(config["symbols"]),
        "mode": "formula" if is_formula else "template",
        "strategy": strategy.get("name") or next(iter(strategies), ""),
        "params": dict(strategy.get("params") or {}),
        "text": "",
    }
    if is_formula:
        form["text"] = formula_text.write(strategy["formula"], _specs(form["params"]))
    elif form["strategy"] in strategies:
        known = strategies[form["strategy"]]["params"]
        defaults = {name: spec["default"] for name, spec in known.items()}
        form["params"] = {**defaults, **form["params"]}
    for key, place in PLACES.items():
        form[key] = _get(config, place, _get(DEFAULTS, place))
    for key, place in PERCENT_PLACES.items():
        value = _get(config, place, _get(DEFAULTS, place))
        form[key] = "" if value is None else float(f"{value * 100.0:.12g}")
    if form["benchmark"] is None:
        form["benchmark"] = NO_BENCHMARK
    sizing = config.get("sizing")
    form["size_kind"] = sizing["kind"] if sizing else "own"
    form["size_value"] = ""
    if sizing:
        scale = 100.0 if sizing["kind"] in PERCENT_SIZES else 1.0
        form["size_value"] = float(f"{sizing['value'] * scale:.12g}")
    flows = config.get("flows")
    form["flow_every"] = flows["every"] if flows else NO_FLOWS
    form["flow_amount"] = flows["amount"] if flows else ""
    return form


def _specs(params: Mapping[str, Any]) -> dict[str, Any]:
    """Return parameters known by their values only, as the editor writes them."""
    return {name: {"default": value, "min": None, "max": None} for name, value in params.items()}


def base_of(config: Mapping[str, Any]) -> Config:
    """Return what `config` says beyond the form's controls, to be kept in a clone."""
    kept: Config = {}
    controlled = {*PLACES.values(), *PERCENT_PLACES.values()}
    for key, value in config.items():
        if key in ("symbols", "strategy", "sizing", "flows") or (key,) in controlled:
            continue
        if isinstance(value, Mapping):
            inner = {
                name: item
                for name, item in value.items()
                if (key, name) not in controlled and item != _get(DEFAULTS, (key, name))
            }
            if inner:
                kept[key] = inner
        elif value != DEFAULTS.get(key):
            kept[key] = value
    return kept


def changed(config: Mapping[str, Any]) -> Config:
    """Return `config` without what is the default anyway: what a person would write."""
    result: Config = {}
    for key, value in config.items():
        default = DEFAULTS.get(key)
        if key in ("symbols", "strategy"):
            result[key] = value
        elif isinstance(value, Mapping) and isinstance(default, Mapping):
            inner = {name: item for name, item in value.items() if item != default.get(name)}
            if inner:
                result[key] = inner
        elif value != default:
            result[key] = value
    return result


def _get(config: Mapping[str, Any], place: tuple[str, ...], default: Any = None) -> Any:
    value: Any = config
    for key in place:
        if not isinstance(value, Mapping) or key not in value:
            return default
        value = value[key]
    return value


def _put(config: Config, place: tuple[str, ...], value: Any) -> None:
    for key in place[:-1]:
        config = config.setdefault(key, {})
    config[place[-1]] = value
