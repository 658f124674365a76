"""What routes accept in paths, queries and bodies; unknown names are refused everywhere."""

from __future__ import annotations

from functools import cache
from http import HTTPStatus
from typing import Annotated, Any, Literal

from flask_openapi3.models.file import FileStorage
from flask_openapi3.models.tag import Tag
from pydantic import BaseModel, ConfigDict, Field

from config.run import RunConfig, Symbol, Timeframe

Points = Annotated[int, Field(ge=2, le=20_000, description="At most so many points.")]
Instant = Annotated[
    str, Field(max_length=40, description="ISO 8601 date or instant, or UTC milliseconds.")
]
Title = Annotated[str, Field(max_length=120)]
SeriesForm = Literal["json", "columns"]
TableForm = Literal["json", "columns", "csv"]


class Accepted(BaseModel):
    """Refuses unknown names and keeps its schema: Flask-OpenAPI3 asks for it on every request."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    @classmethod
    @cache
    def model_json_schema(cls, *args: Any, **kwargs: Any) -> dict[str, Any]:  # type: ignore[override]
        """Return the schema, made once."""
        return super().model_json_schema(*args, **kwargs)


class Problem(BaseModel):
    """An error, RFC 9457."""

    type: str
    title: str
    status: int
    detail: str
    request_id: str
    errors: list[dict[str, Any]] | None = None


PROBLEMS: dict[str | int | HTTPStatus, type[BaseModel] | dict[Any, Any] | None] = {
    status: {
        "description": description,
        "content": {
            "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}
        },
    }
    for status, description in (
        ("4XX", "Refused; `detail` says what, where and how to mend it."),
        ("422", "Readable, but cannot be carried out; `errors` names the fields."),
        ("5XX", "Not answered; try again later."),
    )
}
TAGS = {
    name: Tag(name=name, description=description)
    for name, description in (
        ("health", "What a balancer and an operator ask"),
        ("series", "The data catalogue: bars, actions, quality, imports"),
        ("strategies", "What the run form and the formula editor are built from"),
        ("runs", "Backtests: immutable, content-addressed, verifiable"),
        ("sweeps", "One run at many parameters, and how many were tried"),
        ("walkforwards", "Parameters chosen in the past, traded in what follows"),
        ("jobs", "Long work: how far it is, and an end to it"),
    )
}


RUN_ID = r"^[1-9A-HJ-NP-Za-km-z]{12}$"


class RunPath(Accepted):
    """A run's address."""

    run_id: Annotated[str, Field(pattern=RUN_ID)]


class JobPath(Accepted):
    """A job's address."""

    job_id: Annotated[int, Field(ge=1, lt=2**31)]


class JobsQuery(Accepted):
    """Which jobs are wanted, and the page they are on."""

    state: Literal["queued", "running", "done", "failed", "cancelled"] | None = None
    kind: Annotated[str, Field(max_length=40)] | None = None
    cursor: Annotated[str, Field(pattern=r"^[0-9]{1,9}$")] | None = None
    limit: Annotated[int, Field(ge=1, le=500)] = 50


class SeriesPath(Accepted):
    """A series' address."""

    symbol: Symbol
    timeframe: Timeframe


class StrategyPath(Accepted):
    """A strategy's address."""

    name: Annotated[str, Field(max_length=64)]


class Period(Accepted):
    """Part of a run."""

    from_: Instant | None = Field(None, alias="from")
    to: Instant | None = None


class BarsQuery(Period):
    """Which bars, how fine, and in which form."""

    points: Points | None = None
    format: SeriesForm = "json"


class CurveQuery(Period):
    """Which part of a curve, how fine, and in which form."""

    points: Points | None = None
    format: TableForm = "json"


class TableQuery(Accepted):
    """In which form a table is wanted."""

    format: TableForm = "json"


class IndicatorsQuery(Period):
    """Whose indicator rows, which part, how fine."""

    symbol: Symbol | None = None
    points: Points | None = None


class ExplainQuery(Accepted):
    """Which trade."""

    trade: Annotated[int, Field(ge=0, lt=2**31, description="Row of the run's trades.")] = 0


class RunPairPath(RunPath):
    """The addresses of two runs."""

    other_id: Annotated[str, Field(pattern=RUN_ID)]


class CompareQuery(Accepted):
    """Which runs stand side by side."""

    ids: Annotated[str, Field(max_length=400, description="2 to 20 ids, separated by commas.")]


class DeleteSeriesQuery(Accepted):
    """Whether to delete although runs use the series."""

    force: bool = False


class ImportForm(Accepted):
    """A file of bars and how it is to be read; what is left out is found out, or stays."""

    file: FileStorage
    symbol: Symbol
    timeframe: Timeframe | None = None
    tz: Annotated[str, Field(max_length=64)] | None = None
    date_order: Literal["dmy", "mdy"] | None = None
    calendar: Annotated[str, Field(max_length=16)] | None = None
    lot: Annotated[float, Field(ge=0.0)] | None = None
    adjusted: bool = False
    synthetic: bool = False
    delisted: bool = False
    derive_actions: bool = False
    reject: Literal["stop", "drop"] = "stop"
    replace: bool = False
    dry_run: bool = False


class StudyPath(Accepted):
    """A sweep's or a walk-forward's address."""

    study_id: Annotated[str, Field(pattern=RUN_ID)]


class StudiesQuery(Accepted):
    """Which page of sweeps or walk-forwards."""

    cursor: Annotated[str, Field(max_length=100)] | None = None
    limit: Annotated[int, Field(ge=1, le=500)] = 50


class RunsQuery(Accepted):
    """Which runs, in which order, from where on."""

    q: Annotated[str, Field(max_length=200)] | None = None
    sort: Annotated[str, Field(max_length=40)] = "-created"
    cursor: Annotated[str, Field(max_length=400)] | None = None
    limit: Annotated[int, Field(ge=1, le=500)] = 50
    strategy: Annotated[str, Field(max_length=64)] | None = None
    symbol: Symbol | None = None
    tag: Annotated[str, Field(max_length=60)] | None = None
    starred: bool | None = None
    min_sharpe: float | None = None
    max_drawdown: Annotated[float, Field(ge=-1.0, le=0.0)] | None = None
    min_trades: Annotated[int, Field(ge=0)] | None = None


class RunRequest(RunConfig):
    """A RunConfig, and the name the run shall have in the list."""

    name: Title | None = Field(None, description="Shown in the list; not part of the identity.")


class AboutPatch(Accepted):
    """What may be changed about a run: never its content. A key that is absent stays."""

    name: Title | None = None
    note: Annotated[str, Field(max_length=20_000)] | None = None
    starred: bool | None = None
    tags: (
        Annotated[list[Annotated[str, Field(min_length=1, max_length=60)]], Field(max_length=50)]
        | None
    ) = None


class FormulaCheck(Accepted):
    """A formula to be checked while it is typed."""

    formula: Annotated[dict[str, str | int | float], Field(max_length=40)]
    params: Annotated[dict[str, Any], Field(max_length=100)] = Field(default_factory=dict)
