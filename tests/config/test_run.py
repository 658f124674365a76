"""The RunConfig refuses what it does not know, with the field's name."""

import pytest
from pydantic import ValidationError

from config.run import RunConfig

MINIMAL = {"symbols": ["AAPL"], "strategy": {"name": "sma_cross"}}


def test_defaults_are_not_free_of_cost():
    config = RunConfig.model_validate(MINIMAL)

    assert (config.costs.rate_bps, config.execution.slippage_bps) == (10.0, 5.0)
    assert (config.execution.fill, config.execution.path) == ("next_open", "pessimistic")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"symbol": "AAPL"}, "symbol"),
        ({"symbols": []}, "symbols"),
        ({"symbols": ["AAPL", "AAPL"]}, "symbols"),
        ({"symbols": ["../etc/passwd"]}, "symbols"),
        ({"symbols": ["A'; drop table run; --"]}, "symbols"),
        ({"symbols": ["A" * 33]}, "symbols"),
        ({"cash": 0}, "cash"),
        ({"cash": float("nan")}, "cash"),
        ({"cash": float("inf")}, "cash"),
        ({"execution": {"fill": "yesterday"}}, "execution"),
        ({"execution": {"slippage_bps": -1}}, "execution"),
        ({"execution": {"limit_ticks_through": 1}}, "execution"),
        ({"costs": {"rate": 10}}, "costs"),
        ({"strategy": {}}, "strategy"),
        ({"start": "01.03.2005"}, "start"),
        ({"start": "2005-02-30"}, "start"),
        ({"timeframe": "0d"}, "timeframe"),
        ({"sizing": {"kind": "fraction", "value": -1}}, "sizing"),
    ],
)
def test_a_wrong_key_or_value_is_refused_by_name(change, field):
    with pytest.raises(ValidationError) as refused:
        RunConfig.model_validate({**MINIMAL, **change})

    assert refused.value.errors()[0]["loc"][0] == field


def test_start_after_end_is_refused():
    with pytest.raises(ValidationError, match="start ≤ end"):
        RunConfig.model_validate({**MINIMAL, "start": "2010-01-02", "end": "2010-01-01"})
