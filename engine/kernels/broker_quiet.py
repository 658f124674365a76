"""Stretches of bars on which nothing can happen but new marks: most bars of most runs."""

from __future__ import annotations

from engine.kernels.broker_memory import book_at, fetch, inlined_step

AHEAD = 2
"""How many notable bars before its turn one is fetched."""


@inlined_step
def run_quietly(tape, flags, notable, state, curves, first, begin):
    """Mark bars until one on which something may happen; return that bar.

    The last bar is not quiet: positions may be closed on it.
    """
    account = state.account
    while account.n_noted < notable.size and notable[account.n_noted] < begin:
        account.n_noted += 1
    end = min(state.until, state.n_times - 1)
    if account.n_noted < notable.size:
        end = min(end, notable[account.n_noted])
    for s in range(state.n_symbols):
        last_bar = book_at(state, s).last_bar
        if begin <= last_bar < end:
            end = last_bar
    if state.n_symbols == 1:
        if account.n_noted + AHEAD < notable.size:
            fetch_bar(tape, flags, notable[account.n_noted + AHEAD])
        return mark_alone(tape, state, curves, first, begin, end)
    return mark_together(tape, state, curves, first, begin, end)


@inlined_step
def fetch_bar(tape, flags, t):
    """Have what a lone symbol's notable bar is made of at hand when its turn comes.

    Each of these arrays was another wait for memory: a fifth of the time of a run with an order
    every 70 bars.
    """
    fetch(tape.has_bar, 0, t)
    fetch(tape.has_action, 0, t)
    fetch(tape.open, 0, t)
    fetch(flags.enter_long, 0, t)
    fetch(flags.exit_long, 0, t)
    fetch(flags.enter_short, 0, t)
    fetch(flags.exit_short, 0, t)


@inlined_step
def mark_alone(tape, state, curves, first, begin, end):
    """Mark the bars of a lone symbol, all of which it has, up to `end` or to a margin call."""
    book, account = book_at(state, 0), state.account
    if 0 <= book.last_bar < begin:
        return begin
    end = find_call(tape.close[0], begin, end, book.quantity, account.cash, state.rules.maintenance)
    if end <= begin:
        return begin
    quantity, cash = book.quantity, account.cash
    close = tape.close[0, begin:end]
    cash_out = curves.cash[begin - first : end - first]
    value_out = curves.market_value[begin - first : end - first]
    equity_out = curves.equity[begin - first : end - first]
    for j in range(close.size):
        value = quantity * close[j]
        cash_out[j] = cash
        value_out[j] = value
        equity_out[j] = cash + value
    if account.has_shorts:
        gross_out = curves.gross_value[begin - first : end - first]
        for j in range(close.size):
            gross_out[j] = abs(value_out[j])
    read_bar(tape, book, 0, end - 1, False, state.rules)
    book.mark = book.close
    return end


@inlined_step
def mark_together(tape, state, curves, first, begin, end):
    """Mark the bars of a portfolio up to `end` or to a margin call, one held symbol at a time.

    The values of a bar are added in the order of the names, as `mark_close` does.
    """
    account = state.account
    if end <= begin:
        return begin
    value_out = curves.market_value[begin - first : end - first]
    gross_out = curves.gross_value[begin - first : end - first]
    value_out[:] = 0.0
    gross_out[:] = 0.0
    is_safe = account.cash >= 0.0
    is_held = False
    for s in range(state.n_symbols):
        book = book_at(state, s)
        if book.quantity != 0.0:
            add_values(tape, book, s, begin, value_out, account.has_shorts, gross_out)
            is_safe &= book.quantity > 0.0
            is_held = True
    n_quiet = end - begin
    if not is_safe or (account.cash == 0.0 and not is_held):
        gross = gross_out if account.has_shorts else value_out
        n_quiet = 0
        while n_quiet < end - begin:
            limit = state.rules.maintenance * gross[n_quiet]
            if account.cash + value_out[n_quiet] <= limit:
                break
            n_quiet += 1
    for j in range(n_quiet):
        curves.cash[begin - first + j] = account.cash
        curves.equity[begin - first + j] = account.cash + value_out[j]
    for s in range(state.n_symbols):
        book = book_at(state, s)
        if book.quantity == 0.0:
            continue
        for t in range(begin, begin + n_quiet):
            if tape.has_bar[s, t]:
                read_bar(tape, book, s, t, False, state.rules)
                book.mark = book.close
            else:
                account.stale += 1
    return begin + n_quiet


@inlined_step
def add_values(tape, book, s, begin, value_out, has_shorts, gross_out):
    """Add what a position is worth at each close, at its last close where it has no bar (F13)."""
    quantity, mark = book.quantity, book.mark
    for j in range(value_out.size):
        if tape.has_bar[s, begin + j]:
            mark = tape.close[s, begin + j]
        value_out[j] += quantity * mark
        if has_shorts:
            gross_out[j] += abs(quantity * mark)


@inlined_step
def find_call(close, t, end, quantity, cash, maintenance):
    """Return the first bar before `end` whose close may mean a margin call or ruin, else `end`."""
    if quantity >= 0.0 and cash >= 0.0 and cash + quantity > 0.0:
        return end
    while t + 16 <= end:
        block = close[t : t + 16]
        n_calls = 0
        for j in range(16):
            value = quantity * block[j]
            n_calls += cash + value <= maintenance * abs(value)
        if n_calls > 0:
            break
        t += 16
    while t < end:
        value = quantity * close[t]
        if cash + value <= maintenance * abs(value):
            break
        t += 1
    return t


@inlined_step
def read_bar(tape, book, s, t, is_busy, rules):
    """Hand the bar to the symbol's book: its open only when something may fill at it.

    What is not needed is not read: bars are so far apart in memory that each price costs a wait.
    """
    book.has_bar = tape.has_bar[s, t]
    if not book.has_bar:
        return
    book.close = tape.close[s, t]
    if is_busy:
        book.open = book.mark = tape.open[s, t]
        book.freed = 0.0
    if rules.has_range:
        book.high = tape.high[s, t]
        book.low = tape.low[s, t]
    if rules.has_volume:
        book.volume = tape.volume[s, t]
        book.room = rules.participation * book.volume if book.volume > 0.0 else 0.0
