"""All sweeps and walk-forwards, the newest first, with how far they are."""

from __future__ import annotations

import re

from dashboard.pages import Page
from dashboard.pages.sweeps.callbacks import register
from dashboard.pages.sweeps.layout import layout

PAGE = Page(
    name="sweeps",
    title="Sweeps",
    pattern=re.compile(r"/sweeps/?"),
    layout=layout,
    register=register,
    skeleton=(32, 300, 200),
)
