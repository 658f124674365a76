"""What every route reaches: the services of this process."""

from __future__ import annotations

from dataclasses import dataclass, field
from threading import Event

from flask import current_app
from prometheus_client import CollectorRegistry

from config.settings import Settings
from dataapi.meters import RequestMeters
from dataapi.services.presence import Presence
from dataapi.services.runs import Runs
from dataapi.services.sweeps import Sweeps
from dataapi.services.walkforwards import WalkForwards
from dataapi.store import Store

PREFIX = "/api/v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """The services of one process, made once by `create_app`."""

    settings: Settings
    store: Store
    runs: Runs
    sweeps: Sweeps
    walkforwards: WalkForwards
    registry: CollectorRegistry
    meters: RequestMeters
    presence: Presence
    is_warm: Event = field(default_factory=Event)


def context() -> Context:
    """Return the services of the application that answers."""
    found: Context = current_app.extensions["hindcast"]
    return found
