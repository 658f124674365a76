"""What every route reaches: the services of this process."""

from __future__ import annotations

from dataclasses import dataclass, field
from threading import Event

from flask import current_app
from prometheus_client import CollectorRegistry, Counter, Histogram

from config.settings import Settings
from dataapi.services.runs import Runs
from dataapi.services.sweeps import Sweeps
from dataapi.services.walkforwards import WalkForwards
from dataapi.store import Store

PREFIX = "/api/v1"


class Meters:
    """What is counted for Prometheus, one registry an application."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.latency_s = Histogram(
            "hindcast_request_seconds",
            "Time to answer, by route.",
            ("method", "route", "status"),
            registry=self.registry,
            buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 2.5, 10.0),
        )
        self.answers = Counter(
            "hindcast_answers",
            "Answers by the layer that had them.",
            ("layer",),
            registry=self.registry,
        )
        self.runs_computed = Counter(
            "hindcast_runs_computed", "Backtests computed and stored.", registry=self.registry
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """The services of one process, made once by `create_app`."""

    settings: Settings
    store: Store
    runs: Runs
    sweeps: Sweeps
    walkforwards: WalkForwards
    meters: Meters
    is_warm: Event = field(default_factory=Event)


def context() -> Context:
    """Return the services of the application that answers."""
    found: Context = current_app.extensions["hindcast"]
    return found
