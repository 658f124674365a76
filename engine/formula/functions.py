"""The functions that formulas may call: their arguments, first valid index, kernel and source."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from engine.kernels import arithmetic, indicators, oscillators, trend

MAX_WINDOW = 100_000

Scale = Literal["as x", "square of x", "none", "price", "volume"]
ArgumentKind = Literal["series", "window", "number", "symbol", "timeframe"]


@dataclass(frozen=True, slots=True)
class Argument:
    """An argument of a function: a series, a window in bars, or another constant.

    A symbol or timeframe is text in quotes.
    """

    name: str
    kind: ArgumentKind
    min: float = 1.0
    max: float = MAX_WINDOW


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """A function of the formula language.

    Attributes
    ----------
    arguments : tuple of Argument
        In the order of a call.
    lookback : str
        The first valid index, as a formula over the arguments; that of the series comes on top.
    kernel : callable or None
        Called with the inputs, the constants and the outputs; None for elementwise functions,
        which the planner writes as operations.
    reads : tuple of str
        The columns it reads besides its arguments.
    outputs, output : int
        How many rows the kernel writes, and which one this function is.
    scale : str
        The unit of its result, see `Node.scale`.
    is_overlay : bool
        Whether it lies where its series lies on a chart (a function without series: on prices).
    """

    name: str
    arguments: tuple[Argument, ...]
    description: str
    source: str = ""
    lookback: str = "0"
    kernel: Callable[..., None] | None = None
    reads: tuple[str, ...] = ()
    outputs: int = 1
    output: int = 0
    scale: Scale = "as x"
    is_overlay: bool = False
    is_condition: bool = False

    @property
    def signature(self) -> str:
        """The call as a person writes it, for example `sma(x, n)`."""
        return f"{self.name}({', '.join(argument.name for argument in self.arguments)})"


def _series(*names: str) -> tuple[Argument, ...]:
    return tuple(Argument(name, "series") for name in names)


def _window(name: str = "n", minimum: int = 1, maximum: int = MAX_WINDOW) -> Argument:
    return Argument(name, "window", minimum, maximum)


def _factor(name: str, minimum: float, maximum: float) -> Argument:
    return Argument(name, "number", minimum, maximum)


_X = _series("x")
_XN = (*_X, _window())
_XN2 = (*_X, _window(minimum=2))
_HLC = ("high", "low", "close")
_WILDER = "Wilder (1978), New Concepts in Technical Trading Systems"
_MACD = {
    "arguments": (*_X, _window("fast"), _window("slow"), _window("signal")),
    "lookback": "max(fast, slow) + signal - 2",
    "kernel": oscillators.macd,
    "outputs": 3,
    "source": "Appel (1979)",
}
_BAND = {
    "arguments": (*_X, _window(), _factor("k", -100.0, 100.0)),
    "lookback": "n - 1",
    "is_overlay": True,
    "source": "Bollinger (2001), Bollinger on Bollinger Bands",
}
_STOCHASTIC = {
    "arguments": (_window("n"), _window("k"), _window("d")),
    "lookback": "n + k + d - 3",
    "kernel": oscillators.stoch,
    "reads": _HLC,
    "outputs": 2,
    "scale": "none",
    "source": "Lane (1984)",
}
_FAST_STOCHASTIC = _STOCHASTIC | {
    "arguments": (_window("n"), _window("d")),
    "lookback": "n + d - 2",
    "kernel": oscillators.stochf,
}
_AROON = {
    "arguments": (_window(),),
    "lookback": "n",
    "kernel": oscillators.aroon,
    "reads": ("high", "low"),
    "outputs": 2,
    "scale": "none",
    "source": "Chande (1995)",
}
_DIRECTIONAL = {
    "arguments": (_window(minimum=2),),
    "lookback": "n",
    "kernel": trend.directional,
    "reads": _HLC,
    "outputs": 2,
    "scale": "none",
    "source": _WILDER,
}


def _function(name: str, description: str, **rest: Any) -> Function:
    return Function(name=name, description=description, **rest)


def _average(
    name: str,
    description: str,
    kernel: Callable[..., None],
    *,
    lookback: str = "n - 1",
    arguments: tuple[Argument, ...] = _XN,
    source: str = "",
) -> Function:
    return Function(
        name=name, description=description, kernel=kernel, lookback=lookback,
        arguments=arguments, source=source, is_overlay=True,
    )  # fmt: skip


_ALL = (
    _average("sma", "Mean of the last n values.", indicators.sma),
    _average("ema", "Exponential average, factor 2 / (n + 1).", indicators.ema),
    _average("wma", "Average with weights n, n − 1, …, 1.", indicators.wma),
    _average("dema", "Double exponential average, with less lag.", indicators.dema,
             lookback="2 * (n - 1)", source="Mulloy (1994)"),
    _average("tema", "Triple exponential average, with less lag.", indicators.tema,
             lookback="3 * (n - 1)", source="Mulloy (1994)"),
    _average("kama", "Kaufman's adaptive average: fast in a trend, slow in noise.",
             indicators.kama, lookback="n", arguments=_XN2, source="Kaufman (1995)"),
    _average("highest", "Largest of the last n values, the current one included.",
             indicators.highest),
    _average("lowest", "Smallest of the last n values, the current one included.",
             indicators.lowest),
    _average("linreg", "Value now of the least-squares line through the last n values.",
             indicators.linreg, arguments=_XN2),
    _function("sum", "Sum of the last n values.", arguments=_XN, lookback="n - 1",
              kernel=indicators.moving_sum),
    _function("rsi", "Relative strength index, 0 to 100.", arguments=_XN, lookback="n",
              kernel=oscillators.rsi, scale="none", source=_WILDER),
    _function("macd", "Fast less slow exponential average.", output=0, **_MACD),
    _function("macd_signal", "Exponential average of macd.", output=1, **_MACD),
    _function("macd_hist", "macd less macd_signal.", output=2, **_MACD),
    _function("trix", "Change in percent of a threefold exponential average.", arguments=_XN,
              lookback="3 * (n - 1) + 1", kernel=indicators.trix, scale="none",
              source="Hutson (1983)"),
    _function("roc", "Change over n bars in percent.", arguments=_XN, lookback="n",
              kernel=indicators.roc, scale="none"),
    _function("mom", "Change over n bars.", arguments=_XN, lookback="n", kernel=indicators.mom),
    _function("tr", "True range.", arguments=(), lookback="1", kernel=trend.tr, reads=_HLC,
              scale="price", source=_WILDER),
    _function("atr", "Wilder's average of the true range.", arguments=(_window(),),
              lookback="n", kernel=trend.atr, reads=_HLC, scale="price", source=_WILDER),
    _function("natr", "Average true range in percent of the close.", arguments=(_window(),),
              lookback="n", kernel=trend.natr, reads=_HLC, scale="none", source=_WILDER),
    _function("adx", "Strength of a trend, 0 to 100, whatever its direction.",
              **_DIRECTIONAL | {"lookback": "2 * n - 1", "kernel": trend.adx, "outputs": 3},
              output=2),
    _function("plus_di", "Upward directional indicator.", output=0, **_DIRECTIONAL),
    _function("minus_di", "Downward directional indicator.", output=1, **_DIRECTIONAL),
    # The mean deviation needs the whole window at every bar.
    _function("cci", "Commodity channel index.", arguments=(_window(minimum=2, maximum=1_000),),
              lookback="n - 1", kernel=oscillators.cci, reads=_HLC, scale="none",
              source="Lambert (1980)"),
    _function("willr", "Williams' %R, −100 to 0.", arguments=(_window(),), lookback="n - 1",
              kernel=oscillators.willr, reads=_HLC, scale="none", source="Williams (1973)"),
    _function("mfi", "Money flow index, 0 to 100.", arguments=(_window(),), lookback="n",
              kernel=oscillators.mfi, reads=(*_HLC, "volume"), scale="none",
              source="Quong & Soudack (1989)"),
    _function("obv", "On-balance volume, added up from the first bar.", arguments=(),
              kernel=oscillators.obv, reads=("close", "volume"), scale="volume",
              source="Granville (1963)"),
    _function("ultosc", "Ultimate oscillator over three windows, 0 to 100.",
              arguments=(_window("a"), _window("b"), _window("c")), lookback="max(a, max(b, c))",
              kernel=oscillators.ultosc, reads=_HLC, scale="none", source="Williams (1985)"),
    _function("sar", "Parabolic stop and reverse.", lookback="1", kernel=trend.sar,
              arguments=(_factor("step", 0.0, 1.0), _factor("max", 0.0, 1.0)),
              reads=("high", "low"), scale="price", is_overlay=True, source=_WILDER),
    _function("aroon_up", "How recent the highest high of n + 1 bars is, 100 to 0.",
              output=0, **_AROON),
    _function("aroon_down", "How recent the lowest low of n + 1 bars is, 100 to 0.",
              output=1, **_AROON),
    _function("bb_upper", "Mean plus k population standard deviations.",
              kernel=indicators.band, **_BAND),
    _function("bb_mid", "The mean that bb_upper and bb_lower lie around.",
              kernel=indicators.middle_band, **_BAND),
    _function("bb_lower", "Mean less k population standard deviations.",
              kernel=indicators.lower_band, **_BAND),
    _function("stddev", "Population standard deviation of the last n values.", arguments=_XN,
              lookback="n - 1", kernel=indicators.stddev),
    _function("var", "Population variance of the last n values.", arguments=_XN,
              lookback="n - 1", kernel=indicators.var, scale="square of x"),
    _function("zscore", "Distance from the mean in population standard deviations.",
              arguments=_XN, lookback="n - 1", kernel=indicators.zscore, scale="none"),
    _function("stoch_k", "Slow stochastic, 0 to 100.", output=0, **_STOCHASTIC),
    _function("stoch_d", "Mean of stoch_k over d bars.", output=1, **_STOCHASTIC),
    _function("stochf_k", "Fast stochastic, 0 to 100.", output=0, **_FAST_STOCHASTIC),
    _function("stochf_d", "Mean of stochf_k over d bars.", output=1, **_FAST_STOCHASTIC),
    _function("cross_above", "a was at most b one bar ago and is above it now.",
              arguments=_series("a", "b"), lookback="1", is_condition=True),
    _function("cross_below", "a was at least b one bar ago and is below it now.",
              arguments=_series("a", "b"), lookback="1", is_condition=True),
    _function("abs", "Absolute value.", arguments=_X),
    _function("min", "The smaller of two.", arguments=_series("a", "b")),
    _function("max", "The larger of two.", arguments=_series("a", "b")),
    _function("sqrt", "Square root; missing for a negative value.", arguments=_X),
    _function("log", "Natural logarithm; missing unless the value is positive.", arguments=_X),
    _function("exp", "e to the power of x.", arguments=_X),
    _function("sign", "1, 0 or −1.", arguments=_X),
    _function("of", "x on the bars of another symbol, as of its last completed bar.",
              arguments=(Argument("symbol", "symbol"), *_X)),
    _function("on", "x on bars of a longer timeframe, as of the last completed one.",
              arguments=(Argument("timeframe", "timeframe"), *_X)),
)  # fmt: skip

FUNCTIONS: dict[str, Function] = {function.name: function for function in _ALL}
SERIES_CALLS = ("of", "on")
"""Functions that say on which bars their argument is computed."""


def warm_functions() -> None:
    """Compile every kernel, or load it from the cache, so that no request has to wait for it."""
    x = np.linspace(1.0, 2.0, 8)
    for function in FUNCTIONS.values():
        if function.kernel is not None:
            constants = [a for a in function.arguments if a.kind != "series"]
            n_series = len(function.arguments) - len(constants) + len(function.reads)
            values = [2 if a.kind == "window" else 0.1 for a in constants]
            outputs = [np.empty(8) for _ in range(function.outputs)]
            function.kernel(*[x] * n_series, *values, *outputs)
    for binary in (arithmetic.divide, arithmetic.modulo, arithmetic.power):
        binary(x, x, np.empty(8))
    for unary in (arithmetic.logarithm, arithmetic.exponential):
        unary(x, np.empty(8))
