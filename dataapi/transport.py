"""How the client talks to the data API: connections, retries, errors.

ApiError
├── ApiUnavailable   nobody answers there, or it is at its limit (502, 503, 504)
├── ApiTimeout       no answer in time
└── ApiRejected      refused, with the API's problem document as `problem`
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import httpx
import numpy as np

from config.logs import request_id
from dataapi import frames

Columns = dict[str, np.ndarray[Any, Any]]
"""Equally long arrays by name; times are int64 UTC milliseconds."""
Document = dict[str, Any]

PREFIX = "/api/v1"
TRIES = 3
RETRY_PAUSE_S = 0.05
GONE = {502, 503, 504}


class ApiError(Exception):
    """Base of everything that can go wrong between a program and the API."""


class ApiUnavailable(ApiError):
    """Nobody answers at the API's address, or it is at its limit."""


class ApiTimeout(ApiError):
    """The API did not answer in time."""


class ApiRejected(ApiError):
    """The API refused; `problem` is its document (status, detail, request_id, errors)."""

    def __init__(self, problem: Document) -> None:
        super().__init__(str(problem.get("detail", "")))
        self.problem = problem

    @property
    def status(self) -> int:
        """Return the HTTP status."""
        return int(self.problem["status"])


@dataclass(frozen=True, slots=True)
class Answer:
    """What an answer's headers say about where it came from."""

    method: str
    path: str
    status: int
    answered_by: str
    elapsed_ms: float
    request_id: str


class Transport:
    """Requests to one API, and their answers; safe to share between threads.

    Parameters are those of `Client`.
    """

    def __init__(
        self,
        url: str,
        token: str | None = None,
        *,
        timeout_s: float = 10.0,
        transport: httpx.BaseTransport | None = None,
        on_answer: Callable[[Answer], None] | None = None,
        user_agent: str = "hindcast",
    ) -> None:
        headers = {"User-Agent": user_agent}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        self._http = httpx.Client(
            base_url=url.rstrip("/"), headers=headers, timeout=timeout_s, transport=transport
        )
        self._on_answer = on_answer

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the kept connections."""
        self._http.close()

    def _document(
        self,
        method: str,
        path: str,
        query: Mapping[str, Any] | None = None,
        *,
        body: Document | None = None,
    ) -> Document:
        document: Document = self._send(method, path, query, body=body).json()
        return document

    def _columns(self, path: str, query: Mapping[str, Any] | None = None) -> Columns:
        response = self._send("GET", path, {**(query or {}), "format": "columns"})
        return frames.decode(response.content)

    def _send(
        self,
        method: str,
        path: str,
        query: Mapping[str, Any] | None = None,
        *,
        body: Document | None = None,
        data: Mapping[str, str] | None = None,
        files: Mapping[str, Any] | None = None,
    ) -> httpx.Response:
        params = {
            key: _query_text(value) for key, value in (query or {}).items() if value is not None
        }
        return self._exchange(
            method, PREFIX + path, params=params or None, json=body, data=data, files=files
        )

    def _exchange(self, method: str, path: str, **content: Any) -> httpx.Response:
        response = self._with_retries(method, path, **content)
        if self._on_answer is not None:
            self._on_answer(_answer(method, path, response))
        if response.is_success:
            return response
        raise _error_of(response)

    def _with_retries(self, method: str, path: str, **content: Any) -> httpx.Response:
        """Send; a GET is tried again when nobody answers: a balancer may be switching servers."""
        headers = {"X-Request-Id": request_id.get()} if request_id.get() != "-" else None
        tries = TRIES if method == "GET" else 1
        for left in reversed(range(tries)):
            try:
                response = self._http.request(method, path, headers=headers, **content)
                if response.status_code not in GONE or not left:
                    return response
            except httpx.TimeoutException as error:
                raise ApiTimeout(
                    f"The data API at {self._http.base_url} did not answer in time."
                ) from error
            except httpx.TransportError as error:
                if not left:
                    raise ApiUnavailable(
                        f"The data API at {self._http.base_url} does not answer ({error})."
                    ) from error
            time.sleep(RETRY_PAUSE_S)
        raise AssertionError("every path above returns or raises")


def _error_of(response: httpx.Response) -> ApiError:
    try:
        problem = response.json()
    except ValueError:
        problem = None
    if not isinstance(problem, dict) or "detail" not in problem:
        problem = {"detail": f"Unexpected answer: {response.status_code} {response.reason_phrase}."}
    problem.setdefault("status", response.status_code)
    problem.setdefault("request_id", response.headers.get("X-Request-Id", "-"))
    if response.status_code in GONE:
        return ApiUnavailable(str(problem["detail"]))
    return ApiRejected(problem)


def _answer(method: str, path: str, response: httpx.Response) -> Answer:
    headers = response.headers
    return Answer(
        method=method,
        path=path,
        status=response.status_code,
        answered_by=headers.get("X-Answered-By", ""),
        elapsed_ms=float(headers.get("X-Elapsed-Ms", "nan")),
        request_id=headers.get("X-Request-Id", "-"),
    )


def _query_text(value: Any) -> str:
    return form_text(value) if isinstance(value, bool) else str(value)


def form_text(value: str | bool) -> str:
    """Return a value as a form or a query has it: true and false in lower case."""
    return str(value).lower() if isinstance(value, bool) else value
