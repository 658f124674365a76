"""A finished window of a walk-forward as bytes: its document as JSON, its numbers as columns."""

from __future__ import annotations

import json
import struct

from dataapi import frames, wire
from engine.walkforward import WindowResult

_LENGTHS = struct.Struct("<II")


def encode_window(result: WindowResult) -> bytes:
    """Return a window as it is kept until all are done."""
    document = wire.json_bytes(result.document)
    account = frames.encode({"time": result.time, "equity": result.equity}, compress=True)
    trials = {} if result.trial_sharpe is None else {"sharpe": result.trial_sharpe}
    head = _LENGTHS.pack(len(document), len(account))
    return b"".join([head, document, account, frames.encode(trials, compress=True)])


def decode_window(data: bytes) -> WindowResult:
    """Return a window from what `encode_window` made."""
    n_document, n_account = _LENGTHS.unpack_from(data)
    begin = _LENGTHS.size + n_document
    account = frames.decode(data[begin : begin + n_account])
    return WindowResult(
        document=json.loads(data[_LENGTHS.size : begin]),
        time=account["time"],
        equity=account["equity"],
        trial_sharpe=frames.decode(data[begin + n_account :]).get("sharpe"),
    )
