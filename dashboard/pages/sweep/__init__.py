"""A sweep: one strategy over a grid of parameters, and what to think of its best point."""

from __future__ import annotations

import re

from dashboard.pages import Page
from dashboard.pages.sweep.callbacks import register
from dashboard.pages.sweep.layout import SKELETON, layout

PAGE = Page(
    name="sweep",
    title="Sweep",
    pattern=re.compile(r"/sweeps/(?P<sweep_id>[1-9A-HJ-NP-Za-km-z]{12})/?"),
    layout=layout,
    register=register,
    skeleton=SKELETON,
)
