"""The form of a sweep or a walk-forward: what varies, under which rules, and what it will take."""

from __future__ import annotations

import re

from dashboard.pages import Page
from dashboard.pages.sweep_form.callbacks import register
from dashboard.pages.sweep_form.layout import layout

PAGE = Page(
    name="sweep_form",
    title="New sweep",
    pattern=re.compile(r"/sweeps/new/?"),
    layout=layout,
    register=register,
    skeleton=(32, 60, 220, 120),
)
