"""The path inside a bar (F4): what is certain, then the run's rule; and what is ambiguous."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass

from engine.types import FillPhase, OrderType, Reason
from tests.engine.reference.broker import close_entry, fill_entry
from tests.engine.reference.records import Account, Bar, Entry, Fill, Order

UP = 1
DOWN = -1


@dataclass
class Event:
    """Something that a move of the price reaches: an entry order, or an entry's exit."""

    move: int
    level: float
    number: int
    order: Order | None = None
    entry: Entry | None = None
    reason: Reason | None = None


def run_inside(account: Account, symbol: int) -> tuple[Account, int]:
    """Step (d) for one symbol: run all three rules from the same state, keep the run's own.

    Returns the account after the bar under the run's rule, and the number of ambiguous fills.
    """
    if not something_is_reached(account, symbol):
        trigger_orders(account, symbol, account.bars[symbol])
        return account, 0
    outcomes = {}
    for rule in ("pessimistic", "optimistic", "ohlc"):
        trial = copy.deepcopy(account, {id(account.config): account.config})
        n_before = len(trial.fills)
        run_rule(trial, symbol, rule)
        outcomes[rule] = (trial, trial.fills[n_before:])
    own, fills = outcomes.pop(account.config.execution.path)
    n_ambiguous = mark_ambiguous(fills, [other for _, other in outcomes.values()])
    return own, n_ambiguous


def run_bar(account: Account, symbol: int, fine: list[Bar]) -> tuple[Account, int]:
    """Step (d) for one symbol: its bar by the path rule, or through its finer bars one by one."""
    if not fine:
        return run_inside(account, symbol)
    coarse, n_ambiguous = account.bars[symbol], 0
    for number, bar in enumerate(fine):
        account.bars[symbol] = bar
        account.fine = 2 * number + 1  # an open of its own, before the inside
        at_fine_open(account, symbol)
        account.fine = 2 * number + 2
        account, n_more = run_inside(account, symbol)
        n_ambiguous += n_more
    account.bars[symbol], account.fine = coarse, 0
    return account, n_ambiguous


def at_fine_open(account: Account, symbol: int) -> None:
    """What the open of a finer bar satisfies, there: exits, then entries, by number."""
    raw = account.bars[symbol].open
    for entry in sorted(account.books[symbol].entries, key=lambda entry: entry.number):
        reason = satisfied_reason(entry, raw)
        if reason is not None:
            close_entry(account, symbol, entry, raw, FillPhase.INSIDE, reason)
    for order in [o for o in account.working if o.symbol == symbol and not o.is_market]:
        if order.type == OrderType.STOP_LIMIT and order.side * (raw - order.trigger) >= 0:
            order.is_triggered = True
        is_by_limit = order.acts_as_limit
        distance = order.side * (raw - (order.limit if is_by_limit else order.trigger))
        is_waiting = order.type == OrderType.STOP_LIMIT and not is_by_limit
        if is_waiting or (distance > 0 if is_by_limit else distance < 0):
            continue
        entry = fill_entry(account, order, raw, FillPhase.INSIDE)
        reason = None if entry is None else satisfied_reason(entry, raw)
        if reason is not None:
            close_entry(account, symbol, entry, raw, FillPhase.INSIDE, reason)


def is_of_this_bar(account: Account, entry: Entry) -> bool:
    """Whether an entry was made inside the bar (or finer bar) that is being followed."""
    is_inside = entry.i_time == account.i_time and entry.phase == FillPhase.INSIDE
    return is_inside and entry.fine == account.fine


def something_is_reached(account: Account, symbol: int) -> bool:
    """Whether any level of the symbol lies within its bar (else nothing can happen)."""
    bar = account.bars[symbol]
    levels = []
    for order in account.working:
        if order.symbol == symbol:
            levels += [order.limit, order.trigger]
    for entry in account.books[symbol].entries:
        levels += [entry.stop, entry.trail_level, entry.target]
    return any(level is not None and bar.low <= level <= bar.high for level in levels)


def run_rule(account: Account, symbol: int, rule: str) -> None:
    """Run one symbol's bar after the open under one rule."""
    bar = account.bars[symbol]
    touched = touched_orders(account, symbol)
    buys = {event.move for event in touched if event.order.side > 0}
    sells = {event.move for event in touched if event.order.side < 0}
    # F4: entries of both sides; on one move the nearer certainly came first.
    is_two_sided = bool(buys) and bool(sells) and len(buys | sells) == 2
    if rule == "ohlc" or is_two_sided:
        walk(account, symbol)
    else:
        certain_first(account, symbol, rule, touched)
    trigger_orders(account, symbol, bar)


# ── levels that a bar reaches ───────────────────────────────────────────────────────────────


def through(account: Account) -> float:
    """F3: how far a limit must be traded through."""
    execution = account.config.execution
    return execution.limit_ticks_through * (execution.tick or 0.0)


