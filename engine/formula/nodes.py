"""What a formula computes, as a graph of operations without repetition.

Each operation is written down once, after those it reads, so that one pass over the list
evaluates everything and equal subexpressions (an average used in two fields) cost once.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import NamedTuple

PRICES = ("open", "high", "low", "close")
SERIES = (*PRICES, "volume")
CALENDAR = ("bar_index", "hour", "weekday", "month", "year")
COLUMNS = (*SERIES, *CALENDAR)
ENTRY_PRICE, BARS_IN_TRADE, OPEN_PROFIT = "entry_price", "bars_in_trade", "open_profit"
POSITION = (ENTRY_PRICE, BARS_IN_TRADE, OPEN_PROFIT)
"""Names that tell of the open position, as it is at the close before its orders."""

COMPARISONS = {"<": "less", "<=": "less_equal", ">": "greater", ">=": "greater_equal",
               "==": "equal", "!=": "not_equal"}  # fmt: skip
CROSSES = ("cross_above", "cross_below")
LOGIC = ("and", "or", "not")
CONDITIONS = frozenset({*COMPARISONS, *CROSSES, *LOGIC})

MAX_TEXT = 200
"""Characters of a node's text; nested chains of comparisons repeat their middle."""


class Context(NamedTuple):
    """Whose bars a node is computed on: "" is the formula's own symbol, the run's timeframe."""

    symbol: str = ""
    timeframe: str = ""


OWN = Context()


@dataclass(frozen=True, slots=True)
class Node:
    """One operation.

    Attributes
    ----------
    op : str
        "constant", "column", "position" (a name of the open position), "function", "offset",
        "join" (the value of another context as of its last completed bar), "number" (a condition
        as 0 or 1), an operator as it is written, "negative", or an elementwise function's name.
    args : tuple of int
        Indices of the nodes it reads.
    name : str
        Of the column or the function.
    numbers : tuple of float
        The constant, the offset, or the function's windows and factors.
    lookback, soonest : int
        The first index at which it is valid: at most and at least. They differ only where the
        bars of another context decide, see `Graph.join`.
    scale : float or None
        The power of the price unit it is expressed in: 1 for prices, −1 for share counts, 0 for
        pure numbers; None when it mixes them, so that its value depends on how shares are
        counted (F14).
    is_price_level : bool
        Whether it lies among the prices on a chart.
    is_condition : bool
        Whether the value is true or false.
    reads_conditions : bool
        Whether a NaN below it may be hidden by a comparison.
    reads_position : bool
        Whether it depends on the open position.
    context : Context
        The bars that it is computed on.
    text : str
        As a person would write it, with the parameters' values.
    """

    op: str
    args: tuple[int, ...] = ()
    name: str = ""
    numbers: tuple[float, ...] = ()
    lookback: int = 0
    soonest: int = 0
    scale: float | None = 0.0
    is_price_level: bool = False
    is_condition: bool = False
    reads_conditions: bool = False
    reads_position: bool = False
    context: Context = OWN
    text: str = ""

    def with_args(self, args: tuple[int, ...]) -> Node:
        """Return the node reading other indices."""
        return replace(self, args=args)

    @property
    def is_constant(self) -> bool:
        """Whether the value is the same at every bar."""
        return self.op == "constant"

    @property
    def constant(self) -> float:
        """The value of a constant."""
        return self.numbers[0]

    @property
    def label(self) -> str:
        """The text with the context that it is computed in."""
        return in_context(self.text, self.context)

    @property
    def own_scale(self) -> float | None:
        """The scale in the formula's own shares; another symbol's prices have none."""
        return None if self.context.symbol and self.scale != 0.0 else self.scale


