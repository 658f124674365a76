"""One log configuration per process: key=value lines on stderr, with the request's id."""

from __future__ import annotations

import logging
import sys
from contextvars import ContextVar

request_id: ContextVar[str] = ContextVar("request_id", default="-")
"""Set by the web edges at the start of a request; every log line of that request carries it."""


class KeyValueFormatter(logging.Formatter):
    """Write `level=… logger=… request_id=… message`; the journal adds time and host."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one line, tracebacks on lines of their own below it."""
        line = (
            f"level={record.levelname.lower()} logger={record.name} "
            f"request_id={request_id.get()} {_escaped(record.getMessage())}"
        )
        if record.exc_info:
            line += "\n" + self.formatException(record.exc_info)
        return line


def _escaped(message: str) -> str:
    """Return the message on one line, so that a caller's text cannot forge a second record."""
    return message.replace("\r", "\\r").replace("\n", "\\n")


def configure_logging(level: str) -> None:
    """Send everything from `level` up to stderr, replacing earlier configuration."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(KeyValueFormatter())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    # One line a request is the balancer's business.
    for noisy in ("werkzeug", "httpx", "httpcore", "numba"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    # A full queue is normal under load; the balancer's metrics show it.
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