def touched_orders(account: Account, symbol: int) -> list[Event]:
    """Entry orders that this bar's range fills after the open, in `ohlc` order (F3, F4)."""
    bar = account.bars[symbol]
    events = []
    for order in account.working:
        if order.symbol == symbol and not order.acts_as_market:
            event = order_event(order)
            if event is not None and is_reached(account, event, bar.low, bar.high):
                events.append(event)
    return sorted(events, key=lambda event: ohlc_key(event, bar))


def order_event(order: Order) -> Event | None:
    """Where and on which move an entry order fills inside a bar; None when it cannot."""
    if order.acts_as_limit:
        return Event(-order.side, order.limit, order.number, order=order)
    if order.type == OrderType.STOP_LIMIT and order.side * (order.limit - order.trigger) < 0:
        return None  # triggered inside a bar with S beyond L: only in a later bar
    return Event(order.side, order.trigger, order.number, order=order)


def is_limit_like(event: Event) -> bool:
    """Whether the limit rule (with its ticks through) applies: limits and targets."""
    if event.order is not None:
        return event.order.acts_as_limit
    return event.reason == Reason.TARGET


def is_reached(account: Account, event: Event, low: float, high: float) -> bool:
    """F3: whether prices from `low` to `high` reach the event's level."""
    margin = through(account) if is_limit_like(event) else 0.0
    if event.move == DOWN:
        return low <= event.level - margin
    return high >= event.level + margin


def ohlc_key(event: Event, bar: Bar) -> tuple[bool, float, bool, int]:
    """Order of events along open, first extreme, second extreme; exits first, then by number."""
    first = UP if bar.is_high_first else DOWN
    is_entry = event.order is not None
    return (
        move_from_open(event, bar) != first,
        abs(event.level - bar.open),
        is_entry,
        event.number,
    )


def move_from_open(event: Event, bar: Bar) -> int:
    """Which move from the open reaches a level (F4)."""
    return UP if event.level > bar.open else DOWN


def exit_events(entry: Entry) -> tuple[Event | None, Event | None]:
    """The stop (or trail) and the target of an open entry."""
    stop = target = None
    working = entry.working_stop()
    if working is not None:
        level, reason = working
        stop = Event(-entry.side, level, entry.number, entry=entry, reason=reason)
    if entry.target is not None:
        target = Event(entry.side, entry.target, entry.number, entry=entry, reason=Reason.TARGET)
    return stop, target


def satisfied_reason(entry: Entry, raw: float) -> Reason | None:
    """F5: why an entry goes out at once at a raw price: its stop first, then its target."""
    working = entry.working_stop()
    if working is not None and entry.side * (raw - working[0]) <= 0:
        return working[1]
    if entry.target is not None and entry.side * (raw - entry.target) >= 0:
        return Reason.TARGET
    return None


# ── rule `ohlc`: the path is known ──────────────────────────────────────────────────────────


def walk(account: Account, symbol: int) -> None:
    """Walk open → first extreme → second extreme → close, event after event."""
    bar = account.bars[symbol]
    first, second = (bar.high, bar.low) if bar.is_high_first else (bar.low, bar.high)
    here = bar.open
    for there in (first, second, bar.close):
        move = UP if there > here else DOWN
        while account.books[symbol].room > 0.0:
            event = next_on_the_way(account, symbol, here, there, move)
            if event is None:
                break
            here = event.level
            happen(account, symbol, event)
        here = there


def next_on_the_way(
    account: Account, symbol: int, here: float, there: float, move: int
) -> Event | None:
    """The nearest event from `here` to `there`: exits before entries, then by number."""
    events = [
        order_event(o) for o in account.working if o.symbol == symbol and not o.acts_as_market
    ]
    for entry in account.books[symbol].entries:
        events += exit_events(entry)
    on_the_way = [
        event
        for event in events
        if event is not None
        and event.move == move
        and move * (event.level - here) >= 0
        and is_reached(account, event, there, there)
    ]
    if not on_the_way:
        return None
    return min(on_the_way, key=lambda e: (abs(e.level - here), e.order is not None, e.number))


def happen(account: Account, symbol: int, event: Event) -> Entry | None:
    """Fill one event at its level; an entry already beyond its stop or target goes out there."""
    if event.entry is not None:
        close_entry(account, symbol, event.entry, event.level, FillPhase.INSIDE, event.reason)
        return None
    if not account.works(event.order):
        return None
    entry = fill_entry(account, event.order, event.level, FillPhase.INSIDE)
    if entry is None:
        return None
    reason = satisfied_reason(entry, event.level)
    if reason is not None:
        close_entry(account, symbol, entry, event.level, FillPhase.INSIDE, reason)
        return None
    return entry


# ── rules `pessimistic` and `optimistic`: certain things, then the rule ─────────────────────


