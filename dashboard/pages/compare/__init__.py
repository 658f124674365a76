"""Two to twenty runs side by side: curves, numbers, what differs, and where they part."""

from __future__ import annotations

import re

from dashboard.pages import Page
from dashboard.pages.compare.callbacks import register
from dashboard.pages.compare.layout import layout

PAGE = Page(
    name="compare",
    title="Compare",
    pattern=re.compile(r"/compare/?"),
    layout=layout,
    register=register,
    skeleton=(32, 52, 460, 200),
)
