"""Indicators by the formula language: one expression on one symbol's bars."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from engine.clock import timeframe_of
from engine.errors import InvalidFormulaError
from engine.formula.evaluation import run
from engine.formula.functions import FUNCTIONS, Function, warm_functions
from engine.formula.planning import plan_expression
from engine.formula.series import Sources, bars_of
from engine.types import Bars, FloatArray

__all__ = ["FUNCTIONS", "Function", "expression_symbols", "indicator", "warm_functions"]


def indicator(expression: str, bars: Bars, others: Mapping[str, Bars] | None = None) -> FloatArray:
    """Return the value of an expression at each bar.

    Parameters
    ----------
    expression : str
        In the formula language, without parameters, for example `rsi(close, 14)`.
    bars : Bars
    others : mapping of symbol to Bars, optional
        What `of` may read.

    Returns
    -------
    ndarray of float64, shape (n_bars,)
        In the shares of each bar: past prices a function reads are adjusted for splits up to that
        bar. A condition is 0.0 or 1.0. NaN before the first valid index and where the value is
        not finite.

    Raises
    ------
    InvalidFormulaError
        With position, reason and the nearest valid name.

    Examples
    --------
    >>> price = np.array([1.0, 2.0, 4.0])
    >>> time = np.array([0, 86_400_000, 172_800_000])
    >>> indicator("sma(close, 2)", Bars(time, price, price, price, price, price))
    array([nan, 1.5, 3. ])
    """
    program, symbols = plan_expression(expression, timeframe=timeframe_of([bars.time]))
    known = others or {}
    for symbol, position in symbols.items():
        if symbol not in known:
            raise InvalidFormulaError(f"Expected the bars of {symbol}.", position=position)
    own = bars_of(bars)
    sources = Sources(own, program.contexts, lambda symbol: bars_of(known[symbol]))
    rows, first = run(program, sources)
    values = np.asarray(rows["value"], np.float64)
    values[:first] = np.nan
    return values


def expression_symbols(expression: str) -> tuple[str, ...]:
    """Return the symbols that an expression reads by `of`.

    Raises
    ------
    InvalidFormulaError
    """
    return tuple(plan_expression(expression)[1])
