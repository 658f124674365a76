"""The data API as the pages see it: `dataapi.client` with caches, and old answers when it is down.

ApiError
├── ApiUnavailable
├── ApiTimeout
└── ApiRejected      with `problem`, the API's document

Immutable answers (a finished run and its curves) are kept as long as there is room, lists and
catalogues for a moment. When the API cannot answer and an older answer is still here, that one is
given and the response says since when (`Answered.stale_since`, the header `X-Stale-Since`).
"""

from __future__ import annotations

import json
import logging
import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from flask import Flask, g, has_request_context
from flask_caching import Cache

from config.logs import request_id
from config.settings import DashboardSettings
from config.version import VERSION
from dataapi.client import (
    Answer,
    ApiError,
    ApiRejected,
    ApiTimeout,
    ApiUnavailable,
    Client,
    Columns,
    Document,
    Run,
)

__all__ = [
    "Answered",
    "Api",
    "ApiError",
    "ApiRejected",
    "ApiTimeout",
    "ApiUnavailable",
    "Columns",
    "Document",
    "answered",
    "request_id_of",
]

logger = logging.getLogger(__name__)

# How long an answer is kept at most: for ever, as far as a process is concerned.
KEPT_S = 7 * 86_400
# A draft's preview is asked for again when the next change draws it as the line before.
PREVIEW_S = 120.0
TOUCH_S = 15.0
STARTED_MS = time.time_ns() // 1_000_000
QUEUE_SHOWN = 50
# From the fastest to the slowest; a page that needed several says the slowest.
LAYERS = ("dashboard-cache", "api-cache", "store", "computed")


@dataclass(slots=True)
class Answered:
    """Who answered what this request asked of the API."""

    layers: list[str] = field(default_factory=list)
    stale_since: float | None = None

    @property
    def layer(self) -> str:
        """Return the slowest layer that was asked, "" when none was."""
        known = [name for name in LAYERS if name in self.layers]
        return known[-1] if known else ""


def answered() -> Answered:
    """Return the record of the request being answered (a fresh one outside of a request)."""
    if not has_request_context():
        return Answered()
    if "answered" not in g:
        g.answered = Answered()
    record: Answered = g.answered
    return record


def request_id_of(error: ApiError) -> str:
    """Return the id to search the logs for: the refused request's, else that of the page's own."""
    if isinstance(error, ApiRejected):
        return str(error.problem.get("request_id", ""))
    own = request_id.get()
    return "" if own == "-" else own


