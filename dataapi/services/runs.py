"""Runs: computed once, stored under what determines them, found again for ever after.

The same request twice is one run: the key is looked up before anything is computed, requests for
one key in this process wait for each other, and between processes the store's unique key decides.
"""

from __future__ import annotations

import json
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from config.run import RunConfig
from dataapi import wire
from dataapi.meters import WorkMeters
from dataapi.problems import ApiProblem, Busy
from dataapi.services import documents
from dataapi.services.curves import Columns, part, thinned
from dataapi.services.documents import Document
from dataapi.services.inputs import Inputs, gather, read_symbols
from dataapi.services.ledger import judged
from dataapi.services.strategy_files import StrategyFiles
from dataapi.store import RunAbout, RunQuery, Store, StoredRun
from engine.backtesting import backtest
from engine.errors import InvalidStrategyError
from engine.metrics.passports import passports
from engine.metrics.record import Record
from engine.tearsheet import statistics
from engine.types import RunResult

PREVIEW_POINTS = 1000
# How long a run waits for its turn before it is sent away; a daily run takes milliseconds.
WAIT_S = 2.0
REMEMBERED_REQUESTS = 4096

Request = tuple[str, tuple[tuple[object, ...], ...]]
"""A configuration as JSON, and the states of the series it reads."""


@dataclass(frozen=True, slots=True)
class Submitted:
    """The answer to a request for a run: its document as JSON, and whether it was computed."""

    id: str
    body: bytes
    is_new: bool

    @property
    def document(self) -> Document:
        """Return the run document."""
        document: Document = json.loads(self.body)
        return document


