"""Conditions of a sweep, one bit a bar: 64 bars in a word, bit 0 the first of them.

Rows are NaN-free where a condition is read (`engine.sweeps.rows` sees to it), so what is not
above is at or below, and a cross is one comparison with its own word, moved by one bar.
"""

from __future__ import annotations

import llvmlite.ir as ir
import numpy as np
from numba import types
from numba.extending import intrinsic

from engine.kernels.broker_memory import inlined_step, number_at

WORD = 64
GREATER, GREATER_EQUAL, EQUAL, CROSS, NOT, AND, OR = (np.int64(op) for op in range(7))
ALL_BITS, NO_BITS = ~np.uint64(0), np.uint64(0)
ALONE = np.int64(-1)
"""Stands for the place of an operand that is one number."""

_VECTOR = ir.VectorType(ir.DoubleType(), WORD)
_BITS = ir.IntType(WORD)


def _comparison(symbol):
    """Return a function that compares 64 pairs of float64 at two addresses, or with a number.

    Written as one vector operation: LLVM makes eight comparisons of it with AVX-512, sixteen with
    AVX2. A loop that shifts bit after bit into the word took eleven times as long.
    """

    @intrinsic
    def pairs(typing_context, address, other):
        def generate(context, builder, signature, arguments):
            a, b = (_load(builder, argument) for argument in arguments)
            return builder.bitcast(builder.fcmp_ordered(symbol, a, b), _BITS)

        return types.uint64(types.int64, types.int64), generate

    @intrinsic
    def right_number(typing_context, address, number):
        def generate(context, builder, signature, arguments):
            a, b = _load(builder, arguments[0]), _spread(builder, arguments[1])
            return builder.bitcast(builder.fcmp_ordered(symbol, a, b), _BITS)

        return types.uint64(types.int64, types.float64), generate

    @intrinsic
    def left_number(typing_context, number, address):
        def generate(context, builder, signature, arguments):
            a, b = _spread(builder, arguments[0]), _load(builder, arguments[1])
            return builder.bitcast(builder.fcmp_ordered(symbol, a, b), _BITS)

        return types.uint64(types.float64, types.int64), generate

    return pairs, right_number, left_number


def _load(builder, address):
    vector = builder.load(builder.inttoptr(address, _VECTOR.as_pointer()))
    vector.align = 8
    return vector


def _spread(builder, number):
    single = builder.insert_element(ir.Constant(_VECTOR, ir.Undefined), number, ir.IntType(32)(0))
    lanes = ir.Constant(ir.VectorType(ir.IntType(32), WORD), [0] * WORD)
    return builder.shuffle_vector(single, ir.Constant(_VECTOR, ir.Undefined), lanes)


_greater, _greater_right, _greater_left = _comparison(">")
_at_least, _at_least_right, _at_least_left = _comparison(">=")
_equal, _equal_right, _equal_left = _comparison("==")


@intrinsic
def lowest_bit(typing_context, word):
    """Return the place of the lowest set bit of a word that has one."""

    def generate(context, builder, signature, arguments):
        return builder.cttz(arguments[0], ir.IntType(1)(1))

    return types.uint64(types.uint64), generate


def _writer(pairs, right_number, left_number):
    """Return a function that writes the words of one comparison."""

    @inlined_step
    def write(a, b, number_a, number_b, n_words, out):
        if a == ALONE:
            for w in range(n_words):
                out[w] = left_number(number_a, b + 512 * w)
        elif b == ALONE:
            for w in range(n_words):
                out[w] = right_number(a + 512 * w, number_b)
        else:
            for w in range(n_words):
                out[w] = pairs(a + 512 * w, b + 512 * w)

    return write


write_greater = _writer(_greater, _greater_right, _greater_left)
write_at_least = _writer(_at_least, _at_least_right, _at_least_left)
write_equal = _writer(_equal, _equal_right, _equal_left)


@inlined_step
def is_so(op, a, b):
    """Return whether a comparison of two numbers holds."""
    if op == GREATER_EQUAL:
        return a >= b
    if op == EQUAL:
        return a == b
    return a > b


@inlined_step
def evaluate_words(code, places, numbers, carries, rows, begin, n_words, words):
    """Write every condition of one point at the bars of `n_words` words from bar `begin` on.

    code : (n_steps, 4) operation, operands, and which of `words` it writes
    places, numbers : (n_operands,) where a row's bar 0 stands in `rows`, or `ALONE` and a number
    carries : (n_steps,) the last bar's bit of each cross so far
    rows : address of all rows
    """
    for k in range(code.shape[0]):
        op, i, j = code[k, 0], code[k, 1], code[k, 2]
        out = words[code[k, 3]]
        if op >= NOT:
            left = words[i]
            if op == NOT:
                for w in range(n_words):
                    out[w] = ~left[w]
            elif op == AND:
                right = words[j]
                for w in range(n_words):
                    out[w] = left[w] & right[w]
            else:
                right = words[j]
                for w in range(n_words):
                    out[w] = left[w] | right[w]
            continue
        a = ALONE if places[i] == ALONE else rows + 8 * (places[i] + begin)
        b = ALONE if places[j] == ALONE else rows + 8 * (places[j] + begin)
        if a == ALONE and b == ALONE:
            # Two parameters: the same at every bar, and no row to read.
            holds = is_so(op, numbers[i], numbers[j])
            for w in range(n_words):
                out[w] = ALL_BITS if holds else NO_BITS
        elif op == GREATER_EQUAL:
            write_at_least(a, b, numbers[i], numbers[j], n_words, out)
        elif op == EQUAL:
            write_equal(a, b, numbers[i], numbers[j], n_words, out)
        else:
            write_greater(a, b, numbers[i], numbers[j], n_words, out)
        if op == CROSS:
            if begin == 0:
                # The bar before the run's first, of its warm-up; without one nothing is asked.
                earlier = numbers[i] if a == ALONE else number_at(a, -1)
                other = numbers[j] if b == ALONE else number_at(b, -1)
                carries[k] = np.uint64(earlier > other)
            before = carries[k]
            for w in range(n_words):
                word = out[w]
                out[w] = word & ~((word << np.uint64(1)) | before)
                before = word >> np.uint64(63)
            carries[k] = before
