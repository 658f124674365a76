"""P14: the first answers of a fresh server, and that nobody ever waits for a compilation.

A server compiles before it says that it is ready, or loads what is compiled already; so the first
answers are the same either way, and not one compiled kernel comes into being during a request.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import httpx

from config.settings import load_settings
from tests.bench.measure import Row, Scale, row
from tests.bench.servers import import_bundled_data, running

WARM_STARTS = 5
SYMBOLS = ["AAPL", "GOOG", "IBM", "MSFT"]
PORTFOLIO = {"momentum_rotation", "dual_momentum", "volatility_target", "fixed_weights"}
PAIR = {"pairs"}
BRACKETS = {
    "enter_long": "cross_above(ema(close, fast), ema(close, 50)) and adx(14) > 15",
    "limit_long": "close - 0.5 * atr(14)",
    "stop_long": "entry_price * 0.95",
    "target_long": "entry_price + 4 * atr(14)",
    "exit_long": "bars_in_trade > 40",
}
SWEPT = {"run": {"symbols": ["AAPL"], "strategy": {"name": "sma_cross"}}, "axes": {"fast": "5..9"}}


class Start(NamedTuple):
    """One start of a server: until it was ready, its first answer, kernels compiled after."""

    ready_s: float
    first_s: float
    n_compiled: int


def measure(scale: Scale) -> list[Row]:
    """Start servers with compiled kernels at hand, and one without."""
    with tempfile.TemporaryDirectory() as folder:
        import_bundled_data(folder)
        ours = load_settings().cache_dir
        _start(folder, ours, 0)
        warm = [_start(folder, ours, i) for i in range(1, WARM_STARTS + 1)]
        cold = _start(folder, Path(folder) / "kernels", WARM_STARTS + 1)
    n_compiled = max(start.n_compiled for start in (*warm, cold))
    reference = "the same with compiled kernels at hand"
    return [
        row(
            "P14",
            work="kernels compiled during requests: every built-in strategy, brackets, a sweep",
            ours=[float(n_compiled)],
            reference="none",
            other=[1.0],
            target=0.0,
            unit="n",
        ),
        row(
            "P14 first",
            work="the first new run of a fresh server that had to compile",
            ours=[cold.first_s],
            reference=reference,
            other=[start.first_s for start in warm],
            target=None,
        ),
        row(
            "P14 ready",
            work="from its start until a server that has to compile is ready",
            ours=[cold.ready_s],
            reference=reference,
            other=[start.ready_s for start in warm],
            target=None,
        ),
    ]


def _start(folder: str, cache_dir: Path, number: int) -> Start:
    """Start a server; ask it for a new run, then for one of each kind."""
    began = time.perf_counter()
    with running("dataapi", folder, HINDCAST_STORE_CACHE_DIR=str(cache_dir)) as api:
        ready_s = time.perf_counter() - began
        with httpx.Client(base_url=f"{api}/api/v1", timeout=600) as client:
            before = _compiled(cache_dir)
            began = time.perf_counter()
            _post(client, "/runs", {"symbols": ["AAPL"], "strategy": _cross(20 + number)})
            first_s = time.perf_counter() - began
            _ask_for_everything(client, number)
        return Start(ready_s, first_s, len(_compiled(cache_dir) - before))


def _ask_for_everything(client: httpx.Client, number: int) -> None:
    cash = 100_000.0 + number  # another run in each server
    names = [one["name"] for one in client.get("/strategies").json()["items"]]
    for name in names:
        symbols = SYMBOLS if name in PORTFOLIO else SYMBOLS[:2] if name in PAIR else SYMBOLS[:1]
        _post(client, "/runs", {"symbols": symbols, "strategy": {"name": name}, "cash": cash})
    brackets = {"formula": BRACKETS, "params": {"fast": 10}}
    _post(client, "/runs", {"symbols": SYMBOLS, "strategy": brackets, "cash": cash})
    _post(client, "/sweeps/estimate", SWEPT)


def _post(client: httpx.Client, path: str, body: dict) -> None:
    answer = client.post(path, json=body)
    if answer.status_code >= 400:
        raise AssertionError(f"{path} answered {answer.status_code}: {answer.text}")


def _cross(fast: int) -> dict:
    return {"name": "sma_cross", "params": {"fast": fast, "slow": 100}}


def _compiled(cache_dir: Path) -> set[Path]:
    """Return the files of compiled kernels."""
    return set((cache_dir / "kernels").rglob("*.nbc"))
