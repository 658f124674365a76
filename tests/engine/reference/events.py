"""Event strategies in the twin: the file runs as plain Python, and so do its orders."""

from __future__ import annotations

import builtins
import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from config.run import RunConfig
from engine.types import Events, Ledger, Market, OrderStatus, OrderType, Reason, SizeKind
from tests.engine.reference.costs import whole_lots
from tests.engine.reference.loop import Simulation
from tests.engine.reference.records import LONG, SHORT, Levels, Order
from tests.engine.reference.targets import NO_SIGNALS

WHEN = ("next_open", "this_close", "next_close")
SIZES = ("units", "fraction", "cash", "risk")
ORDER_TYPES = {
    (False, False): OrderType.MARKET,
    (True, False): OrderType.LIMIT,
    (False, True): OrderType.STOP,
    (True, True): OrderType.STOP_LIMIT,
}


def simulate_events(
    market: Market, events: Events, params: Mapping[str, Any], config: RunConfig, text: str
) -> Ledger:
    """Run the whole simulation for the `on_bar` in the text of a file.

    Of `events` it takes the indicators and the bar from which on they are known.
    """
    return EventSimulation(market, events, params, config, text).run()


@dataclass
class Request:
    """One call of `buy`, `sell`, `close` or `cancel`."""

    kind: str
    side: int
    given: dict[str, Any]


class Requests(list[Request]):
    """What `on_bar` gets as `orders`."""


def order_names() -> SimpleNamespace:
    """The names of `engine.orders`."""

    def ask(kind: str, side: int) -> Any:
        return lambda orders, **given: orders.append(Request(kind, side, given))

    def cancel(orders: Requests, side: int = 0) -> None:
        orders.append(Request("cancel", side, {}))

    return SimpleNamespace(
        BUY=LONG,
        SELL=SHORT,
        **{name.upper(): code for code, name in enumerate(WHEN)},
        buy=ask("entry", LONG),
        sell=ask("entry", SHORT),
        close=ask("exit", 0),
        cancel=cancel,
    )


def loaded(text: str) -> dict[str, Any]:
    """The names at the top of a file, run as plain Python."""
    modules = {
        "engine.orders": order_names(),
        "numba": SimpleNamespace(njit=lambda function: function),
    }

    def find(name: str, *rest: Any) -> Any:
        return modules.get(name) or builtins.__import__(name, *rest)

    names: dict[str, Any] = {"__builtins__": {**vars(builtins), "__import__": find}}
    exec(text, names)  # noqa: S102
    return names


