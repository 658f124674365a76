"""F4 over HTTP: stored finer bars belong to a run's inputs and to its identity."""

import numpy as np
import pytest

from engine.types import Bars
from tests.apps import N_BARS, api_app, config, save_waves, wave_bars

API = "/api/v1"
HOUR_MS = 3_600_000
BRACKET = {
    "strategy": {
        "formula": {
            "enter_long": "bar_index % 5 == 0",
            "stop_long": "entry_price - 0.2",
            "target_long": "entry_price + 0.2",
        }
    }
}
ASKED = config(**BRACKET, execution={"detail_timeframe": "1h"})


def two_hours(n_bars=N_BARS, *, high_first=True):
    """Two hours a day that add up to the wave: one makes the high, the other low and close."""
    day = wave_bars(n_bars)
    up = (day.open, day.high, day.open, day.open)
    down = (day.open, np.maximum(day.open, day.close), day.low, day.close)
    if not high_first:
        up = (day.open, day.high, np.minimum(day.open, day.close), day.close)
        down = (day.open, day.open, day.low, day.open)
    hours = (up, down) if high_first else (down, up)
    time = np.stack([day.time, day.time + HOUR_MS], axis=1).ravel()
    prices = [np.stack(pair, axis=1).ravel() for pair in zip(*hours, strict=True)]
    return Bars(time, *prices, np.full(time.size, 1e3), calendar="24/7")


@pytest.fixture
def client(store):
    save_waves(store)
    return api_app(store).test_client()


def test_run_follows_the_stored_hours_and_says_so(client, store):
    store.series.save("AAPL", "1h", two_hours(), source="hours.csv")

    plain = client.post(f"{API}/runs", json=config(**BRACKET)).json
    run = client.post(f"{API}/runs", json=ASKED).json

    detail = {"timeframe": "1h", "bars": N_BARS, "without": 0, "contradicting": 0}
    assert run["checks"]["detail"] == detail
    assert "detail" not in plain["checks"]
    # A high before every low: the bracket of half a point is no longer open to doubt.
    assert plain["checks"]["ambiguous_fills"] > 50
    assert run["checks"]["ambiguous_fills"] == 0
    assert run["metrics"]["final_equity"] > plain["metrics"]["final_equity"]
    (item,) = run["data"]
    assert (item["detail"]["timeframe"], item["detail"]["bars"]) == ("1h", 2 * N_BARS)
    assert item["fingerprint"] == plain["data"][0]["fingerprint"]
    assert run["fingerprint"] != plain["fingerprint"]


def test_other_hours_are_another_run(client, store):
    store.series.save("AAPL", "1h", two_hours(), source="hours.csv")
    first = client.post(f"{API}/runs", json=ASKED).json
    store.series.save("AAPL", "1h", two_hours(high_first=False), source="other.csv")

    second = client.post(f"{API}/runs", json=ASKED).json

    assert first["id"] != second["id"]
    assert second["metrics"]["final_equity"] < first["metrics"]["final_equity"]


def test_hours_of_some_days_leave_the_rule_to_the_others(client, store):
    store.series.save("AAPL", "1h", two_hours(100), source="hours.csv")

    run = client.post(f"{API}/runs", json=ASKED).json

    assert run["checks"]["detail"]["bars"] == 100
    assert run["checks"]["detail"]["without"] == N_BARS - 100


def test_hours_that_are_not_stored_are_refused_by_the_option(client):
    answer = client.post(f"{API}/runs", json=ASKED)

    assert answer.status_code == 422
    assert "No 1h bars of AAPL are stored" in answer.json["detail"]
    assert answer.json["errors"][0]["field"] == "execution.detail_timeframe"
