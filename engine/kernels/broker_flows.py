"""Contributions and withdrawals."""

from __future__ import annotations

from engine.kernels.broker_constants import STATUS_BANKRUPT
from engine.kernels.broker_memory import number_at, put_number, step

DUST = 1e-12
"""A share of equity that is rounding."""


@step
def move_flow(state, i, gross):
    """Move the money that is due at this close, after margin and before the strategy.

    A withdrawal takes at most the cash, and no more than margin leaves available (F10). The peak
    moves in the same proportion as equity, so that money from outside is no gain or drawdown.
    """
    account = state.account
    amount = number_at(state.flows, i)
    if amount == 0.0:
        return
    if account.status == STATUS_BANKRUPT:
        put_number(state.flows, i, 0.0)
        return
    equity = account.equity
    if amount < 0.0:
        free = min(account.cash, equity - state.rules.initial * gross)
        amount = -min(-amount, free) if free > DUST * equity else 0.0
        put_number(state.flows, i, amount)
    account.cash += amount
    account.equity += amount
    account.contributions += amount
    if equity > 0.0:
        account.peak *= account.equity / equity
