"""Formulas once more: one bar after the other, straight from the text of the design.

At bar i the whole history is written down in bar i's shares (F14), the expression is evaluated on
it from the first bar on, and what remains is the last value: slow, and nothing to go wrong.
"""

from __future__ import annotations

import ast
import datetime as dt
import math
import operator

from engine.types import Bars
from tests.engine import naive_indicators

NAN = math.nan
POSITION = ("entry_price", "bars_in_trade", "open_profit")
COLUMNS = ("open", "high", "low", "close", "volume")
ARITHMETIC = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul,
              ast.Div: operator.truediv, ast.Mod: operator.mod, ast.Pow: math.pow}  # fmt: skip
COMPARE = {ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt, ast.GtE: operator.ge,
           ast.Eq: operator.eq}  # fmt: skip


class Row(list):
    """A value and, beside it, whether evaluating it read a NaN, at each bar."""

    def __init__(self, values, missing, lookback=0):
        super().__init__(values)
        self.missing = list(missing)
        self.lookback = lookback


def last_value(
    text: str, bars: Bars, i_bar: int, others=None, position=None
) -> tuple[float | bool, bool, int]:
    """The expression's value at a bar, whether it reads a NaN there, and its lookback."""
    columns = history(bars, i_bar, others) | {"position": position}
    row = evaluate(ast.parse(text, mode="eval").body, columns)
    return row[i_bar], row.missing[i_bar], row.lookback


def history(bars: Bars, i_bar: int, others=None) -> dict[str, list[float]]:
    """The columns up to a bar, in that bar's shares; beside them the stamps and other symbols."""
    columns = {name: getattr(bars, name)[: i_bar + 1].tolist() for name in COLUMNS}
    for ex_time, ratio in bars.splits or ():
        acts = next(i for i, time in enumerate(bars.time) if time >= ex_time)
        for i in range(acts if acts <= i_bar else 0):
            for name in COLUMNS:
                columns[name][i] *= ratio if name == "volume" else 1 / ratio
    return columns | {"time": bars.time[: i_bar + 1].tolist(), "others": others or {}}


def other_symbol(symbol: str, tree: ast.expr, columns) -> Row:
    """of(symbol, x): at each bar the value at the symbol's last bar that is over by then.

    The whole past is in the shares that the other symbol has at the last of these bars.
    """
    bars, closes_later = columns["others"][symbol]
    last = [
        sum(t < time or (t == time and not closes_later) for t in bars.time) - 1
        for time in columns["time"]
    ]
    if last[-1] < 0:
        is_condition = isinstance(evaluate(tree, history(bars, 0))[0], bool)
        return Row([False if is_condition else NAN] * len(last), [True] * len(last), len(last))
    return picked(evaluate(tree, history(bars, last[-1])), last)


