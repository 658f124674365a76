"""Indicators by the formula language: one expression on one symbol's bars."""

from __future__ import annotations

import numpy as np

from engine.formula.evaluation import run
from engine.formula.functions import FUNCTIONS, Function, warm_functions
from engine.formula.planning import plan_expression
from engine.formula.series import bars_of
from engine.types import Bars, FloatArray

__all__ = ["FUNCTIONS", "Function", "indicator", "warm_functions"]


def indicator(expression: str, bars: Bars) -> FloatArray:
    """Return the value of an expression at each bar.

    Parameters
    ----------
    expression : str
        In the formula language, without parameters, for example `rsi(close, 14)`.
    bars : Bars

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
    program, first = plan_expression(expression)
    values = np.asarray(run(program, bars_of(bars))["value"], np.float64)
    values[:first] = np.nan
    return values
