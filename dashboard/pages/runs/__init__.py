"""All runs: find, order, star, tag, export, delete; and return against risk."""

from __future__ import annotations

import re

from dashboard.pages import Page
from dashboard.pages.runs.callbacks import register
from dashboard.pages.runs.layout import layout

PAGE = Page(name="runs", title="Runs", pattern=re.compile(r"/"), layout=layout, register=register)
