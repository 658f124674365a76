"""What the broker keeps for an event strategy, behind the record `EVENTS` of its state."""

from __future__ import annotations

import time

import numpy as np

from engine.errors import InvalidStrategyError
from engine.kernels.broker_records import address_of
from engine.kernels.event_call import CALL
from engine.kernels.event_requests import MOST_REQUESTS, N_FIELDS
from engine.types import Events, Market

COLUMNS = ("open", "high", "low", "close", "volume", "split")

MOST_STEPS = 1_000_000
"""How often the loops of one call of `on_bar` may go round."""

MOST_SECONDS = 30.0
"""How long one run of an event strategy may take, whatever it does."""

FIRST_STRETCH = 64
"""Bars between the first two looks at the clock; later stretches grow while they are quick."""


class EventBooks:
    """The arrays of one run: values kept by symbol, requests, the call itself.

    Parameters
    ----------
    market : Market
        Its arrays are read by address, so it must live as long.
    events : Events
    """

    def __init__(self, market: Market, events: Events) -> None:
        self._market, self._events = market, events
        # In rows, whatever the market's layout; the market's own arrays where they are.
        self._columns = {
            name: np.ascontiguousarray(getattr(market, name)) for name in ("time", *COLUMNS)
        }
        handler = events.handler
        n_symbols = len(market.symbols)
        self._call = np.zeros(1, CALL)
        self._requests = np.zeros((MOST_REQUESTS + 1, N_FIELDS))
        self._states = np.tile(handler.initial_state, (n_symbols, 1))
        self._started: float | None = None
        self._stretch = FIRST_STRETCH

    def write(self, record: np.void) -> None:
        """Fill in the record `EVENTS`."""
        events, handler = self._events, self._events.handler
        call = self._call[0]
        for name, column in self._columns.items():
            call[name] = address_of(column)
        call["indicators"] = address_of(events.indicators)
        call["params"] = address_of(events.params)
        call["requests"] = address_of(self._requests)
        record["address"] = handler.address
        record["call"] = address_of(self._call)
        record["requests"] = address_of(self._requests)
        record["states"] = address_of(self._states)
        record["n_values"] = handler.initial_state.size
        record["first_calls"] = address_of(events.first_calls)
        record["n_steps"] = MOST_STEPS
        record["max_entries"] = handler.max_entries
        record["max_orders"] = handler.max_orders
        record["size"] = events.size
        record["size_kind"] = events.size_kind
        record["is_size_fixed"] = events.is_size_fixed

    def next_stop(self, reached: int) -> int:
        """Return up to which bar to run before the next look at the clock.

        Raises
        ------
        InvalidStrategyError
            If the run takes too long.
        """
        # Not before the first stretch is over: in it the broker itself may be compiled.
        if reached > self._market.first and self._started is None:
            self._started = time.perf_counter()
        elapsed = 0.0 if self._started is None else time.perf_counter() - self._started
        if elapsed > MOST_SECONDS:
            raise InvalidStrategyError(
                f"The strategy has run for {elapsed:.0f} s and reached bar {reached} of "
                f"{self._market.time.size}; a run may take {MOST_SECONDS:.0f} s. Make its "
                "`on_bar` loop less, or choose fewer bars.",
                field="strategy",
            )
        if elapsed < MOST_SECONDS / 64.0:
            self._stretch *= 2
        return min(self._market.time.size, reached + self._stretch)

    def check(self, record: np.void) -> None:
        """Raise what the last stretch failed of, if it did."""
        if record["failure"]:
            handler = self._events.handler
            raise handler.failed(int(record["failure"]), self._call[0], self._market)
