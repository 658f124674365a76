"""The form and the configuration it stands for."""

import copy
import json

import pytest

from config.run import RunConfig
from dashboard.pages.new_run import copying
from dashboard.pages.new_run import form as forms

STRATEGIES = {
    "sma_cross": {
        "params": {"fast": {"kind": "int", "default": 10}, "slow": {"kind": "int", "default": 30}}
    }
}
BY_NAME = {"name": "sma_cross", "params": {"fast": 12, "slow": 40}}
BY_FORMULA = {
    "formula": {"enter_long": "close > sma(close, n)", "exit_long": "close < 1"},
    "params": {"n": 20, "direction": "long_short"},
}


def resolved(**changes: object) -> dict:
    given = {"symbols": ["AAPL", "MSFT"], "strategy": BY_NAME, **changes}
    return RunConfig.model_validate(given).model_dump()


CONFIGS = [
    resolved(),
    resolved(strategy=BY_FORMULA, start="2005-03-01", end="2013-03-01"),
    resolved(sizing={"kind": "fraction", "value": 0.07}, benchmark=None),
    resolved(sizing={"kind": "units", "value": 100}, benchmark="IBM", cash=5000.0),
    resolved(risk={"max_drawdown_stop": 0.29, "max_gross": 2.0}, margin={"initial": 0.5}),
    resolved(costs={"rate_bps": 0.0, "maker_bps": 1.0, "borrow_rate": 0.03}, seed=7, lot=0.0),
    resolved(execution={"fill": "this_close", "path": "ohlc", "clip": True, "tick": 0.01}),
    resolved(
        execution={
            "participation": 0.07,
            "impact": 0.1,
            "volume_impact": 0.5,
            "slippage_ticks": 2,
            "tick": 0.01,
            "time_in_force": "ioc",
        }
    ),
    resolved(flows={"amount": -500.0, "every": "month"}),
    resolved(
        strategy={
            "name": "fixed_weights",
            "params": {"weights": {"AAPL": 0.6, "MSFT": 0.4}, "rebalance": "band:0.05"},
        }
    ),
    resolved(sizing={"kind": "volatility", "value": 0.1}),
    resolved(sizing={"kind": "kelly", "value": 0.25}),
]


@pytest.mark.parametrize("config", CONFIGS)
def test_a_cloned_run_asks_for_the_same_run(config: dict) -> None:
    form = forms.from_config(config, STRATEGIES)
    # Through the browser: the form is JSON there.
    form, base = json.loads(json.dumps([form, forms.base_of(config)]))

    again = RunConfig.model_validate(forms.to_config(form, base)).model_dump()

    assert again == config


def test_a_clone_leaves_its_base_alone() -> None:
    base = {"costs": {"maker_bps": 1.0}}
    before = copy.deepcopy(base)

    forms.to_config(forms.from_config(resolved(), STRATEGIES), base)

    assert base == before


def test_an_empty_number_is_the_default() -> None:
    form = forms.from_config(resolved(), STRATEGIES)
    form.update(cash="", slippage_bps=None, margin_initial="", start="", drawdown_stop="")

    config = RunConfig.model_validate(forms.to_config(form))

    assert config == RunConfig.model_validate(resolved())


def test_costs_have_the_name_of_their_preset_and_none_when_changed() -> None:
    form = forms.from_config(resolved(), STRATEGIES)

    assert forms.preset_of(form) == "default"
    for name, costs in forms.PRESETS.items():
        assert forms.preset_of({**form, **costs}) == name
    assert forms.preset_of({**form, "rate_bps": 11.0}) == ""


def test_json_leaves_defaults_out() -> None:
    config = forms.to_config(forms.from_config(resolved(cash=5000.0), STRATEGIES))

    document = json.loads(copying.as_json(config))

    assert document == {"symbols": ["AAPL", "MSFT"], "strategy": BY_NAME, "cash": 5000.0}


def test_a_command_says_what_differs() -> None:
    config = {
        "symbols": ["AAPL"],
        "strategy": BY_NAME,
        "start": "2005-03-01",
        "costs": {"rate_bps": 5.0},
        "sizing": {"kind": "fraction", "value": 0.5},
    }

    assert copying.as_command(config) == (
        "./run backtest sma_cross --symbol AAPL -p fast=12 -p slow=40 "
        "--start 2005-03-01 --commission-bps 5 --sizing fraction:0.5"
    )


def test_a_command_that_has_no_option_for_it_takes_a_file() -> None:
    config = {"symbols": ["AAPL"], "strategy": BY_FORMULA, "risk": {"max_gross": 2.0}}

    text = copying.as_command(config)

    document = text.removeprefix("echo '").split("' > run.json")[0]
    assert json.loads(document) == config
    assert text.endswith("./run backtest --config run.json")


def test_the_copied_program_is_python_with_the_same_configuration() -> None:
    config = {"symbols": ["AAPL"], "strategy": BY_FORMULA, "cash": 5000.0}
    text = copying.as_python(config, "http://127.0.0.1:8050")
    seen: list[object] = []

    class FakeClient:
        def __init__(self, url: str) -> None:
            seen.append(url)

        def run(self, given: dict) -> object:
            seen.append(given)
            return type("Run", (), {"url": "/runs/x", "metrics": {"sharpe": 1.0}})

    program = text.replace("from dataapi.client import Client", "")
    exec(program, {"Client": FakeClient, "print": lambda *words: None})  # noqa: S102

    assert seen == ["http://127.0.0.1:8050", config]


def test_a_flow_needs_an_amount_and_a_period() -> None:
    form = forms.from_config(resolved(), STRATEGIES)

    assert forms.to_config({**form, "flow_every": "month"})["flows"] is None
    assert forms.to_config({**form, "flow_amount": 500})["flows"] is None
    asked = forms.to_config({**form, "flow_every": "month", "flow_amount": 500})
    assert asked["flows"] == {"amount": 500.0, "every": "month"}


def test_weights_are_written_for_the_command_line_as_it_reads_them() -> None:
    config = resolved(
        strategy={"name": "fixed_weights", "params": {"weights": {"AAPL": 0.6, "MSFT": 0.4}}}
    )

    assert "-p weights=AAPL:0.6,MSFT:0.4" in copying.as_command(config)