def certain_first(account: Account, symbol: int, rule: str, touched: list[Event]) -> None:
    """Exits of held positions, then entries in `ohlc` order; the nearer level on one move."""
    bar = account.bars[symbol]
    held = [chosen_exit(account, entry, bar, rule) for entry in account.books[symbol].entries]
    waiting = [exit_ for exit_ in held if exit_ is not None]
    while True:
        waiting = [exit_ for exit_ in waiting if exit_.entry in account.books[symbol].entries]
        touched = [event for event in touched if account.works(event.order)]
        due = [e for e in waiting if not any(is_before(event, e, account) for event in touched)]
        if due:
            first = min(due, key=lambda event: ohlc_key(event, bar))
            waiting.remove(first)
            happen(account, symbol, first)
        elif touched:
            entry = happen(account, symbol, touched.pop(0))
            chosen = None if entry is None else chosen_exit(account, entry, bar, rule)
            if chosen is not None:
                waiting.append(chosen)
        else:
            return


def is_before(event: Event, exit_: Event, account: Account) -> bool:
    """F4: whether an entry order comes before an exit: nearer on the same move.

    For the exit of a position held since the open this counts for orders of the other side only.
    """
    is_new = is_of_this_bar(account, exit_.entry)
    is_flip = event.order.side == -exit_.entry.side
    bar = account.bars[event.order.symbol]
    is_one_move = move_from_open(event, bar) == move_from_open(exit_, bar)
    is_nearer = abs(event.level - bar.open) < abs(exit_.level - bar.open)
    return (is_flip or is_new) and is_one_move and is_nearer


def chosen_exit(account: Account, entry: Entry, bar: Bar, rule: str) -> Event | None:
    """The exit of an open entry in this bar under a rule, if any (F4)."""
    stop, target = exit_events(entry)
    stop_may, stop_must = may_and_must(account, entry, stop, bar)
    target_may, target_must = may_and_must(account, entry, target, bar)
    if rule == "pessimistic":
        if stop_may:
            return stop
        return target if target_must else None
    if target_may:
        return target
    return stop if stop_must else None


def may_and_must(
    account: Account, entry: Entry, event: Event | None, bar: Bar
) -> tuple[bool, bool]:
    """Whether a level may be, and must be, reached after the entry.

    For an entry inside this bar an extreme beyond the entry on the move that made it comes
    certainly later; any other extreme may have come before, unless the close is beyond too.
    """
    if event is None:
        return False, False
    may = is_reached(account, event, bar.low, bar.high)
    must = may
    is_new = is_of_this_bar(account, entry)
    if is_new:
        move_of_entry = -entry.side if entry.is_by_limit else entry.side
        if event.move != move_of_entry:
            must = is_reached(account, event, bar.close, bar.close)
    return may, must


# ── after the bar ───────────────────────────────────────────────────────────────────────────


def trigger_orders(account: Account, symbol: int, bar: Bar) -> None:
    """F3: a stop-limit triggered inside the bar works as a limit from the next bar on.

    F9: what is left of a triggered stop works as a market order.
    """
    for order in account.working:
        if order.symbol == symbol and order.trigger is not None:
            extreme = bar.high if order.side > 0 else bar.low
            if order.side * (extreme - order.trigger) >= 0:
                order.is_triggered = True


def mark_ambiguous(fills: list[Fill], others: list[list[Fill]]) -> int:
    """F4: mark the fills of the run's rule that another rule would not give; count.

    To those are added entry orders, and positions, without a fill here that have one elsewhere.
    """
    own = {key_of(fill) for fill in fills}
    for fill in fills:
        fill.is_ambiguous = any(not is_among(fill, other) for other in others)
        if fill.is_ambiguous:
            for row in fill.rows:
                row["ambiguous"] = True
            if fill.entry_lot is not None:
                fill.entry_lot.is_ambiguous = True
    closed = {number for fill in fills for number in fill.closed}
    opened = {fill.order_id for fill in fills if fill.entry_lot is not None}
    missed = set()
    for other in others:
        for fill in other:
            key = key_of(fill)
            is_entry, number = key
            if key in own or (not is_entry and number in closed):
                continue
            was_opened_elsewhere_only = (
                not is_entry
                and number not in opened
                and any(key_of(f) == (True, number) for f in other)
            )
            if not was_opened_elsewhere_only:
                missed.add(key)
    return sum(fill.is_ambiguous for fill in fills) + len(missed)


def key_of(fill: Fill) -> tuple[bool, int]:
    return fill.is_entry, fill.order_id


def is_among(fill: Fill, other: list[Fill]) -> bool:
    """Whether another rule gives the same fill."""
    for candidate in other:
        if key_of(candidate) == key_of(fill):
            return (
                candidate.reason == fill.reason
                and math.isclose(candidate.price, fill.price, rel_tol=1e-12)
                and math.isclose(candidate.quantity, fill.quantity, rel_tol=1e-9)
            )
    return False
