"""P8: POST of a new run over 2,520 daily bars with all checks, against an empty POST."""

from __future__ import annotations

import tempfile
import time

import httpx

from tests.bench.measure import Row, Scale, row
from tests.bench.servers import import_bundled_data, running

REPEATS = 60
# AAPL from here to its last stored bar, 2013-03-01, is 2,520 bars.
START = "2003-02-26"


def measure(scale: Scale) -> list[Row]:
    """Start a server of its own and post new runs, the same again, and nothing, in turns."""
    with tempfile.TemporaryDirectory() as folder:
        import_bundled_data(folder)
        with running("dataapi", folder) as api:
            return _post(f"{api}/api/v1/runs")


def _post(url: str) -> list[Row]:
    new, again, empty = [], [], []
    with httpx.Client(timeout=30) as client:
        for i in range(REPEATS + 5):
            body = {
                "symbols": ["AAPL"],
                "start": START,
                "strategy": {"name": "sma_cross", "params": {"fast": 5 + i, "slow": 100 + i}},
            }
            times = [_seconds(client, url, body, 201), _seconds(client, url, body, 200)]
            times.append(_seconds(client, url, None, None))
            if i >= 5:
                for seconds, measured in zip(times, (new, again, empty), strict=True):
                    measured.append(seconds)
    reference = "an empty POST to the same server, refused"
    return [
        row(
            "P8",
            work="POST a new run, 2,520 daily bars, all checks",
            ours=new,
            reference=reference,
            other=empty,
            target=30,
        ),
        row(
            "P8 again",
            work="POST the same run again",
            ours=again,
            reference=reference,
            other=empty,
            target=3,
        ),
    ]


def _seconds(client: httpx.Client, url: str, body: object, status: int | None) -> float:
    started = time.perf_counter()
    answer = client.post(url, json=body) if body else client.post(url)
    elapsed = time.perf_counter() - started
    if (status is None and answer.status_code < 400) or (status and answer.status_code != status):
        raise AssertionError(
            f"Expected {status or 'a refusal'}, was {answer.status_code}: {answer.text}"
        )
    if status == 201 and answer.json()["data"][0]["bars"] < 2_520:
        raise AssertionError("The run has fewer than 2,520 bars.")
    return elapsed
