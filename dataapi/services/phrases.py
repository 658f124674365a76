"""A formula's expression in English: `rsi(close, 14) < 30` is "the 14-bar RSI is below 30".

What has no phrase of its own is shown as it was written; nothing is guessed.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any

PRICES = {
    "open": "the open",
    "high": "the high",
    "low": "the low",
    "close": "the close",
    "volume": "the volume",
    "entry_price": "the entry price",
    "open_profit": "the open profit",
    "bars_in_trade": "the number of bars in the trade",
}
# `x` is the series of functions that have one; the rest are the arguments in their order.
CALLS = {
    "sma": ("x n", "the {n}-bar average of {x}"),
    "ema": ("x n", "the {n}-bar exponential average of {x}"),
    "wma": ("x n", "the {n}-bar weighted average of {x}"),
    "rsi": ("x n", "the {n}-bar RSI of {x}"),
    "roc": ("x n", "the {n}-bar rate of change of {x}"),
    "mom": ("x n", "the {n}-bar change of {x}"),
    "macd": ("x f s g", "the {f}/{s} MACD of {x}"),
    "macd_signal": ("x f s g", "its {g}-bar signal line"),
    "macd_hist": ("x f s g", "the {f}/{s}/{g} MACD histogram of {x}"),
    "atr": ("n", "the {n}-bar ATR"),
    "natr": ("n", "the {n}-bar ATR in percent"),
    "adx": ("n", "the {n}-bar ADX"),
    "highest": ("x n", "the highest of {x} in {n} bars"),
    "lowest": ("x n", "the lowest of {x} in {n} bars"),
    "stddev": ("x n", "the {n}-bar standard deviation of {x}"),
    "zscore": ("x n", "the {n}-bar z-score of {x}"),
    "bb_upper": ("x n k", "the upper Bollinger band ({n} bars, {k} deviations)"),
    "bb_mid": ("x n k", "the middle Bollinger band ({n} bars)"),
    "bb_lower": ("x n k", "the lower Bollinger band ({n} bars, {k} deviations)"),
    "of": ("symbol x", "{x} of {symbol}"),
    "on": ("timeframe x", "{x} on {timeframe} bars"),
    "cross_above": ("a b", "{a} crosses above {b}"),
    "cross_below": ("a b", "{a} crosses below {b}"),
}
COMPARISONS = {
    ast.Lt: "is below",
    ast.LtE: "is at or below",
    ast.Gt: "is above",
    ast.GtE: "is at or above",
    ast.Eq: "equals",
    ast.NotEq: "differs from",
}
ARITHMETIC = {ast.Add: "+", ast.Sub: "−", ast.Mult: "×", ast.Div: "/"}


def phrase(expression: str | float, params: Mapping[str, Any]) -> str:
    """Return an expression in English, its parameters replaced by their values."""
    try:
        tree = ast.parse(str(expression).strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError):
        return f"`{expression}`"
    return _phrase(tree.body, params)


def _phrase(node: ast.expr, params: Mapping[str, Any]) -> str:
    match node:
        case ast.Constant(value=value):
            return _number(value)
        case ast.Name(id=name) if name in params:
            return _number(params[name])
        case ast.Name(id=name):
            return PRICES.get(name, name)
        case ast.Call(func=ast.Name(id=name), args=args) if name in CALLS:
            names, text = CALLS[name]
            if len(names.split()) == len(args):
                values = (_phrase(argument, params) for argument in args)
                return text.format(**dict(zip(names.split(), values, strict=True)))
        case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in COMPARISONS:
            return f"{_phrase(left, params)} {COMPARISONS[type(op)]} {_phrase(right, params)}"
        case ast.BoolOp(op=op, values=values):
            word = " and " if isinstance(op, ast.And) else " or "
            return word.join(_grouped(value, params) for value in values)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in ARITHMETIC:
            sides = (_term(left, params), _term(right, params))
            return f" {ARITHMETIC[type(op)]} ".join(sides)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return f"−{_term(operand, params)}"
        case ast.Subscript(value=value, slice=offset):
            bars = _phrase(offset, params)
            since = f"{bars} bar{'' if bars == '1' else 's'} ago"
            joint = " " if isinstance(value, ast.Name) else " as of "
            return f"{_phrase(value, params)}{joint}{since}"
    return f"`{_source(node, params)}`"


def _number(value: Any) -> str:
    return f"{value:.12g}" if isinstance(value, float) else str(value)


def _grouped(node: ast.expr, params: Mapping[str, Any]) -> str:
    """Return a part of an and/or; a mixed one in brackets, so that it reads one way only."""
    text = _phrase(node, params)
    return f"({text})" if isinstance(node, ast.BoolOp) else text


def _term(node: ast.expr, params: Mapping[str, Any]) -> str:
    text = _phrase(node, params)
    return f"({text})" if isinstance(node, ast.BinOp) else text


def _source(node: ast.expr, params: Mapping[str, Any]) -> str:
    """Return the text of an expression with the values of its parameters."""

    class Values(ast.NodeTransformer):
        def visit_Name(self, name: ast.Name) -> ast.expr:
            return ast.Constant(params[name.id]) if name.id in params else name

    return ast.unparse(Values().visit(ast.parse(ast.unparse(node), mode="eval")).body)
