"""How routes answer: who answered, which representation, and what may be kept.

A finished run or a fingerprinted series never changes: its answer has a strong ETag made of the
content's id and the representation, may be kept for ever by clients, and is kept here as well.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any, Literal

from flask import Response, current_app, g, request

from dataapi import frames, wire
from dataapi.caching import CachedAnswer, answer_cache

AnsweredBy = Literal["api-cache", "store", "computed"]
Columns = dict[str, Any]

JSON = "application/json"
CSV = "text/csv"
IMMUTABLE = "private, max-age=31536000, immutable"
NOT_KEPT = "no-store"


def answered_by(who: AnsweredBy) -> None:
    """Say which layer this answer comes from (`X-Answered-By`)."""
    g.answered_by = who


def json_answer(document: Any, status: int = 200, *, who: AnsweredBy = "store") -> Response:
    """Answer with a JSON document that may change later."""
    answered_by(who)
    response = Response(wire.json_bytes(document), status=status, mimetype=JSON)
    response.headers["Cache-Control"] = NOT_KEPT
    return response


def kept_answer(
    content: str, representation: str, build: Callable[[], tuple[bytes, str]], *, who: AnsweredBy
) -> Response:
    """Answer with something that never changes: 304, the cache, or `build()` (body, mimetype).

    `content` names the content (a run's id, a fingerprint), `representation` the view of it.
    """
    cache = answer_cache(current_app)
    key = f"{content}/{representation}"
    answer = cache.get(key)
    answered_by("api-cache" if answer is not None else who)
    if answer is None:
        body, mimetype = build()
        answer = CachedAnswer(body, mimetype, strong_etag(content, representation))
        cache.set(key, answer)
    return immutable(answer)


def immutable(answer: CachedAnswer) -> Response:
    """Answer with a kept body, or 304 when the client has it already."""
    etag = answer.etag
    if request.if_none_match.contains(etag):
        response = Response(status=304)
    else:
        response = Response(answer.body, mimetype=answer.mimetype)
    response.set_etag(etag)
    response.headers["Cache-Control"] = IMMUTABLE
    response.vary.add("Accept")
    return response


def forget(content: str) -> None:
    """Drop everything kept about `content` in this process."""
    answer_cache(current_app).delete_prefix(f"{content}/")


def strong_etag(content: str, representation: str) -> str:
    """Return the tag of one representation of one content."""
    return f"{content}-{hashlib.sha256(representation.encode()).hexdigest()[:16]}"


def columns_body(columns: Columns, form: str, **also: Any) -> tuple[bytes, str]:
    """Return columns as a body and its mimetype; `also` are members beside them, in JSON only.

    `form` is json, columns (the binary frame) or csv.
    """
    if form == "columns":
        return frames.encode(columns), frames.MEDIA_TYPE
    if form == "csv":
        return wire.csv_text(columns).encode(), CSV
    return wire.json_bytes({**wire.json_columns(columns), **also}), JSON
