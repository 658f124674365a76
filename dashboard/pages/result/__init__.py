"""One finished run: what it was, what to doubt, and the evidence."""

from __future__ import annotations

import re

from dashboard.pages import Page
from dashboard.pages.result.callbacks import register
from dashboard.pages.result.layout import SKELETON, layout

PAGE = Page(
    name="result",
    title="Result",
    # Base58 without look-alikes, as the ids are made: anything else is no run, and not found.
    pattern=re.compile(r"/runs/(?P<run_id>[1-9A-HJ-NP-Za-km-z]{12})/?"),
    layout=layout,
    register=register,
    skeleton=SKELETON,
)
