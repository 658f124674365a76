"""Strategies, functions, formulas and the schema of a run: what the form is built from."""

from __future__ import annotations

from functools import cache

from flask import Response
from flask_openapi3.blueprint import APIBlueprint

from config.run import run_config_schema
from dataapi import wire
from dataapi.routes.answers import JSON, json_answer, kept_answer
from dataapi.routes.context import PREFIX, context
from dataapi.routes.models import PROBLEMS, TAGS, FormulaCheck, StrategyPath
from dataapi.services import strategies
from engine.version import ENGINE_VERSION

api = APIBlueprint(
    "strategies",
    __name__,
    url_prefix=PREFIX,
    abp_tags=[TAGS["strategies"]],
    abp_responses=PROBLEMS,
)


@api.get("/strategies", summary="All strategies with their parameters and formulas")
def listing() -> Response:
    """Answer all strategies."""
    return json_answer(strategies.strategies(context().runs.files), who="computed")


@api.get("/strategies/<name>", summary="One strategy")
def one(path: StrategyPath) -> Response:
    """Answer one strategy."""
    return json_answer(strategies.strategy(path.name, context().runs.files), who="computed")


@api.get("/functions", summary="The functions and fields of the formula language")
def functions() -> Response:
    """Answer what a formula may call."""
    return json_answer(strategies.functions(), who="computed")


@api.post("/formulas/check", summary="Whether a formula is valid, and what is wrong where")
def check(body: FormulaCheck) -> Response:
    """Check a formula."""
    return json_answer(strategies.check(body.formula, body.params), who="computed")


@api.get("/schemas/run", summary="The JSON schema of RunConfig")
def run_schema() -> Response:
    """Answer the schema that the run form is built from."""
    return kept_answer(
        f"schema-{ENGINE_VERSION}", "json", lambda: (_schema_body(), JSON), who="computed"
    )


@cache
def _schema_body() -> bytes:
    return wire.json_bytes(run_config_schema())
