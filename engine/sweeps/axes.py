"""The combinations of a sweep: counted first, then built, each column an array.

Everything that can be refused is refused here, before any work.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from math import prod
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from config.sweep import MAX_POINTS, SweepConfig
from engine.errors import InvalidParameterError
from engine.formula.definition import ParameterValue, StrategyDefinition
from engine.resolve import resolve
from engine.sweeps.constraints import Constraint, read_constraints
from engine.sweeps.ranges import PlannedAxis, Values, plan_axis
from engine.sweeps.sampling import IndexArray, drawn, drawn_from, drawn_until, kept

MAX_PRODUCT = 10_000_000
"""Largest product that is searched for the combinations that meet the constraints."""

MAX_INDEX = 2**63 - 1

Config = TypeVar("Config", bound=SweepConfig)


@dataclass(frozen=True, slots=True, kw_only=True)
class Points:
    """The combinations of a sweep, in the order of their product, last axis fastest.

    Attributes
    ----------
    names : tuple of str
        The axes.
    axes : dict of name to array
        The distinct values of each axis, in their order.
    index : ndarray, shape (n_points,), int64
        Position of each combination in the full product.
    columns : dict of name to array, each (n_points,)
        Each combination's values: int64, float64 or text.
    n_product : int
        Combinations of the full product, before constraints and drawing.
    notes : tuple of str
        What a reader of the result is told about the axes.
    """

    names: tuple[str, ...]
    axes: dict[str, Values]
    index: IndexArray
    columns: dict[str, Values]
    n_product: int
    notes: tuple[str, ...] = ()

    @property
    def n_points(self) -> int:
        """Return how many combinations there are."""
        return int(self.index.size)

    @property
    def shape(self) -> tuple[int, ...]:
        """Return how many values each axis has."""
        return tuple(values.size for values in self.axes.values())

    def part(self, begin: int, end: int) -> Points:
        """Return the combinations from `begin` on, before `end`."""
        columns = {name: column[begin:end] for name, column in self.columns.items()}
        return replace(self, index=self.index[begin:end], columns=columns)

    def params(self, i: int) -> dict[str, Any]:
        """Return the values of one combination, as Python's own kinds."""
        return {name: column[i].item() for name, column in self.columns.items()}


def resolve_points(config: SweepConfig) -> Points:
    """Return the combinations that a sweep tries.

    Raises
    ------
    InvalidParameterError
        If an axis is none, names no parameter of the strategy or holds a value that it does not
        take, a constraint is none, no combination is left, or there are more than 1,000,000;
        `field` is the dotted name in SweepConfig.
    EngineError
        If the run itself is refused.
    """
    _, definition, params = resolve(config.run)
    planned = [plan_axis(name, _spec(definition, name), axis) for name, axis in config.axes.items()]
    numbers = _numbers(params)
    constraints = read_constraints(config.constraints, list(numbers))
    # Counted from the axes' lengths: nothing is built that is refused for its size.
    _refuse_size(config, planned)
    axes = {axis.name: axis.values() for axis in planned}
    grid = _Grid(axes, constraints, numbers)
    index = _index(config, grid)
    return Points(
        names=tuple(axes),
        axes=axes,
        index=index,
        columns=grid.columns(index),
        n_product=grid.n_product,
        notes=_notes(planned, axes),
    )


def canonical_sweep(config: Config) -> Config:
    """Return the one way to write a sweep: axes as sorted lists in the parameters' own order.

    Two configurations that ask for the same combinations of the same run become equal, also where
    one gives a range and the other its values.

    Raises
    ------
    InvalidParameterError
        As `resolve_points` does.
    """
    run, definition, params = resolve(config.run)
    specs = {name: _spec(definition, name) for name in config.axes}
    axes = {
        name: np.sort(plan_axis(name, specs[name], config.axes[name]).values()).tolist()
        for name in definition.params
        if name in specs
    }
    constraints = read_constraints(config.constraints, list(_numbers(params)))
    base = {**run.strategy.params, **{name: values[0] for name, values in axes.items()}}
    strategy = run.strategy.model_copy(update={"params": base})
    return config.model_copy(
        update={
            "run": run.model_copy(update={"strategy": strategy}),
            "axes": axes,
            "constraints": sorted({one.text for one in constraints}),
            "seed": 0 if config.random is None else config.seed,
        }
    )


