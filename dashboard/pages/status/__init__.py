"""The installation at a glance: which processes there are, what waits, how much room is left."""

from __future__ import annotations

import re

from dashboard.pages import Page
from dashboard.pages.status.callbacks import register
from dashboard.pages.status.layout import layout

PAGE = Page(
    name="status",
    title="Status",
    pattern=re.compile(r"/status/?"),
    layout=layout,
    register=register,
    skeleton=(32, 96, 240, 200),
)
