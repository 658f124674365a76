"""From a syntax tree to nodes: the whitelist of what a formula may say.

Problems are collected, not raised, so that an editor can show all of them at once; a part with a
problem becomes None, and what reads it too.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from functools import lru_cache
from typing import NamedTuple, cast

from config.run import SYMBOL_PATTERN
from engine.errors import InvalidFormulaError
from engine.formula import arithmetic
from engine.formula.functions import FUNCTIONS, MAX_WINDOW, SERIES_CALLS, Argument, Function
from engine.formula.nodes import (
    COLUMNS,
    CROSSES,
    ENTRY_PRICE,
    OWN,
    POSITION,
    PRICES,
    Context,
    Graph,
    Node,
    bare,
    number_text,
)
from engine.formula.periods import is_timeframe, most_bars, nearest_timeframe
from engine.formula.swept import Swept, folded
from engine.formula.syntax import parse

MAX_NODES = 250
"""Of one plan: a million bars of each take 2 GB at most."""

PERCENT = "percent"
NONE = "none"
SIZES = ("fraction", "units", "cash", "risk")

_BINARY = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.Mod: "%", ast.Pow: "**"}
_COMPARE = {ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!="}
_KINDS = {
    ast.Tuple: "A list of values", ast.List: "A list of values", ast.Starred: "A starred argument",
    ast.Constant: "Text in quotes",
}  # fmt: skip


class Linear(NamedTuple):
    """A value a + b · entry_price; None is zero."""

    a: int | None
    b: int | None


class Builder:
    """Writes formulas into one graph, with the parameters' values in place of their names."""

    def __init__(
        self,
        params: Mapping[str, float],
        *,
        timeframe: str | None = None,
        has_position: bool = True,
    ) -> None:
        self.graph = Graph()
        self.problems: list[InvalidFormulaError] = []
        self.symbols: dict[str, int] = {}
        """Other symbols that are read, and the position of the first `of` of each."""
        self._params = params
        self._timeframe = timeframe
        self._has_position = has_position

    def refuse(self, tree: ast.AST, message: str, suggestion: str | None = None) -> None:
        """Write down a problem at a part of the formula."""
        position = getattr(tree, "col_offset", 0)
        self.problems.append(InvalidFormulaError(message, position=position, suggestion=suggestion))

    def condition(self, tree: ast.expr) -> int | None:
        """Return the node of an expression that must be true or false."""
        index = self.build(tree)
        if index is None or self.graph[index].is_condition:
            return index
        self.refuse(tree, "Expected a condition, this is a number: compare it, for example `> 0`.")
        return None

    def number(self, tree: ast.expr) -> int | None:
        """Return the node of an expression as a number; a condition is 0 or 1."""
        index = self.build(tree)
        return index if index is None else self._as_number(index)

    def constant(self, tree: ast.expr) -> float | None:
        """Return the value of an expression that must be the same at every bar."""
        index = self.number(tree)
        if index is None:
            return None
        if not self.graph[index].is_constant:
            self.refuse(tree, "Expected a constant: a number, a parameter, or arithmetic on them.")
            return None
        return self.graph[index].constant

    def linear(self, tree: ast.expr) -> Linear | None:
        """Return an expression as a + b · entry_price."""
        if not reads_entry_price(tree):
            index = self.number(tree)
            return None if index is None else Linear(index, None)
        match tree:
            case ast.Name():
                return Linear(None, self.graph.constant(1.0))
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                form = self.linear(operand)
                return form and Linear(*(self._apply(tree, "negative", part) for part in form))
            case ast.BinOp(left=left, op=ast.Add() | ast.Sub() as op, right=right):
                return self._linear_sum(
                    tree, _BINARY[type(op)], self.linear(left), self.linear(right)
                )
            case ast.BinOp(left=left, op=ast.Mult(), right=right) if not reads_entry_price(left):
                return self._linear_scaled(tree, "*", self.linear(right), self.number(left))
            case ast.BinOp(left=left, op=ast.Mult() | ast.Div() as op, right=right) if (
                not reads_entry_price(right)
            ):
                return self._linear_scaled(
                    tree, _BINARY[type(op)], self.linear(left), self.number(right)
                )
        self.refuse(
            tree,
            "`entry_price` is known only at the fill: use it as a + b * entry_price.",
            "entry_price * 0.95",
        )
        return None

    def build(self, tree: ast.expr) -> int | None:
        """Return the node of an expression, or None after writing down its problems."""
        match tree:
            case ast.Constant(value=bool() | str()):
                pass
            case ast.Constant(value=int() | float() as value):
                return self._literal(tree, value)
            case ast.Name(id=name):
                return self._name(tree, name)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return self._apply(tree, "negative", self.number(operand))
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return self._apply(tree, "not", self.condition(operand))
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _BINARY:
                return self._apply(tree, _BINARY[type(op)], self.number(left), self.number(right))
            case ast.BoolOp(op=op, values=values):
                word = "and" if isinstance(op, ast.And) else "or"
                return self._apply(tree, word, *[self.condition(value) for value in values])
            case ast.Compare():
                return self._compare(tree)
            case ast.Subscript(value=value, slice=offset):
                return self._offset(tree, self.build(value), offset)
            case ast.Call():
                return self._call(tree)
        kind = _KINDS.get(type(tree), "This")
        self.refuse(tree, f"{kind} is not part of formulas.")
        return None

    def _literal(self, tree: ast.expr, value: float) -> int | None:
        try:
            number = float(value)
        except OverflowError:
            number = float("inf")
        return self._finite_constant(tree, number)

    def _finite_constant(self, tree: ast.AST, value: float) -> int | None:
        if abs(value) < float("inf"):
            return self.graph.constant(value)
        self.refuse(tree, "This constant is not a finite number.")
        return None

    def _name(self, tree: ast.Name, name: str) -> int | None:
        if name in self._params:
            return self.graph.constant(self._params[name])
        if name in COLUMNS:
            return self._column(name)
        if name in POSITION:
            return self._position(tree, name)
        if name in FUNCTIONS:
            self.refuse(tree, f"`{name}` is a function.", FUNCTIONS[name].signature)
        else:
            known = [*COLUMNS, *POSITION, *self._params, *FUNCTIONS]
            self._refuse_unknown(tree, "name", name, known)
        return None

    def _position(self, tree: ast.Name, name: str) -> int | None:
        """Return a name of the open position; its unit is money, or the price of one share."""
        if not self._has_position:
            self.refuse(tree, f"`{name}` is known only while a strategy trades.")
            return None
        if self.graph.context != OWN:
            self.refuse(tree, f"`{name}` belongs to the position, not to another series.")
            return None
        scale = 1.0 if name == ENTRY_PRICE else 0.0
        return self.graph.add(
            Node("position", name=name, scale=scale, reads_position=True, text=name)
        )

    def _apply(self, tree: ast.AST, op: str, *args: int | None, offset: float = 0) -> int | None:
        """Add an operation on these nodes; on constants, its value."""
        known = [index for index in args if index is not None]
        if len(known) < len(args):
            return None
        children = [self.graph[index] for index in known]
        if op in ("offset", *CROSSES) and any(child.reads_position for child in children):
            self._refuse_history(tree)
            return None
        if op in arithmetic.NUMERIC and all(child.is_constant for child in children):
            return self._finite_constant(tree, folded(op, [c.constant for c in children]))
        if len(self.graph.nodes) >= MAX_NODES:
            if not any("too large" in str(problem) for problem in self.problems):
                self.refuse(tree, f"The formula is too large (at most {MAX_NODES} operations).")
            return None
        text = _text(op, [child.text for child in children], int(offset))
        return self.graph.operation(op, tuple(known), text, offset=offset)

    def _refuse_history(self, tree: ast.AST) -> None:
        self.refuse(
            tree,
            f"The open position ({', '.join(POSITION)}) is known now and not for earlier bars: use "
            "it without `x[k]` and without functions that look back.",
        )

    def _as_number(self, index: int) -> int:
        node = self.graph[index]
        return self.graph.operation("number", (index,), node.text) if node.is_condition else index

    def _compare(self, tree: ast.Compare) -> int | None:
        """Return a comparison; a chain is the conjunction of its links."""
        operands = [self.number(operand) for operand in (tree.left, *tree.comparators)]
        links: list[int | None] = []
        for left, op, right in zip(operands, tree.ops, operands[1:], strict=False):
            symbol = _COMPARE.get(type(op))
            if symbol is None:
                self.refuse(tree, "`in` and `is` are not part of formulas.")
                return None
            links.append(self._apply(tree, symbol, left, right))
        return links[0] if len(links) == 1 else self._apply(tree, "and", *links)

    def _offset(self, tree: ast.expr, index: int | None, offset: ast.expr) -> int | None:
        """Return x[k], the value k bars ago."""
        value = self.constant(offset)
        if value is None or index is None:
            return None
        if value < 0 or not value.is_integer() or value > MAX_WINDOW:
            reason = "a negative one would look ahead; " if value < 0 else ""
            self.refuse(
                offset,
                f"Expected a whole number of bars ago from 0 to {MAX_WINDOW} ({reason}"
                f"was {number_text(value)}).",
            )
            return None
        if value == 0 and not isinstance(value, Swept):
            return index
        return self._apply(tree, "offset", index, offset=value)

    def _call(self, tree: ast.Call) -> int | None:
        name = tree.func.id if isinstance(tree.func, ast.Name) else None
        function = FUNCTIONS.get(name or "")
        if function is None or name is None:
            self._refuse_call(tree, name)
            return None
        if name in SERIES_CALLS and len(tree.args) == 2 and not tree.keywords:
            return self._of(tree) if name == "of" else self._on(tree)
        if tree.keywords or len(tree.args) != len(function.arguments):
            n = len(function.arguments)
            self.refuse(
                tree,
                f"{name} takes {n or 'no'} argument{'s' * (n != 1)}, was given "
                f"{len(tree.args) + len(tree.keywords)}.",
                function.signature,
            )
            return None
        pairs = list(zip(function.arguments, tree.args, strict=True))
        series = [self.number(arg) for argument, arg in pairs if argument.kind == "series"]
        numbers = [
            self._parameter(function, argument, arg)
            for argument, arg in pairs
            if argument.kind != "series"
        ]
        if function.kernel is None:
            return self._apply(tree, function.name, *series)
        if None in series or None in numbers:
            return None
        if any(self.graph[index].reads_position for index in series if index is not None):
            self._refuse_history(tree)
            return None
        inputs = [index for index in series if index is not None]
        inputs += [self._column(column) for column in function.reads]
        return self._function(
            function, inputs, [number for number in numbers if number is not None]
        )

    def _of(self, tree: ast.Call) -> int | None:
        """Return an expression on another symbol's bars."""
        context = self.graph.context
        if context != OWN:
            where = "on" if context.timeframe else "of"
            hint = ': write `of("SPY", on("1w", …))`.' if where == "on" else "."
            self.refuse(tree.func, f"`of` cannot stand inside `{where}`{hint}")
            return None
        symbol = self._text(tree.args[0], 'a symbol in quotes, as in `of("SPY", close)`')
        if symbol is None:
            return None
        if not re.fullmatch(SYMBOL_PATTERN, symbol):
            self.refuse(tree.args[0], "A symbol has letters, digits and `._-^=`, 32 at most.")
            return None
        self.symbols.setdefault(symbol, tree.args[0].col_offset)
        return self._inside(Context(symbol, context.timeframe), tree.args[1], 1)

    def _on(self, tree: ast.Call) -> int | None:
        """Return an expression on bars of a higher timeframe."""
        context = self.graph.context
        if context.timeframe:
            self.refuse(tree.func, "`on` cannot stand inside `on`: name one timeframe.")
            return None
        timeframe = self._text(tree.args[0], 'a timeframe in quotes, as in `on("1w", close)`')
        if timeframe is None:
            return None
        base = self._timeframe or "1d"
        if not is_timeframe(timeframe):
            self._refuse_timeframe(tree.args[0], timeframe)
            return None
        n_bars = most_bars(timeframe, base)
        if not n_bars and self._timeframe is not None:
            self.refuse(
                tree.args[0],
                f"Expected a longer timeframe than that of the run, {base}, was {timeframe}.",
            )
            return None
        return self._inside(Context(context.symbol, timeframe), tree.args[1], max(n_bars, 1))

    def _refuse_timeframe(self, tree: ast.expr, text: str) -> None:
        near = nearest_timeframe(text)
        hint = f'; did you mean "{near}"?' if near else "."
        self.refuse(
            tree,
            f"Expected a timeframe such as 5min, 1h, 1d, 1w or 1mo, was {text[:40]!r}{hint}",
            near and f'"{near}"',
        )

    def _text(self, tree: ast.expr, expected: str) -> str | None:
        """Return an argument that must be text in quotes."""
        match tree:
            case ast.Constant(value=str() as text):
                return text
        name = tree.id if isinstance(tree, ast.Name) else None
        self.refuse(tree, f"Expected {expected}.", name and f'"{name}"')
        return None

    def _inside(self, context: Context, tree: ast.expr, most_bars: int) -> int | None:
        """Return an expression computed in another context, joined to this one."""
        outer, self.graph.context = self.graph.context, context
        index = self.build(tree)
        self.graph.context = outer
        return index if index is None else self.graph.join(index, most_bars)

    def _refuse_call(self, tree: ast.Call, name: str | None) -> None:
        if name is None:
            self.refuse(tree.func, "Only functions can be called, by their name.")
        elif name in SIZES:
            self.refuse(tree.func, f"`{name}(x)` may be used in the field size only.")
        elif name == PERCENT:
            self.refuse(tree.func, "`percent(x)` may be used in trail_long and trail_short only.")
        elif name in POSITION:
            self.refuse(tree.func, f"`{name}` is not a function.", name)
        elif name in COLUMNS or name in self._params:
            self.refuse(tree.func, f"`{name}` is not a function; `{name}[k]` is k bars ago.")
        else:
            self._refuse_unknown(tree.func, "function", name, FUNCTIONS)

    def _refuse_unknown(self, tree: ast.AST, kind: str, name: str, valid: Iterable[str]) -> None:
        close = get_close_matches(name.lower(), list(valid), 1, 0.5)
        hint = f"; did you mean `{close[0]}`?" if close else "."
        self.refuse(tree, f"Unknown {kind} `{name[:40]}`{hint}", close[0] if close else None)

    def _parameter(self, function: Function, argument: Argument, tree: ast.expr) -> float | None:
        """Return a constant argument of a function, within its range."""
        value = self.constant(tree)
        if value is None:
            return None
        is_whole = argument.kind != "window" or value.is_integer()
        if is_whole and argument.min <= value <= argument.max:
            return value
        kind = "a whole number of bars" if argument.kind == "window" else "a number"
        self.refuse(
            tree,
            f"Expected `{argument.name}` of {function.signature} to be {kind} from "
            f"{number_text(float(argument.min))} to {number_text(float(argument.max))}, "
            f"was {number_text(value)}.",
        )
        return None

    def _column(self, name: str) -> int:
        scale = 1.0 if name in PRICES else -1.0 if name == "volume" else 0.0
        return self.graph.add(
            Node(
                "column",
                name=name,
                scale=scale,
                is_price_level=name in PRICES,
                context=self.graph.context,
                text=name,
            )
        )

    def _function(self, function: Function, inputs: list[int], numbers: list[float]) -> int:
        """Add an indicator: one row of numbers per function, inputs and constants."""
        children = [self.graph[index] for index in inputs]
        names = [a.name for a in function.arguments if a.kind != "series"]
        first = first_valid(function.lookback, tuple(zip(names, numbers, strict=True)))
        n_series = len(inputs) - len(function.reads)
        arguments = [bare(child.text) for child in children[:n_series]]
        arguments += [number_text(number) for number in numbers]
        return self.graph.add(
            Node(
                "function",
                tuple(inputs),
                name=function.name,
                numbers=tuple(numbers),
                lookback=max(child.lookback for child in children) + first,
                soonest=max(child.soonest for child in children) + first,
                scale=_function_scale(function, children),
                is_price_level=function.is_overlay and all(c.is_price_level for c in children),
                reads_conditions=any(child.reads_conditions for child in children),
                context=self.graph.context,
                text=f"{function.name}({', '.join(arguments)})",
            )
        )

    def _linear_sum(
        self, tree: ast.AST, op: str, left: Linear | None, right: Linear | None
    ) -> Linear | None:
        if left is None or right is None:
            return None
        return Linear(*(self._sum(tree, op, x, y) for x, y in zip(left, right, strict=True)))

    def _sum(self, tree: ast.AST, op: str, left: int | None, right: int | None) -> int | None:
        """Return the sum or difference of two nodes of which None is zero."""
        if right is None:
            return left
        if left is None:
            return right if op == "+" else self._apply(tree, "negative", right)
        return self._apply(tree, op, left, right)

    def _linear_scaled(
        self, tree: ast.AST, op: str, form: Linear | None, factor: int | None
    ) -> Linear | None:
        if form is None or factor is None:
            return None
        return Linear(*(None if p is None else self._apply(tree, op, p, factor) for p in form))


