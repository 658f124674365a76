"""One backtest, however it is asked for: library, HTTP on either store, command line.

Not "close": every number of every table and every metric is the same float64.
"""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys

import httpx
import numpy as np
import pytest

from config.settings import ROOT
from dataapi.client import Client
from dataapi.store import open_store
from engine import backtest
from tests.apps import api_app, save_waves, wave_bars
from tests.dataapi.conftest import (  # noqa: F401 - fixtures
    database_url,
    each_database_url,
    each_store,
    postgres_url,
)

BRACKET = {
    "enter_long": "close > sma(close, 5)",
    "limit_long": "close - 0.5 * atr(5)",
    "stop_long": "entry_price - 2 * atr(5)",
    "target_long": "entry_price * 1.04",
    "enter_short": "close < sma(close, 8)",
    "trigger_short": "lowest(low, 3)",
    "trail_short": "percent(0.03)",
    "expire_bars": 4,
}
CASES = {
    "a cross": {
        "symbols": ["AAPL"],
        "strategy": {"name": "sma_cross", "params": {"fast": 3, "slow": 8}},
    },
    "brackets on both sides": {"symbols": ["AAPL", "MSFT"], "strategy": {"formula": BRACKET}},
    "shorts that pay for what they borrow": {
        "symbols": ["AAPL", "MSFT"],
        "strategy": {"name": "rsi_reversion", "params": {"direction": "long_short"}},
        "costs": {"borrow_rate": 0.05, "cash_rate": 0.02, "margin_rate": 0.08, "minimum": 1.0},
        "execution": {"path": "ohlc", "spread_bps": 3.0, "fill": "next_close"},
        "lot": 0.0,
    },
    "a portfolio of target weights with contributions": {
        "symbols": ["AAPL", "MSFT"],
        "strategy": {
            "name": "fixed_weights",
            "params": {"weights": {"AAPL": 0.7, "MSFT": 0.2}, "rebalance": "month"},
        },
        "flows": {"amount": 500.0, "every": "month"},
    },
    "parts under a volume cap, with impact": {
        "symbols": ["AAPL"],
        "strategy": {"formula": BRACKET},
        "cash": 1e9,
        "execution": {"participation": 0.05, "impact": 0.01, "slippage_ticks": 1, "tick": 0.01},
    },
    "rules that read the position, another symbol and weeks": {
        "symbols": ["AAPL"],
        "strategy": {
            "formula": {
                "enter_long": 'close > of("MSFT", close) and close > on("1w", sma(close, 2))',
                "exit_long": "bars_in_trade >= 7 or open_profit < -2000",
            }
        },
    },
}
BARS = {"AAPL": wave_bars(), "MSFT": wave_bars(phase=1.0)}
PERIOD = {"start": "2000-02-01", "end": "2000-12-31"}
TABLES = ("equity", "orders", "fills", "trades")


@pytest.fixture(params=CASES.values(), ids=CASES.keys())
def asked(request):
    return {**request.param, **PERIOD}


@pytest.fixture
def expected(asked):
    # The library trades whatever it is given, unless the strategy only reads it.
    names = [*asked["symbols"], *(["MSFT"] if "MSFT" in str(asked["strategy"]) else [])]
    return backtest({name: BARS[name] for name in names}, asked)


def same(ours, theirs) -> bool:
    """Whether two columns hold the same values; NaN is null in JSON and empty in a CSV file."""
    return [None if x != x else x for x in ours] == [None if x != x else x for x in theirs]


def test_over_http_on_either_store(each_store, asked, expected):  # noqa: F811
    save_waves(each_store)
    with Client("http://test", transport=httpx.WSGITransport(app=api_app(each_store))) as api:
        run = api.run(asked)
        tables = {name: getattr(run, name) for name in TABLES}

    assert run.metrics == expected.metrics
    assert run["checks"] == json.loads(json.dumps(expected.checks))
    for name in TABLES:
        for column, values in getattr(expected, name).items():
            found = np.asarray(tables[name][column])
            assert found.dtype == values.dtype or values.dtype.kind == "U", (name, column)
            assert same(values.tolist(), found.tolist()), (name, column)


@pytest.mark.parametrize("n_threads", [1, 2])
def test_from_the_command_line_on_one_thread_and_on_two(asked, expected, n_threads, tmp_path):
    store = open_store(f"sqlite:///{tmp_path / 'hindcast.db'}")
    save_waves(store)
    store.close()
    (tmp_path / "run.json").write_text(json.dumps(asked))
    folder = tmp_path / "out"

    answer = subprocess.run(
        [
            *(sys.executable, "-m", "dataapi.cli", "backtest"),
            *("--config", str(tmp_path / "run.json"), "--data-dir", str(tmp_path)),
            *("--json", "--export", str(folder)),
        ],
        cwd=ROOT,
        env={**os.environ, "NUMBA_NUM_THREADS": str(n_threads), "OMP_NUM_THREADS": str(n_threads)},
        capture_output=True,
        text=True,
        check=True,
    )

    assert json.loads(answer.stdout)["metrics"] == expected.metrics
    for name in TABLES:
        with (folder / f"{name}.csv").open() as lines:
            rows = list(csv.DictReader(lines))
        assert rows, name
        for column in rows[0]:
            values = getattr(expected, name)[column]
            if values.dtype.kind == "f":
                found = [float(row[column] or "nan") for row in rows]
                assert same(values.tolist(), found), (name, column)
