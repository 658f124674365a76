"""Imports: a file of bars becomes a series, all of it or nothing."""

from __future__ import annotations

from flask import Response
from flask_openapi3.blueprint import APIBlueprint

from dataapi.problems import Unprocessable
from dataapi.routes.answers import json_answer
from dataapi.routes.context import PREFIX, context
from dataapi.routes.models import PROBLEMS, TAGS, ImportForm
from dataapi.services.imports import ImportRequest, import_csv

api = APIBlueprint(
    "imports", __name__, url_prefix=PREFIX, abp_tags=[TAGS["series"]], abp_responses=PROBLEMS
)


@api.post("/imports", summary="Import a CSV file of bars: 201 with report, 422 with every bad row")
def create(form: ImportForm) -> Response:
    """Import a file, or only check it (`dry_run`)."""
    asked = form.model_dump(exclude={"file", "adjusted", "synthetic", "delisted"})
    request = ImportRequest(
        source=form.file.filename or "upload",
        is_adjusted=form.adjusted,
        is_synthetic=form.synthetic,
        is_delisted=form.delisted,
        **asked,
    )
    report = import_csv(context().store, form.file.read(), request)
    if report.error is not None:
        errors = [
            {"field": f"row {row['row']}, {row['column']}", "message": row["reason"]}
            for row in report.document["errors"]
        ]
        raise Unprocessable(report.error, errors=errors, report=report.document)
    return json_answer(report.document, status=200 if form.dry_run else 201, who="computed")
