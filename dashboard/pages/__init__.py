"""The pages, each a folder: layout (what is shown first), callbacks (thin), view (pure)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from dash import Dash
from dash.development.base_component import Component

from dashboard.client import Api

Layout = Callable[[Api, Mapping[str, str], str], Component]
"""`layout(api, path groups, search)`: the page as the URL asks for it; may raise `ApiError`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page: which paths it answers, how it begins, and its callbacks.

    `layout` fetches and returns the page with its data, so that a page is one round trip;
    `skeleton` gives the heights of its boxes, shown when that takes longer than 150 ms.
    """

    name: str
    title: str
    pattern: re.Pattern[str]
    layout: Layout
    register: Callable[[Dash, Api], None]
    skeleton: tuple[int, ...] = (32, 400)
