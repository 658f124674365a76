"""The one typed HTTP client of the data API, for pages, notebooks and scripts.

    client = Client("http://127.0.0.1:8061")
    run = client.run({"symbols": ["AAPL"], "strategy": {"name": "sma_cross"}})
    run["metrics"]["sharpe"], run.equity["equity"]

Errors are those of `dataapi.transport`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from dataapi.transport import (
    Answer,
    ApiError,
    ApiRejected,
    ApiTimeout,
    ApiUnavailable,
    Columns,
    Document,
    Transport,
    form_text,
)

__all__ = [
    "Answer",
    "ApiError",
    "ApiRejected",
    "ApiTimeout",
    "ApiUnavailable",
    "Client",
    "Columns",
    "Document",
    "Run",
]


class Run(dict[str, Any]):
    """A run document; its curves and tables are fetched when they are asked for."""

    def __init__(self, document: Mapping[str, Any], client: Client, *, is_new: bool = False):
        super().__init__(document)
        self._client = client
        self.is_new = is_new

    @property
    def id(self) -> str:
        """Return the run's id."""
        return str(self["id"])

    @property
    def url(self) -> str:
        """Return the address of the run's page."""
        return str(self["url"])

    @property
    def metrics(self) -> Document:
        """Return the metrics by name, fractions not percents."""
        metrics: Document = self["metrics"]
        return metrics

    @property
    def equity(self) -> Columns:
        """Return every bar of the equity curve."""
        return self._client.equity(self.id)

    @property
    def orders(self) -> Columns:
        """Return the order log."""
        return self._client.orders(self.id)

    @property
    def fills(self) -> Columns:
        """Return the fills."""
        return self._client.fills(self.id)

    @property
    def trades(self) -> Columns:
        """Return the trades."""
        return self._client.trades(self.id)