class Api:
    """The calls that pages make. Every method raises `ApiError` when there is nothing to show.

    Parameters
    ----------
    client : Client
        The typed HTTP client; `connect` makes one from the settings.
    cache : Cache
        Of flask-caching, bound to the application.
    brief_s : float
        How long lists and catalogues are taken from the cache.
    """

    def __init__(self, client: Client, cache: Cache, *, brief_s: float) -> None:
        self._client = client
        self._cache = cache
        self._brief_s = brief_s

    # Catalogue

    def series(self) -> list[Document]:
        """Return the series that are stored."""
        return self._brief("series", self._client.series)

    def series_detail(self, symbol: str, timeframe: str) -> Document:
        """Return one series with actions and coverage."""
        return self._brief("series_detail", self._client.series_detail, symbol, timeframe)

    def bars(self, symbol: str, timeframe: str, **query: Any) -> Columns:
        """Return bars as columns; `from_`, `to`, `points`."""
        return self._brief("bars", self._client.bars, symbol, timeframe, **query)

    def strategies(self) -> list[Document]:
        """Return the strategies with their parameters."""
        return self._brief("strategies", self._client.strategies)

    def functions(self) -> list[Document]:
        """Return the functions of the formula language."""
        return self._kept("functions", self._client.functions)

    def check_formula(self, formula: Mapping[str, Any], params: Mapping[str, Any]) -> Document:
        """Return whether a formula is valid, and its problems."""
        return self._kept("check_formula", self._client.check_formula, formula, params)

    def run_schema(self) -> Document:
        """Return the JSON schema of RunConfig."""
        return self._kept("run_schema", self._client.run_schema)

    # The list of runs

    def runs(self, *, fresh: bool = False, **filters: Any) -> Document:
        """Return a page of runs; `fresh`: after a change, which another process may have made."""
        fresh_s = 0.0 if fresh else self._brief_s
        return self._get("runs", fresh_s, self._client.runs, **filters)

    def patch_run(self, run_id: str, **changes: Any) -> Document:
        """Change a run's name, tags, note or star; lists are asked for anew after it."""
        return self._change(self._client.patch_run, run_id, **changes)

    def delete_run(self, run_id: str) -> None:
        """Delete a run."""
        self._change(self._client.delete_run, run_id)

    # Making runs

    def preview(self, config: Mapping[str, Any]) -> Document:
        """Return the preview of a draft."""
        return self._get("preview", PREVIEW_S, self._client.preview, config)

    def run(self, config: Mapping[str, Any], name: str | None = None) -> Run:
        """Run a backtest; `is_new` is False when it existed."""
        return self._change(self._client.run, config, name)

    # Sweeps and walk-forwards

    def sweeps(self, **filters: Any) -> Document:
        """Return a page of sweeps, the newest first."""
        return self._get("sweeps", 0.0, self._client.sweeps, **filters)

    def sweep(self, sweep_id: str) -> Document:
        """Return a sweep as far as it is."""
        return self._get("sweep", 0.0, self._client.get_sweep, sweep_id)

    def sweep_points(
        self, sweep_id: str, columns: Sequence[str] = (), *, status: str = "running"
    ) -> Columns:
        """Return the points of a sweep as columns, all of them by default.

        Those of a finished one are kept; more of an unfinished one may have come since.
        """
        call = self._client.sweep_points
        if status == "done":
            return self._kept("sweep_points", call, sweep_id, list(columns))
        return self._get("unfinished_points", 0.0, call, sweep_id, list(columns))

    def estimate_sweep(self, config: Mapping[str, Any]) -> Document:
        """Return what a sweep will take, before it is asked for."""
        return self._brief("estimate_sweep", self._client.estimate_sweep, config)

    def start_sweep(self, config: Mapping[str, Any]) -> Document:
        """Ask for a sweep; return its document, which may be an older one of the same."""
        return self._change(self._client.sweep, config)

    def delete_sweep(self, sweep_id: str) -> None:
        """Delete a sweep; its trials stay counted."""
        self._change(self._client.delete_sweep, sweep_id)

    def walkforwards(self, **filters: Any) -> Document:
        """Return a page of walk-forwards, the newest first."""
        return self._get("walkforwards", 0.0, self._client.walkforwards, **filters)

    def walkforward(self, walkforward_id: str) -> Document:
        """Return a walk-forward as far as it is."""
        return self._get("walkforward", 0.0, self._client.get_walkforward, walkforward_id)

    def walkforward_equity(self, walkforward_id: str, *, points: int | None = None) -> Columns:
        """Return the joined out-of-sample curve, or the spread of the paths of folds."""
        call = self._client.walkforward_equity
        return self._brief("forward_equity", call, walkforward_id, points=points)

    def estimate_walkforward(self, config: Mapping[str, Any]) -> Document:
        """Return what a walk-forward will take, before it is asked for."""
        return self._brief("estimate_walkforward", self._client.estimate_walkforward, config)

    def start_walkforward(self, config: Mapping[str, Any]) -> Document:
        """Ask for a walk-forward; return its document."""
        return self._change(self._client.walkforward, config)

    def delete_walkforward(self, walkforward_id: str) -> None:
        """Delete a walk-forward; its trials stay counted."""
        self._change(self._client.delete_walkforward, walkforward_id)

    def active_jobs(self) -> list[Document]:
        """Return the jobs that run, then those that wait, the oldest first."""
        return [
            job
            for state in ("running", "queued")
            for job in reversed(self._client.jobs(state=state, limit=QUEUE_SHOWN)["items"])
        ]

    def cancel_job(self, job_id: int) -> Document:
        """Cancel a job; it stops within a second or two."""
        return self._change(self._client.cancel_job, job_id)

    # Several runs

    def compare(self, run_ids: Sequence[str]) -> Document:
        """Return runs side by side: metrics, differing configuration, curves, correlation."""
        return self._brief("compare", self._client.compare, list(run_ids))

    # One run

    def get_run(self, run_id: str) -> Document:
        """Return a run's document."""
        # A plain dict, since a `Run` holds its client's connections and cannot be cached.
        return self._kept("run", lambda key: dict(self._client.get_run(key)), run_id)

    def about(self, run_id: str) -> Document:
        """Return what may change about a run: name, tags, note, star, state of its data."""
        return self._brief("about", self._client.about, run_id)

    def verify(self, run_id: str) -> Document:
        """Compute the run again and return the verdict."""
        return self._change(self._client.verify, run_id)

    def analysis(self, run_id: str) -> Document:
        """Return what a worker found about the run, or how far it is; kept once it is done."""
        return self._get("analysis", 0.0, self._client.analysis, run_id)

    def passports(self, run_id: str) -> Document:
        """Return what each metric of the run is: formula, convention, inputs, other libraries."""
        return self._kept("passports", self._client.passports, run_id)

    def explain(self, run_id: str, trade: int) -> Document:
        """Return how a trade came about, step by step; `trade` is a row of the table, from 0."""
        return self._kept("explain", self._client.explain, run_id, trade)

    def statistics(self, run_id: str, from_: str | None = None, to: str | None = None) -> Document:
        """Return the tear sheet of a run, or of a part of it."""
        return self._kept("statistics", self._client.statistics, run_id, from_, to)

    def equity(self, run_id: str, **query: Any) -> Columns:
        """Return the equity curve with benchmark and band; `points`, `from_`, `to`."""
        return self._kept("equity", self._client.equity, run_id, **query)

    def exposure(self, run_id: str, **query: Any) -> Columns:
        """Return the weights over time."""
        return self._kept("exposure", self._client.exposure, run_id, **query)

    def indicators(self, run_id: str, symbol: str | None = None, **query: Any) -> Document:
        """Return the strategy's indicator rows of one symbol."""
        return self._kept("indicators", self._client.indicators, run_id, symbol, **query)

    def orders(self, run_id: str) -> Columns:
        """Return the order log."""
        return self._kept("orders", self._client.orders, run_id)

    def fills(self, run_id: str) -> Columns:
        """Return the fills."""
        return self._kept("fills", self._client.fills, run_id)

    def trades(self, run_id: str) -> Columns:
        """Return the trades."""
        return self._kept("trades", self._client.trades, run_id)

    def events(self, run_id: str) -> Columns:
        """Return the events in their order."""
        return self._kept("events", self._client.events, run_id)

    def export(self, run_id: str, table: str) -> bytes:
        """Return a table of the run as CSV, or `bundle` as JSON."""
        return self._kept("export", self._client.export, run_id, table)

    def status(self) -> Document:
        """Return the installation at a glance, never from a cache."""
        return self._client.status()

    def health(self) -> Document:
        """Return the API's own word on whether it is ready, never from a cache."""
        return self._client.health()

    # The caches

    def _kept(self, name: str, call: Callable[..., Any], *args: Any, **query: Any) -> Any:
        return self._get(name, None, call, *args, **query)

    def _brief(self, name: str, call: Callable[..., Any], *args: Any, **query: Any) -> Any:
        return self._get(name, self._brief_s, call, *args, **query)

    def _get(
        self, name: str, fresh_s: float | None, call: Callable[..., Any], *args: Any, **query: Any
    ) -> Any:
        """Return an answer from the cache while it is fresh, else from the API, else an old one."""
        key = json.dumps([name, args, query], sort_keys=True, default=str)
        entry = self._cache.get(key)
        now = time.time()
        if entry is not None and self._is_fresh(name, entry, fresh_s, now):
            answered().layers.append("dashboard-cache")
            return entry[1]
        try:
            value = call(*args, **query)
        except (ApiUnavailable, ApiTimeout):
            if entry is None:
                raise
            record = answered()
            record.layers.append("dashboard-cache")
            record.stale_since = min(record.stale_since or entry[0], entry[0])
            return entry[1]
        self._cache.set(key, (now, value))
        return value

    def _is_fresh(
        self, name: str, entry: tuple[float, Any], fresh_s: float | None, now: float
    ) -> bool:
        if fresh_s is None or (name == "analysis" and entry[1]["status"] == "done"):
            return True
        changed = self._cache.get("changed") or 0.0
        return now - entry[0] < fresh_s and (name == "preview" or entry[0] > changed)

    def _change(self, call: Callable[..., Any], *args: Any, **changes: Any) -> Any:
        """Make a change; what this process had cached briefly is asked for again after it."""
        try:
            return call(*args, **changes)
        finally:
            self._cache.set("changed", time.time())


