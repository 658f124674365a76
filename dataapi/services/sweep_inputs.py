"""Everything that determines a sweep or a walk-forward, gathered: configuration, points, bars."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from config.run import RunConfig
from config.sweep import SweepConfig
from dataapi.problems import ApiProblem, Conflict, from_engine
from dataapi.services.identity import run_id, run_key
from dataapi.services.inputs import Inputs
from dataapi.services.runs import Runs
from dataapi.store import StoredStudy
from engine.errors import EngineError
from engine.resolve import plan_run, resolve
from engine.sweeps.axes import Points, canonical_sweep, resolve_points
from engine.sweeps.events import with_params
from engine.version import ENGINE_VERSION

MAX_CORNER_AXES = 6
"""So many axes have their ends combined in every way, 64 of them, to find the longest lookback."""

Config = TypeVar("Config", bound=SweepConfig)


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepInputs(Generic[Config]):
    """What a sweep is made from; two equal `key`s are the same sweep.

    `config` is the one way to write it, with the run resolved; `run` holds the bars, those before
    the start that the point with the longest lookback needs included.
    """

    config: Config
    points: Points
    run: Inputs
    key: str

    @property
    def id(self) -> str:
        """Return the id of the sweep."""
        return run_id(self.key)

    @property
    def resolved(self) -> dict[str, Any]:
        """Return the configuration as JSON."""
        return self.config.model_dump(mode="json", by_alias=True)


def gather_sweep(runs: Runs, config: Config) -> SweepInputs[Config]:
    """Return the inputs of the sweep that a configuration asks for.

    Raises
    ------
    ApiProblem, EngineError
        When it cannot be carried out; fields are those of SweepConfig.
    """
    with fields_of_run():
        config = config.model_copy(update={"run": runs.files.prepare(config.run)})
        resolve(config.run)
    config = canonical_sweep(config)
    points = resolve_points(config)
    with fields_of_run():
        inputs = runs.gather(_with_longest_lookback(config.run, points))
    base = inputs.config.strategy.model_copy(update={"params": config.run.strategy.params})
    run = inputs.config.model_copy(update={"strategy": base})
    config = config.model_copy(update={"run": run})
    key = run_key(config.model_dump(mode="json", by_alias=True), ENGINE_VERSION, inputs.fingerprint)
    return SweepInputs(config=config, points=points, run=inputs, key=key)


def gather_asked(runs: Runs, stored: StoredStudy, model: type[Config]) -> SweepInputs[Config]:
    """Return the inputs of a stored study, as they were when it was asked for.

    Raises
    ------
    Conflict
        If its bars have changed since, or another engine is at work here.
    """
    if stored.engine_version != ENGINE_VERSION:
        raise Conflict(
            f"This was asked of engine {stored.engine_version}, and {ENGINE_VERSION} is at work "
            "here: ask for it again."
        )
    inputs = gather_sweep(runs, model.model_validate(stored.document["config"]))
    if inputs.key != stored.key:
        raise Conflict("The bars have changed since this was asked for: ask for it again.")
    return inputs


@contextmanager
def fields_of_run() -> Iterator[None]:
    """Name the fields at fault as SweepConfig has them: run.symbols in place of symbols."""
    try:
        yield
    except (ApiProblem, EngineError) as error:
        problem = error if isinstance(error, ApiProblem) else from_engine(error)
        for item in problem.errors:
            item["field"] = f"run.{item['field']}" if item["field"] else "run"
        raise problem from None


def _with_longest_lookback(run: RunConfig, points: Points) -> RunConfig:
    """Return the run of the corner of the grid that needs most bars before the start.

    A lookback grows or falls with each parameter, so it is longest at some end of each axis.
    """
    ends = {
        name: sorted({values[0].item(), values[-1].item()}) for name, values in points.axes.items()
    }
    corners = list(zip(*((one[0], one[-1]) for one in ends.values()), strict=True))
    if len(ends) <= MAX_CORNER_AXES:
        corners = list(itertools.product(*ends.values()))
    runs = [with_params(run, dict(zip(ends, corner, strict=True))) for corner in corners]
    return max(runs, key=lambda one: plan_run(one).warm_up_bars)