class Graph:
    """The nodes of one plan, each held once."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self.context = OWN
        self._index: dict[tuple[object, ...], int] = {}

    def __getitem__(self, index: int) -> Node:
        """Return the node at an index."""
        return self.nodes[index]

    def add(self, node: Node) -> int:
        """Return the index of an equal node, which is added when there is none."""
        if len(node.text) > MAX_TEXT:
            node = replace(node, text=node.text[: MAX_TEXT - 1] + "…")
        key = (node.op, node.args, node.name, tuple(map(repr, node.numbers)), node.context)
        index = self._index.setdefault(key, len(self.nodes))
        if index == len(self.nodes):
            self.nodes.append(node)
        return index

    def constant(self, value: float) -> int:
        """Return the index of a constant."""
        return self.add(Node("constant", numbers=(value,), text=number_text(value)))

    def operation(self, op: str, args: tuple[int, ...], text: str, *, offset: float = 0) -> int:
        """Add an elementwise operation, or an offset of so many bars."""
        children = [self.nodes[i] for i in args]
        reach = 1 if op in CROSSES else int(offset)
        return self.add(
            Node(
                op,
                args,
                numbers=(offset,) if op == "offset" else (),
                lookback=max(child.lookback for child in children) + reach,
                soonest=max(child.soonest for child in children) + reach,
                scale=scale_of(op, children),
                is_price_level=op == "offset" and children[0].is_price_level,
                is_condition=op in CONDITIONS or (op == "offset" and children[0].is_condition),
                reads_conditions=op in CONDITIONS or any(c.reads_conditions for c in children),
                reads_position=any(child.reads_position for child in children),
                context=self.context,
                text=text,
            )
        )

    def join(self, index: int, most_bars: int) -> int:
        """Add the value of a node in this context, as of its own last completed bar.

        `most_bars` is how many bars of this context one of the node's may take: the value of a
        period is known from the next one on.
        """
        node = self.nodes[index]
        if node.is_constant or node.context == self.context:
            return index
        is_period = node.context.symbol == self.context.symbol
        return self.add(
            Node(
                "join",
                (index,),
                lookback=(node.lookback + 1) * most_bars if is_period else node.lookback,
                # Another series may have begun long before this one.
                soonest=0,
                scale=node.scale if is_period else node.own_scale,
                is_price_level=node.is_price_level and is_period,
                is_condition=node.is_condition,
                reads_conditions=node.reads_conditions,
                context=self.context,
                text=in_context(node.text, _difference(node.context, self.context)),
            )
        )


def in_context(text: str, context: Context) -> str:
    """Return a node's text inside the calls that say where it is computed."""
    if context.timeframe:
        text = f'on("{context.timeframe}", {bare(text)})'
    return f'of("{context.symbol}", {bare(text)})' if context.symbol else text


def bare(text: str) -> str:
    """Return a text without the parentheses around all of it."""
    if not text.startswith("("):
        return text
    depth = 0
    for i, character in enumerate(text):
        depth += (character == "(") - (character == ")")
        if depth == 0:
            return text[1:-1] if i == len(text) - 1 else text
    return text


def _difference(inner: Context, outer: Context) -> Context:
    """Return what a value's context adds to the one that it is joined to."""
    return Context(
        "" if inner.symbol == outer.symbol else inner.symbol,
        "" if inner.timeframe == outer.timeframe else inner.timeframe,
    )


def number_text(value: float) -> str:
    """Return a number as a person writes it: 10 and not 10.0."""
    return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)


def scale_of(op: str, children: list[Node]) -> float | None:
    """Return the power of the price unit that an operation's result has; None when mixed."""
    scales = [child.scale for child in children]
    known = [scale for scale in scales if scale is not None]
    if len(known) < len(scales):
        return None
    if op == "*":
        return sum(known)
    if op == "/":
        return known[0] - known[1]
    if op == "**":
        return _power_scale(known[0], children[1])
    if op == "sqrt":
        return known[0] / 2.0
    if op in ("log", "exp"):
        return 0.0 if known[0] == 0.0 else None
    if op in ("+", "-", "%", "min", "max"):
        return common_scale(children)
    if op in COMPARISONS or op in CROSSES:
        return None if common_scale(children) is None else 0.0
    if op == "sign":
        return 0.0
    if op in LOGIC or op == "number":
        return 0.0
    return known[0]


def common_scale(children: Iterable[Node]) -> float | None:
    """Return the scale that all share; zero has every scale."""
    scales = {c.scale for c in children if not (c.is_constant and c.constant == 0.0)}
    return scales.pop() if len(scales) == 1 else None if scales else 0.0


def _power_scale(base: float, exponent: Node) -> float | None:
    if exponent.is_constant:
        return base * exponent.constant
    return 0.0 if base == 0.0 and exponent.scale == 0.0 else None
