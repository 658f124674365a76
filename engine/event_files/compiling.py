"""A strategy file compiled: reached by the broker through the address of one function."""

from __future__ import annotations

import ctypes
import threading
from collections import OrderedDict, namedtuple
from collections.abc import Callable
from functools import cached_property
from types import FunctionType
from typing import Any

import numpy as np
from numba import cfunc, njit, types
from numba.core.dispatcher import Dispatcher
from numba.core.errors import NumbaError

from engine.errors import InvalidStrategyError
from engine.event_files.messages import explained, state_problem
from engine.event_files.reading import EventDefinition, located
from engine.event_files.rewriting import counted, file_name
from engine.event_files.views import Bar, Position
from engine.kernels.broker_events import RAISED, TOO_MANY_ORDERS
from engine.kernels.broker_memory import number_at
from engine.kernels.event_call import (
    call_view,
    integer_at,
    put_integer,
    put_number,
    requests_at,
    tick,
)
from engine.kernels.event_requests import MOST_REQUESTS, N_FIELDS
from engine.types import IntArray, Market

REMEMBERED_FILES = 64
LOOPS_TOO_LONG = "the loops of one call of on_bar went round more than 1,000,000 times"


class _PlainCall:
    """Stands in for the record CALL where `on_bar` runs as plain Python."""

    def __init__(self, steps: int) -> None:
        self.steps = steps


def _plain_tick(call: _PlainCall) -> bool:
    call.steps -= 1
    if call.steps < 0:
        raise RuntimeError(LOOPS_TOO_LONG)
    return True


