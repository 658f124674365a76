"""Bars as compressed columns, about four bytes a bar.

One blob a column, so a chunk decodes without Python per bar. pcodec decodes a flipped byte
silently; therefore every chunk carries a crc32 over its blobs, checked before anything is decoded.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import zstandard
from pcodec import ChunkConfig, standalone

from dataapi.store.errors import CorruptDataError
from engine.types import Table

COLUMNS = ("time", "open", "high", "low", "close", "volume")
MAX_BARS = 16_384

Codec = Literal["pco", "zstd"]


def encode_chunk(
    columns: Mapping[str, npt.NDArray[Any]], *, codec: Codec = "pco"
) -> dict[str, Any]:
    """Return the row values (codec, crc32 and a blob a column) of up to MAX_BARS bars."""
    blobs = {name: _compress(columns[name], codec) for name in COLUMNS}
    return {"codec": codec, "crc32": checksum(list(blobs.values())), **blobs}


def checksum(blobs: Sequence[bytes]) -> int:
    """Return the crc32 over blobs in the order given."""
    crc = 0
    for blob in blobs:
        crc = zlib.crc32(blob, crc)
    return crc


def empty_columns(n_bars: int) -> Table:
    """Return arrays for `n_bars` bars, not yet filled."""
    return {name: np.empty(n_bars, _dtype(name)) for name in COLUMNS}


def decode_chunk(
    blobs: Sequence[bytes], codec: str, crc32: int, out: Sequence[npt.NDArray[Any]], where: str
) -> None:
    """Decode one chunk's blobs into `out` (arrays of its length, in the order of COLUMNS).

    Raises
    ------
    CorruptDataError
        If the checksum differs, or a column decodes to another number of bars.
    """
    if checksum(blobs) != crc32:
        raise CorruptDataError(
            f"{where}: the stored bars are damaged (checksum differs). Restore a backup, or "
            "delete the series and import it again."
        )
    for blob, column in zip(blobs, out, strict=True):
        if _decompress_into(blob, column, codec) != column.size:
            raise CorruptDataError(f"{where}: the stored bars are damaged (wrong length).")


def _dtype(name: str) -> npt.DTypeLike:
    return np.int64 if name == "time" else np.float64


def _compress(array: npt.NDArray[Any], codec: Codec) -> bytes:
    if codec == "pco":
        return bytes(standalone.simple_compress(np.ascontiguousarray(array), ChunkConfig()))
    little = array.astype(array.dtype.newbyteorder("<"), copy=False)
    return zstandard.ZstdCompressor(level=3).compress(little.tobytes())


def _decompress_into(blob: bytes, column: npt.NDArray[Any], codec: str) -> int:
    if codec == "pco":
        progress = standalone.simple_decompress_into(blob, column)
        return int(progress.n_processed) if progress.finished else -1
    if codec == "zstd":
        values = np.frombuffer(
            zstandard.ZstdDecompressor().decompress(blob), column.dtype.newbyteorder("<")
        )
        if values.size == column.size:
            column[:] = values
        return values.size
    raise CorruptDataError(f"Unknown codec {codec!r}: the store was written by a newer version.")
