"""From a strategy's formulas and parameters to a plan: what to compute, and for which order."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache
from typing import Any, NamedTuple, cast

from engine.errors import InvalidFormulaError
from engine.formula.builder import NONE, PERCENT, SIZES, Builder, Linear, reads_entry_price
from engine.formula.definition import (
    ParameterValue,
    StrategyDefinition,
    resolve_params,
)
from engine.formula.live import LivePlan, live_plan
from engine.formula.nodes import POSITION, Node
from engine.formula.program import Program, needed_nodes
from engine.formula.swept import Swept
from engine.formula.syntax import parse
from engine.types import SizeKind

SIDES = ("long", "short")
CONDITION_FIELDS = ("enter", "exit")
PRICE_FIELDS = ("limit", "trigger", "stop", "target", "trail")
CONSTANT_FIELDS = {"expire_bars": 0, "pyramiding": 1}
"""Fields that are one whole number for the whole run, with their defaults."""
FIELDS = (
    *(f"{field}_{side}" for side in SIDES for field in (*CONDITION_FIELDS, *PRICE_FIELDS)),
    "size",
    *CONSTANT_FIELDS,
)
MAX_CONSTANT = 1_000_000


class Place(NamedTuple):
    """Where in a formula something stands."""

    field: str
    position: int


class IndicatorRow(NamedTuple):
    """An indicator that a plan computes, for the chart."""

    label: str
    is_price_level: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """A strategy ready to be evaluated on any market.

    Attributes
    ----------
    program : Program
        Outputs are named as the fields; stops and targets have two, for example `stop_long.a`
        and `stop_long.b`, of a + b · entry_price.
    lookback, soonest : int
        The largest first valid index of every function and offset in any field: no order is made
        before this own bar of a symbol. At most, and at least: they differ for `of` and `on`,
        where it depends on the bars.
    size_kind : SizeKind or None
        None when the formula gives no size.
    trail_fractions : frozenset of str
        The sides whose trail is a fraction of the price, not a distance.
    expire_bars, pyramiding : int
    live : LivePlan or None
        What is to be computed while there is a position; None when no field reads it.
    symbols : mapping of symbol to Place
        Other symbols that the formula reads, and where it first names each.
    params : mapping
        Every parameter with its value.
    """

    program: Program
    lookback: int
    soonest: int
    size_kind: SizeKind | None
    trail_fractions: frozenset[str]
    expire_bars: int
    pyramiding: int
    live: LivePlan | None
    symbols: Mapping[str, Place]
    params: Mapping[str, ParameterValue]

    def has(self, field: str) -> bool:
        """Return whether the plan has a field such as `stop_long`."""
        outputs = self.program.outputs
        return field in outputs or f"{field}.a" in outputs or f"{field}.b" in outputs

    @property
    def whole_program(self) -> Program:
        """The program with the rows that the live rules read among its outputs."""
        if self.live is None:
            return self.program
        program = self.program
        outputs = {**program.outputs, **self.live.rows}
        return Program(program.nodes, outputs, program.guards, self.live.known)

    @property
    def rows(self) -> tuple[IndicatorRow, ...]:
        """The indicators, in the order of the formula; `plan_rows` computes them."""
        nodes = self.program.nodes
        return tuple(
            IndicatorRow(n.label, n.is_price_level and not n.context.symbol)
            for n in nodes
            if n.op == "function"
        )


def plan_strategy(
    definition: StrategyDefinition, params: Mapping[str, Any], *, timeframe: str | None = None
) -> Plan:
    """Check a strategy's formulas with these parameters and return its plan.

    The side that the parameter `direction` excludes is dropped. Plans are cached. `timeframe` is
    that of the run's bars, above which `on` has to be; None, when it is not known yet, allows all.

    Raises
    ------
    InvalidParameterError
        If a parameter is unknown, of the wrong kind or out of range.
    InvalidFormulaError
        With field, position and, where there is one, a suggestion: the first problem found.
    """
    values = resolve_params(definition, params)
    planned = plan_or_problems(tuple(definition.formula.items()), tuple(values.items()), timeframe)
    if isinstance(planned, Plan):
        return planned
    first = planned[0]
    raise InvalidFormulaError(
        f"{first.field}: {first}" if first.field else str(first),
        field=first.field,
        position=first.position,
        suggestion=first.suggestion,
    )


def plan_expression(
    text: str, *, timeframe: str | None = None
) -> tuple[Program, Mapping[str, int]]:
    """Return the program of one expression without parameters, and the symbols it reads.

    The program's one output is called `value`; each symbol comes with its position in the text.

    Raises
    ------
    InvalidFormulaError
    """
    builder = Builder({}, timeframe=timeframe, has_position=False)
    index = builder.build(parse(text))
    if builder.problems:
        raise builder.problems[0]
    nodes, outputs = _needed(tuple(builder.graph.nodes), {"value": cast(int, index)})
    return Program(nodes, outputs, {}), builder.symbols


@dataclass(frozen=True, slots=True)
class Expressions:
    """Several expressions, planned together: what a strategy file calls its indicators.

    Attributes
    ----------
    program : Program
        With one output an expression, by its name.
    lookback, soonest : int
        From which own bar on all of them are valid, at most and at least; see `Plan`.
    symbols : mapping of symbol to Place
        Other symbols that they read, and where each is first named.
    """

    program: Program
    lookback: int
    soonest: int
    symbols: Mapping[str, Place]

    @property
    def rows(self) -> tuple[IndicatorRow, ...]:
        """The expressions by name, for the chart."""
        nodes = self.program.nodes
        return tuple(
            IndicatorRow(name, nodes[i].is_price_level and not nodes[i].context.symbol)
            for name, i in self.program.outputs.items()
        )


def plan_expressions(
    expressions: Mapping[str, str],
    params: Mapping[str, ParameterValue],
    *,
    timeframe: str | None = None,
) -> Expressions:
    """Return the plan of expressions that may use parameters; conditions are 0 and 1.

    Raises
    ------
    InvalidFormulaError
        With the name of the first expression at fault as its field.
    """
    numbers = {k: float(v) for k, v in params.items() if isinstance(v, int | float)}
    builder = Builder(numbers, timeframe=timeframe, has_position=False)
    outputs: dict[str, int] = {}
    symbols: dict[str, Place] = {}
    for name, text in expressions.items():
        builder.symbols.clear()
        try:
            index = builder.build(parse(text))
        except InvalidFormulaError as error:
            raise _located(error, name) from None
        if builder.problems:
            raise _located(builder.problems[0], name)
        outputs[name] = cast(int, index)
        for symbol, position in builder.symbols.items():
            symbols.setdefault(symbol, Place(name, position))
    nodes, outputs = _needed(tuple(builder.graph.nodes), outputs)
    read = [nodes[index] for index in outputs.values()]
    return Expressions(
        program=Program(nodes, outputs, {}),
        lookback=max((node.lookback for node in read), default=0),
        soonest=max((node.soonest for node in read), default=0),
        symbols=symbols,
    )


def plan_swept(
    definition: StrategyDefinition,
    params: Mapping[str, ParameterValue],
    swept: Iterable[str],
    timeframe: str | None,
) -> Plan | None:
    """Return one plan for all values of the swept parameters; None when these do not make one.

    Its constants are `Swept` where they vary. `params` are checked, the swept numbers among them
    with the values of one point.
    """
    varying = {name: Swept(cast(float, params[name]), name) for name in swept}
    planned = _Planner(dict(definition.formula), {**params, **varying}, timeframe).plan()
    return planned if isinstance(planned, Plan) else None


@lru_cache(maxsize=512)
def plan_or_problems(
    formula: tuple[tuple[str, str], ...],
    params: tuple[tuple[str, ParameterValue], ...],
    timeframe: str | None = None,
) -> Plan | tuple[InvalidFormulaError, ...]:
    """Return the plan, or every problem that prevents it."""
    return _Planner(dict(formula), dict(params), timeframe).plan()


class _Planner:
    """Plans one strategy; `problems` grows while it works."""

    def __init__(
        self,
        formula: dict[str, str],
        params: dict[str, ParameterValue],
        timeframe: str | None,
    ) -> None:
        self._params = params
        self._formula = formula
        numbers = {
            k: v if isinstance(v, Swept) else float(v)
            for k, v in params.items()
            if isinstance(v, int | float)
        }
        self._builder = Builder(numbers, timeframe=timeframe)
        self._problems: list[InvalidFormulaError] = []
        self._outputs: dict[str, int] = {}
        self._constants = dict(CONSTANT_FIELDS)
        self._size_kind: SizeKind | None = None
        self._trail_fractions: set[str] = set()
        self._symbols: dict[str, Place] = {}

    def plan(self) -> Plan | tuple[InvalidFormulaError, ...]:
        dropped = {"long_only": "short", "short_only": "long"}.get(
            str(self._params.get("direction")), ""
        )
        kept = {
            k: v for k, v in self._formula.items() if not (dropped and k.endswith(f"_{dropped}"))
        }
        # A dropped side is checked too, so that no mistake waits in it, and then forgotten.
        for field, text in self._formula.items():
            self._plan_field(field, text)
        for field in set(self._formula) - set(kept):
            for name in (field, f"{field}.a", f"{field}.b"):
                self._outputs.pop(name, None)
        if not self._problems:
            self._check_fields(kept)
        return tuple(self._problems) if self._problems else self._finish()

    def _plan_field(self, field: str, text: str) -> None:
        if field not in FIELDS:
            close = get_close_matches(field, FIELDS, 1)
            self._refuse(field, f"Unknown field; the fields are {', '.join(FIELDS)}.", close)
            return
        try:
            tree = parse(text)
        except InvalidFormulaError as error:
            self._problems.append(_located(error, field))
            return
        self._builder.problems.clear()
        self._builder.symbols.clear()
        self._plan_tree(field, tree)
        for symbol, position in self._builder.symbols.items():
            self._symbols.setdefault(symbol, Place(field, position))
        self._problems += [_located(problem, field) for problem in self._builder.problems]

    def _plan_tree(self, field: str, tree: ast.expr) -> None:
        kind = field.partition("_")[0]
        if field in CONSTANT_FIELDS:
            self._plan_constant(field, tree)
        elif field == "size":
            self._plan_size(tree)
        elif kind in CONDITION_FIELDS:
            self._output(field, self._builder.condition(tree))
        elif kind in ("stop", "target"):
            form = self._builder.linear(tree) or Linear(None, None)
            self._output(f"{field}.a", form.a)
            self._output(f"{field}.b", form.b)
        elif kind == "trail":
            self._plan_trail(field, tree)
        else:
            self._output(field, self._builder.number(tree))

    def _output(self, name: str, index: int | None) -> None:
        if index is not None:
            self._outputs[name] = index

    def _plan_constant(self, field: str, tree: ast.expr) -> None:
        if field == "expire_bars" and isinstance(tree, ast.Name) and tree.id == NONE:
            return
        value = self._builder.constant(tree)
        if value is None:
            return
        if not value.is_integer() or not 1 <= value <= MAX_CONSTANT:
            self._builder.refuse(
                tree, f"Expected a whole number from 1 to {MAX_CONSTANT}, was {value:g}."
            )
        self._constants[field] = int(value) if value.is_integer() else 0

    def _plan_size(self, tree: ast.expr) -> None:
        name, argument = _single_call(tree)
        if name not in SIZES or argument is None:
            forms = ", ".join(f"{kind}(x)" for kind in SIZES)
            self._builder.refuse(tree, f"Expected one of {forms}.", "fraction(1.0)")
            return
        self._size_kind = SizeKind[name.upper()]
        index = self._builder.number(argument)
        node = None if index is None else self._builder.graph[index]
        if node is not None and node.is_constant and node.constant <= 0.0:
            self._builder.refuse(argument, f"Expected a size above 0, was {node.text}.")
        self._output("size", index)

    def _plan_trail(self, field: str, tree: ast.expr) -> None:
        name, argument = _single_call(tree)
        if name == PERCENT and argument is not None:
            self._trail_fractions.add(field.removeprefix("trail_"))
            tree = argument
        if reads_entry_price(tree):
            self._builder.refuse(
                tree,
                "A trail does not use `entry_price`: it is a distance known at the signal, or "
                "`percent(x)` of the price.",
                "percent(0.05)",
            )
            return
        self._output(field, self._builder.number(tree))

    def _check_fields(self, kept: Iterable[str]) -> None:
        """Refuse fields that only make sense beside another one."""
        entries = [side for side in SIDES if f"enter_{side}" in kept]
        if not entries:
            self._refuse(
                "enter_long", "Expected `enter_long` or `enter_short`: nothing ever enters."
            )
        for field in kept:
            side = field.rpartition("_")[2]
            if side in SIDES and entries and side not in entries:
                self._refuse(field, f"`{field}` does nothing without `enter_{side}`.")
        for side in entries if self._size_kind == SizeKind.RISK else ():
            if f"stop_{side}" not in kept:
                self._refuse("size", f"`risk(x)` needs `stop_{side}`: it divides by the distance.")
        self._check_a_side_enters_flat()

    def _check_a_side_enters_flat(self) -> None:
        """Refuse a formula of which every entry reads the position, which is missing at first."""
        nodes, guards = self._builder.graph.nodes, _guards(self._outputs)
        if guards and all(any(nodes[i].reads_position for i in read) for read in guards.values()):
            self._refuse(
                next(iter(guards)),
                f"Every entry or its size reads {', '.join(POSITION)}, which are missing while "
                "there is no position: nothing would ever enter.",
            )

    def _refuse(self, field: str, message: str, close: list[str] | None = None) -> None:
        suggestion = close[0] if close else None
        if suggestion:
            message = f"{message.rstrip('.')}; did you mean `{suggestion}`?"
        self._problems.append(
            InvalidFormulaError(message, field=field, position=0, suggestion=suggestion)
        )

    def _finish(self) -> Plan:
        nodes, outputs = _needed(tuple(self._builder.graph.nodes), self._outputs)
        wanted = [nodes[index] for index in outputs.values()]
        read = {node.context.symbol for node in nodes}
        program = Program(nodes, outputs, _guards(outputs))
        return Plan(
            program=program,
            lookback=max(node.lookback for node in wanted),
            soonest=max(node.soonest for node in wanted),
            size_kind=self._size_kind,
            trail_fractions=frozenset(self._trail_fractions),
            expire_bars=self._constants["expire_bars"],
            pyramiding=self._constants["pyramiding"],
            live=live_plan(program),
            symbols={name: place for name, place in self._symbols.items() if name in read},
            params=self._params,
        )


def _needed(
    nodes: tuple[Node, ...], outputs: Mapping[str, int]
) -> tuple[tuple[Node, ...], dict[str, int]]:
    """Leave out the nodes that no output reads, and number the others anew."""
    kept = needed_nodes(nodes, outputs.values())
    place = {old: new for new, old in enumerate(kept)}
    renumbered = tuple(nodes[i].with_args(tuple(place[j] for j in nodes[i].args)) for i in kept)
    return renumbered, {name: place[index] for name, index in outputs.items()}


def _guards(outputs: Mapping[str, int]) -> dict[str, tuple[int, ...]]:
    """Return, for each entry, the nodes of all fields of its side that must not read a NaN."""
    guards = {}
    for side in SIDES:
        if f"enter_{side}" in outputs:
            names = [f"{field}_{side}" for field in ("enter", *PRICE_FIELDS)]
            names += [f"{name}.{part}" for name in names for part in "ab"]
            read = [outputs[name] for name in (*names, "size") if name in outputs]
            guards[f"enter_{side}"] = tuple(dict.fromkeys(read))
    return guards


def _single_call(tree: ast.expr) -> tuple[str, ast.expr | None]:
    """Return the name and the argument of a call such as fraction(x)."""
    match tree:
        case ast.Call(func=ast.Name(id=name), args=[argument], keywords=[]):
            return name, argument
    return "", None


def _located(error: InvalidFormulaError, field: str) -> InvalidFormulaError:
    """Return the problem with its field's name."""
    return InvalidFormulaError(
        str(error), field=field, position=error.position, suggestion=error.suggestion
    )
