"""Splits (F14)."""

from __future__ import annotations

from engine.types import FillPhase, Reason, SizeKind
from tests.engine.reference.broker import close_quantity
from tests.engine.reference.costs import whole_lots
from tests.engine.reference.records import Account


def split_shares(account: Account, s: int, ratio: float) -> None:
    """F14: multiply shares and open-order quantities, divide prices; sell fractional shares."""
    book = account.books[s]
    for order in account.working:
        if order.symbol == s:
            if order.size_kind == SizeKind.UNITS:
                order.size *= ratio
            order.limit = None if order.limit is None else order.limit / ratio
            order.trigger = None if order.trigger is None else order.trigger / ratio
            order.levels.split(ratio)
    for lot in book.lots:
        lot.quantity *= ratio
        lot.price /= ratio
        lot.stop = None if lot.stop is None else lot.stop / ratio
        lot.highest = None if lot.highest is None else lot.highest / ratio
        lot.lowest = None if lot.lowest is None else lot.lowest / ratio
    for entry in book.entries:
        entry.quantity *= ratio
        entry.best /= ratio
        entry.stop = None if entry.stop is None else entry.stop / ratio
        entry.target = None if entry.target is None else entry.target / ratio
        entry.trail_level = None if entry.trail_level is None else entry.trail_level / ratio
        if entry.trail is not None and not entry.is_trail_fraction:
            entry.trail /= ratio
    if not book.lots or book.lot == 0.0:
        return
    held = abs(book.quantity)
    fraction = held - whole_lots(held, book.lot)
    if fraction > 1e-9 * book.lot:
        raw = account.bars[s].open
        number = book.entries[0].number
        close_quantity(
            account, s, fraction, raw, FillPhase.OPEN, Reason.SPLIT, number, is_free=True
        )
        left = fraction
        while left > 1e-9 * fraction and book.entries:
            part = min(left, book.entries[0].quantity)
            book.entries[0].quantity -= part
            left -= part
            if book.entries[0].quantity <= 1e-9 * book.lot:
                book.entries.pop(0)
