"""Formulas that read the open position, run at the close for a symbol that has one (F2, step h).

The program is interpreted: each step is an operation on the values of earlier ones, on a number or
on a row computed before. What it says is written over the rows of the signals, which hold for a
symbol without a position, before the broker reads them.
"""

from __future__ import annotations

import math

from engine.kernels.arithmetic import exponent_of, logarithm_of, power_of, quotient, remainder
from engine.kernels.broker_constants import (
    LIVE_ABS,
    LIVE_ADD,
    LIVE_AND,
    LIVE_BARS_IN_TRADE,
    LIVE_DIVIDE,
    LIVE_ENTRY_PRICE,
    LIVE_EQUAL,
    LIVE_EXP,
    LIVE_GREATER,
    LIVE_GREATER_EQUAL,
    LIVE_KNOWN,
    LIVE_LESS,
    LIVE_LESS_EQUAL,
    LIVE_LOG,
    LIVE_MAX,
    LIVE_MIN,
    LIVE_MODULO,
    LIVE_MULTIPLY,
    LIVE_NEGATIVE,
    LIVE_NOT,
    LIVE_NOT_EQUAL,
    LIVE_NUMBER,
    LIVE_OPEN_PROFIT,
    LIVE_OR,
    LIVE_POWER,
    LIVE_ROW,
    LIVE_SIGN,
    LIVE_SQRT,
    LIVE_SUBTRACT,
)
from engine.kernels.broker_memory import (
    book_at,
    entry_at,
    number_at,
    put_flag,
    put_number,
    step,
    step_at,
    write_at,
)

NAN = math.nan


@step
def speak(state, i, s, t):
    """Write what a symbol with a position says at this close over its signals."""
    place = s * state.n_times + t
    for k in range(state.n_steps):
        instruction = step_at(state, k)
        op = instruction.op
        if op == LIVE_NUMBER:
            continue
        if op == LIVE_ROW:
            instruction.value = number_at(instruction.a, place)
        elif op == LIVE_ENTRY_PRICE:
            instruction.value = entry_price(state, s)
        elif op == LIVE_OPEN_PROFIT:
            instruction.value = open_profit(state, s)
        elif op == LIVE_BARS_IN_TRADE:
            instruction.value = bars_in_trade(state, i, s, instruction.a, place)
        else:
            a, b = step_at(state, instruction.a).value, step_at(state, instruction.b).value
            instruction.value = operate(op, a, b)
    for w in range(state.n_writes):
        write = write_at(state, w)
        value = step_at(state, write.step).value
        if write.is_condition:
            put_flag(write.address, place, value != 0.0)
        else:
            put_number(write.address, place, value)


@step
def entry_price(state, s):
    """Return the average price of the open entries: to the last bit where all are the same."""
    above = quantity = 0.0
    anchor = entry_at(state, s, 0).price
    for k in range(book_at(state, s).n_entries):
        entry = entry_at(state, s, k)
        above += entry.quantity * (entry.price - anchor)
        quantity += entry.quantity
    return anchor + above / quantity if quantity > 0.0 else NAN


@step
def open_profit(state, s):
    """Return what the open entries have gained at this close, before costs, in money."""
    profit = 0.0
    for k in range(book_at(state, s).n_entries):
        entry = entry_at(state, s, k)
        profit += entry.side * entry.quantity * (book_at(state, s).close - entry.price)
    return profit


@step
def bars_in_trade(state, i, s, count, place):
    """Return how many own bars came after that of the earliest fill among the open entries.

    `count` is the address of a row that counts the symbols' own bars.
    """
    first = i
    for k in range(book_at(state, s).n_entries):
        first = min(first, entry_at(state, s, k).i_time)
    return number_at(count, place) - number_at(count, place - (i - first))


@step
def operate(op, a, b):
    """Return an operation's value as `engine.formula.arithmetic` has it on arrays."""
    if op <= LIVE_SIGN:
        value = calculate(op, a, b)
        return value if math.isfinite(value) else NAN
    return 1.0 if holds(op, a, b) else 0.0


@step
def calculate(op, a, b):
    """Return the value of arithmetic; of one operand `a` where there is one."""
    if op == LIVE_ADD:
        return a + b
    if op == LIVE_SUBTRACT:
        return a - b
    if op == LIVE_MULTIPLY:
        return a * b
    if op == LIVE_DIVIDE:
        return quotient(a, b)
    if op == LIVE_MODULO:
        return remainder(a, b)
    if op == LIVE_POWER:
        return power_of(a, b)
    if op == LIVE_NEGATIVE:
        return -a
    if op == LIVE_ABS:
        return abs(a)
    if op in (LIVE_MIN, LIVE_MAX):
        if a != a or b != b:
            return NAN
        return min(a, b) if op == LIVE_MIN else max(a, b)
    if op == LIVE_SQRT:
        return math.sqrt(a) if a >= 0.0 else NAN
    if op == LIVE_LOG:
        return logarithm_of(a)
    if op == LIVE_EXP:
        return exponent_of(a)
    if op == LIVE_SIGN:
        return 1.0 if a > 0.0 else -1.0 if a < 0.0 else a
    return a


@step
def holds(op, a, b):
    """Return whether a comparison or a combination of conditions is true; with NaN none is."""
    if op == LIVE_LESS:
        return a < b
    if op == LIVE_LESS_EQUAL:
        return a <= b
    if op == LIVE_GREATER:
        return a > b
    if op == LIVE_GREATER_EQUAL:
        return a >= b
    if op == LIVE_EQUAL:
        return a == b
    if op == LIVE_NOT_EQUAL:
        return a < b or a > b
    if op == LIVE_AND:
        return a != 0.0 and b != 0.0
    if op == LIVE_OR:
        return a != 0.0 or b != 0.0
    if op == LIVE_NOT:
        return a == 0.0
    if op == LIVE_KNOWN:
        return a == a
    return False
