"""What a formula computes, as a graph of operations without repetition.

Each operation is written down once, after those it reads, so that one pass over the list
evaluates everything and equal subexpressions (an average used in two fields) cost once.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

PRICES = ("open", "high", "low", "close")
SERIES = (*PRICES, "volume")
CALENDAR = ("bar_index", "hour", "weekday", "month", "year")
COLUMNS = (*SERIES, *CALENDAR)

COMPARISONS = {"<": "less", "<=": "less_equal", ">": "greater", ">=": "greater_equal",
               "==": "equal", "!=": "not_equal"}  # fmt: skip
CROSSES = ("cross_above", "cross_below")
LOGIC = ("and", "or", "not")
CONDITIONS = frozenset({*COMPARISONS, *CROSSES, *LOGIC})

MAX_TEXT = 200
"""Characters of a node's text; nested chains of comparisons repeat their middle."""


@dataclass(frozen=True, slots=True)
class Node:
    """One operation.

    Attributes
    ----------
    op : str
        "constant", "column", "function", "offset", "number" (a condition as 0 or 1), an operator
        as it is written, "negative", or the name of an elementwise function.
    args : tuple of int
        Indices of the nodes it reads.
    name : str
        Of the column or the function.
    numbers : tuple of float
        The constant, the offset, or the function's windows and factors.
    lookback : int
        The first index at which it is valid.
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
    text : str
        As a person would write it, with the parameters' values.
    """

    op: str
    args: tuple[int, ...] = ()
    name: str = ""
    numbers: tuple[float, ...] = ()
    lookback: int = 0
    scale: float | None = 0.0
    is_price_level: bool = False
    is_condition: bool = False
    reads_conditions: bool = False
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


class Graph:
    """The nodes of one plan, each held once."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self._index: dict[tuple[object, ...], int] = {}

    def __getitem__(self, index: int) -> Node:
        """Return the node at an index."""
        return self.nodes[index]

    def add(self, node: Node) -> int:
        """Return the index of an equal node, which is added when there is none."""
        if len(node.text) > MAX_TEXT:
            node = replace(node, text=node.text[: MAX_TEXT - 1] + "…")
        key = (node.op, node.args, node.name, tuple(map(repr, node.numbers)))
        index = self._index.setdefault(key, len(self.nodes))
        if index == len(self.nodes):
            self.nodes.append(node)
        return index

    def constant(self, value: float) -> int:
        """Return the index of a constant."""
        return self.add(Node("constant", numbers=(value,), text=number_text(value)))

    def operation(self, op: str, args: tuple[int, ...], text: str, *, offset: int = 0) -> int:
        """Add an elementwise operation, or an offset of so many bars."""
        children = [self.nodes[i] for i in args]
        reach = 1 if op in CROSSES else offset
        return self.add(
            Node(
                op,
                args,
                numbers=(float(offset),) if op == "offset" else (),
                lookback=max(child.lookback for child in children) + reach,
                scale=scale_of(op, children),
                is_price_level=op == "offset" and children[0].is_price_level,
                is_condition=op in CONDITIONS or (op == "offset" and children[0].is_condition),
                reads_conditions=op in CONDITIONS or any(c.reads_conditions for c in children),
                text=text,
            )
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
