"""Column frames: what goes in comes out, and nothing else is taken for one."""

from __future__ import annotations

import json
import struct

import numpy as np
import pytest

from dataapi.frames import FrameError, decode, encode

COLUMNS = {
    "time": np.array([0, 86_400_000, 2**62], np.int64),
    "equity": np.array([1.0, np.nan, -0.0]),
    "small": np.array([1, -2, 3], np.int8),
    "ambiguous": np.array([True, False, True]),
    "side": np.array(["buy", "sell", "buy"]),
    "reason": np.array(["größe", None, ""], dtype=object),
}


@pytest.mark.parametrize("compress", [False, True])
def test_columns_come_back_bit_for_bit(compress):
    found = decode(encode(COLUMNS, compress=compress))

    assert list(found) == list(COLUMNS)
    for name in ("time", "equity", "small", "ambiguous"):
        assert found[name].dtype == COLUMNS[name].dtype
        assert found[name].tobytes() == COLUMNS[name].tobytes()
    assert found["side"].tolist() == ["buy", "sell", "buy"]
    assert found["reason"].tolist() == ["größe", None, ""]


@pytest.mark.parametrize("compress", [False, True])
def test_no_rows_and_no_columns_come_back(compress):
    empty = {"time": np.empty(0, np.int64), "side": np.empty(0, "U4")}

    found = decode(encode(empty, compress=compress))

    assert {name: column.size for name, column in found.items()} == {"time": 0, "side": 0}
    assert decode(encode({}, compress=compress)) == {}


def test_layout_is_what_a_browser_reads():
    frame = encode({"time": np.array([1, 2], np.int64), "flag": np.array([True, False])})

    magic, size = struct.unpack_from("<4sI", frame)
    header = json.loads(frame[8 : 8 + size])

    assert magic == b"HCF1"
    assert size % 8 == 0
    assert header == {
        "n_rows": 2,
        "columns": [
            {"name": "time", "dtype": "<i8", "offset": 0, "size": 16},
            {"name": "flag", "dtype": "|b1", "offset": 16, "size": 2},
        ],
    }
    assert struct.unpack_from("<2q", frame, 8 + size) == (1, 2)
    assert frame[8 + size + 16 :] == b"\x01\x00" + bytes(6)


def test_big_endian_columns_become_little_endian():
    assert decode(encode({"x": np.array([1.5], ">f8")}))["x"].tolist() == [1.5]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"a": [1, 2], "b": [1]}, r"'b': expected shape \(2,\), was \(1,\)"),
        ({"a": np.zeros((2, 2))}, "'a': expected shape"),
        ({"a": np.array([1j])}, "complex128 has no place"),
        ({"a": np.array([1, "x"], dtype=object)}, "'a': expected text or None, was 1"),
        ({"a": np.array(["2000-01-01"], "M8[D]")}, "has no place"),
    ],
)
def test_what_has_no_place_in_a_frame_is_refused(columns, message):
    with pytest.raises(FrameError, match=message):
        encode(columns)


def test_bytes_that_are_no_frame_are_refused():
    frame = encode(COLUMNS)

    for damaged in (b"", b"HC", b"PK\x03\x04" + frame[4:], frame[:20], frame[:-24]):
        with pytest.raises(FrameError):
            decode(damaged)
