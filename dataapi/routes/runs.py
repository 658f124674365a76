"""Runs: submitted, previewed, listed, opened, annotated, verified, exported."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from flask import Response, request
from flask_openapi3.blueprint import APIBlueprint

from config.run import RunConfig
from dataapi import wire
from dataapi.routes.answers import (
    CSV,
    JSON,
    Columns,
    answered_by,
    columns_body,
    forget,
    json_answer,
    kept_answer,
)
from dataapi.routes.context import PREFIX, context
from dataapi.routes.models import (
    PROBLEMS,
    TAGS,
    AboutPatch,
    CompareQuery,
    CurveQuery,
    ExplainQuery,
    IndicatorsQuery,
    Period,
    RunPairPath,
    RunPath,
    RunRequest,
    RunsQuery,
    TableQuery,
)
from dataapi.services import analysis, explaining, exports, replay, verification
from dataapi.services.periods import instant_ms
from dataapi.services.run_compare import run_compare
from dataapi.services.run_diff import run_diff
from dataapi.store import RunQuery
from engine.version import ENGINE_VERSION

api = APIBlueprint(
    "runs", __name__, url_prefix=PREFIX, abp_tags=[TAGS["runs"]], abp_responses=PROBLEMS
)

Table = Literal["orders", "fills", "trades", "events"]


@api.post("/runs", summary="Run a backtest, or find the same one: 201 new, 200 exists")
def create(body: RunRequest) -> Response:
    """Compute and store a run unless it exists; its content is its idempotency key."""
    config = RunConfig.model_construct(
        _fields_set=body.model_fields_set - {"name"},
        **{name: getattr(body, name) for name in RunConfig.model_fields},
    )
    submitted = context().runs.submit(config, name=body.name or "")
    answered_by("computed" if submitted.is_new else "store")
    response = Response(submitted.body, status=201 if submitted.is_new else 200, mimetype=JSON)
    response.headers["Location"] = f"{PREFIX}/runs/{submitted.id}"
    response.headers["Cache-Control"] = "no-store"
    return response


@api.post("/runs/preview", summary="Metrics and curves of a draft that is not stored")
def preview(body: RunConfig) -> Response:
    """Compute a draft."""
    return json_answer(context().runs.preview(body), who="computed")


@api.get("/runs", summary="The list of runs: filtered, sorted, page by page")
def listing(query: RunsQuery) -> Response:
    """Answer one page of the list."""
    asked = query.model_dump(exclude={"q", "starred"})
    page = RunQuery(q=query.q or "", is_starred=query.starred, **asked)
    return json_answer(context().runs.page(page))


@api.get("/runs/<run_id>", summary="A finished run; never changes")
def one(path: RunPath) -> Response:
    """Answer a run's document."""
    return kept_answer(
        path.run_id, "json", lambda: (context().runs.body(path.run_id), JSON), who="store"
    )


@api.patch("/runs/<run_id>", summary="Change name, tags, note or star")
def patch(path: RunPath, body: AboutPatch) -> Response:
    """Change what may change about a run."""
    return json_answer(context().runs.patch(path.run_id, body.model_dump(exclude_unset=True)))


@api.delete("/runs/<run_id>", summary="Delete a run")
def delete(path: RunPath) -> Response:
    """Delete a run."""
    context().runs.delete(path.run_id)
    forget(path.run_id)
    answered_by("store")
    return Response(status=204)


@api.get("/runs/<run_id>/about", summary="Name, tags, note, star, state of the data; changes")
def about(path: RunPath) -> Response:
    """Answer what may change about a run."""
    return json_answer(context().runs.about(path.run_id))


@api.post("/runs/<run_id>/verify", summary="Compute a run again and compare")
def verify(path: RunPath) -> Response:
    """Verify a run."""
    return json_answer(verification.verify(context().runs, path.run_id), who="computed")


@api.get(
    "/runs/<run_id>/analysis",
    summary="Robustness, confidence, Monte-Carlo, diagnosis; appended once",
)
def analysis_of(path: RunPath) -> Response:
    """Answer a run's analysis; only when it is done does it never change again."""
    found = analysis.analysis(context().runs, path.run_id)
    if found["status"] != "done":
        return json_answer(found)
    return kept_answer(path.run_id, "analysis", lambda: (wire.json_bytes(found), JSON), who="store")


@api.get("/runs/<run_id>/statistics", summary="The tear sheet of a run or of a part of it")
def statistics(path: RunPath, query: Period) -> Response:
    """Answer the numbers of the overview."""
    from_ms, to_ms = _period(query)

    def build() -> tuple[bytes, str]:
        return wire.json_bytes(context().runs.statistics(path.run_id, from_ms, to_ms)), JSON

    return kept_answer(path.run_id, f"statistics {from_ms} {to_ms}", build, who="computed")


@api.get("/runs/<run_id>/passports", summary="Where each metric of a run comes from")
def passports(path: RunPath) -> Response:
    """Answer formula, convention, inputs and what other libraries print, a metric each."""

    def build() -> tuple[bytes, str]:
        return wire.json_bytes(context().runs.passports(path.run_id)), JSON

    return kept_answer(path.run_id, "passports", build, who="computed")


