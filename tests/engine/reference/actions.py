"""Splits (F14)."""

from __future__ import annotations

import math

from engine.types import FillPhase, Reason, SizeKind
from tests.engine.reference.broker import close_quantity
from tests.engine.reference.records import Account


def split_shares(account: Account, s: int, ratio: float) -> None:
    """F14: multiply shares and open-order quantities, divide prices."""
    book = account.books[s]
    for order in account.working:
        if order.symbol == s:
            if order.size_kind == SizeKind.UNITS:
                order.size *= ratio
            order.most *= ratio
            order.limit = None if order.limit is None else order.limit / ratio
            order.trigger = None if order.trigger is None else order.trigger / ratio
            order.levels.split(ratio)
            if order.filled_quantity > 0.0:
                order.filled_quantity *= ratio
                order.filled_price /= ratio
    for lot in book.lots:
        lot.quantity *= ratio
        lot.price /= ratio
        lot.stop = None if lot.stop is None else lot.stop / ratio
        lot.highest = None if lot.highest is None else lot.highest / ratio
        lot.lowest = None if lot.lowest is None else lot.lowest / ratio
    for entry in book.entries:
        entry.quantity *= ratio
        entry.price /= ratio
        entry.best /= ratio
        entry.stop = None if entry.stop is None else entry.stop / ratio
        entry.target = None if entry.target is None else entry.target / ratio
        entry.trail_level = None if entry.trail_level is None else entry.trail_level / ratio
        if entry.trail is not None and not entry.is_trail_fraction:
            entry.trail /= ratio


def sell_fractions(account: Account, s: int) -> None:
    """F14: sell fractions of a share at the open without costs, when lots are whole shares."""
    book = account.books[s]
    if book.lot == 0.0 or book.lot != int(book.lot):
        return
    held = abs(book.quantity)
    left = held - math.floor(held + 1e-9)
    while left > 1e-9 and book.entries:
        entry = min(book.entries, key=lambda entry: entry.number)
        part = min(left, entry.quantity)
        left -= part
        raw = account.bars[s].open
        close_quantity(
            account, s, part, raw, FillPhase.OPEN, Reason.SPLIT, entry.number, is_free=True
        )
        entry.quantity -= part
        if entry.quantity <= 0.0:
            book.entries.remove(entry)
    if not book.entries:
        book.lots.clear()
