"""The points of a sweep, asked of the API and turned into a cube."""

from __future__ import annotations

from collections.abc import Sequence

from dashboard.client import Api, ApiError, Document
from dashboard.pages.sweep import cube as cubes
from dashboard.pages.sweep.cube import Cube, FloatArray
from dashboard.urlstate import SWEEP_METRICS


def sweep_of(api: Api, sweep_id: str) -> Document:
    """Return a sweep's document, its axes of numbers from the smallest to the largest.

    Raises
    ------
    ApiError
        When it cannot be had.
    """
    document = api.sweep(sweep_id)
    return {**document, "axes": cubes.ordered(document["axes"])}


def cube_of(api: Api, document: Document, metrics: Sequence[str] = SWEEP_METRICS) -> Cube:
    """Return all points of a sweep with some metrics; those not computed yet have no numbers.

    Raises
    ------
    ApiError
        When they cannot be had.
    """
    # Those of a finished sweep are asked for at once, and then kept.
    is_done = document["status"] == "done"
    wanted = () if is_done else (*document["axes"], *metrics)
    columns = api.sweep_points(document["id"], wanted, status=document["status"])
    return cubes.make_cube(document["axes"], columns, metrics)


def origin_of(api: Api, run_id: str | None) -> Document | None:
    """Return the parameters of the run that one came from; None when it is not there."""
    if not run_id:
        return None
    try:
        params: Document = api.get_run(run_id)["config"]["strategy"]["params"]
    except ApiError:
        return None
    return params


def worst_of(cube: Cube, metric: str) -> FloatArray | None:
    """Return the worst neighbour of each point, None where points have no neighbours."""
    return cubes.worst_neighbours(cube, metric) if cubes.has_neighbours(cube) else None
