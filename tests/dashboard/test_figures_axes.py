import base64

import numpy as np
import pytest

from dashboard.figures import axes


@pytest.mark.parametrize(
    ("low", "high", "n_max", "expected"),
    [
        # 10 / 5 = 2 is round already.
        (0.0, 10.0, 5, [0, 2, 4, 6, 8, 10]),
        # 8.6 / 5 = 1.72: the next round step is 2; -4.4 and 4.2 lie outside of the last ones.
        (-4.4, 4.2, 5, [-4, -2, 0, 2, 4]),
        # 0.57 / 4 = 0.14: 0.2.
        (-0.57, 0.0, 4, [-0.4, -0.2, 0.0]),
        (7.0, 7.0, 5, [7.0]),
    ],
)
def test_linear_ticks_are_round_and_inside(low, high, n_max, expected):
    assert axes.linear_ticks(low, high, n_max) == pytest.approx(expected)


def test_no_tick_is_minus_zero():
    ticks = axes.linear_ticks(-0.3, 0.3, 6)

    assert [str(tick) for tick in ticks if tick == 0.0] == ["0.0"]


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        # Four decades: powers of ten are enough.
        (900.0, 1.2e6, [1e3, 1e4, 1e5, 1e6]),
        # Less than one decade: of the ladders only 1, 1.5, 2, 3, 5, 7 has four steps there.
        (84e3, 560e3, [1e5, 1.5e5, 2e5, 3e5, 5e5]),
        # Narrower than any ladder: linear, 31 / 7 = 4.4 becomes 5.
        (100.0, 131.0, [100, 105, 110, 115, 120, 125, 130]),
    ],
)
def test_log_ticks_are_the_sparsest_ladder_with_four_steps(low, high, expected):
    assert axes.log_ticks(low, high) == pytest.approx(expected)


def test_labels_that_touch_are_moved_apart_evenly_and_keep_their_order():
    # 3 px apart, 14 wanted: 11 missing, half of it for each.
    assert axes.spread_labels([100.0, 103.0], 14.0) == pytest.approx([94.5, 108.5])
    assert axes.spread_labels([103.0, 100.0], 14.0) == pytest.approx([108.5, 94.5])
    assert axes.spread_labels([10.0, 50.0], 14.0) == [10.0, 50.0]


def test_three_labels_at_one_place_end_up_apart():
    placed = axes.spread_labels([5.0, 5.0, 5.0], 14.0)

    assert np.all(np.diff(placed) >= 14.0 - 1e-9)


def test_typed_arrays_keep_every_bit_and_epoch_milliseconds():
    values = np.array([1_109_635_200_000, 1_362_096_000_000], dtype=np.int64)

    sent = axes.typed(values)

    assert sent["dtype"] == "f8"
    assert np.frombuffer(base64.b64decode(sent["bdata"]), "<f8").tolist() == values.tolist()
