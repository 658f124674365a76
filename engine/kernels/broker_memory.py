"""How the steps of the broker are compiled, and how they reach its records.

A step gets the whole state as one pointer: the record `STATE`, which holds the addresses of the
arrays that the caller keeps. Passed as arrays they cost a step a hundred arguments and two atomic
reference counts for every access: 6 × the time an order took, and 4 × the compile time.
"""

from __future__ import annotations

from llvmlite import ir
from numba import from_dtype, njit, types
from numba.core import cgutils
from numba.extending import intrinsic
from numba.np.arrayobj import make_array

from engine.kernels.broker_records import (
    BOOK,
    ENTRY,
    FILL,
    FINE,
    ORDER,
    SPAN,
    STEP,
    TARGET,
    WORKING,
    WRITE,
)

step = njit(_nrt=False, no_cpython_wrapper=True, no_cfunc_wrapper=True)
"""For functions that only other kernels call: compiled into their callers, cached with them."""

inlined_step = njit(_nrt=False, no_cpython_wrapper=True, no_cfunc_wrapper=True, forceinline=True)
"""The same for those that get arrays: a call would push a hundred words."""


def viewer(dtype):
    """Return a function from an address to the record that stands there."""
    record = from_dtype(dtype)

    @intrinsic
    def view(typing_context, address):
        def generate(context, builder, signature, arguments):
            return builder.inttoptr(arguments[0], context.get_value_type(record))

        return record(types.int64), generate

    return view


_book, _entry, _working = viewer(BOOK), viewer(ENTRY), viewer(WORKING)
_order, fill_view, _target = viewer(ORDER), viewer(FILL), viewer(TARGET)
_step, _write = viewer(STEP), viewer(WRITE)
_span, _fine = viewer(SPAN), viewer(FINE)
SPAN_SIZE, FINE_SIZE = SPAN.itemsize, FINE.itemsize
BOOK_SIZE, ENTRY_SIZE, WORKING_SIZE = BOOK.itemsize, ENTRY.itemsize, WORKING.itemsize
ORDER_SIZE, FILL_SIZE, TARGET_SIZE = ORDER.itemsize, FILL.itemsize, TARGET.itemsize
STEP_SIZE, WRITE_SIZE = STEP.itemsize, WRITE.itemsize


@intrinsic
def copy_into(typing_context, target, source):
    """Overwrite a record with another of its kind."""

    def generate(context, builder, signature, arguments):
        size = context.get_constant(types.intp, signature.args[0].size)
        cgutils.raw_memcpy(builder, arguments[0], arguments[1], size, 1)
        return context.get_dummy_value()

    return types.none(target, target), generate


@intrinsic
def fetch(typing_context, array, row, column):
    """Bring an element of a matrix near the processor, without waiting for it."""

    def generate(context, builder, signature, arguments):
        kind = signature.args[0]
        matrix = make_array(kind)(context, builder, arguments[0])
        pointer = cgutils.get_item_pointer(
            context, builder, kind, matrix, arguments[1:], wraparound=False, boundscheck=False
        )
        byte = ir.IntType(8).as_pointer()
        flag = ir.IntType(32)
        returns = ir.FunctionType(ir.VoidType(), [byte, flag, flag, flag])
        call = cgutils.get_or_insert_function(builder.module, returns, "llvm.prefetch.p0")
        # To read, into the nearest cache, data.
        for_reading = [flag(0), flag(3), flag(1)]
        builder.call(call, [builder.bitcast(pointer, byte), *for_reading])
        return context.get_dummy_value()

    return types.none(array, row, column), generate


@intrinsic
def number_at(typing_context, address, index):
    """Return the float64 of an array that starts at `address`."""

    def generate(context, builder, signature, arguments):
        kind = context.get_value_type(types.float64).as_pointer()
        base = builder.inttoptr(arguments[0], kind)
        return builder.load(builder.gep(base, [arguments[1]]))

    return types.float64(types.int64, types.int64), generate