@lru_cache(maxsize=4096)
def first_valid(rule: str, arguments: tuple[tuple[str, float], ...]) -> int:
    """Return the first valid index that a function's rule gives for its arguments."""
    return int(reach(rule, dict(arguments)))


def reach(rule: str, arguments: Mapping[str, float]) -> float:
    """Return the same as a constant of the plan, which varies when an argument does."""
    return cast(float, Builder(arguments).constant(parse(rule)))


def reads_entry_price(tree: ast.expr) -> bool:
    """Return whether an expression names the entry price."""
    return any(isinstance(node, ast.Name) and node.id == ENTRY_PRICE for node in ast.walk(tree))


def _function_scale(function: Function, children: list[Node]) -> float | None:
    scales = [child.scale for child in children]
    if None in scales:
        return None
    fixed = {"none": 0.0, "price": 1.0, "volume": -1.0}
    if function.scale in fixed:
        return fixed[function.scale]
    power = 2.0 if function.scale == "square of x" else 1.0
    return power * (scales[0] or 0.0)


def _text(op: str, texts: list[str], offset: int) -> str:
    if op == "offset":
        return f"{texts[0]}[{offset}]"
    if op in ("negative", "not"):
        return f"({'-' if op == 'negative' else 'not '}{texts[0]})"
    if op in FUNCTIONS:
        return f"{op}({', '.join(map(bare, texts))})"
    return f"({f' {op} '.join(texts)})"
