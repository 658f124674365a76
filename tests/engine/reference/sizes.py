"""How much of an entry fills: sizes, limits, cover and the volume cap (F7, F9, F10, F18)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from engine.types import FillPhase, Reason, SizeKind
from tests.engine.reference.costs import (
    fee_of,
    has_impact,
    price_after_costs,
    quantity_for,
    whole_lots,
)
from tests.engine.reference.records import Account, Order

DUST = 1e-12  # room below this share of the equity is none: it is the rounding of a full account


def within_cap(account: Account, symbol: int, wanted: float) -> float:
    """F9: what the cap leaves to a fill; what fits fills whole, else whole lots."""
    book = account.books[symbol]
    if wanted <= book.room * (1.0 + 1e-9):
        return wanted
    return whole_lots(book.room, book.lot)


def use_cap(account: Account, symbol: int, wanted: float, filled: float) -> None:
    """F9: a fill takes off the bar's room; one that asked for more uses the bar up."""
    book = account.books[symbol]
    if wanted <= book.room * (1.0 + 1e-9):
        left = book.room - filled
        book.room = left if left > 1e-9 * filled else 0.0
    else:
        book.room = 0.0


@dataclass
class Deal:
    """The fill of an entry while its quantity is looked for (F6, F7)."""

    account: Account
    order: Order
    raw: float
    phase: FillPhase
    closing: float

    def __post_init__(self) -> None:
        """Keep the worth of all but what the deal itself closes, and what the cap leaves."""
        account, symbol = self.account, self.order.symbol
        self.worth = account.equity(self.phase)
        self.gross = account.gross(self.phase)
        if self.closing > 0.0:
            book = account.books[symbol]
            mark = account.mark(symbol, self.phase)
            self.worth -= book.quantity * mark
            self.gross -= abs(book.quantity) * mark
        self.lot = account.books[symbol].lot
        self.most = whole_lots(max(account.books[symbol].room - self.closing, 0.0), self.lot)

    def price_of(self, quantity: float) -> float:
        """F6: the price of a fill of `quantity`."""
        return price_after_costs(
            self.account.config,
            self.order.side,
            self.raw,
            quantity,
            limit=self.order.limit,
            bar=self.account.bars[self.order.symbol],
        )

    def price(self, opening: float) -> float:
        """F7: the price of what fills now when `opening` is wanted."""
        return self.price_of(self.closing + min(opening, self.most))

    def sizing_price(self, opening: float) -> float:
        """F7: a sale is sized at the price without its impact."""
        return self.price(opening) if self.order.side > 0 else self.price_of(0.0)

    def equity(self, opening: float) -> float:
        """F11: the equity after the closing part."""
        price = self.price(opening)
        if self.closing == 0.0:
            return self.worth
        return self.worth - self.order.side * self.closing * price - self.fee(self.closing, price)

    def fee(self, quantity: float, price: float) -> float:
        if quantity == 0.0:
            return 0.0
        return fee_of(self.account.config.costs, quantity, price, self.order.is_limit)

    def cost(self, opening: float, share: float) -> float:
        """F7: share·x·p(x) + fee(x, p(x))."""
        price = self.sizing_price(opening)
        return share * opening * price + self.fee(opening, price)

    def solve(self, money: Callable[[float], float], share: float) -> float:
        """F7: the largest x whose cost is within the money."""
        maker, costs = self.order.is_limit, self.account.config.costs
        start = quantity_for(costs, money(0.0), self.sizing_price(0.0), maker, share)
        return self.halved(lambda x: self.cost(x, share) <= money(x), start)

    def halved(self, is_within: Callable[[float], bool], start: float) -> float:
        """Return `start`, or with an impact the largest x below it that is within."""
        if not has_impact(self.account.config) or start <= 0.0 or is_within(start):
            return start
        low, high = 0.0, start
        for _ in range(2000):
            middle = (low + high) / 2.0
            if is_within(middle):
                low = middle
            else:
                high = middle
        return low


def wanted_quantity(deal: Deal) -> float | None:
    """F7: the quantity an entry asks for; units as given, the others in whole lots.

    Nothing without a stop when the size is a risk.
    """
    order = deal.order
    if order.size_kind == SizeKind.UNITS:
        return order.size
    if order.size_kind == SizeKind.CASH:
        return whole_lots(deal.solve(lambda _: order.size, 1.0), deal.lot)
    if order.size_kind == SizeKind.FRACTION:
        return whole_lots(deal.solve(lambda x: order.size * deal.equity(x), 1.0), deal.lot)
    entry_price = deal.price_of(0.0)
    stop = first_stop(order, entry_price)
    if stop is None or stop == entry_price:
        return None
    risk = abs(entry_price - stop)
    start = order.size * deal.equity(0.0) / risk
    x = deal.halved(lambda x: x * risk <= order.size * deal.equity(x), start)
    return whole_lots(x, deal.lot)