class Runs:
    """Everything that can be asked about runs.

    Parameters
    ----------
    store : Store
    max_run_bars : int
        Largest number of bars one run may read.
    max_concurrent_runs : int
        Backtests computed at once in this process.
    public_url : str
        Makes the runs' addresses absolute; "" leaves them as paths.
    strategies_dir : Path or None
        Where strategies in Python files are.
    """

    def __init__(
        self,
        store: Store,
        *,
        max_run_bars: int,
        max_concurrent_runs: int,
        public_url: str = "",
        strategies_dir: Path | None = None,
    ) -> None:
        self.store = store
        self.files = StrategyFiles(strategies_dir)
        self.public_url = public_url
        self._max_run_bars = max_run_bars
        self._slots = threading.BoundedSemaphore(max_concurrent_runs)
        self.meters = WorkMeters()
        self._turns = _Turns()
        self._keys = _Keys()

    def gather(self, config: RunConfig) -> Inputs:
        """Return the inputs of the run that a configuration asks for."""
        config = self.files.prepare(config)
        return gather(self.store, config, max_run_bars=self._max_run_bars)

    def submit(self, config: RunConfig, name: str = "") -> Submitted:
        """Return the run of a configuration, computed and stored unless it exists.

        Raises
        ------
        ApiProblem, EngineError
            When the request cannot be carried out; nothing is stored then.
        """
        config = self.files.prepare(config)
        request = self._request(config)
        stored = self._remembered(request)
        if stored is not None:
            return self._found(stored, name)
        inputs = self.gather(config)
        self._keys.put(request, inputs.key)
        with self._turns.of(inputs.key):
            stored = self.store.runs.get_by_key(inputs.key)
            if stored is not None:
                return self._found(stored, name)
            started = time.perf_counter()
            result = self._compute(inputs, "run")
            elapsed_ms = round((time.perf_counter() - started) * 1e3, 3)
            run = documents.new_run(
                inputs, result, elapsed_ms=elapsed_ms, public_url=self.public_url
            )
            stored, is_new = self.store.runs.insert(run, name=name)
            self.meters.runs.inc(is_new)
        return Submitted(stored.id, stored.document.encode(), is_new)

    def _request(self, config: RunConfig) -> Request:
        """Return what determines the key of a request: its text and the state of its series."""
        states = self.store.series.states(read_symbols(config), config.timeframe)
        detail = config.execution.detail_timeframe
        if detail is not None:
            states += self.store.series.states(config.symbols, detail)
        return config.model_dump_json(), states

    def _remembered(self, request: Request) -> StoredRun | None:
        """Return the run of a request that came before, when it is still stored."""
        key = self._keys.get(request)
        return None if key is None else self.store.runs.get_by_key(key)

    def _found(self, stored: StoredRun, name: str) -> Submitted:
        """Return a run that exists; a name given now counts when it had none."""
        if name and not self.store.runs.about(stored.id).name:
            self.store.runs.patch(stored.id, name=name)
        return Submitted(stored.id, stored.document.encode(), is_new=False)

    def preview(self, config: RunConfig) -> Document:
        """Return metrics and curves of a draft; nothing is stored."""
        started = time.perf_counter()
        inputs = self.gather(config)
        stored = self.store.runs.get_by_key(inputs.key)
        result = self._compute(inputs, "draft", checks=False)
        curves = thinned(
            documents.run_tables(result)["equity"], PREVIEW_POINTS, ("equity", "benchmark")
        )
        shown = ("time", "equity", "drawdown", "benchmark", "benchmark_drawdown")
        return {
            "status": result.status,
            "metrics": result.metrics,
            "benchmark_metrics": result.benchmark_metrics,
            "checks": result.checks,
            "curves": wire.json_columns({name: curves[name] for name in shown if name in curves}),
            "trades": result.metrics.get("trades") or 0,
            "identical": None if stored is None else self._identical(stored),
            "summary": documents.describe(inputs, result.equity["time"]),
            "config": inputs.config.model_dump(mode="json"),
            "elapsed_ms": round((time.perf_counter() - started) * 1e3, 3),
        }

    def _identical(self, stored: StoredRun) -> Document:
        return {
            "id": stored.id,
            "url": f"{self.public_url.rstrip('/')}/runs/{stored.id}",
            "name": self.store.runs.about(stored.id).name,
            "created": wire.iso_instant(stored.created_ms),
        }

    def compute(self, config: RunConfig) -> RunResult:
        """Return the result of a configuration, computed and not stored."""
        return self._compute(self.gather(config), "variant")

    def _compute(self, inputs: Inputs, work: str, *, checks: bool = True) -> RunResult:
        with self._slot():
            started = time.perf_counter()
            result = backtest(inputs.bars, inputs.config, checks=checks)
            elapsed_s = time.perf_counter() - started
        n_bars = len(result.equity["time"]) * len(inputs.config.symbols)
        self.meters.count(work, seconds=elapsed_s, bars=n_bars)
        return result

    @contextmanager
    def _slot(self) -> Iterator[None]:
        """Hold one of the places for computing."""
        if not self._slots.acquire(timeout=WAIT_S):
            raise Busy("Too many backtests are being computed just now: try again in a moment.")
        try:
            yield
        finally:
            self._slots.release()

    # What is stored

    def body(self, run_id: str) -> bytes:
        """Return a run's document as JSON.

        Raises
        ------
        NotStoredError
            If there is no such run.
        """
        return self.store.runs.get(run_id).document.encode()

    def document(self, run_id: str) -> Document:
        """Return a run's document."""
        document: Document = json.loads(self.body(run_id))
        return document

    def table(self, run_id: str, kind: str) -> Columns:
        """Return a table of a run: equity, orders, fills or trades."""
        return dict(self.store.runs.table(run_id, kind))

    def curve(
        self, run_id: str, from_ms: int | None, to_ms: int | None, points: int | None
    ) -> Columns:
        """Return a part of the equity curve at no more than `points` rows."""
        selected = part(self.table(run_id, "equity"), from_ms, to_ms)
        return thinned(selected, points, ("equity", "benchmark"))

    def statistics(self, run_id: str, from_ms: int | None, to_ms: int | None) -> Document:
        """Return the tear sheet of a run or of a part of it."""
        record = self.record(run_id, self.document(run_id))
        return statistics(record, from_ms=from_ms, to_ms=to_ms)

    def passports(self, run_id: str) -> Document:
        """Return where each metric of a run comes from, and what other libraries print."""
        document = self.document(run_id)
        return {"items": passports(self.record(run_id, document), document["metrics"])}

    def record(self, run_id: str, document: Document) -> Record:
        """Return what the statistics of a run are measured on."""
        equity = self.table(run_id, "equity")
        return Record(
            equity=equity,
            trades=self.table(run_id, "trades"),
            fills=self.table(run_id, "fills"),
            benchmark=equity.get("benchmark"),
            base=document["config"]["cash"],
            rules=documents.stored_conventions(document),
        )

    def page(self, query: RunQuery) -> Document:
        """Return one page of the list."""
        page = self.store.runs.list(query)
        return {
            "items": [documents.list_item(item, self.public_url) for item in page.items],
            "next_cursor": page.next_cursor,
            "total": page.total,
        }

    def about(self, run_id: str) -> Document:
        """Return what may change about a run: name, tags, note, star, data, the trial ledger."""
        document = self.document(run_id)
        about = self.store.runs.about(run_id)
        return {
            **_about_document(run_id, about),
            "data_state": self.data_state(document),
            "ledger": judged(self.store, document, self.table(run_id, "equity")),
        }

    def patch(self, run_id: str, changes: Document) -> Document:
        """Change name, note, star or tags; return what `about` then says."""
        tags = changes.get("tags")
        self.store.runs.patch(
            run_id,
            name=changes.get("name"),
            note=changes.get("note"),
            is_starred=changes.get("starred"),
            tags=None if tags is None else tuple(tags),
        )
        return self.about(run_id)

    def delete(self, run_id: str) -> None:
        """Delete a run."""
        self.store.runs.delete(run_id)

    def data_state(self, document: Document) -> str:
        """Return whether a run's bars, and its strategy file, are still those it was made from.

        Returns
        -------
        {"unchanged", "changed", "missing"}
        """
        try:
            inputs = self.gather(documents.config_of(document))
        except (ApiProblem, InvalidStrategyError):
            return "missing"
        now = {item["symbol"]: item["fingerprint"] for item in inputs.data}
        is_same = all(now[item["symbol"]] == item["fingerprint"] for item in document["data"])
        return "unchanged" if is_same else "changed"