class Client(Transport):
    """The data API over HTTP; safe to share between threads.

    Parameters
    ----------
    url : str
        Address of the API or of the balancer, without `/api/v1`.
    token : str, optional
        Sent as a bearer token.
    timeout_s : float
        For connecting and for each answer.
    transport : httpx.BaseTransport, optional
        For tests: `httpx.WSGITransport(app)` talks to an application in this process.
    on_answer : callable, optional
        Called with an `Answer` after each exchange.
    user_agent : str
        Who asks, for the API's list of processes.

    Raises
    ------
    ApiUnavailable, ApiTimeout, ApiRejected
        By every method. Reading is tried three times before the first two.
    """

    # Series

    def series(self) -> list[Document]:
        """Return the catalogue, one item a series."""
        items: list[Document] = self._document("GET", "/series")["items"]
        return items

    def series_detail(self, symbol: str, timeframe: str) -> Document:
        """Return one series with its actions, coverage and versions."""
        return self._document("GET", _series_path(symbol, timeframe))

    def quality(self, symbol: str, timeframe: str) -> Document:
        """Return the quality report of one series."""
        return self._document("GET", f"{_series_path(symbol, timeframe)}/quality")

    def bars(
        self,
        symbol: str,
        timeframe: str,
        *,
        from_: str | int | None = None,
        to: str | int | None = None,
        points: int | None = None,
    ) -> Columns:
        """Return bars as columns, aggregated to at most `points`."""
        query = {"from": from_, "to": to, "points": points}
        return self._columns(f"{_series_path(symbol, timeframe)}/bars", query)

    def delete_series(self, symbol: str, timeframe: str, *, force: bool = False) -> None:
        """Delete a series; refused while runs use it, unless forced."""
        self._send("DELETE", _series_path(symbol, timeframe), {"force": int(force) or None})

    def import_file(self, name: str, content: bytes, **fields: str | bool | None) -> Document:
        """Import a file of bars and return the report; `fields` as of POST /imports."""
        data = {key: form_text(value) for key, value in fields.items() if value is not None}
        files = {"file": (name, content)}
        document: Document = self._send("POST", "/imports", data=data, files=files).json()
        return document

    # Strategies

    def strategies(self) -> list[Document]:
        """Return every strategy with its parameters and formula."""
        items: list[Document] = self._document("GET", "/strategies")["items"]
        return items

    def strategy(self, name: str) -> Document:
        """Return one strategy."""
        return self._document("GET", f"/strategies/{quote(name, safe='')}")

    def functions(self) -> list[Document]:
        """Return the functions a formula may call."""
        items: list[Document] = self._document("GET", "/functions")["items"]
        return items

    def check_formula(
        self, formula: Mapping[str, Any], params: Mapping[str, Any] | None = None
    ) -> Document:
        """Return whether a formula is valid, and its problems with position and suggestion."""
        body = {"formula": dict(formula), "params": dict(params or {})}
        return self._document("POST", "/formulas/check", body=body)

    def run_schema(self) -> Document:
        """Return the JSON schema of RunConfig."""
        return self._document("GET", "/schemas/run")

    # Runs

    def run(self, config: Mapping[str, Any], name: str | None = None) -> Run:
        """Run a backtest, or return the same run when it exists already (`is_new` False)."""
        body = dict(config) if name is None else {**config, "name": name}
        response = self._send("POST", "/runs", body=body)
        return Run(response.json(), self, is_new=response.status_code == 201)

    def preview(self, config: Mapping[str, Any]) -> Document:
        """Return metrics and curves of a draft that is not stored."""
        return self._document("POST", "/runs/preview", body=dict(config))

    def runs(self, **filters: Any) -> Document:
        """Return a page of the list: `items`, `next_cursor`, `total`; filters as of GET /runs."""
        return self._document("GET", "/runs", filters)

    def get_run(self, run_id: str) -> Run:
        """Return a finished run's document."""
        return Run(self._document("GET", _run_path(run_id)), self)

    def about(self, run_id: str) -> Document:
        """Return what may change about a run: name, tags, note, star, state of its data."""
        return self._document("GET", f"{_run_path(run_id)}/about")

    def patch_run(self, run_id: str, **changes: Any) -> Document:
        """Change name, note, starred or tags; return what `about` then says."""
        return self._document("PATCH", _run_path(run_id), body=changes)

    def delete_run(self, run_id: str) -> None:
        """Delete a run."""
        self._send("DELETE", _run_path(run_id))

    def verify(self, run_id: str) -> Document:
        """Compute a run again and return the verdict."""
        return self._document("POST", f"{_run_path(run_id)}/verify")

    def analysis(self, run_id: str) -> Document:
        """Return `status` of a run's analysis and, when done, what was found about the run."""
        return self._document("GET", f"{_run_path(run_id)}/analysis")

    def statistics(
        self, run_id: str, from_: str | int | None = None, to: str | int | None = None
    ) -> Document:
        """Return the tear sheet of a run or of a part of it."""
        query = {"from": from_, "to": to}
        return self._document("GET", f"{_run_path(run_id)}/statistics", query)

    def equity(
        self,
        run_id: str,
        *,
        points: int | None = None,
        from_: str | int | None = None,
        to: str | int | None = None,
    ) -> Columns:
        """Return the equity curve with cash, exposure, drawdown, benchmark and band."""
        query = {"from": from_, "to": to, "points": points}
        return self._columns(f"{_run_path(run_id)}/equity", query)

    def exposure(
        self,
        run_id: str,
        *,
        points: int | None = None,
        from_: str | int | None = None,
        to: str | int | None = None,
    ) -> Columns:
        """Return signed weights over time: `total` and one column a symbol."""
        query = {"from": from_, "to": to, "points": points}
        return self._columns(f"{_run_path(run_id)}/exposure", query)

    def indicators(
        self,
        run_id: str,
        symbol: str | None = None,
        *,
        from_: str | int | None = None,
        to: str | int | None = None,
        points: int | None = None,
    ) -> Document:
        """Return the strategy's indicator rows of one symbol: `time`, `rows`."""
        query = {"symbol": symbol, "from": from_, "to": to, "points": points}
        return self._document("GET", f"{_run_path(run_id)}/indicators", query)

    def orders(self, run_id: str) -> Columns:
        """Return the order log."""
        return self._columns(f"{_run_path(run_id)}/orders")

    def fills(self, run_id: str) -> Columns:
        """Return the fills."""
        return self._columns(f"{_run_path(run_id)}/fills")

    def trades(self, run_id: str) -> Columns:
        """Return the trades."""
        return self._columns(f"{_run_path(run_id)}/trades")

    def events(self, run_id: str) -> Columns:
        """Return market, signal, order and fill events in their order."""
        return self._columns(f"{_run_path(run_id)}/events")

    def passports(self, run_id: str) -> Document:
        """Return what each metric of a run is: formula, convention, inputs, other libraries."""
        return self._document("GET", f"{_run_path(run_id)}/passports")

    def explain(self, run_id: str, trade: int) -> Document:
        """Return why a row of the trades was made: its steps, and its levels at each bar."""
        return self._document("GET", f"{_run_path(run_id)}/explain", {"trade": trade})

    def diff(self, run_id: str, other_id: str) -> Document:
        """Return what differs between two runs: settings, data, the first event, its cause."""
        return self._document("GET", f"{_run_path(run_id)}/diff/{quote(other_id, safe='')}")

    def compare(self, ids: Sequence[str]) -> Document:
        """Return 2 to 20 runs side by side: settings, curves, correlation; `diff` of two."""
        return self._document("GET", "/compare", {"ids": ",".join(ids)})

    def export(self, run_id: str, table: str) -> bytes:
        """Return equity, orders, fills, trades or events as a CSV file, or `bundle` as JSON."""
        if table == "bundle":
            return self._send("GET", f"{_run_path(run_id)}/bundle.json").content
        return self._send("GET", f"{_run_path(run_id)}/{table}", {"format": "csv"}).content

    def bundle(self, run_id: str) -> Document:
        """Return a run in one document, to be imported elsewhere."""
        return self._document("GET", f"{_run_path(run_id)}/bundle.json")

    def import_bundle(self, bundle: Mapping[str, Any]) -> Document:
        """Import a run from a bundle; return its id and the verdict on it."""
        return self._document("POST", "/bundles", body=dict(bundle))

    # Sweeps

    def sweep(self, config: Mapping[str, Any], executor: str | None = None) -> Document:
        """Ask for a sweep, or find the same one; return its document (`status`, `job`, …)."""
        body = dict(config) if executor is None else {**config, "executor": executor}
        return self._document("POST", "/sweeps", body=body)

    def estimate_sweep(self, config: Mapping[str, Any]) -> Document:
        """Return what a sweep would take: `n_points`, `seconds`, `memory_bytes`, `engine`, …."""
        return self._document("POST", "/sweeps/estimate", body=dict(config))

    def sweeps(self, **page: Any) -> Document:
        """Return a page of sweeps: `items`, `next_cursor`, `total`."""
        return self._document("GET", "/sweeps", page)

    def get_sweep(self, sweep_id: str) -> Document:
        """Return a sweep: how far it is and, when done, best, top, plateau, PBO, DSR."""
        return self._document("GET", _study_path("sweeps", sweep_id))

    def sweep_points(
        self, sweep_id: str, columns: Sequence[str] = (), *, final: bool = False
    ) -> Columns:
        """Return a sweep's points, NaN where not measured; `final` refuses an unfinished one."""
        query = {"columns": ",".join(columns) or None, "final": final or None}
        return self._columns(f"{_study_path('sweeps', sweep_id)}/points", query)

    def delete_sweep(self, sweep_id: str) -> None:
        """Delete a sweep; its trials stay in the ledger."""
        self._send("DELETE", _study_path("sweeps", sweep_id))

    # Walk-forwards

    def walkforward(self, config: Mapping[str, Any], executor: str | None = None) -> Document:
        """Ask for a walk-forward, or find the same one; return its document."""
        body = dict(config) if executor is None else {**config, "executor": executor}
        return self._document("POST", "/walkforwards", body=body)

    def estimate_walkforward(self, config: Mapping[str, Any]) -> Document:
        """Return what a walk-forward would take: `n_windows`, `n_points`, `seconds`, …."""
        return self._document("POST", "/walkforwards/estimate", body=dict(config))

    def walkforwards(self, **page: Any) -> Document:
        """Return a page of walk-forwards: `items`, `next_cursor`, `total`."""
        return self._document("GET", "/walkforwards", page)

    def get_walkforward(self, study_id: str) -> Document:
        """Return a walk-forward: its windows and, when done, what they come to together."""
        return self._document("GET", _study_path("walkforwards", study_id))

    def walkforward_equity(
        self,
        study_id: str,
        *,
        points: int | None = None,
        from_: str | int | None = None,
        to: str | int | None = None,
    ) -> Columns:
        """Return the stitched out-of-sample account, or the paths of folds."""
        query = {"from": from_, "to": to, "points": points}
        return self._columns(f"{_study_path('walkforwards', study_id)}/equity", query)

    def walkforward_trades(self, study_id: str) -> Columns:
        """Return the out-of-sample trades of all windows."""
        return self._columns(f"{_study_path('walkforwards', study_id)}/trades")

    def delete_walkforward(self, study_id: str) -> None:
        """Delete a walk-forward; its trials stay in the ledger."""
        self._send("DELETE", _study_path("walkforwards", study_id))

    def trials(self) -> list[Document]:
        """Return the trial ledger: `data`, `family`, `trials`, `trial_sharpe_std` (a period)."""
        items: list[Document] = self._document("GET", "/trials")["items"]
        return items

    # Jobs

    def jobs(self, **filters: Any) -> Document:
        """Return a page of jobs: `items`, `next_cursor`; filters as of GET /jobs."""
        return self._document("GET", "/jobs", filters)

    def job(self, job_id: int) -> Document:
        """Return how far a job is: `state`, `progress`, `rate`, `eta_s`, `note`, `error`."""
        return self._document("GET", f"/jobs/{job_id}")

    def cancel_job(self, job_id: int) -> Document:
        """Cancel a job and return how far it is; a running one stops within a second or two."""
        return self._document("DELETE", f"/jobs/{job_id}")

    def status(self) -> Document:
        """Return processes, queue, store, disk, caches and the last 24 hours."""
        return self._document("GET", "/status")

    def health(self) -> Document:
        """Return whether the API is ready: `status`, `engine_version`, …; it has no prefix."""
        document: Document = self._exchange("GET", "/readyz").json()
        return document


def _series_path(symbol: str, timeframe: str) -> str:
    return f"/series/{quote(symbol, safe='')}/{quote(timeframe, safe='')}"


def _study_path(kind: str, study_id: str) -> str:
    return f"/{kind}/{quote(study_id, safe='')}"


def _run_path(run_id: str) -> str:
    return f"/runs/{quote(run_id, safe='')}"
