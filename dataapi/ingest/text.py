"""Bytes of a file made into text: compression and encoding, found out and said."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

from dataapi.ingest.problems import IngestError

MAX_TEXT_BYTES = 512 * 1024 * 1024
_GZIP = b"\x1f\x8b"
_FOREIGN = {
    b"PK\x03\x04": "a zip archive or an Excel workbook: save it as CSV",
    b"PAR1": "a Parquet file: convert it to CSV",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook: save it as CSV",
    b"%PDF": "a PDF document",
    b"BZh": "compressed with bzip2: use gzip or no compression",
    b"\xfd7zXZ": "compressed with xz: use gzip or no compression",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A file's text, and what it was found to be."""

    content: str
    encoding: str
    is_compressed: bool


def read_text(data: bytes) -> Text:
    """Return the text of a file.

    UTF-8 and UTF-16 by their byte order mark, else UTF-8, else Latin-1; gzip is unpacked.

    Raises
    ------
    IngestError
        If the file is empty, damaged, too large when unpacked, or not text.
    """
    if not data:
        raise IngestError("The file is empty.")
    is_compressed = data.startswith(_GZIP)
    if is_compressed:
        data = _unpack(data)
    for magic, what in _FOREIGN.items():
        if data.startswith(magic):
            raise IngestError(f"The file is not CSV but {what}.")
    content, encoding = _decode(data)
    if "\0" in content:
        raise IngestError("The file is not text: it holds NUL bytes. Save it as CSV in UTF-8.")
    if not content.strip():
        raise IngestError("The file is empty.")
    return Text(content=content, encoding=encoding, is_compressed=is_compressed)


def _unpack(data: bytes) -> bytes:
    parts: list[bytes] = []
    size = 0
    try:
        while data:
            unpacker = zlib.decompressobj(wbits=31)
            parts.append(unpacker.decompress(data, MAX_TEXT_BYTES - size + 1))
            size += len(parts[-1])
            if size > MAX_TEXT_BYTES:
                raise IngestError(
                    f"The file is larger than {MAX_TEXT_BYTES >> 20} MiB when unpacked: split it."
                )
            if not unpacker.eof:
                raise IngestError("The gzip file ends early: it is damaged.")
            data = unpacker.unused_data
    except zlib.error as error:
        raise IngestError(f"The gzip file is damaged: {error}.") from None
    return b"".join(parts)


def _decode(data: bytes) -> tuple[str, str]:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        try:
            return data.decode("utf-16"), "utf-16"
        except UnicodeDecodeError as error:
            raise IngestError(f"The file is damaged: {error.reason} in UTF-16.") from None
    try:
        return data.decode("utf-8-sig"), "utf-8"
    except UnicodeDecodeError:
        return data.decode("latin-1"), "latin-1"
