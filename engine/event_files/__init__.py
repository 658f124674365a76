"""Strategies in Python files: read, checked, compiled, and called at every close."""

from engine.event_files.compiling import is_compiled
from engine.event_files.known import add_file, file_strategy
from engine.event_files.planning import PlannedEvents, plan_events
from engine.event_files.reading import EventDefinition, read_event_strategy

__all__ = [
    "EventDefinition",
    "PlannedEvents",
    "add_file",
    "file_strategy",
    "is_compiled",
    "plan_events",
    "read_event_strategy",
]
