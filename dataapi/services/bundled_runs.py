"""The runs that a first-time visitor finds: varied, over the bundled prices, doubts included."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
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
    What was begun and killed is finished by the next start; what a user deleted stays deleted.
    """
    store = open_store(
        settings.database_url,
        max_connections=settings.store.max_connections,
        cache_bytes=settings.dataapi.cache_bytes,
    )
    record = settings.data_dir / "first_start"
    try:
        if not _is_first_start(store, record):
            return
        record.parent.mkdir(parents=True, exist_ok=True)
        record.write_text("begun")
        imported = import_bundled(store)
        if imported:
            say(f"Imported the bundled prices of {', '.join(info.symbol for info in imported)}.")
        if _has_all_symbols(store):
            say("Computing the first runs …")
            ensure_demo(service(store, settings))
        record.write_text("done")
    finally:
        store.close()


def _is_first_start(store: Store, record: Path) -> bool:
    state = record.read_text() if record.is_file() else "never"
    has_runs = store.runs.count() > 0
    is_empty = not has_runs and not store.series.list()
    return is_empty or state == "begun" or (state == "never" and not has_runs)


def ensure_demo(runs: Runs) -> list[str]:
    """Compute those demonstration runs that are not stored yet; return the ids of all."""
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
        strategies_dir=settings.strategies_dir,
    )


def _compute(runs: Runs, demo: dict[str, Any]) -> str:
    run = runs.submit(RunConfig.model_validate(demo["config"]), name=demo["name"])
    if not runs.store.runs.about(run.id).tags:
        note = f"{demo['note']}\n\n{SURVIVORS}"
        runs.store.runs.patch(run.id, note=note, tags=(TAG,))
    return run.id


def _has_all_symbols(store: Store) -> bool:
    """Return whether the runs can be computed: somebody may keep other prices only."""
    stored = {(info.symbol, info.timeframe) for info in store.series.list()}
    wanted = {symbol for demo in demo_runs() for symbol in demo["config"]["symbols"]}
    return all((symbol, "1d") in stored for symbol in wanted)
