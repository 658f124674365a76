"""Strategies in Python files: read, checked, compiled, and called at every close."""

from engine.event_files.compiling import compile_file, is_compiled, problem_of
from engine.event_files.known import add_file, file_strategy, is_known
from engine.event_files.planning import PlannedEvents, plan_events
from engine.event_files.reading import EventDefinition, read_event_strategy

__all__ = [
    "EventDefinition",
    "PlannedEvents",
    "add_file",
    "compile_file",
    "file_strategy",
    "is_compiled",
    "is_known",
    "plan_events",
    "problem_of",
    "read_event_strategy",
]
