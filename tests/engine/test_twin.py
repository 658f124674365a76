"""The compiled broker against its naive twin, on random markets (F1…F18).

`HINDCAST_TWIN_CASES` raises the number of cases; a failure prints its seed and a minimal
reproduction.
"""

from __future__ import annotations

import os

import pytest

from engine.simulation import simulate
from tests.engine import reference
from tests.engine.comparison import explain
from tests.engine.random_markets import random_case

N_CASES = int(os.environ.get("HINDCAST_TWIN_CASES", "1500"))
N_GROUPS = 15


@pytest.mark.parametrize("group", range(N_GROUPS))
def test_engine_and_twin_agree_on_random_markets(group: int) -> None:
    for seed in range(group, N_CASES, N_GROUPS):
        difference = explain(random_case(seed), simulate, reference.simulate)

        assert difference is None, difference