def node(settings: DashboardSettings) -> str:
    """Return the name of this process: its host and port."""
    return f"{socket.gethostname()}:{settings.port}"


def user_agent(settings: DashboardSettings) -> str:
    """Return who asks, as the API's list of processes understands it."""
    return f"hindcast-dashboard/{VERSION} ({node(settings)}; {STARTED_MS})"


def keep_in_touch(settings: DashboardSettings) -> None:
    """Ask the API for its health now and then, in a thread: an idle dashboard is listed too."""
    client = Client(
        settings.api_url, timeout_s=settings.api_timeout_s, user_agent=user_agent(settings)
    )

    def work() -> None:
        while True:
            try:
                client.health()
            except ApiError as error:
                logger.warning("the data API is not ready reason=%s", error)
            time.sleep(TOUCH_S)

    threading.Thread(target=work, name="presence", daemon=True).start()


def connect(server: Flask, settings: DashboardSettings) -> Api:
    """Return the API at the configured address, its caches bound to `server`."""
    cache = Cache(
        server,
        config={
            "CACHE_TYPE": "SimpleCache",
            "CACHE_THRESHOLD": max(settings.cache_items, 1),
            "CACHE_DEFAULT_TIMEOUT": KEPT_S,
        },
    )
    client = Client(
        settings.api_url,
        timeout_s=settings.api_timeout_s,
        on_answer=_note,
        user_agent=user_agent(settings),
    )
    return Api(client, cache, brief_s=settings.cache_brief_s)


def _note(answer: Answer) -> None:
    answered().layers.append(answer.answered_by)
