"""The parts that pages are put together from."""

from dashboard.components.basics import (
    attributes,
    badge,
    button,
    card,
    check_icon,
    delete_button,
    delta,
    empty_state,
    error_card,
    icon,
    link_button,
    page_error,
    segmented,
    skeleton,
    tile,
)
from dashboard.components.graph import graph
from dashboard.components.later import later
from dashboard.components.progress import progress
from dashboard.components.spread import spread

__all__ = [
    "attributes",
    "badge",
    "button",
    "card",
    "check_icon",
    "delete_button",
    "delta",
    "empty_state",
    "error_card",
    "graph",
    "icon",
    "later",
    "link_button",
    "page_error",
    "progress",
    "segmented",
    "skeleton",
    "spread",
    "tile",
]
