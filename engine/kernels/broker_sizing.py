"""The Kelly fraction of the positions closed so far (F7)."""

from __future__ import annotations

from engine.kernels.broker_memory import book_at, fill_row, step

ENOUGH = 20
"""Closed positions before which the fraction is `EARLY_SHARE`."""

EARLY_SHARE = 0.1


@step
def kelly_share(state, value):
    """Return the fraction of equity that an entry ordered at this close may have, 0 for none.

    `value` is the part of the full Kelly fraction; n symbols share the account.
    """
    account = state.account
    while account.n_scored < account.n_fills:
        score(state, account.n_scored)
        account.n_scored += 1
    if account.n_closed < ENOUGH:
        return EARLY_SHARE / state.n_symbols
    if account.n_wins == 0:
        return 0.0
    share = account.n_wins / account.n_closed
    if account.n_losses > 0:
        payoff = (account.won / account.n_wins) / (account.lost / account.n_losses)
        share -= (1.0 - share) / payoff
    return min(max(value * share, 0.0), 1.0) / state.n_symbols


@step
def score(state, f):
    """Add a fill to its position's result, and the result to the tally when it is closed."""
    account = state.account
    fill = fill_row(state, f)
    book = book_at(state, fill.symbol)
    book.result -= fill.side * fill.closing * fill.price + fill.closing_fee
    opening = fill.quantity - fill.closing
    if fill.closing > 0.0 and (fill.after == 0.0 or opening > 0.0):
        account.n_closed += 1
        if book.result > 0.0:
            account.n_wins += 1
            account.won += book.result
        elif book.result < 0.0:
            account.n_losses += 1
            account.lost -= book.result
        book.result = 0.0
    book.result -= fill.side * opening * fill.price + (fill.fee - fill.closing_fee)