def longer_bars(timeframe: str, tree: ast.expr, columns) -> Row:
    """on(timeframe, x): at each bar the value at the last period before the bar's own."""
    numbers, groups = [], []
    before = None
    for i, time in enumerate(columns["time"]):
        day = dt.datetime.fromtimestamp(time / 1000, dt.UTC).date()
        period = {
            "1w": day.isocalendar()[:2],
            "1mo": (day.year, day.month),
            "3mo": (day.year, (day.month - 1) // 3),
            "2d": day.toordinal() - 719163 - (day.toordinal() - 719163) % 2,
        }[timeframe]
        if period != before:
            groups.append([])
            before = period
        groups[-1].append(i)
        numbers.append(len(groups) - 1)
    values = {
        "open": [columns["open"][g[0]] for g in groups],
        "high": [max(columns["high"][i] for i in g) for g in groups],
        "low": [min(columns["low"][i] for i in g) for g in groups],
        "close": [columns["close"][g[-1]] for g in groups],
        "volume": [sum(columns["volume"][i] for i in g) for g in groups],
    }
    return picked(evaluate(tree, values), [number - 1 for number in numbers])


def picked(row: Row, places: list[int]) -> Row:
    """The values of a row at these places, nothing where the place is −1."""
    nothing = False if isinstance(row[0], bool) else NAN
    values = [row[j] if j >= 0 else nothing for j in places]
    missing = [row.missing[j] if j >= 0 else True for j in places]
    valid = [k for k, j in enumerate(places) if j >= row.lookback]
    return Row(values, missing, valid[0] if valid else len(places))


def evaluate(tree: ast.expr, columns: dict[str, list[float]]) -> Row:
    n = len(columns["close"])
    match tree:
        case ast.Constant(value=value):
            return Row([float(value)] * n, [False] * n)
        case ast.Name(id=name) if name in POSITION:
            # Known at the last bar only, and only there it is asked for.
            values = [NAN] * (n - 1) + [columns["position"][name]]
            return Row(values, [value != value for value in values])
        case ast.Name(id=name):
            return Row(columns[name], [False] * n)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return pointwise(operator.neg, evaluate(operand, columns))
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return pointwise(operator.not_, evaluate(operand, columns))
        case ast.BinOp(left=left, op=op, right=right):
            rows = numbers(left, columns), numbers(right, columns)
            return pointwise(lambda a, b: arithmetic(op, a, b), *rows)
        case ast.BoolOp(op=op, values=values):
            combine = all if isinstance(op, ast.And) else any
            return pointwise(lambda *v: combine(v), *(evaluate(v, columns) for v in values))
        case ast.Compare(left=left, ops=ops, comparators=comparators):
            rows = [numbers(operand, columns) for operand in (left, *comparators)]
            return pointwise(lambda *v: chained(ops, v), *rows)
        case ast.Subscript(value=value, slice=ast.Constant(value=k)):
            return shifted(evaluate(value, columns), k)
        case ast.Call(func=ast.Name(id="of"), args=[ast.Constant(value=symbol), x]):
            return other_symbol(symbol, x, columns)
        case ast.Call(func=ast.Name(id="on"), args=[ast.Constant(value=timeframe), x]):
            return longer_bars(timeframe, x, columns)
        case ast.Call(func=ast.Name(id=name), args=args):
            return call(name, [numbers(arg, columns) for arg in args], columns)
    raise AssertionError(ast.dump(tree))


def numbers(tree: ast.expr, columns) -> Row:
    row = evaluate(tree, columns)
    return Row([float(value) for value in row], row.missing, row.lookback)


def pointwise(function, *rows: Row) -> Row:
    values = [function(*values) for values in zip(*rows, strict=True)]
    missing = [any(flags) for flags in zip(*(row.missing for row in rows), strict=True)]
    missing = [m or value != value for m, value in zip(missing, values, strict=True)]
    return Row(values, missing, max(row.lookback for row in rows))


def arithmetic(op: ast.operator, a: float, b: float) -> float:
    if math.isnan(a) or math.isnan(b):
        return NAN
    try:
        value = ARITHMETIC[type(op)](a, b)
    except (ZeroDivisionError, OverflowError, ValueError):
        return NAN
    return value if math.isfinite(value) else NAN


def chained(ops: list[ast.cmpop], values: tuple[float, ...]) -> bool:
    links = zip(values, ops, values[1:], strict=False)
    return all(compare(op, a, b) for a, op, b in links)


def compare(op: ast.cmpop, a: float, b: float) -> bool:
    if math.isnan(a) or math.isnan(b):
        return False
    return a != b if isinstance(op, ast.NotEq) else COMPARE[type(op)](a, b)


def shifted(row: Row, k: int) -> Row:
    n = len(row)
    nothing = False if row and isinstance(row[0], bool) else NAN
    values = [row[i - k] if i >= k else nothing for i in range(n)]
    return Row(values, [row.missing[i - k] if i >= k else True for i in range(n)], row.lookback + k)


def call(name: str, rows: list[Row], columns) -> Row:
    if name in ("cross_above", "cross_below"):
        return crossed(name, *rows)
    if name in ELEMENTWISE:
        return pointwise(ELEMENTWISE[name], *rows)
    return indicator(name, rows, columns)


def crossed(name: str, a: Row, b: Row) -> Row:
    """cross_above(a, b) is a[1] <= b[1] and a > b."""
    link, past = (ast.Gt(), ast.LtE()) if name == "cross_above" else (ast.Lt(), ast.GtE())
    now = pointwise(lambda x, y: compare(link, x, y), a, b)
    was = pointwise(lambda x, y: compare(past, x, y), shifted(a, 1), shifted(b, 1))
    return pointwise(lambda x, y: x and y, now, was)


def known(function):
    def value(x: float) -> float:
        try:
            result = function(x)
        except (ValueError, OverflowError):
            return NAN
        return result if math.isfinite(result) else NAN

    return value


ELEMENTWISE = {
    "abs": abs,
    "min": lambda a, b: NAN if math.isnan(a + b) else min(a, b),
    "max": lambda a, b: NAN if math.isnan(a + b) else max(a, b),
    "sqrt": known(math.sqrt),
    "log": known(math.log),
    "exp": known(math.exp),
    "sign": lambda x: x if math.isnan(x) else float((x > 0) - (x < 0)),
}


def indicator(name: str, rows: list[Row], columns) -> Row:
    """A function's row: on each stretch without NaN, from its argument's first valid bar on."""
    reads = [columns[c] for letter in naive_indicators.READS.get(name, "") for c in COLUMNS
             if c[0] == letter]  # fmt: skip
    function = naive_indicators.FUNCTIONS[name]
    if reads:
        constants = [number(row) for row in rows]
        values = function(*reads, *constants)
        reach = LOOKBACK[name](*constants)
        return Row(values, [v != v for v in values], reach)
    x, constants = rows[0], [number(row) for row in rows[1:]]
    reach = LOOKBACK[name](*constants)
    values = [NAN] * len(x)
    start = None
    for i in range(x.lookback, len(x) + 1):
        ends = i == len(x) or math.isnan(x[i])
        if start is None and not ends:
            start = i
        elif start is not None and ends:
            values[start:i] = function(x[start:i], *constants)
            start = None
    missing = [
        values[i] != values[i] or any(x.missing[max(i - reach, x.lookback) : i + 1])
        for i in range(len(x))
    ]
    return Row(values, missing, x.lookback + reach)


def number(row: Row) -> float | int:
    return int(row[0]) if row[0].is_integer() else row[0]


LOOKBACK = {
    **dict.fromkeys(("sma", "highest", "lowest", "sum", "stddev", "zscore"), lambda n: n - 1),
    **dict.fromkeys(("ema",), lambda n: n - 1),
    **dict.fromkeys(("rsi", "mom", "roc", "atr"), lambda n: n),
    "bb_upper": lambda n, k: n - 1,
    "obv": lambda: 0,
}
"""The functions that random formulas are made of."""
