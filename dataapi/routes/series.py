"""The data catalogue: series, their bars, quality and deletion."""

from __future__ import annotations

from flask import Response
from flask_openapi3.blueprint import APIBlueprint

from dataapi.routes.answers import answered_by, columns_body, json_answer, kept_answer
from dataapi.routes.context import PREFIX, context
from dataapi.routes.models import PROBLEMS, TAGS, BarsQuery, DeleteSeriesQuery, SeriesPath
from dataapi.services.periods import instant_ms
from dataapi.services.series import bar_columns, list_series, quality_document, series_document

api = APIBlueprint(
    "series", __name__, url_prefix=PREFIX, abp_tags=[TAGS["series"]], abp_responses=PROBLEMS
)


@api.get("/series", summary="The catalogue")
def listing() -> Response:
    """Answer every stored series."""
    return json_answer({"items": list_series(context().store)})


@api.get("/series/<symbol>/<timeframe>", summary="One series: actions, coverage, versions")
def one(path: SeriesPath) -> Response:
    """Answer one series."""
    return json_answer(series_document(context().store, path.symbol, path.timeframe))


@api.get("/series/<symbol>/<timeframe>/bars", summary="Bars, aggregated to at most `points`")
def bars(path: SeriesPath, query: BarsQuery) -> Response:
    """Answer bars; the answer is named by the series' fingerprint, so it is kept."""
    store = context().store
    from_ms = instant_ms(query.from_, "from")
    to_ms = instant_ms(query.to, "to", is_end=True)
    fingerprint = store.series.get(path.symbol, path.timeframe).fingerprint

    def build() -> tuple[bytes, str]:
        found = bar_columns(
            store,
            path.symbol,
            path.timeframe,
            from_ms=from_ms,
            to_ms=to_ms,
            points=query.points,
        )
        return columns_body(found.columns, query.format, bucket_ms=found.bucket_ms)

    view = f"bars {from_ms} {to_ms} {query.points} {query.format}"
    response = kept_answer(fingerprint, view, build, who="store")
    # The address stays when bars are appended: a client asks each time whether its copy is good.
    response.headers["Cache-Control"] = "private, no-cache"
    return response


@api.get("/series/<symbol>/<timeframe>/quality", summary="What is doubtful about a series")
def quality(path: SeriesPath) -> Response:
    """Answer the quality report."""
    report = quality_document(context().store, path.symbol, path.timeframe)
    return json_answer(report, who="computed")


@api.delete("/series/<symbol>/<timeframe>", summary="Delete a series; 409 while runs use it")
def delete(path: SeriesPath, query: DeleteSeriesQuery) -> Response:
    """Delete a series."""
    context().store.series.delete(path.symbol, path.timeframe, force=query.force)
    answered_by("store")
    return Response(status=204)