@intrinsic
def integer_at(typing_context, address, index):
    """Return the int64 of an array that starts at `address`."""

    def generate(context, builder, signature, arguments):
        kind = context.get_value_type(types.int64).as_pointer()
        base = builder.inttoptr(arguments[0], kind)
        return builder.load(builder.gep(base, [arguments[1]]))

    return types.int64(types.int64, types.int64), generate


@intrinsic
def put_number(typing_context, address, index, value):
    """Overwrite the float64 of an array that starts at `address`."""

    def generate(context, builder, signature, arguments):
        kind = context.get_value_type(types.float64).as_pointer()
        base = builder.inttoptr(arguments[0], kind)
        builder.store(arguments[2], builder.gep(base, [arguments[1]]))
        return context.get_dummy_value()

    return types.none(types.int64, types.int64, types.float64), generate


@intrinsic
def put_integer(typing_context, address, index, value):
    """Overwrite the int64 of an array that starts at `address`."""

    def generate(context, builder, signature, arguments):
        kind = context.get_value_type(types.int64).as_pointer()
        base = builder.inttoptr(arguments[0], kind)
        builder.store(arguments[2], builder.gep(base, [arguments[1]]))
        return context.get_dummy_value()

    return types.none(types.int64, types.int64, types.int64), generate


@intrinsic
def put_flag(typing_context, address, index, value):
    """Write a condition of an array of bytes that starts at `address`."""

    def generate(context, builder, signature, arguments):
        kind = context.get_data_type(types.boolean).as_pointer()
        base = builder.inttoptr(arguments[0], kind)
        data = context.data_model_manager[types.boolean].as_data(builder, arguments[2])
        builder.store(data, builder.gep(base, [arguments[1]]))
        return context.get_dummy_value()

    return types.none(types.int64, types.int64, types.boolean), generate


@step
def step_at(state, k):
    """Return step `k` of the live rules."""
    return _step(state.steps + k * STEP_SIZE)


@step
def write_at(state, w):
    """Return which step's value is written where."""
    return _write(state.writes + w * WRITE_SIZE)


@step
def involved_at(state, k):
    """Return the `k`-th symbol that the bar can change, in the order of the names."""
    return integer_at(state.involved, k)


@step
def book_at(state, s):
    """Return the book of symbol `s`."""
    return _book(state.books + s * BOOK_SIZE)


@step
def entry_at(state, s, k):
    """Return open entry `k` of symbol `s`, in the order of the numbers."""
    return _entry(state.entries + (s * state.most_entries + k) * ENTRY_SIZE)


@step
def working_at(state, s, w):
    """Return working order `w` of symbol `s`, in the order of the numbers."""
    return _working(state.working + (s * state.most_working + w) * WORKING_SIZE)


@step
def target_at(state, s):
    """Return the rebalance order of symbol `s`."""
    return _target(state.targets + s * TARGET_SIZE)


@step
def span_at(state, s, t):
    """Return which finer bars lie inside a bar."""
    return _span(state.spans + (s * state.n_times + t) * SPAN_SIZE)


@step
def fine_at(state, k):
    """Return a finer bar."""
    return _fine(state.details + k * FINE_SIZE)


@step
def order_row(state, number):
    """Return a row of the order log."""
    return _order(state.orders + number * ORDER_SIZE)


@step
def fill_row(state, f):
    """Return a row of the fill log."""
    return fill_view(state.fills + f * FILL_SIZE)


@step
def saved_entry(state, k):
    """Return the copy of an open entry that `save` made."""
    return _entry(state.saved_entries + k * ENTRY_SIZE)


@step
def saved_working(state, w):
    """Return the copy of a working order that `save` made."""
    return _working(state.saved_working + w * WORKING_SIZE)


@step
def saved_row(state, w):
    """Return the copy of a working order's row in the log that `save` made."""
    return _order(state.saved_orders + w * ORDER_SIZE)


@step
def tried_address(state, row):
    """Return where the fills begin that the first or second other path rule would have made."""
    return state.tried + row * state.most_tried * FILL_SIZE


@step
def tried_fill(state, row, f):
    """Return one of those fills."""
    return fill_view(tried_address(state, row) + f * FILL_SIZE)
