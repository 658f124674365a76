"""A whole sweep from bars, a configuration and a grid to a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from pydantic import ValidationError

from config.run import RunConfig
from config.sweep import SweepConfig
from engine.backtesting import with_bars_known
from engine.errors import InvalidParameterError
from engine.resolve import validated_run
from engine.sweeps.axes import resolve_points
from engine.sweeps.preparing import prepare_sweep, whole_table
from engine.types import Bars, Table


def sweep(
    bars: Mapping[str, Bars],
    config: Mapping[str, Any] | RunConfig,
    grid: Mapping[str, Any],
    *,
    constraints: Sequence[str] = (),
    random: int | None = None,
    seed: int = 0,
    threads: int = 1,
) -> Table:
    """Run a strategy at every combination of its parameters' values.

    Parameters
    ----------
    bars : mapping of symbol to Bars
        As `backtest` takes them.
    config : RunConfig or mapping
        The run whose parameters vary.
    grid : mapping of parameter to values
        Numbers or choices, or text as `2..60`, `10..200:5`, `1..1000:log20`.
    constraints : sequence of str
        Conditions over parameters, as `fast < slow`; other combinations are left out.
    random : int, optional
        Try so many combinations, drawn with `seed`, in place of all.
    threads : int
        The table is the same for any number.

    Returns
    -------
    dict of name to ndarray, shape (n_points,)
        The parameters, and final_equity, total_return, cagr, volatility, sharpe, max_drawdown,
        calmar (NaN where not defined) and trades; product order of the grid, last axis fastest.

    Raises
    ------
    InvalidParameterError
        If the grid is refused; `field` is the dotted name in SweepConfig.
    EngineError
        If a run itself is.

    Examples
    --------
    >>> time = 86_400_000 * np.arange(4)
    >>> price = np.array([100.0, 110.0, 121.0, 100.0])
    >>> bars = Bars(time, price, price, price, price, np.ones(4))
    >>> config = {"strategy": {"name": "time_series_momentum"}, "costs": {"rate_bps": 0.0}}
    >>> table = sweep({"ABC": bars}, config, {"lookback": [1, 2, 5]})
    >>> table["lookback"].tolist(), table["trades"].tolist()
    ([1, 2, 5], [0, 0, 0])
    """
    known = with_bars_known(bars, config)
    run = known if isinstance(known, RunConfig) else validated_run(known)
    axes = {name: _axis(values) for name, values in grid.items()}
    asked = {"run": run, "axes": axes, "constraints": list(constraints)}
    try:
        whole = SweepConfig.model_validate({**asked, "random": random, "seed": seed})
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        name = ".".join(str(part) for part in problem["loc"])
        raise InvalidParameterError(
            f"`{name}`: {problem['msg'].removeprefix('Value error, ')}.".replace("..", "."),
            field=name,
        ) from None
    return whole_table(prepare_sweep(bars, whole.run, resolve_points(whole)), threads)


def _axis(values: Any) -> Any:
    """Return the values of an axis as SweepConfig takes them."""
    if isinstance(values, str | Mapping):
        return values
    return np.asarray(values).tolist() if isinstance(values, np.ndarray) else list(values)