class _Grid:
    """The full product of the axes, of which single positions can be looked up."""

    def __init__(
        self,
        axes: Mapping[str, Values],
        constraints: tuple[Constraint, ...],
        fixed: Mapping[str, int | float],
    ) -> None:
        self._axes = axes
        self._fixed = fixed
        self.constraints = constraints
        self.n_product = prod(values.size for values in axes.values())

    def columns(self, index: IndexArray) -> dict[str, Values]:
        """Return the axes' values at positions of the product."""
        columns = {}
        stride = self.n_product
        for name, values in self._axes.items():
            stride //= values.size
            columns[name] = values[(index // stride) % values.size]
        return columns

    def is_kept(self, index: IndexArray) -> npt.NDArray[np.bool_]:
        """Return which positions meet all constraints."""
        columns = {**self._fixed, **self.columns(index)}
        is_kept = np.ones(index.size, dtype=np.bool_)
        for constraint in self.constraints:
            is_kept &= constraint.holds(columns, index.size)
        return is_kept


def _index(config: SweepConfig, grid: _Grid) -> IndexArray:
    """Return the positions that are tried."""
    n_product, n_wanted = grid.n_product, config.random
    if not grid.constraints:
        if n_wanted is None or n_wanted >= n_product:
            return np.arange(n_product, dtype=np.int64)
        return drawn(n_product, n_wanted, config.seed)
    if n_product > MAX_PRODUCT and n_wanted is not None:
        index = drawn_until(n_product, n_wanted, config.seed, grid.is_kept)
        if index.size < n_wanted:
            raise InvalidParameterError(
                f"The constraints leave so few of the {n_product:,} combinations that "
                f"{n_wanted:,} could not be drawn (found {index.size:,}): narrow the axes.",
                field="constraints",
            )
        return index
    index = _all_kept(grid, None if n_wanted is not None else MAX_POINTS)
    if not index.size:
        raise InvalidParameterError(
            f"The constraints leave none of the {n_product:,} combinations.", field="constraints"
        )
    return index if n_wanted is None else drawn_from(index, n_wanted, config.seed)


def _all_kept(grid: _Grid, limit: int | None) -> IndexArray:
    """Return every position that meets the constraints; beyond a limit they are only counted."""
    pieces: list[IndexArray] = []
    n_kept = 0
    for piece in kept(grid.n_product, grid.is_kept):
        n_kept += piece.size
        if limit is None or n_kept <= limit:
            pieces.append(piece)
    if limit is not None and n_kept > limit:
        raise _too_many(n_kept)
    return np.concatenate(pieces)


def _refuse_size(config: SweepConfig, planned: Sequence[PlannedAxis]) -> None:
    n_product = prod(axis.n_values for axis in planned)
    if config.random is not None:
        for axis in planned:
            if axis.n_values > MAX_POINTS:
                raise InvalidParameterError(
                    f"The axis `{axis.name}` has {axis.n_values:,} values, at most "
                    f"{MAX_POINTS:,} are allowed: take a larger step.",
                    field=f"axes.{axis.name}",
                )
        if n_product > MAX_INDEX:
            raise InvalidParameterError(
                f"The axes make {n_product:.3g} combinations, more than can be numbered "
                f"({MAX_INDEX:.2g}): give them fewer values.",
                field="axes",
            )
        return
    if n_product > (MAX_PRODUCT if config.constraints else MAX_POINTS):
        raise _too_many(n_product)


def _too_many(n_points: int) -> InvalidParameterError:
    return InvalidParameterError(
        f"The axes make {n_points:,} combinations; a sweep tries at most {MAX_POINTS:,}. "
        "Give them fewer values, or try some at random.",
        field="axes",
    )


def _numbers(params: Mapping[str, ParameterValue]) -> dict[str, int | float]:
    return {name: value for name, value in params.items() if isinstance(value, int | float)}


def _spec(definition: StrategyDefinition, name: str) -> Any:
    if name in definition.params:
        return definition.params[name]
    close = get_close_matches(name, definition.params, 1)
    hint = f"Did you mean {close[0]}?" if close else ""
    known = ", ".join(definition.params) or "none"
    raise InvalidParameterError(
        f"{definition.title} has no parameter {name!r} to vary. {hint or f'It has: {known}.'}",
        field=f"axes.{name}",
    )


def _notes(planned: list[PlannedAxis], axes: Mapping[str, Values]) -> tuple[str, ...]:
    notes = [axis.note for axis in planned if axis.note]
    for name, values in axes.items():
        if values.size == 1:
            notes.append(f"The axis {name} has one value, {values[0]}: it does not vary.")
    return tuple(notes)
