"""Column frames: equally long arrays as one block of bytes, `application/vnd.hindcast.columns`.

A frame is the magic `HCF1`, the header's length (uint32), the header (JSON, padded with spaces to
a multiple of eight bytes) and the columns one after another, each padded to eight bytes, all
little-endian::

    {"n_rows": 3, "columns": [{"name": "time", "dtype": "<i8", "offset": 0, "size": 24}, …]}

Text columns are int32 codes into `categories`; −1 is a missing value. A stored frame may have
`codec` "pco" on a column (pcodec); frames on the wire never have.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from pcodec import ChunkConfig, standalone

Table = dict[str, npt.NDArray[Any]]
"""Equally long arrays by column name; not the engine's, since pages read frames without it."""

MAGIC = b"HCF1"
MEDIA_TYPE = "application/vnd.hindcast.columns"
_HEAD = struct.Struct("<4sI")
_PCO_TYPES = {"<f8", "<i8", "<i4"}


class FrameError(ValueError):
    """Bytes that are not a column frame."""


def encode(columns: Mapping[str, npt.ArrayLike], *, compress: bool = False) -> bytes:
    """Return columns as one frame.

    Parameters
    ----------
    columns : mapping of str to array of shape (n_rows,)
        Floats (NaN kept), integers, booleans, or text with None for a missing value.
    compress : bool
        Whether numeric columns are compressed (for the store).

    Raises
    ------
    FrameError
        If the columns differ in length or a type has no place in a frame.
    """
    described: list[dict[str, Any]] = []
    blocks: list[bytes] = []
    n_rows: int | None = None
    offset = 0
    for name, values in columns.items():
        array = np.asarray(values)
        n_rows = array.size if n_rows is None else n_rows
        if array.shape != (n_rows,):
            raise FrameError(f"Column {name!r}: expected shape ({n_rows},), was {array.shape}.")
        description, block = _encode_column(name, array, compress=compress)
        described.append({**description, "offset": offset, "size": len(block)})
        blocks.append(block + bytes(-len(block) % 8))
        offset += len(blocks[-1])
    header = json.dumps({"n_rows": n_rows or 0, "columns": described}, ensure_ascii=False).encode()
    header += b" " * (-len(header) % 8)
    return b"".join([_HEAD.pack(MAGIC, len(header)), header, *blocks])


def decode(data: bytes | memoryview) -> Table:
    """Return the columns of a frame; raw numeric columns are read-only views of `data`.

    Raises
    ------
    FrameError
        If the bytes are not a complete frame.
    """
    if len(data) < _HEAD.size:
        raise FrameError("Expected a column frame, was shorter than its head.")
    magic, header_size = _HEAD.unpack_from(data)
    start = _HEAD.size + header_size
    if magic != MAGIC or start > len(data):
        raise FrameError("Expected a column frame, was something else.")
    header = json.loads(bytes(data[_HEAD.size : start]))
    columns: Table = {}
    for described in header["columns"]:
        begin = start + described["offset"]
        block = data[begin : begin + described["size"]]
        if len(block) != described["size"]:
            raise FrameError(f"Column {described['name']!r} ends early.")
        columns[described["name"]] = _decode_column(described, block, header["n_rows"])
    return columns


def _encode_column(
    name: str, array: npt.NDArray[Any], *, compress: bool
) -> tuple[dict[str, Any], bytes]:
    description: dict[str, Any] = {"name": name}
    if array.dtype.kind in "OUT":
        array, description["categories"] = _codes(name, array)
    if array.dtype.kind not in "fiub" or array.dtype.itemsize > 8:
        raise FrameError(f"Column {name!r}: type {array.dtype} has no place in a frame.")
    # A lone row of a packed record counts as contiguous, and is misaligned all the same.
    array = np.require(array, array.dtype.newbyteorder("<"), ["C", "ALIGNED"])
    description["dtype"] = array.dtype.str
    if compress and array.dtype.str in _PCO_TYPES and array.size:
        description["codec"] = "pco"
        return description, bytes(standalone.simple_compress(array, ChunkConfig()))
    return description, array.tobytes()


def _codes(name: str, array: npt.NDArray[Any]) -> tuple[npt.NDArray[np.int32], list[str]]:
    code_of: dict[str, int] = {}
    codes = np.empty(array.size, np.int32)
    for i, value in enumerate(array.tolist()):
        if value is None:
            codes[i] = -1
        elif isinstance(value, str):
            codes[i] = code_of.setdefault(value, len(code_of))
        else:
            raise FrameError(f"Column {name!r}: expected text or None, was {value!r}.")
    return codes, list(code_of)


def _decode_column(
    described: Mapping[str, Any], block: bytes | memoryview, n_rows: int
) -> npt.NDArray[Any]:
    dtype = np.dtype(described["dtype"])
    if described.get("codec") == "pco":
        array = np.empty(n_rows, dtype)
        standalone.simple_decompress_into(bytes(block), array)
    else:
        array = np.frombuffer(block, dtype)
    if array.size != n_rows:
        raise FrameError(f"Column {described['name']!r}: {array.size} of {n_rows} rows.")
    if "categories" not in described:
        return array
    names = np.array([*described["categories"], None], dtype=object)
    return names[array]
