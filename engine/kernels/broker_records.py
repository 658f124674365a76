"""What the broker remembers: records of one row each, and the arrays they stand in.

Kernels read and write them as `books[s].quantity`. NaN means "none" for every price. Names are
those of `engine.types`; enums are their int64 values.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from engine.types import BoolArray, FloatArray, IntArray

RULES = np.dtype(
    [
        ("fill", "i8"),
        ("path", "i8"),
        ("buy_factor", "f8"),  # 1 + slippage + spread / 2
        ("sell_factor", "f8"),
        ("tick", "f8"),  # 0: prices are not rounded
        ("through", "f8"),  # how far price must go beyond a limit
        ("is_clipped", "?"),
        ("slippage_ticks", "f8"),  # whole ticks against the trader
        ("volume_impact", "f8"),  # extra fraction times (quantity / volume)²
        ("impact", "f8"),  # extra fraction times √(quantity / volume)
        ("has_impact", "?"),  # the price of a fill depends on its quantity
        ("participation", "f8"),  # share of a bar's volume that may fill; inf: no cap
        ("has_volume", "?"),  # volumes matter: a cap or an impact
        ("taker_rate", "f8"),
        ("maker_rate", "f8"),
        ("per_unit", "f8"),
        ("fixed", "f8"),
        ("minimum", "f8"),
        ("maximum_rate", "f8"),  # inf: no cap, here and in the limits below
        ("borrow_rate", "f8"),
        ("cash_rate", "f8"),
        ("margin_rate", "f8"),
        ("has_carry", "?"),
        ("initial", "f8"),
        ("maintenance", "f8"),
        ("max_gross", "f8"),
        ("max_weight", "f8"),
        ("max_drawdown", "f8"),
        ("is_rejecting", "?"),
        ("is_finalized", "?"),
        ("expire_bars", "i8"),
        ("is_immediate", "?"),  # what a first fill leaves is cancelled
        ("pyramiding", "i8"),
        ("size_kind", "i8"),
        ("has_levels", "?"),  # some field of the formula waits for a price
        ("has_range", "?"),  # highs and lows matter
        ("has_closes", "?"),  # orders may wait for a later close
        ("decider", "i8"),  # what kind of strategy makes the orders (`engine.types.Decider`)
    ],
    align=True,
)

ACCOUNT = np.dtype(
    [
        ("cash", "f8"),
        ("equity", "f8"),  # as last marked
        ("peak", "f8"),
        ("short_value", "f8"),  # at the last close
        ("freed", "f8"),  # by earlier symbols in step (d) (F7)
        ("interest", "f8"),
        ("borrow", "f8"),
        ("dividends", "f8"),
        ("fees", "f8"),
        ("status", "i8"),
        ("has_shorts", "?"),  # or had
        ("is_busy", "?"),  # an order works or an open entry has a level
        ("now", "i8"),  # the bar, counted from the run's first
        ("n_noted", "i8"),  # notable bars that are past
        ("n_orders", "i8"),
        ("n_fills", "i8"),
        ("ambiguous", "i8"),
        ("stale", "i8"),
        ("conflicts", "i8"),
        ("contributions", "f8"),
        ("n_rebalances", "i8"),  # rows of weights that are past
        ("n_waiting", "i8"),  # rebalance orders that work
        ("most_held", "i8"),  # most open entries that a symbol has had under targets
        ("n_scored", "i8"),  # fills that count in what follows, for `kelly`
        ("n_closed", "i8"),  # positions closed, at a gain, at a loss
        ("n_wins", "i8"),
        ("n_losses", "i8"),
        ("won", "f8"),
        ("lost", "f8"),
    ],
    align=True,
)

BOOK = np.dtype(
    [
        ("quantity", "f8"),
        ("mark", "f8"),
        ("open", "f8"),
        ("high", "f8"),
        ("low", "f8"),
        ("close", "f8"),
        ("volume", "f8"),
        ("lot", "f8"),
        ("room", "f8"),  # what may still fill in this bar (F9), inf without a cap
        ("freed", "f8"),
        ("result", "f8"),  # money in less money out since the position was opened, for `kelly`
        ("fine", "i8"),  # counts the opens and the insides of finer bars, 0 without any
        ("last_bar", "i8"),  # index of a delisted symbol's last bar, else -1
        ("n_entries", "i8"),
        ("n_working", "i8"),
        ("has_bar", "?"),
        ("is_forced", "?"),  # a forced exit waits (F12)
    ],
    align=True,
)

WORKING = np.dtype(
    [
        ("order_id", "i8"),
        ("side", "i8"),
        ("type", "i8"),
        ("reason", "i8"),
        ("bars_left", "i8"),  # 0: good till cancelled
        ("is_exit", "?"),
        ("when", "i8"),  # NEXT_OPEN, THIS_CLOSE or NEXT_CLOSE
        ("is_triggered", "?"),
        ("size", "f8"),  # of an exit: at most so many units
        ("size_kind", "i8"),
        ("limit", "f8"),
        ("trigger", "f8"),
        ("stop_a", "f8"),
        ("stop_b", "f8"),
        ("target_a", "f8"),
        ("target_b", "f8"),
        ("trail", "f8"),
        ("is_trail_fraction", "?"),
    ],
    align=True,
)

TARGET = np.dtype(
    # A symbol's rebalance order, and its trade while orders are matched (F7).
    [
        ("order_id", "i8"),
        ("weight", "f8"),
        ("is_waiting", "?"),
        ("due", "i8"),  # not of this symbol: the list of those that trade, from the first on
        ("side", "i8"),
        ("price", "f8"),
        ("closing", "f8"),
        ("closing_fee", "f8"),
        ("opening", "f8"),
        ("is_opening", "?"),  # something was to be opened
        ("is_limited", "?"),  # but nothing may be under F18
    ],
    align=True,
)

ENTRY = np.dtype(
    [
        ("order_id", "i8"),
        ("side", "i8"),
        ("i_time", "i8"),
        ("phase", "i8"),
        ("due", "i8"),  # the exit chosen for this bar under a path rule: a Reason, or NOT_DUE
        ("fine", "i8"),  # the book's, when it was made
        ("i_closed", "i8"),  # the bar inside which a part of it was closed last, else -1
        ("quantity", "f8"),
        ("price", "f8"),
        ("stop", "f8"),
        ("target", "f8"),
        ("trail", "f8"),  # distance or fraction
        ("trail_level", "f8"),
        ("extreme", "f8"),  # highest high of a long since its entry, lowest low of a short
        ("is_trail_fraction", "?"),
    ],
    align=True,
)

ORDER = np.dtype(
    [
        ("order_id", "i8"),
        ("i_time", "i8"),
        ("symbol", "i8"),
        ("side", "i8"),
        ("type", "i8"),
        ("quantity", "f8"),
        ("limit", "f8"),
        ("stop", "f8"),
        ("expire_bars", "i8"),
        ("status", "i8"),
        ("reason", "i8"),
        ("filled_quantity", "f8"),
        ("filled_price", "f8"),
        ("stop_a", "f8"),
        ("stop_b", "f8"),
        ("target_a", "f8"),
        ("target_b", "f8"),
        ("trail", "f8"),
        ("is_trail_fraction", "?"),
        ("size", "f8"),  # as it was asked for, in the unit of its kind
        ("size_kind", "i8"),
        ("ended", "i8"),  # the bar in which it left the book, -1 while it works
    ],
    align=True,
)

FILL = np.dtype(
    [
        ("i_time", "i8"),
        ("symbol", "i8"),
        ("side", "i8"),
        ("quantity", "f8"),
        ("price", "f8"),
        ("fee", "f8"),
        ("order_id", "i8"),
        ("reason", "i8"),
        ("ambiguous", "?"),
        ("phase", "i8"),
        # For the pairing of trades, not shown:
        ("raw", "f8"),  # the price before slippage
        ("is_up", "?"),  # price came to it from below
        ("closing", "f8"),  # how much of the quantity closes, and its part of the fee
        ("closing_fee", "f8"),
        ("after", "f8"),  # the position after the fill
        ("risk", "f8"),  # |entry - stop| per share
    ],
    align=True,
)

TRADE = np.dtype(
    [
        ("symbol", "i8"),
        ("side", "i8"),
        ("quantity", "f8"),
        ("entry_i", "i8"),
        ("entry_price", "f8"),
        ("exit_i", "i8"),
        ("exit_price", "f8"),
        ("fees", "f8"),
        ("pnl", "f8"),
        ("return", "f8"),
        ("bars", "i8"),
        ("mae", "f8"),
        ("mfe", "f8"),
        ("exit_reason", "i8"),
        ("ambiguous", "?"),
        ("open", "?"),
        ("r_multiple", "f8"),
        ("order_id", "i8"),
    ],
    align=True,
)


DEAL = np.dtype(
    # An entry's fill while it is sized: what its price and its quantity depend on.
    [
        ("side", "i8"),
        ("is_maker", "?"),
        ("raw", "f8"),
        ("limit", "f8"),
        ("closing", "f8"),
        ("most", "f8"),  # with an impact: what the volume cap leaves to the opening part
        ("gross", "f8"),
        ("freed", "f8"),
        ("worth", "f8"),  # equity before the closing part is paid
        ("price", "f8"),  # without an impact: of any quantity, and the equity after the closing
        ("equity", "f8"),
        ("unit_risk", "f8"),
    ],
    align=True,
)

SIDE = np.dtype(
    # One side's optional fields (`engine.types.SideSignals`): addresses of float64 arrays of
    # shape (n_symbols, n_times), 0 for a field that the formula has not.
    [
        ("limit", "i8"),
        ("trigger", "i8"),
        ("stop_a", "i8"),
        ("stop_b", "i8"),
        ("target_a", "i8"),
        ("target_b", "i8"),
        ("trail", "i8"),
        ("is_trail_fraction", "i8"),
    ],
    align=True,
)

EVENTS = np.dtype(
    # What the broker knows of an event strategy: see `engine.kernels.event_call`.
    [
        ("address", "i8"),  # of the compiled function that calls `on_bar`
        ("call", "i8"),  # of the record CALL
        ("requests", "i8"),  # of the orders that one call of `on_bar` asks for
        ("states", "i8"),  # of the values that `on_bar` keeps, (n_symbols, n_values)
        ("n_values", "i8"),
        ("first_calls", "i8"),  # (n_symbols,): the bar of the clock from which on it is called
        ("n_steps", "i8"),  # how often the loops of one call may go round
        ("max_entries", "i8"),
        ("max_orders", "i8"),
        ("size", "f8"),  # of an order that names none
        ("size_kind", "i8"),
        ("is_size_fixed", "?"),  # the configuration's wins
        ("failure", "i8"),
        ("failed_symbol", "i8"),
    ],
    align=True,
)

STEP = np.dtype(
    # An operation of `engine.types.LiveRules`; of a row and of the bars in trade, `a` is the
    # address of an array of float64, shape (n_symbols, n_times).
    [("op", "i8"), ("a", "i8"), ("b", "i8"), ("value", "f8")],
    align=True,
)

WRITE = np.dtype(
    # Which step's value goes to which row of the signals, of bytes for a condition.
    [("step", "i8"), ("address", "i8"), ("is_condition", "?")],
    align=True,
)

STATE = np.dtype(
    # Everything that a step reads or changes. Addresses are those of arrays that the caller
    # keeps: `entries` (n_symbols, most_entries) and `working` (n_symbols, most_working) stand in
    # the order of their numbers; `saved_…` and `tried` serve the comparison of path rules (F4).
    [
        ("rules", RULES),
        ("account", ACCOUNT),
        ("saved_account", ACCOUNT),
        ("saved_book", BOOK),
        ("deal", DEAL),
        ("long", SIDE),
        ("short", SIDE),
        ("events", EVENTS),
        ("size", "i8"),
        ("size_step", "i8"),  # 0 for a size that is the same everywhere, else 1
        ("steps", "i8"),
        ("writes", "i8"),
        ("n_steps", "i8"),
        ("n_writes", "i8"),
        ("n_symbols", "i8"),
        ("involved", "i8"),  # (n_symbols,) of integers: which symbols a bar can change
        ("n_involved", "i8"),
        ("n_times", "i8"),
        ("until", "i8"),  # where to hand control back
        ("most_entries", "i8"),
        ("most_working", "i8"),
        ("most_tried", "i8"),
        ("most_orders", "i8"),
        ("most_fills", "i8"),
        ("books", "i8"),
        ("entries", "i8"),
        ("working", "i8"),
        ("orders", "i8"),
        ("fills", "i8"),
        ("saved_entries", "i8"),
        ("saved_working", "i8"),
        ("saved_orders", "i8"),
        ("tried", "i8"),
        ("targets", "i8"),  # (n_symbols,) of `TARGET`, 0 without target weights
        ("rebalance_bars", "i8"),  # bars with weights, ascending, and the weights of each
        ("weights", "i8"),
        ("n_rebalances", "i8"),
        ("band", "f8"),  # NaN: every row of weights makes orders
        ("flows", "i8"),  # money to be moved at each close, and what was; 0 without flows
        ("spans", "i8"),  # (n_symbols, n_times) of `SPAN`, 0 without finer bars
        ("details", "i8"),  # of `FINE`
    ],
    align=True,
)

SPAN = np.dtype(
    # The finer bars inside a bar; none: the path rule decides.
    [("begin", "i8"), ("count", "i8")],
    align=True,
)

FINE = np.dtype([("open", "f8"), ("high", "f8"), ("low", "f8"), ("close", "f8")], align=True)


class Tape(NamedTuple):
    """The market as kernels read it: see `engine.types.Market`."""

    time: IntArray
    open: FloatArray
    high: FloatArray
    low: FloatArray
    close: FloatArray
    volume: FloatArray
    has_bar: BoolArray
    has_action: BoolArray
    split: FloatArray
    dividend: FloatArray


class Flags(NamedTuple):
    """The conditions of both sides: see `engine.types.SideSignals`."""

    enter_long: BoolArray
    exit_long: BoolArray
    enter_short: BoolArray
    exit_short: BoolArray


class Curves(NamedTuple):
    """Outputs of one value a bar, from the run's first bar on."""

    equity: FloatArray
    cash: FloatArray
    market_value: FloatArray
    gross_value: FloatArray


def address_of(array: np.ndarray) -> int:
    """Return where a contiguous array stands in memory."""
    if not array.flags.c_contiguous:
        raise ValueError(f"Expected a C-contiguous array, strides were {array.strides}.")
    # Not `__array_interface__`: it spells out the fields of a record, which takes 20 × as long.
    return array.ctypes.data