def _about_document(run_id: str, about: RunAbout) -> Document:
    return {
        "id": run_id,
        "name": about.name,
        "tags": about.tags,
        "note": about.note,
        "starred": about.is_starred,
        "created": wire.iso_instant(about.created_ms),
    }


class _Keys:
    """The keys of the latest requests: the same again need not read its bars again."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._keys: OrderedDict[Request, str] = OrderedDict()

    def get(self, request: Request) -> str | None:
        """Return the key of a request that was put before."""
        with self._lock:
            return self._keys.get(request)

    def put(self, request: Request, key: str) -> None:
        """Remember a key; the oldest is forgotten when there are too many."""
        with self._lock:
            self._keys[request] = key
            if len(self._keys) > REMEMBERED_REQUESTS:
                self._keys.popitem(last=False)


@dataclass(slots=True)
class _Turn:
    """A lock, and how many hold it or wait for it."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    users: int = 0


class _Turns:
    """One at a time per key, so that two requests for one run compute it once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._turns: dict[str, _Turn] = {}

    @contextmanager
    def of(self, key: str) -> Iterator[None]:
        """Wait for this key's turn and hold it."""
        with self._lock:
            turn = self._turns.setdefault(key, _Turn())
            turn.users += 1
        try:
            with turn.lock:
                yield
        finally:
            with self._lock:
                turn.users -= 1
                if not turn.users:
                    del self._turns[key]
