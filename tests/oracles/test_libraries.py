"""Our metrics and passports against the libraries themselves, each to 1e-12.

Where a passport says that a library has the same convention, our number is theirs; where it says
why they differ, the number it gives for the library is what the library prints.
"""

import json
import os
import subprocess
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from engine.backtesting import backtest
from engine.metrics import compute_metrics, conventions
from engine.metrics.libraries import OTHERS, SAME
from engine.metrics.passports import measured_of, passports
from engine.metrics.record import Record
from engine.significance import optimal_block_length
from tests.components import require_environment
from tests.engine.accounts import closed_trades, no_fills, no_trades
from tests.engine.sample_bars import real_bars

THEIRS = Path(__file__).with_name("theirs.py")
CASES = ("real", "normal", "fat_tails", "often_flat", "short", "losing")
EXACT = 1e-12


@pytest.fixture(scope="module")
def runs():
    """Records and metrics by case."""
    return {
        "real": real_run(),
        "normal": simulated(1, 750, lambda rng, n: rng.normal(0.0006, 0.01, n), rf=0.03),
        "fat_tails": simulated(2, 1200, lambda rng, n: 0.008 * rng.standard_t(3, n)),
        "often_flat": simulated(
            3, 500, lambda rng, n: rng.normal(0.001, 0.01, n) * (rng.random(n) < 0.4)
        ),
        "short": simulated(4, 40, lambda rng, n: rng.normal(0.002, 0.02, n), rf=0.01),
        "losing": simulated(5, 300, lambda rng, n: rng.normal(-0.003, 0.02, n)),
    }


@pytest.fixture(scope="module")
def printed(runs, tmp_path_factory):
    """What the libraries print for each case; they run once, in their own environment."""
    python = require_environment(".venv-oracles")
    cases = {}
    for name, (record, _) in runs.items():
        measured = asdict(measured_of(record))
        cases[name] = {
            key: value.tolist() if isinstance(value, np.ndarray) else value
            for key, value in measured.items()
        } | {"time": record.equity["time"].tolist()}
        cases[name]["common"] = cases[name].pop("own")
    home = str(tmp_path_factory.mktemp("home"))
    done = subprocess.run(
        [python, "-I", "-W", "ignore", str(THEIRS)],
        input=json.dumps(cases),
        capture_output=True,
        text=True,
        timeout=240,
        env={"PATH": os.environ["PATH"], "HOME": home, "MPLBACKEND": "Agg"},
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def real_run():
    """A moving-average cross on twenty years of a real share, with its trades."""
    config = {"strategy": {"name": "sma_cross", "params": {"fast": 10, "slow": 30}}}
    bars = real_bars("IBM")
    result = backtest({"IBM": bars}, {**config, "risk_free_rate": 0.02}, checks=False)
    rules = conventions(result.equity["time"], risk_free_rate=0.02)
    record = Record(
        equity=result.equity,
        trades=result.trades,
        fills=result.fills,
        benchmark=result.curves["benchmark"],
        base=100_000.0,
        rules=rules,
    )
    return record, result.metrics


def simulated(seed, n, draw, rf=0.0):
    """An account of random returns on business days, with random trades and benchmark."""
    rng = np.random.default_rng(seed)
    days = np.busday_offset("2015-01-01", np.arange(n + 1), roll="forward")
    returns = draw(rng, n)
    equity = {
        "time": days.astype("datetime64[ms]").astype(np.int64),
        "equity": 1000.0 * np.cumprod(np.concatenate(([1.0], 1.0 + returns))),
        "cash": np.zeros(n + 1),
        "exposure": np.concatenate(([0.0], returns != 0.0)),
    }
    trade_returns = rng.normal(0.01, 0.05, 40)
    trades = no_trades() | closed_trades(
        1000.0 * trade_returns * rng.random(40), **{"return": trade_returns}
    )
    rules = conventions(equity["time"], risk_free_rate=rf)
    benchmark = 50.0 * np.cumprod(1.0 + rng.normal(0.0004, 0.012, n + 1))
    record = Record(
        equity=equity,
        trades=trades,
        fills=no_fills(),
        benchmark=benchmark,
        base=1000.0,
        rules=rules,
    )
    return record, compute_metrics(
        equity, trades, no_fills(), base=1000.0, rules=rules, benchmark=benchmark
    )


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("metric", sorted(OTHERS))
def test_passports_tell_what_the_libraries_print(metric, case, runs, printed):
    record, metrics = runs[case]
    (item,) = (one for one in passports(record, metrics) if one["name"] == metric)

    told = {}
    for other in item["others"]:
        told.setdefault(other["library"], []).append(other["value"])

    assert told.keys() == printed[case][metric].keys()
    for library, values in told.items():
        assert values == pytest.approx(printed[case][metric][library], rel=EXACT, abs=EXACT)


@pytest.mark.parametrize("case", CASES)
def test_metrics_are_those_of_the_libraries_where_the_convention_is_the_same(case, runs, printed):
    _, metrics = runs[case]

    n_compared = 0
    for metric, found in OTHERS.items():
        for other in found:
            if other.why == SAME:
                (value,) = printed[case][metric][other.library]
                assert metrics[metric] == pytest.approx(value, rel=EXACT, abs=EXACT), metric
                n_compared += 1
    assert n_compared >= 25


@pytest.mark.parametrize("case", CASES)
def test_the_block_length_is_that_of_arch(case, runs, printed):
    r = measured_of(runs[case][0]).returns

    for name, series in (("block_length", r), ("block_length_of_squares", r**2)):
        (theirs,) = printed[case][name]["arch"]
        # Below one period theirs is no length of a block; ours stops there.
        assert optimal_block_length(series) == pytest.approx(max(theirs, 1.0), rel=1e-9)


def test_every_library_is_asked_about_every_metric_that_a_passport_tells(printed):
    asked = {
        (metric, library)
        for metric, libraries in printed["normal"].items()
        for library in libraries
        if library != "arch"
    }

    assert asked == {(metric, other.library) for metric, told in OTHERS.items() for other in told}
