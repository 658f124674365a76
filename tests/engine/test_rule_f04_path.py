"""F4: what happens inside a bar when the bar does not tell."""

import pytest

from engine.types import Reason
from tests.engine.scenario import fills, make_bars, trade

PATHS = ("pessimistic", "optimistic", "ohlc")
QUIET = (100, 100, 100, 100)
LONG = {"stop": 95.0, "target": 105.0}


def run(bar, path, *, bars=None, **signals):
    """Hold a long from open 1 at 100 with LONG's children through `bar` (bar 2)."""
    rows = bars or [QUIET, QUIET, bar]
    signals = signals or {"enter_long": {0}, "long": LONG}
    return trade(make_bars(rows), path=path, **signals)


def exits(ledger):
    return fills(ledger, "price", "reason")[1:]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    ("bar", "expected"),
    [
        ((100, 106, 96, 100), (105.0, Reason.TARGET)),
        ((100, 104, 94, 100), (95.0, Reason.STOP)),
        # A bar that opens beyond the target and later touches the stop exits at the open.
        ((106, 107, 90, 92), (106.0, Reason.TARGET)),
        ((94, 107, 93, 106), (94.0, Reason.STOP)),
    ],
)
def test_certain_exit_is_the_same_under_every_rule(path, bar, expected):
    ledger = run(bar, path)

    assert exits(ledger) == [expected]
    assert ledger.ambiguous_fills == 0


@pytest.mark.parametrize(
    ("bar", "path", "expected"),
    [
        ((100, 106, 94, 100), "pessimistic", (95.0, Reason.STOP)),
        ((100, 106, 94, 100), "optimistic", (105.0, Reason.TARGET)),
        # high - open = 6 = open - low: a tie is low first.
        ((100, 106, 94, 100), "ohlc", (95.0, Reason.STOP)),
        # high - open = 6 < open - low = 7: high first.
        ((100, 106, 93, 100), "ohlc", (105.0, Reason.TARGET)),
        ((100, 108, 94, 100), "ohlc", (95.0, Reason.STOP)),
    ],
)
def test_unknown_order_of_stop_and_target_follows_the_rule(bar, path, expected):
    ledger = run(bar, path)

    assert exits(ledger) == [expected]
    # A stop taken instead of a target counts once, and marks the fill.
    assert ledger.ambiguous_fills == 1
    assert ledger.fills["ambiguous"].tolist() == [False, True]


def test_path_in_the_config_is_the_default():
    rows = [QUIET, QUIET, (100, 106, 94, 100)]

    ledger = trade(make_bars(rows), enter_long={0}, long=LONG, execution__path="optimistic")

    assert exits(ledger) == [(105.0, Reason.TARGET)]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        # Limit 98 filled on the way down; the low of 94 certainly comes later, so the stop at 95
        # is sure under every rule; whether the target at 105 came between is not.
        ("pessimistic", [(98.0, Reason.LIMIT), (95.0, Reason.STOP)]),
        ("optimistic", [(98.0, Reason.LIMIT), (105.0, Reason.TARGET)]),
        ("ohlc", [(98.0, Reason.LIMIT), (95.0, Reason.STOP)]),
    ],
)
def test_after_an_entry_by_a_limit_the_low_certainly_comes_later(path, expected):
    rows = [QUIET, (100, 106, 94, 100)]

    ledger = run(None, path, bars=rows, enter_long={0}, long={**LONG, "limit": 98.0})

    assert fills(ledger, "price", "reason") == expected


@pytest.mark.parametrize("path", PATHS)
def test_stop_after_an_entry_by_a_limit_is_certain(path):
    rows = [QUIET, (100, 104, 94, 100)]

    ledger = run(None, path, bars=rows, enter_long={0}, long={**LONG, "limit": 98.0})

    assert fills(ledger, "price", "reason") == [(98.0, Reason.LIMIT), (95.0, Reason.STOP)]
    assert ledger.ambiguous_fills == 0


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        # Stop entry at 102 on the way up; the high of 106 certainly comes later: the target is
        # sure. The low of 94 may have come before the entry or after it.
        ("pessimistic", [(102.0, Reason.SIGNAL), (95.0, Reason.STOP)]),
        ("optimistic", [(102.0, Reason.SIGNAL), (105.0, Reason.TARGET)]),
        # A tie: low first, so the low came before the entry.
        ("ohlc", [(102.0, Reason.SIGNAL), (105.0, Reason.TARGET)]),
    ],
)
def test_after_an_entry_by_a_stop_the_high_certainly_comes_later(path, expected):
    rows = [QUIET, (100, 106, 94, 100)]

    ledger = run(None, path, bars=rows, enter_long={0}, long={**LONG, "trigger": 102.0})

    assert fills(ledger, "price", "reason") == expected
    assert ledger.ambiguous_fills == 1