def opening_quantity(deal: Deal) -> tuple[float, float | None, Reason | None]:
    """What opens, what is left of the order, and why it is refused (F7, F9, F10, F18).

    None is left unknown: the cap leaves nothing, and no quantity is fixed.
    """
    account, order = deal.account, deal.order
    if deal.price(0.0) <= 0.0:
        return 0.0, 0.0, Reason.CASH
    wanted = wanted_quantity(deal)
    if wanted is None:
        return 0.0, 0.0, Reason.RISK  # F7: without a stop it is refused
    if wanted <= 0.0:
        return 0.0, 0.0, Reason.CASH
    part = within_cap(account, order.symbol, wanted)
    if part <= 0.0:
        use_cap(account, order.symbol, wanted, 0.0)
        return 0.0, None, None

    quantity = within_limits(deal, part)
    if quantity <= 0.0:
        return 0.0, 0.0, Reason.RISK
    quantity = within_cover(deal, quantity)
    if quantity <= 0.0 or deal.price(quantity) <= 0.0:
        return 0.0, 0.0, Reason.CASH
    use_cap(account, order.symbol, wanted, quantity)
    return quantity, wanted - part if quantity == part else 0.0, None


def within_limits(deal: Deal, quantity: float) -> float:
    """F18: opening fills shrink."""
    account, symbol, risk = deal.account, deal.order.symbol, deal.account.config.risk
    book = account.books[symbol]
    own = 0.0
    if book.lots and deal.closing == 0.0:
        own = abs(book.quantity) * account.mark(symbol, deal.phase)
    rooms = []
    if risk.max_weight is not None:
        rooms.append(lambda x: risk.max_weight * deal.equity(x) - own)
    if risk.max_gross is not None:
        rooms.append(lambda x: risk.max_gross * deal.equity(x) - deal.gross)
    for room in rooms:
        quantity = shrunk(deal, quantity, room)
    return quantity


def shrunk(deal: Deal, quantity: float, room: Callable[[float], float]) -> float:
    """F18: the quantity, or the whole lots within the room when that is less."""
    if room(0.0) <= DUST * deal.equity(0.0):
        return 0.0
    if quantity * deal.sizing_price(quantity) <= room(quantity) * (1.0 + 1e-12):
        return quantity
    start = room(0.0) / deal.sizing_price(0.0)
    return whole_lots(deal.halved(lambda x: x * deal.sizing_price(x) <= room(x), start), deal.lot)


def within_cover(deal: Deal, quantity: float) -> float:
    """F10, F7: what is freed inside this bar by other symbols does not count yet."""
    account, initial = deal.account, deal.account.config.margin.initial
    others = 0.0
    if deal.phase == FillPhase.INSIDE:
        books = enumerate(account.books)
        others = sum(book.freed for symbol, book in books if symbol != deal.order.symbol)

    def room(x: float) -> float:
        return deal.equity(x) - initial * deal.gross - others

    if room(0.0) <= DUST * deal.equity(0.0):
        return 0.0
    if deal.cost(quantity, initial) <= room(quantity) * (1.0 + 1e-12):
        return quantity
    if account.config.execution.cash_policy == "reject":
        return 0.0
    quantity = min(quantity, whole_lots(deal.solve(room, initial), deal.lot))
    is_dust = quantity * deal.sizing_price(quantity) <= DUST * deal.equity(quantity)
    return 0.0 if is_dust else quantity


def level_of(line: tuple[float, float] | None, entry_price: float) -> float | None:
    """F5: a + b·entry_price."""
    return None if line is None else line[0] + line[1] * entry_price


def first_stop(order: Order, price: float) -> float | None:
    """F7, M10: the stop as it stands at the fill; a lone trail is a stop too."""
    levels = order.levels
    if levels.stop is not None or levels.trail is None:
        return level_of(levels.stop, price)
    return trailing_level(order.side, price, levels.trail, levels.is_trail_fraction)


def trailing_level(side: int, best: float, trail: float, is_fraction: bool) -> float:
    """F5: H − d, or H·(1 − x); mirrored for shorts."""
    return best * (1.0 - side * trail) if is_fraction else best - side * trail
