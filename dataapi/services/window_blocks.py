"""A finished window of a walk-forward as bytes: its document as JSON, its account as columns."""

from __future__ import annotations

import json
import struct

from dataapi import frames, wire
from engine.walkforward import WindowResult

_LENGTH = struct.Struct("<I")


def encode_window(result: WindowResult) -> bytes:
    """Return a window as it is kept until all are done."""
    document = wire.json_bytes(result.document)
    columns = frames.encode({"time": result.time, "equity": result.equity}, compress=True)
    return b"".join([_LENGTH.pack(len(document)), document, columns])


def decode_window(data: bytes) -> WindowResult:
    """Return a window from what `encode_window` made."""
    (length,) = _LENGTH.unpack_from(data)
    end = _LENGTH.size + length
    columns = frames.decode(data[end:])
    return WindowResult(
        document=json.loads(data[_LENGTH.size : end]),
        time=columns["time"],
        equity=columns["equity"],
    )
