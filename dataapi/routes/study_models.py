"""What the routes of sweeps and walk-forwards accept."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeVar, cast

from pydantic import Field

from config.sweep import SweepConfig, WalkForwardConfig
from dataapi.routes.models import Accepted, TableForm

Config = TypeVar("Config", bound=SweepConfig)
Executor = Annotated[
    Literal["local", "dask"] | None,
    Field(description="Where the blocks are computed; not part of the identity."),
]


class SweepRequest(SweepConfig):
    """A SweepConfig, and where it is to be computed."""

    executor: Executor = None

    def split(self, model: type[Config]) -> tuple[Config, Any]:
        """Return the configuration alone, and the executor."""
        return _without_executor(self, model), self.executor


class WalkForwardRequest(WalkForwardConfig):
    """A WalkForwardConfig, and where it is to be computed."""

    executor: Executor = None

    def split(self, model: type[Config]) -> tuple[Config, Any]:
        """Return the configuration alone, and the executor."""
        return _without_executor(self, model), self.executor


class PointsQuery(Accepted):
    """Which columns of the points, in which form."""

    format: TableForm = "json"
    columns: Annotated[
        str | None, Field(max_length=400, description="Some of them, separated by commas.")
    ] = None
    final: Annotated[bool, Field(description="Refuse (409) while the sweep is not done.")] = False


def _without_executor(request: SweepConfig, model: type[Config]) -> Config:
    """Return what was validated already as the configuration that it is."""
    fields = {name: getattr(request, name) for name in model.model_fields}
    given = request.model_fields_set - {"executor"}
    return cast(Config, model.model_construct(_fields_set=given, **fields))
