"""One finished run: what it was, what to doubt, and the evidence."""

from __future__ import annotations

import re

from dashboard.pages import Page
from dashboard.pages.result.callbacks import register
from dashboard.pages.result.layout import SKELETON, layout

PAGE = Page(
    name="result",
    title="Result",
    pattern=re.compile(r"/runs/(?P<run_id>[A-Za-z0-9]{1,64})/?"),
    layout=layout,
    register=register,
    skeleton=SKELETON,
)
