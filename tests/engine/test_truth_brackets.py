"""Truth table of several brackets at once: each entry has children of its own (F5).

One share is bought at the opens of bars 1 and 2, both at 100. The first has its stop at 95 and
its target at 105, the second 97 and 108; bar 3 has the shape.
"""

from dataclasses import replace

import pytest

from tests.engine.truth import QUIET, Row, by_rule, check, params

LEVELS = {"stop": [95.0, 97.0], "target": [105.0, 108.0]}
ENTRIES = "1 open 100 signal; 2 open 100 signal; "


def pair(shape, name, bars, exits, **more):
    """Return the row of two shares with their own brackets, and what happens from bar 3 on."""
    texts = exits if isinstance(exits, dict) else by_rule(*[exits] * 3)
    fills = {path: ENTRIES + text for path, text in texts.items()}
    return Row(shape, name, [QUIET, QUIET, *bars], fills, **more)


ROWS = [
    pair("quiet", "between all levels nothing happens", [(100, 104, 98, 100)], ""),
    pair("touches one", "only the nearer stop goes: 97, of the second entry",
         [(100, 104, 96, 99)], "3 inside 97 stop"),
    pair("touches one", "the other bracket lives on and goes later",
         [(100, 104, 96, 99), (99, 106, 98, 104)], "3 inside 97 stop; 4 inside 105 target"),
    pair("touches both", "one move down meets the nearer stop first",
         [(100, 104, 94, 99)], "3 inside 97 stop; 3 inside 95 stop"),
    pair("touches both", "one move up meets the nearer target first",
         [(100, 109, 98, 105)], "3 inside 105 target; 3 inside 108 target"),
    # 6 up > 3.5 down: low first. Each bracket is touched on one side only, so both exits are
    # certain under every rule.
    pair("touches both", "a stop of one and a target of the other are both certain",
         [(100, 106, 96.5, 100)], "3 inside 97 stop; 3 inside 105 target"),
    # 9 up > 6 down: low first. Every bracket has both levels touched.
    pair("touches both", "both levels of both are touched, low first",
         [(100, 109, 94, 100)],
         by_rule("3 inside 97 stop?; 3 inside 95 stop?",
                 "3 inside 105 target?; 3 inside 108 target?",
                 "3 inside 97 stop?; 3 inside 95 stop?")),
    # 8 up < 9 down: high first.
    pair("touches both", "both levels of both are touched, high first",
         [(100, 108, 91, 100)],
         by_rule("3 inside 97 stop?; 3 inside 95 stop?",
                 "3 inside 105 target?; 3 inside 108 target?",
                 "3 inside 105 target?; 3 inside 108 target?")),
    # 6 up > 4 down: low first; 106 is the first one's target, 96 only the second one's stop.
    pair("touches both", "one target and the other's stop, in the order of the path",
         [(101, 107, 96, 100)], "3 inside 97 stop; 3 inside 105 target"),
    pair("opens beyond stop", "an open below both stops: both at the open",
         [(93, 96, 92, 94)], "3 open 93 stop; 3 open 93 stop"),
    pair("opens beyond stop", "an open between the stops: one at the open, one inside",
         [(96, 98, 94, 95)], "3 open 96 stop; 3 inside 95 stop"),
    pair("opens beyond target", "an open between the targets: one at the open, one inside",
         [(106, 109, 105, 107)], "3 open 106 target; 3 inside 108 target"),
    pair("opens beyond target", "an open above both targets: both at the open",
         [(110, 111, 90, 92)], "3 open 110 target; 3 open 110 target"),
    pair("missing bar", "both wait for the symbol's next own bar",
         [None, (100, 104, 94, 99)], "4 inside 97 stop; 4 inside 95 stop"),
    pair("exit", "a market exit takes what the stop at that open has left",
         [(96, 98, 94, 95)], "3 open 96 stop; 3 open 96 signal", leave=(2,)),
    pair("exit", "a market exit of both is one fill", [(100, 104, 94, 99)],
         "3 open 100 signal", leave=(2,)),
    # Entered at close 2 for open 3: the third of three; a fourth is ignored.
    pair("entry bar", "a third entry, and no fourth",
         [QUIET, QUIET, QUIET], "3 open 100 signal", enter=(0, 1, 2, 3, 4)),
    # The second enters in bar 2 itself and is stopped there; the first stays.
    Row("entry bar", "the second is stopped in its own entry bar, the first is not",
        [QUIET, (100, 104, 96, 100), (100, 106, 98, 104)],
        ENTRIES + "2 inside 97 stop; 3 inside 105 target"),
    # Level of the first: 104 − 4 after bar 2 (high 104); of the second, bought at the open of
    # bar 2, the same bar's high: also 100. One move, one level: by number.
    Row("trail", "both trails have seen the same high",
        [QUIET, (100, 104, 99, 103), (103, 103, 99, 101)],
        ENTRIES + "3 inside 100 trail; 3 inside 100 trail",
        prices={"trail": 4.0, "stop": [90.0], "target": [120.0]}),
    # The first has seen 106 in bar 1: level 102; the second 104 at most: 100.
    Row("trail", "a trail remembers highs from before the other's entry",
        [(100, 106, 99, 103), (103, 104, 102.5, 103), (103, 103, 101, 101.5)],
        "1 open 100 signal; 2 open 103 signal; 3 inside 102 trail",
        prices={"trail": 4.0, "stop": [90.0], "target": [120.0]}),
]  # fmt: skip

# Two short sales at 100: stops at 105 and 103, targets at 95 and 92.
SHORTS = [
    Row("touches both", "two shorts: one move up meets the nearer stop first",
        [QUIET, QUIET, (100, 106, 96, 101)],
        ENTRIES + "3 inside 103 stop; 3 inside 105 stop", side="short",
        prices={"stop": [105.0, 103.0], "target": [95.0, 92.0]}),
    Row("opens beyond target", "two shorts: an open below one target",
        [QUIET, QUIET, (94, 96, 91, 93)],
        ENTRIES + "3 open 94 target; 3 inside 92 target", side="short",
        prices={"stop": [105.0, 103.0], "target": [95.0, 92.0]}),
]  # fmt: skip


def cases():
    """The table with both signals, long and mirrored, and the short rows."""
    options = {"pyramiding": 3}
    rows = [row if row.enter is not None else replace(row, enter=(0, 1)) for row in ROWS]
    shorts = [replace(row, enter=(0, 1)) for row in SHORTS]
    return params(rows, prices=LEVELS, options=options) + params(shorts, options=options)


@pytest.mark.parametrize("row", cases())
def test_brackets(row):
    check(row)