class EventSimulation(Simulation):
    """The same loop, with `on_bar` in place of signals."""

    def __init__(
        self,
        market: Market,
        events: Events,
        params: Mapping[str, Any],
        config: RunConfig,
        text: str,
    ) -> None:
        super().__init__(market, NO_SIGNALS, config)
        self.events = events
        self.file = loaded(text)
        self.states = [self.file["STATE"] for _ in self.symbols]
        self.params = SimpleNamespace(**params)

    def strategy(self, i: int) -> None:
        """Call `on_bar` of every symbol with a bar; while it may not order, it is only told."""
        made: list[Order] = []
        if self.is_stopped:
            return
        for s, book in enumerate(self.account.books):
            if self.account.bars[s] is None or i < self.events.first_calls[self.symbols[s]]:
                continue
            requests = self.call(s, i)
            if not book.is_forced and not self.is_delisted(s, i):
                made += self.carry_out(s, requests)
        self.fill_market_orders_at_close([o for o in made if o.when == "this_close"])

    def call(self, s: int, i: int) -> Requests:
        """What `on_bar` asks for at this close; its state is kept."""
        market, row, book = self.market, self.symbols[s], self.account.books[s]
        bar = self.account.bars[s]
        held = [entry.i_time for entry in book.entries]
        named = zip(self.file["INDICATORS"], self.events.indicators[row, i].tolist(), strict=True)
        requests = Requests()
        self.states[s] = self.file["on_bar"](
            SimpleNamespace(
                number=i - market.first,
                time=int(market.time[i]),
                open=bar.open,
                high=bar.high,
                low=bar.low,
                close=bar.close,
                volume=bar.volume,
                split=float(market.split[row, i]),
            ),
            SimpleNamespace(**dict(named)),
            SimpleNamespace(
                quantity=book.quantity,
                bars_held=self.account.i_time - min(held) if held else 0,
                entries=len(held),
                working=sum(order.symbol == s for order in self.account.working),
            ),
            requests,
            self.states[s],
            self.params,
        )
        return requests

    def carry_out(self, s: int, requests: Requests) -> list[Order]:
        """Cancels and closes in their order, then entries (F2)."""
        made: list[Order] = []
        for request in requests:
            if request.kind == "cancel":
                self.cancel_earlier(s, request.side)
            elif request.kind == "exit":
                made += self.exit_of(s, request.given)
        for request in requests:
            if request.kind == "entry":
                made += self.entry_of(s, request.side, request.given)
        return made

    def cancel_earlier(self, s: int, side: int) -> None:
        """Cancel the strategy's orders of earlier bars, of one side or all."""
        for order in list(self.account.working):
            is_earlier = order.i_time < self.account.i_time
            if order.symbol == s and is_earlier and side in (0, order.side):
                self.account.finish(order, OrderStatus.CANCELLED, Reason.SIGNAL)

    def exit_of(self, s: int, given: dict[str, Any]) -> list[Order]:
        """An exit of the position or a part of it, which is whole lots and never more than held."""
        book = self.account.books[s]
        held = abs(book.quantity)
        others = [o for o in self.account.working if o.symbol == s and o.is_exit]
        if not held or any(o.side == -book.side and o.most >= held for o in others):
            return []
        part = given.get("quantity", given.get("fraction", 1.0) * held)
        part = held if part >= held else whole_lots(part, book.lot)
        order = self.make_exit(s, Reason.SIGNAL)
        if "when" in given:
            order.when = WHEN[given["when"]]
        order.most = math.inf if part >= held else part
        order.fixed_quantity = part
        return self.checked(order, part > 0.0)

    def entry_of(self, s: int, side: int, given: dict[str, Any]) -> list[Order]:
        """An entry with its own size and levels."""
        limit, trigger = given.get("limit"), given.get("trigger")
        kind = ORDER_TYPES[limit is not None, trigger is not None]
        config = self.config.execution
        expire_bars = given.get("expire_bars", 0 if config.time_in_force == "gtc" else 1)
        is_once = kind == OrderType.MARKET and not self.has_volume
        when = WHEN[given["when"]] if "when" in given else config.fill
        size_kind, size = self.size_asked(given)
        order = self.add(
            s,
            side,
            kind,
            False,
            size_kind=size_kind,
            size=size,
            limit=limit,
            trigger=trigger,
            when=when if kind == OrderType.MARKET else "next_open",
            expire_bars=0 if is_once else expire_bars,
            levels=Levels(
                stop=line(given, "stop", -side),
                target=line(given, "target", side),
                trail=given.get("trail", given.get("trail_fraction")),
                is_trail_fraction="trail_fraction" in given,
            ),
        )
        positive = [v for name, v in given.items() if name not in ("when", "expire_bars")]
        price = next(p for p in (limit, trigger, self.account.bars[s].close) if p is not None)
        return self.checked(order, all(v > 0.0 for v in positive) and has_sides(order, price))

    def size_asked(self, given: dict[str, Any]) -> tuple[SizeKind, float]:
        """The run's size wins; without any, an equal part."""
        own = [(SizeKind[name.upper()], given[name]) for name in SIZES if name in given]
        if self.config.sizing is not None:
            return SizeKind[self.config.sizing.kind.upper()], self.config.sizing.value
        return own[0] if own else (SizeKind.FRACTION, 1.0 / len(self.symbols))

    def checked(self, order: Order, is_valid: bool) -> list[Order]:
        """An order that means nothing is rejected at once."""
        if is_valid:
            return [order]
        self.account.finish(order, OrderStatus.REJECTED, Reason.INVALID)
        return []


def line(given: dict[str, Any], name: str, sign: int) -> tuple[float, float] | None:
    """A stop or target as a + b·entry_price."""
    if name in given:
        return given[name], 0.0
    share = given.get(f"{name}_fraction")
    return None if share is None else (0.0, 1.0 + sign * share)


def has_sides(order: Order, price: float) -> bool:
    """Whether the levels lie on their sides of the price that the order is made at."""
    stop, target = order.levels.stop, order.levels.target
    is_stop_right = stop is None or order.side * (price - (stop[0] + stop[1] * price)) > 0.0
    is_target_right = target is None or order.side * (target[0] + target[1] * price - price) > 0.0
    return is_stop_right and is_target_right
