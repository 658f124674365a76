"""Everything the data API refuses, as named errors; each knows its HTTP status.

ApiProblem
├── BadRequest         400  the request itself cannot be read
├── NotFound           404  no such series, strategy, run or page
├── MethodNotAllowed   405  the page exists, the method does not
├── NotAcceptable      406  a format that is not offered
├── Conflict           409  it would break something that others use
├── TooLarge           413  a body or a result above its limit
├── UnsupportedMedia   415  a body of another content type
├── Unprocessable      422  readable, but not a request that can be carried out
├── ServerFault        500  our own fault
└── Busy               503  at its limit just now (+ Retry-After)

One shape on the wire, RFC 9457: `application/problem+json` with type, title, status, detail,
request_id and, where single fields are at fault, errors: [{field, message}]. A refused import
carries its whole report.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from http import HTTPStatus
from typing import Any, ClassVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from dataapi.store.errors import (
    AdjustmentConflictError,
    InvalidQueryError,
    NotStoredError,
    SeriesInUseError,
    StoreError,
    StoreUnavailableError,
)
from engine.errors import (
    EngineError,
    InvalidFormulaError,
    InvalidParameterError,
    InvalidStrategyError,
    ReconciliationError,
    UnknownStrategyError,
)

PROBLEM_JSON = "application/problem+json"

FieldError = dict[str, Any]
"""`field` (dotted name) and `message`; of a formula also `position` and `suggestion`."""


class ApiProblem(Exception):
    """Base of everything the API refuses; the message says what, where and how to mend it."""

    status: ClassVar[HTTPStatus] = HTTPStatus.INTERNAL_SERVER_ERROR

    def __init__(
        self,
        detail: str,
        *,
        errors: Sequence[FieldError] = (),
        report: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.errors = list(errors)
        self.report = report

    def document(self, request_id: str) -> dict[str, Any]:
        """Return the problem as it goes over the wire."""
        document: dict[str, Any] = {
            "type": "about:blank",
            "title": self.status.phrase,
            "status": int(self.status),
            "detail": self.detail,
            "request_id": request_id,
        }
        if self.errors:
            document["errors"] = self.errors
        if self.report is not None:
            document["report"] = self.report
        return document


class BadRequest(ApiProblem):
    """The request itself cannot be read."""

    status = HTTPStatus.BAD_REQUEST


class NotFound(ApiProblem):
    """No such series, strategy, run or page."""

    status = HTTPStatus.NOT_FOUND


class MethodNotAllowed(ApiProblem):
    """The page exists, the method does not."""

    status = HTTPStatus.METHOD_NOT_ALLOWED


class NotAcceptable(ApiProblem):
    """A format that is not offered."""

    status = HTTPStatus.NOT_ACCEPTABLE


class Conflict(ApiProblem):
    """It would break something that others use."""

    status = HTTPStatus.CONFLICT


class TooLarge(ApiProblem):
    """A body or a result above its limit."""

    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE


class UnsupportedMedia(ApiProblem):
    """A body of another content type."""

    status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE


class Unprocessable(ApiProblem):
    """Readable, but not a request that can be carried out."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY


class ServerFault(ApiProblem):
    """Our own fault; the details are in the log under the same request id."""

    status = HTTPStatus.INTERNAL_SERVER_ERROR


class Busy(ApiProblem):
    """At its limit just now; try again after `retry_after_s`."""

    status = HTTPStatus.SERVICE_UNAVAILABLE

    def __init__(self, detail: str, *, retry_after_s: int = 1) -> None:
        super().__init__(detail)
        self.retry_after_s = retry_after_s


def from_engine(error: EngineError) -> ApiProblem:
    """Return the problem that stands for an error of the engine."""
    if isinstance(error, ReconciliationError):
        return ServerFault(str(error))
    if isinstance(error, UnknownStrategyError):
        return NotFound(str(error), errors=[{"field": "strategy.name", "message": str(error)}])
    if isinstance(error, InvalidFormulaError):
        field = f"strategy.formula.{error.field}" if error.field else "strategy.formula"
        item: FieldError = {"field": field, "message": str(error)}
        if error.position is not None:
            item["position"] = error.position
        if error.suggestion is not None:
            item["suggestion"] = error.suggestion
        return Unprocessable(str(error), errors=[item])
    if isinstance(error, InvalidParameterError | InvalidStrategyError) and error.field:
        return Unprocessable(str(error), errors=[{"field": error.field, "message": str(error)}])
    return Unprocessable(str(error))


def from_store(error: StoreError) -> ApiProblem:
    """Return the problem that stands for an error of the store."""
    if isinstance(error, NotStoredError):
        return NotFound(str(error))
    if isinstance(error, SeriesInUseError | AdjustmentConflictError):
        return Conflict(str(error))
    if isinstance(error, InvalidQueryError):
        return BadRequest(str(error))
    if isinstance(error, StoreUnavailableError):
        return Busy(str(error), retry_after_s=5)
    return ServerFault(str(error))


def from_validation(error: ValidationError) -> ApiProblem:
    """Return the problem that stands for a body or query that does not fit its model."""
    by_field: dict[str, list[str]] = {}
    for item in error.errors(include_url=False):
        by_field.setdefault(_dotted(item["loc"]), []).append(_message(item))
    errors: list[FieldError] = [
        {"field": field, "message": _either(messages)} for field, messages in by_field.items()
    ]
    first = errors[0]
    detail = f"{first['field']}: {first['message']}" if first["field"] else first["message"]
    if len(errors) > 1:
        detail += f" ({len(errors) - 1} more)"
    return Unprocessable(detail, errors=errors)


def nearest(name: str, known: Iterable[str]) -> str:
    """Return ' Did you mean X?' for the nearest known name, or '' when none is near."""
    by_folded = {candidate.casefold(): candidate for candidate in known}
    found = get_close_matches(name.casefold(), by_folded, n=1, cutoff=0.5)
    return f" Did you mean {by_folded[found[0]]}?" if found else ""


def _dotted(loc: Sequence[int | str]) -> str:
    """Return `execution.fill` or `symbols[0]` for pydantic's location of a field.

    The members of a union ("float", "function-after[…]") are left out: they are not fields.
    """
    text = ""
    for part in loc:
        if isinstance(part, int):
            text += f"[{part}]"
        elif part.isidentifier() and part not in {"bool", "int", "float", "str"}:
            text += f".{part}" if text else part
    return text


def _either(messages: list[str]) -> str:
    """Return one message for a field that fits none of several types."""
    if len(messages) == 1:
        return messages[0]
    said = dict.fromkeys(message.removeprefix("Expected ").rstrip(".") for message in messages)
    return f"Expected {', or '.join(said)}."


def _message(item: ErrorDetails) -> str:
    """Return pydantic's message in the words used everywhere else."""
    kind, message = item["type"], item["msg"]
    if kind == "string_pattern_mismatch":
        return f"Expected text of the form {item['ctx']['pattern']}, was {item['input']!r:.80}."
    if kind == "extra_forbidden":
        return "Unknown key."
    if kind == "missing":
        return "Required, but not given."
    if kind in {"model_type", "model_attributes_type"}:
        return "Expected a JSON object."
    message = message.removeprefix("Value error, ")
    if message.startswith("Input should be "):
        message = f"Expected {message.removeprefix('Input should be ')}"
    return message if message.endswith(".") else f"{message}."
