"""Points that need different numbers of bars before the start, in blocks that hold few of them."""

from __future__ import annotations

import numpy as np

from engine import sweep
from tests.apps import config, wave_bars

AXES = {"slow": [6, 12, 40], "fast": [2, 3]}


def test_a_block_may_have_no_point_of_some_family(monkeypatch):
    # With a start, slow = 6, 12 and 40 read 24, 48 and 160 bars before it: three families, and
    # each block has points of one.
    asked = config(start="2000-08-01")
    whole = sweep({"AAPL": wave_bars()}, asked, AXES)
    monkeypatch.setattr(
        "engine.sweeps.preparing._blocks", lambda n, _: tuple((a, a + 2) for a in range(0, n, 2))
    )

    apart = sweep({"AAPL": wave_bars()}, asked, AXES)

    for name, column in whole.items():
        np.testing.assert_array_equal(apart[name], column)
