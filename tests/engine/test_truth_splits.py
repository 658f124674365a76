"""F14: every row of the truth tables again, with a split across its open orders and positions.

A split of r for one on day k divides every later price by r. The rows' orders were made before
it, so everything has to happen in the same bars, for the same reasons, at prices divided by r.
Ratios are powers of two, so that touches stay exact.
"""

from dataclasses import replace

import pytest

from tests.engine import test_truth_brackets as brackets
from tests.engine import test_truth_children as children
from tests.engine import test_truth_entries as entries
from tests.engine.scenario import DAY_MS
from tests.engine.truth import check


def split(row, day, ratio):
    """Return the row with a split on `day`."""

    def later(i, prices):
        return prices if prices is None or i < day else tuple(p / ratio for p in prices)

    def scaled(text):
        parts = [fill.split() for fill in text.split(";") if fill.strip()]
        return "; ".join(
            f"{bar} {phase} {float(price) / (ratio if int(bar) >= day else 1.0)!r} {reason}"
            for bar, phase, price, reason in parts
        )

    is_same = isinstance(row.fills, str)
    return replace(
        row,
        bars=[later(i, bar) for i, bar in enumerate(row.bars, start=1)],
        fills=scaled(row.fills) if is_same else {p: scaled(t) for p, t in row.fills.items()},
        options={**row.options, "splits": ((day * DAY_MS, ratio),)},
    )


def cases():
    """Every row that has no tick (it does not split) and no later order, split right after."""
    found = []
    for parameter in entries.cases() + children.cases() + brackets.cases():
        (row,) = parameter.values
        has_tick = "execution__tick" in row.options
        day = max(row.enter or (0,)) + 1
        if has_tick or day > len(row.bars):
            continue
        for ratio, on in ((2.0, day), (0.25, day + 1)):
            if on <= len(row.bars):
                name = f"{ratio:g} for 1 on day {on}, {parameter.id}"
                found.append(pytest.param(split(row, on, ratio), id=name))
    return found


@pytest.mark.parametrize("row", cases())
def test_split_across_open_orders_changes_nothing_but_the_shares(row):
    check(row)
