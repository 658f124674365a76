"""The C loops of `reference.c`, compiled on the spot."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

import numpy as np

SOURCE = Path(__file__).with_name("reference.c")
COMPILER = "gcc"
FLAGS = ("-O3", "-march=native", "-shared", "-fPIC")


KINDS = {"l": ctypes.c_long, "d": ctypes.c_double, "p": ctypes.c_void_p}
SIGNATURES = {
    "sma_cross": "lppppdddpppp",
    "sma": "lplp",
    "sweep": "lppplpppddddp",
    "sweep_with_exits": "lppppplppppddddp",
}
"""Each function's arguments: numbers and addresses of arrays."""

RESULTS = ("final_equity", "max_drawdown", "sharpe", "trades")
"""What a sweep writes of each combination, in this order."""


def has_compiler() -> bool:
    """Return whether the reference can be compiled here."""
    return shutil.which(COMPILER) is not None


@cache
def library() -> ctypes.CDLL:
    """Compile and load the loops."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "reference.so"
        subprocess.run([COMPILER, *FLAGS, str(SOURCE), "-o", str(target), "-lm"], check=True)
        loaded = ctypes.CDLL(str(target))
    for name, kinds in SIGNATURES.items():
        getattr(loaded, name).argtypes = [KINDS[kind] for kind in kinds]
        getattr(loaded, name).restype = None
    loaded.sma_cross.restype = ctypes.c_long
    return loaded


def pointer(array: np.ndarray) -> ctypes.c_void_p:
    """Return where a contiguous array begins."""
    assert array.flags.c_contiguous
    return array.ctypes.data_as(ctypes.c_void_p)