class CompiledStrategy:
    """The `on_bar` of a file, compiled and as plain Python.

    Parameters
    ----------
    definition : EventDefinition

    Raises
    ------
    InvalidStrategyError
        If it cannot be compiled; with the line and what to mend.
    """

    def __init__(self, definition: EventDefinition) -> None:
        self.definition = definition
        self.max_entries = definition.max_entries
        self.max_orders = definition.max_orders
        self.initial_state = bits(definition.state)
        self._param_kinds = tuple(spec.kind for spec in definition.params.values())
        self.indicator_names = tuple(definition.indicators)
        self._indicators_type: Any = _tuple_of("Indicators", self.indicator_names)
        self._params_type: Any = _tuple_of("Params", tuple(definition.params))
        try:
            self._function = self._compiled()
        except NumbaError as error:
            raise explained(error, definition) from None

    @property
    def address(self) -> int:
        """Return where the function stands that calls `on_bar`."""
        return int(self._function.address)

    def _compiled(self) -> Any:
        space = self._executed()
        names = [name for name, value in space.items() if _is_own(value, self.definition)]
        for name in names:
            space[name] = njit(nogil=True, boundscheck=True)(space[name])
        on_bar = space["on_bar"]
        signature = self._argument_types()
        on_bar.compile(signature)
        problem = state_problem(
            on_bar.overloads[signature].signature.return_type, self.definition.state
        )
        if problem:
            raise located(problem, self.definition.name, self._line_of_on_bar())
        return cfunc(types.int64(types.int64))(self._caller(on_bar))

    def _executed(self) -> dict[str, Any]:
        """Run the file's top and return its names."""
        name = self.definition.name
        space: dict[str, Any] = {"__name__": name, "_tick": tick}
        try:
            exec(counted(self.definition.code, name), space)  # noqa: S102 - the server's own file
        except Exception as error:  # noqa: BLE001 - whatever a file raises is explained
            line = _line_of(error, name)
            raise located(f"{type(error).__name__}: {error}", name, line) from None
        return space

    def _argument_types(self) -> tuple[Any, ...]:
        def tuple_of(kinds: list[Any], shape: Any) -> Any:
            return (
                types.NamedUniTuple(kinds[0], len(kinds), shape)
                if kinds and len(set(kinds)) == 1
                else types.NamedTuple(kinds, shape)
            )

        number = {"int": types.int64, "float": types.float64}
        return (
            types.int64,
            tuple_of([types.int64] * 2 + [types.float64] * 6, Bar),
            tuple_of([types.float64] * len(self.indicator_names), self._indicators_type),
            tuple_of([types.float64] * 3 + [types.int64] * 3 + [types.float64] * 2, Position),
            types.Array(types.float64, 2, "C"),
            types.Tuple([number[type(v).__name__] for v in self.definition.state]),
            tuple_of([number[kind] for kind in self._param_kinds], self._params_type),
        )

    def _caller(self, on_bar: Any) -> Callable[[int], int]:
        """Return the function that reads a CALL, calls `on_bar` and keeps the new state."""
        n = len(self.indicator_names)
        indicators = "".join(f"number_at(c.indicators, c.place * {n} + {k}), " for k in range(n))
        params = "".join(f"{_reader(k == 'int')}(c.params, {i}), "
                         for i, k in enumerate(self._param_kinds))  # fmt: skip
        state = self.definition.state
        kept = "".join(f"{_reader(isinstance(v, int))}(c.state, {i}), "
                       for i, v in enumerate(state))  # fmt: skip
        puts = "\n".join(
            f"    put_integer(c.state, {i}, new[{i}])"
            if isinstance(v, int)
            else f"    put_number(c.state, {i}, new[{i}])"
            for i, v in enumerate(state)
        )
        text = f"""
def caller(address):
    c = call_view(address)
    bar = Bar(
        c.i, integer_at(c.time, c.t), number_at(c.open, c.place), number_at(c.high, c.place),
        number_at(c.low, c.place), number_at(c.close, c.place), number_at(c.volume, c.place),
        number_at(c.split, c.place),
    )
    position = Position(
        c.quantity, c.entry_price, c.open_profit, c.bars_held, c.n_entries, c.n_working,
        c.cash, c.equity,
    )
    orders = requests_at(c.requests)
    try:
        new = on_bar(
            address, bar, Indicators({indicators}), position, orders, ({kept}), Params({params})
        )
    except Exception:
        return {int(RAISED)}
{puts}
    return 0
"""
        space = {
            "call_view": call_view,
            "integer_at": integer_at,
            "number_at": number_at,
            "put_integer": put_integer,
            "put_number": put_number,
            "requests_at": requests_at,
            "Bar": Bar,
            "Position": Position,
            "Indicators": self._indicators_type,
            "Params": self._params_type,
            "on_bar": on_bar,
        }
        exec(text, space)  # noqa: S102 - the text above
        caller: Callable[[int], int] = space["caller"]
        return caller

    def _line_of_on_bar(self) -> int:
        return int(self.plain["on_bar"].__code__.co_firstlineno)

    @cached_property
    def plain(self) -> dict[str, Any]:
        """The file's names with every function as plain Python."""
        space = self._executed()
        space["_tick"] = _plain_tick
        plain: dict[Dispatcher, FunctionType] = {}
        for name, value in space.items():
            if isinstance(value, Dispatcher):
                space[name] = _uncompiled(value, plain)
        return space

    # When a call failed

    def failed(self, failure: int, call: np.void, market: Market) -> InvalidStrategyError:
        """Return the error that says why a call failed: bar, symbol and line, and how to mend."""
        definition = self.definition
        at = np.datetime_as_string(np.datetime64(int(market.time[call["t"]]), "ms"))
        where = f"at {str(at).removesuffix('T00:00:00.000')} on {market.symbols[call['symbol']]}"
        if failure == TOO_MANY_ORDERS:
            return located(
                f"{where} on_bar ordered while {self.max_orders} orders of it worked already: "
                "cancel some, let them expire, or raise MAX_ORDERS", definition.name, None,
            )  # fmt: skip
        if failure != RAISED:
            return located(
                f"{where} on_bar ordered another entry with {self.max_entries} open or working "
                "already: raise MAX_ENTRIES, or look at position.entries first",
                definition.name, None,
            )  # fmt: skip
        error = self._raised_again(call, market)
        if error is None:
            return located(f"{where} on_bar raised, but not as plain Python", definition.name, None)
        text = f"{type(error).__name__}: {error}".removesuffix(": ")
        if text.startswith("RuntimeError: " + LOOPS_TOO_LONG):
            text = LOOPS_TOO_LONG
        line = _line_of(error, definition.name)
        code = "" if line is None else f": `{definition.code.splitlines()[line - 1].strip()}`"
        return located(f"{where} on_bar failed, {text}{code}", definition.name, line)

    def _raised_again(self, call: np.void, market: Market) -> Exception | None:
        """Call `on_bar` as plain Python with the inputs of a failed call; return what it raises."""
        from engine.event_books import MOST_STEPS

        inputs = self.plain_inputs(call, market)
        try:
            self.plain["on_bar"](_PlainCall(MOST_STEPS), *inputs)
        except Exception as error:  # noqa: BLE001 - the whole point
            return error
        return None

    def plain_inputs(self, call: np.void, market: Market) -> tuple[Any, ...]:
        """Return the arguments of a call as plain Python values."""
        s, t = int(call["symbol"]), int(call["t"])
        columns = ("open", "high", "low", "close", "volume", "split")
        bar = Bar(int(call["i"]), int(market.time[t]),
                  *(float(getattr(market, name)[s, t]) for name in columns))  # fmt: skip
        n = len(self.indicator_names)
        values = _words(int(call["indicators"]) + 8 * n * int(call["place"]), n)
        names = ("quantity", "entry_price", "open_profit", "bars_held", "n_entries", "n_working")
        return (
            bar,
            self._indicators_type(*values.view(np.float64).tolist()),
            Position(*(call[name].item() for name in (*names, "cash", "equity"))),
            np.zeros((MOST_REQUESTS + 1, N_FIELDS)),
            values_of(
                _words(int(call["state"]), len(self.definition.state)),
                [type(v).__name__ for v in self.definition.state],
            ),
            self._params_type(
                *values_of(_words(int(call["params"]), len(self._param_kinds)), self._param_kinds)
            ),
        )