@api.get("/runs/<run_id>/equity", summary="The equity curve with drawdown, benchmark and band")
def equity(path: RunPath, query: CurveQuery) -> Response:
    """Answer the equity curve at no more points than can be seen."""
    from_ms, to_ms = _period(query)

    def curve() -> Columns:
        return context().runs.curve(path.run_id, from_ms, to_ms, query.points)

    view = f"equity {from_ms} {to_ms} {query.points} {query.format}"
    return _kept_table(path.run_id, "equity", view, curve, query.format)


@api.get("/runs/<run_id>/exposure", summary="Weights over time, one column a symbol")
def exposure(path: RunPath, query: CurveQuery) -> Response:
    """Answer signed weights at each close."""
    from_ms, to_ms = _period(query)

    def build() -> tuple[bytes, str]:
        runs = context().runs
        columns = replay.exposure(runs, path.run_id, from_ms, to_ms, query.points)
        return columns_body(columns, query.format)

    view = f"exposure {from_ms} {to_ms} {query.points} {query.format}"
    return kept_answer(path.run_id, view, build, who="computed")


@api.get("/runs/<run_id>/indicators", summary="The strategy's indicator rows of one symbol")
def indicators(path: RunPath, query: IndicatorsQuery) -> Response:
    """Answer indicator rows for the chart."""
    from_ms, to_ms = _period(query)

    def build() -> tuple[bytes, str]:
        rows = replay.indicators(
            context().runs, path.run_id, query.symbol, from_ms, to_ms, query.points
        )
        return wire.json_bytes(rows), JSON

    view = f"indicators {query.symbol} {from_ms} {to_ms} {query.points}"
    return kept_answer(path.run_id, view, build, who="computed")


@api.get("/runs/<run_id>/orders", summary="The order log")
def orders(path: RunPath, query: TableQuery) -> Response:
    """Answer the orders."""
    return _table(path.run_id, "orders", query.format)


@api.get("/runs/<run_id>/fills", summary="The fills")
def fills(path: RunPath, query: TableQuery) -> Response:
    """Answer the fills."""
    return _table(path.run_id, "fills", query.format)


@api.get("/runs/<run_id>/trades", summary="The trades")
def trades(path: RunPath, query: TableQuery) -> Response:
    """Answer the trades."""
    return _table(path.run_id, "trades", query.format)


@api.get("/runs/<run_id>/events", summary="Market, signal, order and fill events in their order")
def events(path: RunPath, query: TableQuery) -> Response:
    """Answer the events."""

    def build() -> tuple[bytes, str]:
        return columns_body(replay.events(context().runs, path.run_id), query.format)

    return kept_answer(path.run_id, f"events {query.format}", build, who="computed")


@api.get("/runs/<run_id>/explain", summary="Why a trade was made, at which price, why it ended")
def explain(path: RunPath, query: ExplainQuery) -> Response:
    """Answer the steps of one trade."""

    def build() -> tuple[bytes, str]:
        found = explaining.explanation(context().runs, path.run_id, query.trade)
        return wire.json_bytes(found), JSON

    return kept_answer(path.run_id, f"explain {query.trade}", build, who="computed")


@api.get("/runs/<run_id>/diff/<other_id>", summary="What differs between two runs, and why")
def diff(path: RunPairPath) -> Response:
    """Answer where two runs part."""
    runs = context().runs
    # Kept under the first run's name: the second one may have been deleted since.
    runs.document(path.other_id)

    def build() -> tuple[bytes, str]:
        return wire.json_bytes(run_diff(runs, path.run_id, path.other_id)), JSON

    return kept_answer(path.run_id, f"diff {path.other_id} {ENGINE_VERSION}", build, who="computed")


@api.get("/compare", summary="Runs side by side: settings, curves, correlation")
def compare(query: CompareQuery) -> Response:
    """Answer several runs side by side. Their names may change, so the answer is not kept."""
    ids = [part.strip() for part in query.ids.split(",") if part.strip()]
    return json_answer(run_compare(context().runs, ids), who="computed")


@api.get("/runs/<run_id>/bundle.json", summary="The run in one document, to be imported elsewhere")
def bundle(path: RunPath) -> Response:
    """Answer a run as a bundle. Its name may change, so the answer is not kept."""
    return json_answer(exports.bundle(context().runs, path.run_id))


@api.post("/bundles", summary="Import a run from a bundle, verified where its bars are stored")
def import_bundle() -> Response:
    """Store the run of a bundle."""
    report = exports.import_bundle(context().runs, request.get_json())
    forget(report["id"])
    return json_answer(report, status=201 if report["is_new"] else 200, who="computed")


def _table(run_id: str, table: Table, form: str) -> Response:
    def rows() -> Columns:
        return context().runs.table(run_id, table)

    return _kept_table(run_id, table, f"{table} {form}", rows, form)


def _kept_table(
    run_id: str, table: str, view: str, rows: Callable[[], Columns], form: str
) -> Response:
    """Answer a stored table; as CSV it is the file that `export` writes."""

    def build() -> tuple[bytes, str]:
        if form == "csv":
            return exports.csv_table(rows(), table).encode(), CSV
        return columns_body(rows(), form)

    response = kept_answer(run_id, view, build, who="store")
    if form == "csv":
        response.headers["Content-Disposition"] = f'attachment; filename="{run_id}-{table}.csv"'
    return response


def _period(query: Any) -> tuple[int | None, int | None]:
    return instant_ms(query.from_, "from"), instant_ms(query.to, "to", is_end=True)
