"""The two ends of a period, as people write them, in UTC milliseconds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from dataapi.problems import Unprocessable


def instant_ms(text: str | None, field: str, *, is_end: bool = False) -> int | None:
    """Return UTC milliseconds of an ISO 8601 date or instant, or of digits.

    A date as the end of a period means that whole day.

    Raises
    ------
    Unprocessable
        If the text is neither, with `field`.
    """
    if text is None:
        return None
    if text.lstrip("-").isdigit():
        return int(text)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        message = f"Expected an ISO 8601 date or UTC milliseconds, was {text!r}."
        raise Unprocessable(message, errors=[{"field": field, "message": message}]) from None
    if is_end and len(text) == len("2005-03-01"):
        moment += timedelta(days=1, milliseconds=-1)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return round(moment.timestamp() * 1000)
