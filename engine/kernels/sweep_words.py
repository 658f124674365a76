"""Conditions of a sweep, one bit a bar: 64 bars in a word, bit 0 the first of them.

Rows are NaN-free where a condition is read (`engine.sweeps.rows` sees to it), so what is not
above is at or below, and a cross is one comparison with its own word, moved by one bar.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import llvmlite.ir as ir
import numpy as np
import numpy.typing as npt
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

from engine.kernels.broker_memory import number_at
from engine.types import FloatArray, IntArray

glance = njit(
    _nrt=False,
    no_cpython_wrapper=True,
    no_cfunc_wrapper=True,
    forceinline=True,
    error_model="numpy",
)
"""For what is done so often that a call, or asking whether a divisor is zero, would show."""

WORD = 64
GREATER, GREATER_EQUAL, EQUAL, CROSS, NOT, AND, OR = (np.int64(op) for op in range(7))
ALONE = np.int64(-1)
"""Stands for the place of an operand that is one number."""


class Operands(NamedTuple):
    """Where the operands of one point stand.

    places, numbers : (n_operands,) of a row its bar 0 in `rows`, or `ALONE` and a number
    keys : of the rows that are averages, at the same places; see `write_keys`
    """

    places: IntArray
    numbers: FloatArray
    rows: FloatArray
    keys: npt.NDArray[np.uint16]


ALL_BITS, NOTHING = np.uint64(0xFFFFFFFFFFFFFFFF), np.uint64(0)
ONE, LAST = np.uint64(1), np.uint64(WORD - 1)
KEY_BYTES = 2

_VECTOR = ir.VectorType(ir.DoubleType(), WORD)
_KEYS = ir.VectorType(ir.IntType(16), WORD)
_BITS = ir.IntType(WORD)
_BYTE = ir.IntType(8)
_BYTES = ir.VectorType(_BYTE, WORD)


def _comparison(*symbols, kind=_VECTOR):
    """Return a function from two addresses to the words of comparisons of 64 pairs of numbers.

    Written as one vector operation: LLVM makes eight comparisons of float64 of it with AVX-512,
    sixteen with AVX2. A loop that shifts bit after bit into the word took eleven times as long.
    """

    @intrinsic
    def compare(typing_context, address, other):
        def generate(context, builder, signature, arguments):
            a, b = (_load(builder, argument, kind) for argument in arguments)
            of = builder.fcmp_ordered if kind is _VECTOR else builder.icmp_unsigned
            found = [builder.bitcast(of(symbol, a, b), _BITS) for symbol in symbols]
            return context.make_tuple(builder, signature.return_type, found)

        words = types.UniTuple(types.uint64, len(symbols))
        return words(types.int64, types.int64), generate

    return compare


def _load(builder, address, kind=_VECTOR):
    vector = builder.load(builder.inttoptr(address, kind.as_pointer()))
    vector.align = 8 if kind is _VECTOR else 2
    return vector


def _spread(builder, number, kind=_VECTOR):
    single = builder.insert_element(ir.Constant(kind, ir.Undefined), number, ir.IntType(32)(0))
    lanes = ir.Constant(ir.VectorType(ir.IntType(32), WORD), [0] * WORD)
    return builder.shuffle_vector(single, ir.Constant(kind, ir.Undefined), lanes)


_greater, _at_least, _equal = _comparison(">"), _comparison(">="), _comparison("==")
_greater_and_less = _comparison(">", "<")
_key_greater_and_less = _comparison(">", "<", kind=_KEYS)


@intrinsic
def at_most(typing_context, address, bound):
    """Return a word of which of 64 float64 are at most a number; of a NaN none is."""

    def generate(context, builder, signature, arguments):
        values, bounds = _load(builder, arguments[0]), _spread(builder, arguments[1])
        return builder.bitcast(builder.fcmp_ordered("<=", values, bounds), _BITS)

    return types.uint64(types.int64, types.float64), generate


@intrinsic
def at_least(typing_context, address, bound):
    """Return a word of which of 64 float64 are at least a number; of a NaN none is."""

    def generate(context, builder, signature, arguments):
        values, bounds = _load(builder, arguments[0]), _spread(builder, arguments[1])
        return builder.bitcast(builder.fcmp_ordered(">=", values, bounds), _BITS)

    return types.uint64(types.int64, types.float64), generate


@intrinsic
def extremes(typing_context, address, begin, stop):
    """Return the highest and the lowest of 64 float64 from place `begin` on, before `stop`."""

    def generate(context, builder, signature, arguments):
        values = _load(builder, arguments[0])
        begin, stop = (builder.trunc(place, _BYTE) for place in arguments[1:])
        lanes = ir.Constant(_BYTES, list(range(WORD)))
        after = builder.icmp_unsigned(">=", lanes, _spread(builder, begin, _BYTES))
        before = builder.icmp_unsigned("<", lanes, _spread(builder, stop, _BYTES))
        inside = builder.and_(after, before)
        found = []
        for name, nothing in (("fmax", -math.inf), ("fmin", math.inf)):
            others = ir.Constant(_VECTOR, [nothing] * WORD)
            kept = builder.select(inside, values, others)
            kind = ir.FunctionType(ir.DoubleType(), [_VECTOR])
            reduce = cgutils.get_or_insert_function(
                builder.module, kind, f"llvm.vector.reduce.{name}.v{WORD}f64"
            )
            found.append(builder.call(reduce, [kept], fastmath=("nnan", "nsz")))
        return context.make_tuple(builder, signature.return_type, found)

    return types.UniTuple(types.float64, 2)(types.int64, types.int64, types.int64), generate


@intrinsic
def fused(typing_context, a, b, c):
    """Return a · b + c, rounded once."""

    def generate(context, builder, signature, arguments):
        return builder.fma(*arguments)

    return types.float64(types.float64, types.float64, types.float64), generate


@intrinsic
def lowest_bit(typing_context, word):
    """Return the place of the lowest set bit of a word, 64 when it has none."""

    def generate(context, builder, signature, arguments):
        return builder.cttz(arguments[0], ir.IntType(1)(0))

    return types.uint64(types.uint64), generate


@intrinsic
def highest_bit(typing_context, word):
    """Return the place of the highest set bit of a word that has one."""

    def generate(context, builder, signature, arguments):
        above = builder.ctlz(arguments[0], ir.IntType(1)(1))
        return builder.sub(_BITS(WORD - 1), above)

    return types.uint64(types.uint64), generate


@intrinsic
def count_bits(typing_context, word):
    """Return how many bits of a word are set."""

    def generate(context, builder, signature, arguments):
        return builder.ctpop(arguments[0])

    return types.int64(types.uint64), generate


@glance
def bits_from(bar, base):
    """Return a word with the bits from `bar` on, of bars `base` to `base + 63`."""
    if bar <= base:
        return ALL_BITS
    return ALL_BITS << np.uint64(bar - base) if bar < base + WORD else NOTHING


@glance
def locate(operands, k, moves, begin, spread):
    """Return the address of an operand's values from bar `begin` on, and the bytes of a word.

    A number stands for a row in `spread`, 64 times, and every word reads it again.
    """
    place = operands.places[k]
    if place == ALONE:
        for lane in range(WORD):
            spread[lane] = operands.numbers[k]
        return spread.ctypes.data, np.int64(0)
    return operands.rows.ctypes.data + 8 * (place + begin * moves[k]), np.int64(8 * WORD)


@glance
def write_crosses(a, step_a, b, step_b, keys, n_words, above, below, carries):
    """Write where a crosses above b, and where below: both from one reading of the rows.

    keys : addresses of the keys of both, 0 where there are none, see `write_keys`
    carries : the last bar's bits of a > b and of b > a
    """
    was_above, was_below = carries[0], carries[1]
    for w in range(n_words):
        is_above, is_below = NOTHING, NOTHING
        if keys[0]:
            place = KEY_BYTES * WORD * w
            is_above, is_below = _key_greater_and_less(keys[0] + place, keys[1] + place)
        # Of equal keys the numbers may differ.
        if is_above | is_below != ALL_BITS:
            is_above, is_below = _greater_and_less(a + step_a * w, b + step_b * w)
        above[w] = is_above & ~((is_above << ONE) | was_above)
        below[w] = is_below & ~((is_below << ONE) | was_below)
        was_above, was_below = is_above >> LAST, is_below >> LAST
    carries[0], carries[1] = was_above, was_below


@glance
def key_addresses(operands, i, j, moves):
    """Return where the keys of two operands stand, (0, 0) unless both are averages of the tile."""
    if moves[i] or moves[j]:
        return np.int64(0), np.int64(0)
    keys = operands.keys.ctypes.data
    return keys + KEY_BYTES * operands.places[i], keys + KEY_BYTES * operands.places[j]


@glance
def combine(op, left, right, n_words, out):
    """Write an operation on words."""
    if op == NOT:
        for w in range(n_words):
            out[w] = ~left[w]
    elif op == AND:
        for w in range(n_words):
            out[w] = left[w] & right[w]
    else:
        for w in range(n_words):
            out[w] = left[w] | right[w]


@glance
def evaluate_words(code, moves, operands, carries, spread, begin, n_words, words):
    """Write every condition of one point at the bars of `n_words` words from bar `begin` on.

    code : (n_steps, 4) operation, operands, and which of `words` it writes
    moves : (n_operands,) 1 for a row of all bars, 0 for one that stands there tile by tile
    carries : (n_steps, 2) the last bar's bits of each cross so far
    spread : (2, 64) room for two numbers
    """
    for k in range(code.shape[0]):
        op, i, j, to = code[k, 0], code[k, 1], code[k, 2], code[k, 3]
        if op >= NOT:
            combine(op, words[i], words[j], n_words, words[to])
            continue
        a, step_a = locate(operands, i, moves, begin, spread[0])
        b, step_b = locate(operands, j, moves, begin, spread[1])
        if op == CROSS:
            if begin == 0:
                # The bar before the run's first, of its warm-up; without one nothing is asked.
                earlier = number_at(a, -1 if step_a else 0)
                other = number_at(b, -1 if step_b else 0)
                carries[k, 0] = np.uint64(earlier > other)
                carries[k, 1] = np.uint64(earlier < other)
            keys = key_addresses(operands, i, j, moves)
            above, below = words[to], words[to + 1]
            write_crosses(a, step_a, b, step_b, keys, n_words, above, below, carries[k])
        elif op == GREATER_EQUAL:
            for w in range(n_words):
                words[to, w] = _at_least(a + step_a * w, b + step_b * w)[0]
        elif op == EQUAL:
            for w in range(n_words):
                words[to, w] = _equal(a + step_a * w, b + step_b * w)[0]
        else:
            for w in range(n_words):
                words[to, w] = _greater(a + step_a * w, b + step_b * w)[0]
