"""A draft of a run: data, strategy, portfolio, execution; and what it would have done."""

from __future__ import annotations

import re

from dashboard.pages import Page
from dashboard.pages.new_run.callbacks import register
from dashboard.pages.new_run.layout import layout

PAGE = Page(
    name="new_run",
    title="New run",
    pattern=re.compile(r"/new/?"),
    layout=layout,
    register=register,
    skeleton=(32, 210, 290, 100),
)