def _tuple_of(name: str, fields: tuple[str, ...]) -> Any:
    return namedtuple(name, fields)


def bits(values: Any) -> IntArray:
    """Return numbers as 64-bit words: integers as they are, floats by their bits."""
    words = [np.int64(v) if isinstance(v, int) else np.float64(v).view(np.int64) for v in values]
    return np.array(words, np.int64)


def values_of(words: IntArray, kinds: Any) -> tuple[int | float, ...]:
    """Return what `bits` was made from."""
    floats = words.view(np.float64)
    return tuple(
        int(word) if kind == "int" else float(x)
        for word, x, kind in zip(words, floats, kinds, strict=True)
    )


def _words(address: int, n: int) -> IntArray:
    return np.array((ctypes.c_int64 * n).from_address(address), np.int64)


def _reader(is_integer: bool) -> str:
    return "integer_at" if is_integer else "number_at"


def _is_own(value: object, definition: EventDefinition) -> bool:
    return isinstance(value, FunctionType) and value.__code__.co_filename == file_name(
        definition.name
    )


def _uncompiled(function: Dispatcher, known: dict[Dispatcher, FunctionType]) -> FunctionType:
    """Return a compiled function as plain Python, and so all that it calls."""
    if function not in known:
        python = function.py_func
        space = dict(python.__globals__)
        known[function] = FunctionType(
            python.__code__, space, python.__name__, python.__defaults__, python.__closure__
        )
        for name in python.__code__.co_names:
            if isinstance(space.get(name), Dispatcher):
                space[name] = _uncompiled(space[name], known)
    return known[function]


def _line_of(error: BaseException, name: str) -> int | None:
    """Return the last line of the file that an error passed through."""
    line, trace = None, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == file_name(name):
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


class _Compiled:
    """The strategies compiled in this process, by their text; the oldest is forgotten."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._found: OrderedDict[str, CompiledStrategy | InvalidStrategyError] = OrderedDict()

    def get(self, definition: EventDefinition) -> CompiledStrategy:
        """Return a definition compiled, or raise again why it cannot be."""
        key = definition.name + "\n" + definition.code
        with self._lock:
            if key not in self._found:
                try:
                    self._found[key] = CompiledStrategy(definition)
                except InvalidStrategyError as error:
                    self._found[key] = error
                if len(self._found) > REMEMBERED_FILES:
                    self._found.popitem(last=False)
            found = self._found[key]
        if isinstance(found, InvalidStrategyError):
            raise InvalidStrategyError(str(found), line=found.line)
        return found

    def tried(self, definition: EventDefinition) -> CompiledStrategy | InvalidStrategyError | None:
        """Return what came of compiling a definition, None before it was tried."""
        return self._found.get(definition.name + "\n" + definition.code)


_compiled = _Compiled()


def compile_file(definition: EventDefinition) -> CompiledStrategy:
    """Return a strategy compiled, now or before; about a second when it is now.

    Raises
    ------
    InvalidStrategyError
        If it cannot be compiled, with the line and what to mend.
    """
    return _compiled.get(definition)


def is_compiled(definition: EventDefinition) -> bool:
    """Return whether a definition has been compiled, or tried to be."""
    return _compiled.tried(definition) is not None


def problem_of(definition: EventDefinition) -> str | None:
    """Return why a definition could not be compiled, None when it could or was not tried."""
    found = _compiled.tried(definition)
    return str(found) if isinstance(found, InvalidStrategyError) else None
