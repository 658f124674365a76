"""How the broker calls a strategy that it was not compiled with: through its address.

A closure would compile the broker anew for every file, fifteen seconds each. A call through an
address costs about 10 ns a bar; the file alone compiles in about a second.
"""

from __future__ import annotations

import llvmlite.ir as ir
import numpy as np
from numba import carray, njit, types
from numba.extending import intrinsic

from engine.kernels.broker_memory import viewer
from engine.kernels.event_requests import MOST_REQUESTS, N_FIELDS

CALL = np.dtype(
    # What one call of `on_bar` is made from. Columns are addresses of arrays (n_symbols, n_times)
    # and `place` the bar's index in them; `indicators` has its row of values at each place.
    [
        ("time", "i8"),
        ("open", "i8"),
        ("high", "i8"),
        ("low", "i8"),
        ("close", "i8"),
        ("volume", "i8"),
        ("split", "i8"),
        ("indicators", "i8"),
        ("params", "i8"),
        ("requests", "i8"),
        ("state", "i8"),
        ("place", "i8"),
        ("t", "i8"),
        ("i", "i8"),
        ("steps", "i8"),  # left for the loops of this call
        ("symbol", "i8"),
        ("quantity", "f8"),
        ("entry_price", "f8"),  # mean over the open entries, NaN while flat
        ("open_profit", "f8"),  # of the open entries before costs, NaN while flat
        ("bars_held", "i8"),
        ("n_entries", "i8"),
        ("n_working", "i8"),
        ("cash", "f8"),
        ("equity", "f8"),
    ],
    align=True,
)
call_view = viewer(CALL)
SHAPE = (MOST_REQUESTS + 1, N_FIELDS)


@njit(_nrt=False)
def tick(address):
    """Count one turn of a loop against what is left for this call."""
    call = call_view(address)
    call.steps -= 1
    if call.steps < 0:
        raise RuntimeError
    return True


@intrinsic
def call_at(typing_context, address, argument):
    """Call the function `int64(int64)` at an address."""

    def generate(context, builder, signature, arguments):
        word = ir.IntType(64)
        kind = ir.FunctionType(word, [word]).as_pointer()
        return builder.call(builder.inttoptr(arguments[0], kind), [arguments[1]])

    return types.int64(types.int64, types.int64), generate


@intrinsic
def integer_at(typing_context, address, index):
    """Return the int64 of an array that starts at `address`."""

    def generate(context, builder, signature, arguments):
        return builder.load(_place(context, builder, types.int64, arguments))

    return types.int64(types.int64, types.int64), generate


@intrinsic
def put_integer(typing_context, address, index, value):
    """Write an int64 into an array that starts at `address`."""

    def generate(context, builder, signature, arguments):
        builder.store(arguments[2], _place(context, builder, types.int64, arguments))
        return context.get_dummy_value()

    return types.none(types.int64, types.int64, types.int64), generate


@intrinsic
def put_number(typing_context, address, index, value):
    """Write a float64 into an array that starts at `address`."""

    def generate(context, builder, signature, arguments):
        builder.store(arguments[2], _place(context, builder, types.float64, arguments))
        return context.get_dummy_value()

    return types.none(types.int64, types.int64, types.float64), generate


@intrinsic
def _pointer_to(typing_context, address):
    """Return an address as the pointer that `carray` takes."""

    def generate(context, builder, signature, arguments):
        return builder.inttoptr(arguments[0], context.get_value_type(types.voidptr))

    return types.voidptr(types.int64), generate


@njit
def requests_at(address):
    """Return the table of requests that stands at an address."""
    return carray(_pointer_to(address), SHAPE, np.float64)


def _place(context, builder, kind, arguments):
    base = builder.inttoptr(arguments[0], context.get_value_type(kind).as_pointer())
    return builder.gep(base, [arguments[1]])
