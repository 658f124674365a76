"""Walk-forward and cross-validation: parameters chosen in one part, traded in another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from config.sweep import WalkForwardConfig
from engine.backtesting import with_bars_known
from engine.errors import InvalidParameterError
from engine.resolve import validated_run
from engine.types import Bars
from engine.walkforward.preparing import (
    PreparedWalkForward,
    WalkForwardEstimate,
    WindowResult,
    estimate_walkforward,
    prepare_walkforward,
)
from engine.walkforward.splits import Span, Split, combinatorial_splits, paths, windows

__all__ = [
    "PreparedWalkForward",
    "Span",
    "Split",
    "WalkForwardEstimate",
    "WindowResult",
    "combinatorial_splits",
    "cross_validate",
    "estimate_walkforward",
    "paths",
    "prepare_walkforward",
    "walk_forward",
    "windows",
]


def walk_forward(
    bars: Mapping[str, Bars],
    config: Mapping[str, Any] | WalkForwardConfig,
    *,
    threads: int = 1,
) -> dict[str, Any]:
    """Choose parameters in every window of the past and trade them in the bars that follow.

    Parameters
    ----------
    bars : mapping of symbol to Bars
        As `engine.backtest` takes them.
    config : WalkForwardConfig or mapping
        run (a RunConfig; symbols and timeframe may be left out), axes, in_sample, out_of_sample, …
    threads : int
        The result is the same for any number.

    Returns
    -------
    dict
        As `PreparedWalkForward.stitch`.

    Raises
    ------
    InvalidParameterError
        If something in the configuration is refused; `field` is its dotted name.
    EngineError
        If the bars or the run are.
    """
    prepared = prepare_walkforward(bars, _validated(bars, config))
    results = [prepared.run_window(i, threads=threads) for i in range(len(prepared.windows))]
    return prepared.stitch(results)


def cross_validate(
    bars: Mapping[str, Bars],
    config: Mapping[str, Any] | WalkForwardConfig,
    *,
    threads: int = 1,
) -> dict[str, Any]:
    """Choose parameters in some folds and trade them in the others, in every way.

    Parameters are those of `walk_forward`, with the method `kfold` or, unless it is named, `cpcv`;
    so is what is raised.

    Returns
    -------
    dict
        As `PreparedWalkForward.stitch`: the paths and their distribution.
    """
    if isinstance(config, Mapping):
        config = {"method": "cpcv", **config}
    return walk_forward(bars, config, threads=threads)


def _validated(
    bars: Mapping[str, Bars], config: Mapping[str, Any] | WalkForwardConfig
) -> WalkForwardConfig:
    if isinstance(config, WalkForwardConfig):
        return config
    known = with_bars_known(bars, config.get("run") or {})
    run = validated_run(known) if isinstance(known, Mapping) else known
    try:
        return WalkForwardConfig.model_validate({**config, "run": run})
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        name = ".".join(str(part) for part in problem["loc"]) or None
        message = problem["msg"].removeprefix("Value error, ")
        raise InvalidParameterError(f"{name}: {message}" if name else message, field=name) from None