@pytest.mark.parametrize("path", PATHS)
def test_close_beyond_a_level_was_crossed_after_the_entry(path):
    # Stop entry at 102, close at 94 below the stop at 95; the high of 104 misses the target.
    rows = [QUIET, (100, 104, 93, 94)]

    ledger = run(None, path, bars=rows, enter_long={0}, long={**LONG, "trigger": 102.0})

    assert fills(ledger, "price", "reason") == [(102.0, Reason.SIGNAL), (95.0, Reason.STOP)]
    assert ledger.ambiguous_fills == 0


@pytest.mark.parametrize(
    ("path", "expected", "count"),
    [
        # Limit 98 filled; the high of 106 may have come before: only the optimist takes it, and
        # high first (6 < 7) is before. The pessimist counts the position that others close.
        ("pessimistic", [98.0], 1),
        ("optimistic", [98.0, 105.0], 1),
        ("ohlc", [98.0], 1),
    ],
)
def test_position_that_only_another_rule_closes_counts_once(path, expected, count):
    rows = [QUIET, (100, 106, 93, 100)]

    ledger = run(
        None, path, bars=rows, enter_long={0}, long={"limit": 98.0, "stop": 90, "target": 105.0}
    )

    assert [price for price, _ in fills(ledger, "price", "reason")] == expected
    assert ledger.ambiguous_fills == count


@pytest.mark.parametrize("path", PATHS)
def test_two_sided_breakout_follows_ohlc_under_every_rule(path):
    # Long above 104, short below 97; 5 < 6: high first. In at 104, flipped at 97.
    rows = [QUIET, (100, 105, 94, 96)]

    ledger = run(
        None,
        path,
        bars=rows,
        enter_long={0},
        enter_short={0},
        long={"trigger": 104.0},
        short={"trigger": 97.0},
    )

    assert fills(ledger, "side", "price", "reason") == [
        (1, 104.0, Reason.SIGNAL),
        (-1, 97.0, Reason.FLIP),
    ]
    assert ledger.ambiguous_fills == 0


@pytest.mark.parametrize("path", PATHS)
def test_entries_of_both_sides_on_one_move_come_nearer_first(path):
    # Buy stop at 102 and sell limit at 104, both above the open: 102 first, then the flip.
    rows = [QUIET, (100, 105, 96, 103)]

    ledger = run(
        None,
        path,
        bars=rows,
        enter_long={0},
        enter_short={0},
        long={"trigger": 102.0, "stop": 95.0, "target": 105.0},
        short={"limit": 104.0},
    )

    # The target at 105 is reached as well, but the flip at 104 is nearer.
    assert fills(ledger, "side", "price", "reason") == [
        (1, 102.0, Reason.SIGNAL),
        (-1, 104.0, Reason.FLIP),
    ]


@pytest.mark.parametrize("path", ["pessimistic", "optimistic"])
@pytest.mark.parametrize(
    ("trigger", "expected"),
    [
        # The sell stop entry at 97 is nearer than the stop at 95: it flips.
        (97.0, [(-1, 97.0, Reason.FLIP)]),
        # At 93 the stop at 95 comes first, then a plain entry.
        (93.0, [(-1, 95.0, Reason.STOP), (-1, 93.0, Reason.SIGNAL)]),
    ],
)
def test_nearer_of_an_exit_and_an_entry_of_the_other_side_comes_first(path, trigger, expected):
    rows = [QUIET, QUIET, (100, 101, 92, 93)]

    ledger = run(
        None,
        path,
        bars=rows,
        enter_long={0},
        enter_short={1},
        long={"stop": 95.0, "trigger": 90.0},
        short={"trigger": trigger},
    )

    assert fills(ledger, "side", "price", "reason")[1:] == expected


@pytest.mark.parametrize("path", PATHS)
def test_entry_inside_already_beyond_its_stop_goes_out_at_that_price(path):
    # A buy limit at 95 with a stop at 97: in and out at 95.
    rows = [QUIET, (100, 100, 94, 99)]

    ledger = run(None, path, bars=rows, enter_long={0}, long={"limit": 95.0, "stop": 97.0})

    assert fills(ledger, "price", "reason") == [(95.0, Reason.LIMIT), (95.0, Reason.STOP)]
