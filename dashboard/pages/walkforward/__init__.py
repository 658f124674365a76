"""A walk-forward: chosen on the past, traded on what followed, window after window."""

from __future__ import annotations

import re

from dashboard.pages import Page
from dashboard.pages.walkforward.callbacks import register
from dashboard.pages.walkforward.layout import SKELETON, layout

PAGE = Page(
    name="walkforward",
    title="Walk-forward",
    pattern=re.compile(r"/walkforwards/(?P<walkforward_id>[1-9A-HJ-NP-Za-km-z]{12})/?"),
    layout=layout,
    register=register,
    skeleton=SKELETON,
)
