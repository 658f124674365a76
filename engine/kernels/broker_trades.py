"""Trades from fills: first in, first out, with excursions (F11, M10)."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from engine.kernels.broker_constants import CLOSE, INSIDE, OPEN
from engine.kernels.broker_memory import step

NAN = math.nan
STILL_OPEN = -1


@njit(cache=True, nogil=True)
def pair_fills(tape, fills, first, out, pairs):
    """Write one row per pair of entry and exit fill into `out`, open rows last; return how many.

    A row is in the shares of its exit; its excursions are left to `add_excursions`, for which
    `pairs` keeps the indices of the two fills. Both outputs need two rows a fill.
    """
    n_symbols, n_times = tape.close.shape
    remaining = np.empty(fills.size)
    scale = np.ones(fills.size)  # the shares of now for one share at the entry
    following = np.full(fills.size, -1, np.int64)
    head = np.full(n_symbols, -1, np.int64)
    tail = np.full(n_symbols, -1, np.int64)
    seen = np.zeros(n_symbols, np.int64)
    has_splits = np.zeros(n_symbols, np.bool_)
    for s in range(n_symbols):
        has_splits[s] = has_any(tape.has_action[s]) and has_split(tape.split[s])
    n_rows = 0
    for f in range(fills.size):
        fill = fills[f]
        s = fill.symbol
        if has_splits[s]:
            rescale(tape.split[s], seen[s] + 1, first + fill.i_time, head[s], following, scale)
        seen[s] = first + fill.i_time
        # What the position no longer holds is gone, to the last bit.
        is_whole = fill.after == 0.0 or fill.quantity > fill.closing > 0.0
        rest = fill.closing
        while rest > 1e-12 * fill.closing and head[s] >= 0:
            lot = head[s]
            held = remaining[lot] * scale[lot]
            quantity = held if is_whole or held <= rest * (1.0 + 1e-12) else rest
            write_row(tape, fills, lot, f, quantity, scale[lot], first, out[n_rows])
            pairs[n_rows, 0], pairs[n_rows, 1] = lot, f
            n_rows += 1
            rest -= quantity
            if quantity == held:
                head[s] = following[lot]
            else:
                remaining[lot] -= quantity / scale[lot]
        opening = fill.quantity - fill.closing
        if opening > 0.0:
            remaining[f] = opening
            if head[s] < 0:
                head[s] = f
            else:
                following[tail[s]] = f
            tail[s] = f
    for s in range(n_symbols):
        if has_splits[s]:
            rescale(tape.split[s], seen[s] + 1, n_times - 1, head[s], following, scale)
        lot = head[s]
        while lot >= 0:
            quantity = remaining[lot] * scale[lot]
            write_row(tape, fills, lot, STILL_OPEN, quantity, scale[lot], first, out[n_rows])
            pairs[n_rows, 0], pairs[n_rows, 1] = lot, STILL_OPEN
            n_rows += 1
            lot = following[lot]
    return n_rows


@step
def has_any(flags):
    """Return whether any is set: an eighth of what has to be read to find a split."""
    count = 0
    for t in range(flags.size):
        count += flags[t]
    return count > 0


@step
def has_split(split):
    """Return whether a symbol's shares were ever split."""
    count = 0
    for ratio in split:
        count += ratio != 1.0
    return count > 0


@step
def rescale(split, begin, end, lot, following, scale):
    """Express open lots in the shares of bar `end`, which knows the splits from `begin` on."""
    ratio = 1.0
    for t in range(begin, end + 1):
        ratio *= split[t]
    if ratio != 1.0:
        while lot >= 0:
            scale[lot] *= ratio
            lot = following[lot]


@step
def write_row(tape, fills, lot, f, quantity, scale, first, row):
    """Write the trade of `quantity` shares from entry fill `lot` to exit fill `f`."""
    entry = fills[lot]
    s = entry.symbol
    opened = (entry.quantity - entry.closing) * scale
    fees = (entry.fee - entry.closing_fee) * quantity / opened
    row.symbol = s
    row.side = entry.side
    row.quantity = quantity
    row.entry_i = entry.i_time
    row.entry_price = entry.price / scale
    row.order_id = entry.order_id
    row.ambiguous = entry.ambiguous
    row.open = f == STILL_OPEN
    last = tape.close.shape[1] - 1 - first
    if row.open:
        row.exit_i = -1
        row.exit_price = last_close(tape.close[s])
        row.exit_reason = -1
        row.bars = last - entry.i_time
    else:
        leave = fills[f]
        fees += leave.closing_fee * quantity / leave.closing
        row.exit_i = leave.i_time
        row.exit_price = leave.price
        row.exit_reason = leave.reason
        row.ambiguous |= leave.ambiguous
        row.bars = leave.i_time - entry.i_time
    row.fees = fees
    row.pnl = entry.side * quantity * (row.exit_price - row.entry_price) - fees
    row["return"] = row.pnl / (row.entry_price * quantity)
    risked = entry.risk / scale * quantity
    row.r_multiple = row.pnl / risked if risked > 0.0 else NAN


@njit(cache=True, nogil=True)
def add_excursions(tape, fills, first, rows, pairs):
    """Write how far price went against and for each row's entry (M10)."""
    last = tape.close.shape[1] - 1 - first
    for r in range(rows.size):
        row = rows[r]
        entry = fills[pairs[r, 0]]
        if row.open:
            low, high = excursion(tape, row.symbol, entry, first, last, CLOSE, NAN, False)
        else:
            leave = fills[pairs[r, 1]]
            low, high = excursion(
                tape, row.symbol, entry, first, leave.i_time, leave.phase, leave.raw, leave.is_up
            )
        up = high / entry.price - 1.0
        down = low / entry.price - 1.0
        row.mae = down if entry.side > 0 else 0.0 - up
        row.mfe = up if entry.side > 0 else 0.0 - down


@step
def last_close(close):
    """Return the last known close of a symbol."""
    t = close.size - 1
    while math.isnan(close[t]):
        t -= 1
    return close[t]


@step
def excursion(tape, s, entry, first, i_exit, phase, raw, is_up):
    """Return the lowest and highest price from an entry fill to its exit, in entry shares (M10).

    The entry bar counts only after the fill; an exit at the open counts that price alone, an exit
    inside the bar clips the side it left by.
    """
    split, high, low, close = tape.split[s], tape.high[s], tape.low[s], tape.close[s]
    begin, end = first + entry.i_time, first + i_exit
    lowest = highest = entry.price
    scale = 1.0
    # Whole bars: those between, the entry's if it came at the open, the exit's if at the close.
    for t in range(begin + (entry.phase != OPEN), end + (phase == CLOSE)):
        if t > begin:
            scale *= split[t]
        if low[t] * scale < lowest:
            lowest = low[t] * scale
        if high[t] * scale > highest:
            highest = high[t] * scale
    if entry.phase == INSIDE and (end > begin or phase == CLOSE):
        lowest = min(lowest, close[begin])
        highest = max(highest, close[begin])
    if phase != CLOSE:
        if end > begin:
            scale *= split[end]
        lowest = min(lowest, raw * scale)
        highest = max(highest, raw * scale)
        if phase == INSIDE and (end > begin or entry.phase == OPEN):
            if is_up:
                lowest = min(lowest, low[end] * scale)
            else:
                highest = max(highest, high[end] * scale)
    return lowest, highest
