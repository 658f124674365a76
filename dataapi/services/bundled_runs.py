"""The runs that a first-time visitor finds: varied, over the bundled prices, doubts included."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from config.run import RunConfig
from config.settings import Settings
from dataapi.services.bundled import BUNDLED, import_bundled
from dataapi.services.runs import Runs
from dataapi.store import Store, open_store

TAG = "demo"
SURVIVORS = (
    "The four bundled stocks are survivors: they were chosen because they still exist, which no "
    "one could have known in 2000. Take every return here with that in mind."
)


def ensure_bundled(settings: Settings, say: Callable[[str], None]) -> None:
    """Bring an empty store to where a visitor can look around: bars, and finished runs.

    Safe when several processes start at once: the same bars and the same runs are stored once.
    """
    store = open_store(
        settings.database_url,
        max_connections=settings.store.max_connections,
        cache_bytes=settings.dataapi.cache_bytes,
    )
    try:
        imported = import_bundled(store)
        if imported:
            say(f"Imported the bundled prices of {', '.join(info.symbol for info in imported)}.")
        if store.runs.count() == 0 and _has_all_symbols(store):
            say("Computing the first runs …")
            ensure_demo(service(store, settings))
    finally:
        store.close()


def ensure_demo(runs: Runs) -> list[str]:
    """Compute the demonstration runs when no run is stored; return their ids."""
    if runs.store.runs.count():
        return []
    return [_compute(runs, demo) for demo in demo_runs()]


def demo_runs() -> list[dict[str, Any]]:
    """Return the demonstration runs: name, note, config."""
    demos: list[dict[str, Any]] = json.loads((BUNDLED / "runs.json").read_text(encoding="utf-8"))
    return demos


def service(store: Store, settings: Settings) -> Runs:
    """Return the runs service of a store with the limits of the settings."""
    return Runs(
        store,
        max_run_bars=settings.dataapi.max_run_bars,
        max_concurrent_runs=settings.dataapi.max_concurrent_runs,
        public_url=settings.server.public_url,
    )


def _compute(runs: Runs, demo: dict[str, Any]) -> str:
    run = runs.submit(RunConfig.model_validate(demo["config"]), name=demo["name"])
    if run.is_new:
        note = f"{demo['note']}\n\n{SURVIVORS}"
        runs.store.runs.patch(run.id, note=note, tags=(TAG,))
    return run.id


def _has_all_symbols(store: Store) -> bool:
    """Return whether the runs can be computed: somebody may keep other prices only."""
    stored = {(info.symbol, info.timeframe) for info in store.series.list()}
    wanted = {symbol for demo in demo_runs() for symbol in demo["config"]["symbols"]}
    return all((symbol, "1d") in stored for symbol in wanted)
