"""From the text of a strategy file to its definition, without running any of it."""

from __future__ import annotations

import ast
import hashlib
import keyword
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from engine.errors import EngineError, InvalidStrategyError
from engine.formula.definition import ParameterSpec, StrategyDefinition, parameter_spec

ARGUMENTS = ("bar", "indicators", "position", "orders", "state", "params")
MODULES = ("__future__", "engine.orders", "math", "numba", "numpy")
"""What a file may import: its text alone is the identity of its runs."""

LIMITS = {"MAX_ENTRIES": 32, "MAX_ORDERS": 64}
"""Bounds that a file may set for a symbol, with their defaults."""

MOST_OF_EACH = 1000
DECLARED = ("PARAMS", "INDICATORS", "STATE", *LIMITS)
MAX_CHARACTERS = 100_000
MAX_NAMES = 64
_NAME = re.compile(r"[a-z][a-z0-9_]{0,47}")
_HIDDEN = ("_call", "_tick")
_REFUSED = {
    ast.Lambda: "a lambda",
    ast.ClassDef: "a class",
    ast.AsyncFunctionDef: "an async function",
    ast.Yield: "a generator",
    ast.YieldFrom: "a generator",
    ast.Global: "`global`: what is to be remembered belongs in STATE",
    ast.Nonlocal: "`nonlocal`",
    ast.Try: "`try`: mend what fails instead",
    ast.With: "`with`",
    ast.Delete: "`del`",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class EventDefinition(StrategyDefinition):
    """A strategy in a Python file: what it declares, and its whole text.

    Attributes
    ----------
    indicators : mapping of name to expression
    state : tuple of int or float
        What every symbol begins with.
    max_entries, max_orders : int
        How many entries of a symbol may be open or work at once, and how many orders work.
    code : str
    """

    kind: str = "event"
    indicators: Mapping[str, str]
    state: tuple[int | float, ...]
    max_entries: int
    max_orders: int
    code: str

    @property
    def code_hash(self) -> str:
        """Return the sha256 (hex) of the text, which belongs to a run's key."""
        return hashlib.sha256(self.code.encode()).hexdigest()


def read_event_strategy(text: str, *, name: str) -> EventDefinition:
    """Return the definition of a strategy in a Python file.

    Parameters
    ----------
    text : str
        The file's contents.
    name : str
        The file's name without `.py`, by which runs ask for the strategy.

    Raises
    ------
    InvalidStrategyError
        If it is not Python, misses `on_bar`, imports or declares what it must not; with its line.
    """
    if not _NAME.fullmatch(name) or keyword.iskeyword(name):
        raise InvalidStrategyError(
            f"{name}.py: expected a file name of a letter, then lower-case letters, digits and _."
        )
    tree = parse(text, name)
    _Checker(name, tree).check()
    declared = _declared(tree, name)
    title, _, description = (ast.get_docstring(tree) or "").partition("\n")
    return EventDefinition(
        name=name,
        title=title.strip().rstrip(".") or name.replace("_", " ").capitalize(),
        description=" ".join(description.split()),
        params=_params(declared["PARAMS"], name),
        indicators=_indicators(declared["INDICATORS"], name),
        state=_state(declared["STATE"], name),
        max_entries=_limit(declared["MAX_ENTRIES"], "MAX_ENTRIES", name),
        max_orders=_limit(declared["MAX_ORDERS"], "MAX_ORDERS", name),
        code=text,
    )


def parse(text: str, name: str) -> ast.Module:
    """Return the syntax tree of a file.

    Raises
    ------
    InvalidStrategyError
        If the text is too long or not Python.
    """
    if len(text) > MAX_CHARACTERS:
        raise InvalidStrategyError(
            f"{name}.py has {len(text):,} characters; at most {MAX_CHARACTERS:,} are read."
        )
    try:
        return ast.parse(text)
    except SyntaxError as error:
        shown = (error.text or "").strip()
        raise located(f"this is not Python: {error.msg}: `{shown}`", name, error.lineno) from None
    except (ValueError, RecursionError, MemoryError) as error:
        raise InvalidStrategyError(f"{name}.py cannot be read: {error}.") from None


def located(message: str, name: str, line: int | None) -> InvalidStrategyError:
    """Return an error that says in which line of the file it is."""
    place = f"{name}.py" if line is None else f"{name}.py, line {line}"
    return InvalidStrategyError(f"{place}: {message.rstrip('.')}.", line=line)


def functions_of(tree: ast.Module) -> dict[str, ast.FunctionDef]:
    """Return the functions of a file by name."""
    return {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}


class _Checker:
    """Refuses what compiled code could not do, or what could escape a run's identity."""

    def __init__(self, name: str, tree: ast.Module) -> None:
        self._name, self._tree = name, tree
        self._functions = functions_of(tree)

    def check(self) -> None:
        for statement in self._tree.body:
            self._check_statement(statement)
        on_bar = self._functions.get("on_bar")
        if on_bar is None:
            raise InvalidStrategyError(
                f"{self._name}.py has no function on_bar({', '.join(ARGUMENTS)}): it is called at "
                "every close and returns the state."
            )
        given = tuple(argument.arg for argument in on_bar.args.args)
        if given != ARGUMENTS or on_bar.args.defaults:
            raise self._error(
                f"expected on_bar({', '.join(ARGUMENTS)}), was on_bar({', '.join(given)})", on_bar
            )
        for function in self._functions.values():
            self._check_function(function)
        self._check_recursion()

    def _check_statement(self, statement: ast.stmt) -> None:
        match statement:
            case ast.Import(names=names):
                for alias in names:
                    self._check_module(alias.name, statement)
            case ast.ImportFrom(module=module, level=level):
                self._check_module("." * level + (module or ""), statement)
            case ast.FunctionDef() | ast.Assign() | ast.AnnAssign():
                pass
            case ast.Expr(value=ast.Constant(value=str())):
                pass
            case _:
                raise self._error(
                    "at the top of a file only imports, constants and functions may stand",
                    statement,
                )
        for node in ast.walk(statement):
            if isinstance(node, ast.Attribute) and node.attr == "random":
                raise self._error("chance is refused: the same run would differ each time", node)
            if isinstance(node, ast.Name | ast.arg):
                name = node.id if isinstance(node, ast.Name) else node.arg
                if name in _HIDDEN or name.startswith("__"):
                    raise self._error(f"the name `{name}` is taken", node)

    def _check_module(self, module: str, statement: ast.stmt) -> None:
        if module not in MODULES:
            raise self._error(
                f"`{module}` may not be imported: a file is its whole strategy; it may use "
                f"{', '.join(MODULES[1:])}",
                statement,
            )

    def _check_function(self, function: ast.FunctionDef) -> None:
        for decorator in function.decorator_list:
            if ast.unparse(decorator) not in ("njit", "numba.njit"):
                raise self._error("expected no decorator but `@njit`", decorator)
        if function.args.vararg or function.args.kwarg or function.args.kwonlyargs:
            raise self._error("expected plain arguments, without `*`", function)
        called = set()
        for node in _inside(function):
            for kind, words in _REFUSED.items():
                if isinstance(node, kind):
                    raise self._error(f"compiled code cannot have {words}", node)
            if isinstance(node, ast.FunctionDef | ast.Import | ast.ImportFrom):
                raise self._error("functions and imports belong at the top of the file", node)
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                called.add(id(node.func))
        for node in _inside(function):
            if isinstance(node, ast.Name) and node.id in self._functions and id(node) not in called:
                raise self._error(f"`{node.id}` is a function: call it by its name", node)

    def _check_recursion(self) -> None:
        """Refuse functions that call themselves: compiled code has no guard against that."""
        calls = {
            name: {n.id for n in _inside(f) if isinstance(n, ast.Name)} & set(self._functions)
            for name, f in self._functions.items()
        }
        done: set[str] = set()
        while len(done) < len(calls):
            ready = {name for name in calls if name not in done and calls[name] <= done}
            if not ready:
                name = next(name for name in calls if name not in done)
                raise self._error(
                    f"`{name}` calls itself, or a function that does: write a loop",
                    self._functions[name],
                )
            done |= ready

    def _error(self, message: str, node: ast.AST) -> InvalidStrategyError:
        return located(message, self._name, getattr(node, "lineno", None))


def _inside(function: ast.FunctionDef) -> Iterator[ast.AST]:
    for statement in function.body:
        yield from ast.walk(statement)


def _declared(tree: ast.Module, name: str) -> dict[str, tuple[Any, int | None]]:
    """Return what a file declares, as literals with their lines."""
    empty = {"PARAMS": {}, "INDICATORS": {}, "STATE": (), **LIMITS}
    found: dict[str, tuple[Any, int | None]] = {key: (value, None) for key, value in empty.items()}
    for statement in tree.body:
        match statement:
            case ast.Assign(targets=[ast.Name(id=key)], value=value) if key in DECLARED:
                pass
            case ast.AnnAssign(target=ast.Name(id=key), value=ast.expr() as value) if (
                key in DECLARED
            ):
                pass
            case _:
                continue
        try:
            found[key] = (ast.literal_eval(value), statement.lineno)
        except (ValueError, TypeError, SyntaxError, RecursionError):
            raise located(
                f"expected {key} as plain values, without names or calls", name, statement.lineno
            ) from None
    return found


def _named(declared: tuple[Any, int | None], what: str, name: str) -> dict[str, Any]:
    table, line = declared
    if not isinstance(table, dict) or len(table) > MAX_NAMES:
        raise located(f"expected {what} as a dict of at most {MAX_NAMES} names", name, line)
    for key in table:
        if not isinstance(key, str) or not _NAME.fullmatch(key) or keyword.iskeyword(key):
            raise located(f"{what}: {key!r} is not a lower-case name", name, line)
    return table


def _params(declared: tuple[Any, int | None], name: str) -> dict[str, ParameterSpec]:
    specs = {}
    for key, value in _named(declared, "PARAMS", name).items():
        try:
            specs[key] = parameter_spec(key, value)
        except EngineError as error:
            raise located(str(error), name, declared[1]) from None
        if specs[key].kind == "choice":
            raise located(f"the parameter {key} has choices: only numbers are possible here",
                          name, declared[1])  # fmt: skip
    return specs


def _indicators(declared: tuple[Any, int | None], name: str) -> dict[str, str]:
    table = _named(declared, "INDICATORS", name)
    for key, expression in table.items():
        if not isinstance(expression, str):
            raise located(f"expected the indicator {key} as a formula in quotes", name, declared[1])
    return table


def _state(declared: tuple[Any, int | None], name: str) -> tuple[int | float, ...]:
    values, line = declared
    is_numbers = isinstance(values, tuple) and all(isinstance(v, int | float) for v in values)
    if not is_numbers or len(values) > MAX_NAMES:
        raise located(
            f"expected STATE as a tuple of at most {MAX_NAMES} numbers, such as (0, 0.0), was "
            f"{values!r}; a tuple of one is written (0,)", name, line,
        )  # fmt: skip
    if any(isinstance(v, int) and abs(v) >= 2**63 for v in values):
        raise located("a whole number in STATE is beyond 63 bits: write it as 1e20", name, line)
    return tuple(math.nan if isinstance(v, float) and math.isnan(v) else v for v in values)


def _limit(declared: tuple[Any, int | None], key: str, name: str) -> int:
    value, line = declared
    if not isinstance(value, int) or not 1 <= value <= MOST_OF_EACH:
        raise located(f"expected {key} from 1 to {MOST_OF_EACH}, was {value!r}", name, line)
    return value
