"""Truth tables of entry orders: every order type × every shape of its bar (F1–F5).

Bar 0 is quiet at 100 and its close makes the order; the bars listed follow. Every entry has a
stop at 90 and a target at 110 and buys one share. See `truth` for the notation and the mirror.
"""

import pytest

from tests.engine.truth import QUIET, Row, by_rule, check, params

CHILDREN = {"stop": 90.0, "target": 110.0}

MARKET = [
    Row("gap up", "market: bought at the open above, whatever the last close was",
        [(104, 106, 103, 105)], "1 open 104 signal"),
    Row("gap down", "market: bought at the open below",
        [(96, 97, 95, 96)], "1 open 96 signal"),
    Row("opens beyond stop", "market: in and out at an open below the stop (F5)",
        [(88, 93, 87, 92)], "1 open 88 signal; 1 open 88 stop"),
    Row("opens beyond target", "market: in and out at an open above the target",
        [(112, 115, 108, 110)], "1 open 112 signal; 1 open 112 target"),
    Row("touches one", "market: the stop lives in the rest of the entry bar",
        [(100, 104, 89, 95)], "1 open 100 signal; 1 inside 90 stop"),
    Row("touches one", "market: so does the target",
        [(100, 111, 99, 105)], "1 open 100 signal; 1 inside 110 target"),
    # 12 up, 11 down: the low is nearer, so `ohlc` meets the stop first.
    Row("touches both", "market: stop and target in the entry bar, low first",
        [(100, 112, 89, 100)],
        by_rule("1 open 100 signal; 1 inside 90 stop?",
                "1 open 100 signal; 1 inside 110 target?",
                "1 open 100 signal; 1 inside 90 stop?")),
    # 11 up, 12 down: high first.
    Row("touches both", "market: stop and target in the entry bar, high first",
        [(100, 111, 88, 100)],
        by_rule("1 open 100 signal; 1 inside 90 stop?",
                "1 open 100 signal; 1 inside 110 target?",
                "1 open 100 signal; 1 inside 110 target?")),
    Row("touches exactly", "market: a low of exactly the stop is a touch",
        [(100, 105, 90, 95)], "1 open 100 signal; 1 inside 90 stop"),
    Row("touches exactly", "market: a high of exactly the target fills it (no ticks through)",
        [(100, 110, 95, 100)], "1 open 100 signal; 1 inside 110 target"),
    Row("doji", "market: bought at a bar of one price", [QUIET], "1 open 100 signal"),
    Row("limit-locked", "market: locked up between the levels, bought at the only price",
        [(108, 108, 108, 108)], "1 open 108 signal"),
    Row("limit-locked", "market: locked up at the target, in and out at that price",
        [(110, 110, 110, 110)], "1 open 110 signal; 1 open 110 target"),
    Row("limit-locked", "market: locked down at the stop, in and out at that price",
        [(90, 90, 90, 90)], "1 open 90 signal; 1 open 90 stop"),
    Row("zero volume", "market: without a volume cap a bar without volume fills like any other",
        [(100, 104, 89, 95)], "1 open 100 signal; 1 inside 90 stop", options={"volume": 0.0}),
    Row("missing bar", "market: waits for the symbol's own next bar (F13)",
        [None, (103, 104, 102, 103)], "2 open 103 signal"),
    Row("first bar", "market: the range of the signal's own bar is past (F1)",
        [QUIET], "1 open 100 signal", first=(100, 115, 85, 100)),
    Row("last bar", "market: ordered at the last close, never filled (F1)",
        [QUIET], "", enter=(1,)),
    Row("last bar", "market: ordered at the close before, filled at the last open",
        [QUIET, (101, 102, 100, 101)], "2 open 101 signal", enter=(1,)),
    Row("entry bar", "market: a close beyond the stop is no more than a touch of it",
        [(100, 101, 88, 88)], "1 open 100 signal; 1 inside 90 stop"),
]  # fmt: skip

LIMIT = [
    Row("gap up", "limit 95: left behind by a gap up", [(104, 106, 103, 105)], ""),
    Row("gap down", "limit 95: a gap below it fills at the open, the better price (F3)",
        [(93, 97, 92, 96)], "1 open 93 limit"),
    Row("opens beyond stop", "limit 95: in and out at an open below limit and stop",
        [(88, 93, 87, 92)], "1 open 88 limit; 1 open 88 stop"),
    Row("opens beyond target", "limit 95: opens above the target and never comes down",
        [(112, 114, 96, 100)], ""),
    # Filled on the way down. The high of 114 came before (2 up < 18 down: high first) or after:
    # only the optimist sells at 110; the others count the position that he closes.
    Row("opens beyond target", "limit 95: the high may have come before the fill",
        [(112, 114, 94, 100)],
        by_rule("1 inside 95 limit",
                "1 inside 95 limit; 1 inside 110 target?",
                "1 inside 95 limit"),
        count=1),
    Row("opens beyond target", "limit 95: a close above the target came after the fill",
        [(112, 114, 94, 111)], "1 inside 95 limit; 1 inside 110 target"),
    Row("touches one", "limit 95: a low below it fills at 95", [(100, 104, 94, 99)],
        "1 inside 95 limit"),
    Row("touches one", "limit 95: a low below the stop certainly comes after the fill (F4)",
        [(100, 104, 89, 99)], "1 inside 95 limit; 1 inside 90 stop"),
    # 11 up > 6 down: low first, so `ohlc` fills and then reaches the high.
    Row("touches one", "limit 95: a high above the target may have come before the fill",
        [(100, 111, 94, 105)],
        by_rule("1 inside 95 limit",
                "1 inside 95 limit; 1 inside 110 target?",
                "1 inside 95 limit; 1 inside 110 target?"),
        count=1),
    # 12 up > 11 down: low first; the low passes 95 and then 90.
    Row("touches both", "limit 95: the stop is certain, the target only the optimist's",
        [(100, 112, 89, 100)],
        by_rule("1 inside 95 limit; 1 inside 90 stop?",
                "1 inside 95 limit; 1 inside 110 target?",
                "1 inside 95 limit; 1 inside 90 stop?")),
    # 11 up < 12 down: high first, before the fill.
    Row("touches both", "limit 95: the same with the high first",
        [(100, 111, 88, 100)],
        by_rule("1 inside 95 limit; 1 inside 90 stop?",
                "1 inside 95 limit; 1 inside 110 target?",
                "1 inside 95 limit; 1 inside 90 stop?")),
    Row("touches exactly", "limit 95: a low of exactly 95 fills", [(100, 104, 95, 99)],
        "1 inside 95 limit"),
    Row("touches exactly", "limit 95: an open of exactly 95 fills at the open",
        [(95, 99, 94, 98)], "1 open 95 limit"),
    Row("touches exactly", "limit 95: a low of exactly the stop is a touch of both",
        [(100, 104, 90, 99)], "1 inside 95 limit; 1 inside 90 stop"),
    Row("touches exactly", "limit 95: one tick through is asked for, so 95 is not enough (F3)",
        [(100, 104, 95, 99)], "",
        options={"execution__tick": 1.0, "execution__limit_ticks_through": 1}),
    Row("touches exactly", "limit 95: one tick through, and 94 is reached",
        [(100, 104, 94, 99)], "1 inside 95 limit",
        options={"execution__tick": 1.0, "execution__limit_ticks_through": 1}),
    Row("touches exactly", "limit 95: at the open no ticks through are asked for",
        [(95, 99, 95, 98)], "1 open 95 limit",
        options={"execution__tick": 1.0, "execution__limit_ticks_through": 1}),
    Row("doji", "limit 95: a bar of one price above it", [QUIET], ""),
    Row("doji", "limit 95: a bar of that one price", [(95, 95, 95, 95)], "1 open 95 limit"),
    Row("limit-locked", "limit 95: locked up, nothing", [(110, 110, 110, 110)], ""),
    Row("limit-locked", "limit 95: locked down at the stop, in and out at that price",
        [(90, 90, 90, 90)], "1 open 90 limit; 1 open 90 stop"),
    Row("zero volume", "limit 95: without a volume cap a bar without volume fills",
        [(100, 104, 94, 99)], "1 inside 95 limit", options={"volume": 0.0}),
    Row("missing bar", "limit 95: waits for the symbol's own next bar",
        [None, (100, 104, 94, 99)], "2 inside 95 limit"),
    Row("first bar", "limit 95: the signal's own bar reached it before the order was made",
        [QUIET], "", first=(100, 104, 94, 100)),
    Row("last bar", "limit 95: ordered at the last close, never filled", [QUIET], "", enter=(1,)),
    Row("last bar", "limit 95: reached in the last bar", [QUIET, (100, 104, 94, 99)],
        "2 inside 95 limit"),
    Row("entry bar", "limit 95: a close below the stop certainly came after",
        [(100, 104, 88, 89)], "1 inside 95 limit; 1 inside 90 stop"),
    Row("entry bar", "limit 89: filled beyond its stop, out at that price (F4)",
        [(100, 104, 88, 95)], "1 inside 89 limit; 1 inside 89 stop", prices={"limit": 89.0}),
]  # fmt: skip

STOP = [
    Row("gap up", "stop 105: a gap above it fills at the open, the worse price (F3)",
        [(107, 109, 106, 108)], "1 open 107 signal"),
    Row("gap down", "stop 105: left behind by a gap down", [(96, 98, 95, 97)], ""),
    Row("opens beyond stop", "stop 105: opens below the stop and stays below",
        [(88, 92, 87, 91)], ""),
    # 18 up > 1 down: low first, so in `ohlc` the low of 87 precedes the fill.
    Row("opens beyond stop", "stop 105: the low may have come before the fill",
        [(88, 106, 87, 100)],
        by_rule("1 inside 105 signal; 1 inside 90 stop?",
                "1 inside 105 signal",
                "1 inside 105 signal"),
        count=1),
    Row("opens beyond target", "stop 105: in and out at an open above stop and target",
        [(112, 114, 108, 111)], "1 open 112 signal; 1 open 112 target"),
    Row("touches one", "stop 105: a high above it fills at 105", [(100, 106, 99, 104)],
        "1 inside 105 signal"),
    Row("touches one", "stop 105: a high above the target certainly comes after the fill (F4)",
        [(100, 111, 99, 104)], "1 inside 105 signal; 1 inside 110 target"),
    # 6 up < 11 down: high first, so `ohlc` fills and then reaches the low.
    Row("touches one", "stop 105: a low below the stop may have come before the fill",
        [(100, 106, 89, 95)],
        by_rule("1 inside 105 signal; 1 inside 90 stop?",
                "1 inside 105 signal",
                "1 inside 105 signal; 1 inside 90 stop?"),
        count=1),
    # 12 up > 11 down: low first, then up through 105 and 110.
    Row("touches both", "stop 105: the target is certain, the stop only the pessimist's",
        [(100, 112, 89, 100)],
        by_rule("1 inside 105 signal; 1 inside 90 stop?",
                "1 inside 105 signal; 1 inside 110 target?",
                "1 inside 105 signal; 1 inside 110 target?")),
    # 11 up < 12 down: high first, up through 105 and 110, flat before the low.
    Row("touches both", "stop 105: the same with the high first",
        [(100, 111, 88, 100)],
        by_rule("1 inside 105 signal; 1 inside 90 stop?",
                "1 inside 105 signal; 1 inside 110 target?",
                "1 inside 105 signal; 1 inside 110 target?")),
    Row("touches exactly", "stop 105: a high of exactly 105 fills", [(100, 105, 99, 103)],
        "1 inside 105 signal"),
    Row("touches exactly", "stop 105: an open of exactly 105 fills at the open",
        [(105, 109, 104, 108)], "1 open 105 signal"),
    Row("touches exactly", "stop 105: ticks through are asked of limits only",
        [(100, 105, 99, 103)], "1 inside 105 signal",
        options={"execution__tick": 1.0, "execution__limit_ticks_through": 1}),
    Row("doji", "stop 105: a bar of one price below it", [QUIET], ""),
    Row("doji", "stop 105: a bar of that one price", [(105, 105, 105, 105)],
        "1 open 105 signal"),
    Row("limit-locked", "stop 105: locked up at the target, in and out at that price",
        [(110, 110, 110, 110)], "1 open 110 signal; 1 open 110 target"),
    Row("limit-locked", "stop 105: locked down, nothing", [(90, 90, 90, 90)], ""),
    Row("zero volume", "stop 105: without a volume cap a bar without volume fills",
        [(100, 106, 99, 104)], "1 inside 105 signal", options={"volume": 0.0}),
    Row("missing bar", "stop 105: waits for the symbol's own next bar",
        [None, (100, 106, 99, 104)], "2 inside 105 signal"),
    Row("first bar", "stop 105: the signal's own bar reached it before the order was made",
        [QUIET], "", first=(100, 106, 99, 100)),
    Row("last bar", "stop 105: ordered at the last close, never filled", [QUIET], "", enter=(1,)),
    Row("last bar", "stop 105: reached in the last bar", [QUIET, (100, 106, 99, 104)],
        "2 inside 105 signal"),
    Row("entry bar", "stop 105: a close below the stop certainly came after (F4)",
        [(100, 106, 88, 89)], "1 inside 105 signal; 1 inside 90 stop"),
    Row("entry bar", "stop 111: filled beyond its target, out at that price",
        [(100, 112, 99, 105)], "1 inside 111 signal; 1 inside 111 target",
        prices={"trigger": 111.0}),
]  # fmt: skip

STOP_LIMIT = [
    Row("gap up", "stop 105 limit 106: triggered at an open between the two, filled there",
        [(105.5, 109, 105, 107)], "1 open 105.5 limit"),
    Row("gap up", "stop 105 limit 106: triggered at an open above, the bar comes back to 106",
        [(108, 109, 105.5, 107)], "1 inside 106 limit"),
    Row("gap up", "stop 105 limit 106: triggered at an open above, touched in a later bar",
        [(108, 109, 107, 108), (107, 108, 105.5, 106)], "2 inside 106 limit"),
    Row("gap down", "stop 105 limit 106: left behind", [(96, 98, 95, 97)], ""),
    # As a stop inside the bar: 105 ≤ 106 fills at 105; low first, so the low is the pessimist's.
    Row("opens beyond stop", "stop 105 limit 106: the low may have come before the fill",
        [(88, 106, 87, 100)],
        by_rule("1 inside 105 limit; 1 inside 90 stop?",
                "1 inside 105 limit",
                "1 inside 105 limit"),
        count=1),
    Row("opens beyond target", "stop 105 limit 106: back to 106, and the close is beyond 110",
        [(112, 114, 104, 111)], "1 inside 106 limit; 1 inside 110 target"),
    Row("opens beyond target", "stop 105 limit 106: triggered above, never back",
        [(112, 114, 107, 111)], ""),
    Row("touches one", "stop 105 limit 106: triggered inside, filled at 105 (F3)",
        [(100, 105.5, 99, 104)], "1 inside 105 limit"),
    Row("touches both", "stop 105 limit 106: then like a stop: the target is certain",
        [(100, 112, 89, 100)],
        by_rule("1 inside 105 limit; 1 inside 90 stop?",
                "1 inside 105 limit; 1 inside 110 target?",
                "1 inside 105 limit; 1 inside 110 target?")),
    Row("touches exactly", "stop 105 limit 106: a high of exactly 105 triggers",
        [(100, 105, 99, 103)], "1 inside 105 limit"),
    Row("touches exactly", "stop 105 limit 106: a low of exactly 106 after a trigger above",
        [(108, 109, 106, 107)], "1 inside 106 limit"),
    Row("doji", "stop 105 limit 106: one price below", [QUIET], ""),
    Row("doji", "stop 105 limit 106: the one price is the trigger", [(105, 105, 105, 105)],
        "1 open 105 limit"),
    Row("limit-locked", "stop 105 limit 106: locked above the limit it only triggers",
        [(110, 110, 110, 110), (107, 108, 104, 105)], "2 inside 106 limit"),
    Row("limit-locked", "stop 105 limit 106: locked down, nothing", [(90, 90, 90, 90)], ""),
    Row("zero volume", "stop 105 limit 106: without a volume cap a bar without volume fills",
        [(100, 105.5, 99, 104)], "1 inside 105 limit", options={"volume": 0.0}),
    Row("missing bar", "stop 105 limit 106: waits for the symbol's own next bar",
        [None, (100, 105.5, 99, 104)], "2 inside 105 limit"),
    Row("first bar", "stop 105 limit 106: the signal's own bar does not trigger it",
        [(104, 104.5, 99, 100)], "", first=(100, 107, 99, 100)),
    Row("last bar", "stop 105 limit 106: ordered at the last close", [QUIET], "", enter=(1,)),
    Row("last bar", "stop 105 limit 106: triggered in the last bar above its limit",
        [(108, 109, 107, 108)], ""),
    Row("entry bar", "stop 105 limit 106: a close below the stop certainly came after",
        [(100, 106, 88, 89)], "1 inside 105 limit; 1 inside 90 stop"),
    # Triggered inside at 105 > 104: only in a later bar, and then as a limit.
    Row("entry bar", "stop 105 limit 104: triggered inside, filled at a later open",
        [(100, 106, 99, 103), (103, 105, 102, 104)], "2 open 103 limit",
        prices={"limit": 104.0}),
    Row("entry bar", "stop 105 limit 104: triggered inside, touched inside a later bar",
        [(100, 106, 99, 105), (105, 106, 103, 105)], "2 inside 104 limit",
        prices={"limit": 104.0}),
]  # fmt: skip

ON_CLOSE = [
    Row("gap up", "on close: bought at the close of the next bar", [(104, 106, 103, 105)],
        "1 close 105 signal"),
    Row("gap down", "on close: whatever the open was", [(96, 97, 95, 96.5)],
        "1 close 96.5 signal"),
    Row("opens beyond stop", "on close: the open came before the position",
        [(88, 95, 87, 94)], "1 close 94 signal"),
    Row("opens beyond stop", "on close: bought beyond its stop, out at the next open there",
        [(95, 96, 87, 88), (89, 92, 88, 91)], "1 close 88 signal; 2 open 89 stop"),
    Row("opens beyond target", "on close: the open came before the position",
        [(112, 114, 104, 106)], "1 close 106 signal"),
    Row("touches one", "on close: the bar of an entry at its close does not count (F1)",
        [(100, 104, 89, 95)], "1 close 95 signal"),
    Row("touches both", "on close: nor for both levels, so nothing is ambiguous",
        [(100, 112, 89, 100)], "1 close 100 signal"),
    Row("touches exactly", "on close: nor does a touch to the tick",
        [(100, 110, 90, 100)], "1 close 100 signal"),
    Row("doji", "on close: one price", [QUIET], "1 close 100 signal"),
    Row("limit-locked", "on close: locked at the target, out at the next open",
        [(110, 110, 110, 110), (110, 110, 110, 110)], "1 close 110 signal; 2 open 110 target"),
    Row("zero volume", "on close: without a volume cap a bar without volume fills",
        [(100, 104, 96, 98)], "1 close 98 signal", options={"volume": 0.0}),
    Row("missing bar", "on close: the close of the symbol's own next bar",
        [None, (103, 104, 102, 103.5)], "2 close 103.5 signal"),
    Row("first bar", "on close: never the close of the signal itself", [(101, 103, 100, 102)],
        "1 close 102 signal", first=(100, 115, 85, 99)),
    Row("last bar", "on close: ordered at the last close, never filled", [QUIET], "",
        enter=(1,)),
    Row("last bar", "on close: ordered at the close before, filled at the last close",
        [QUIET, (101, 102, 100, 101.5)], "2 close 101.5 signal", enter=(1,)),
    Row("entry bar", "on close: its stop lives from the next bar",
        [(100, 104, 89, 95), (95, 96, 89, 92)], "1 close 95 signal; 2 inside 90 stop"),
]  # fmt: skip

# The order is made and filled at close 1: bar 1 has the shape.
THIS_CLOSE = [
    Row("gap up", "this close: filled at the close of the signal", [(104, 106, 103, 105)],
        "1 close 105 signal"),
    Row("gap down", "this close: filled at a lower close", [(96, 97, 95, 96.5)],
        "1 close 96.5 signal"),
    Row("opens beyond stop", "this close: the open came before", [(88, 95, 87, 94)],
        "1 close 94 signal"),
    Row("opens beyond target", "this close: the open came before", [(112, 114, 104, 106)],
        "1 close 106 signal"),
    Row("touches one", "this close: its bar does not count for the stop",
        [(100, 104, 89, 95)], "1 close 95 signal"),
    Row("touches both", "this close: nor for both", [(100, 112, 89, 100)],
        "1 close 100 signal"),
    Row("touches exactly", "this close: nor to the tick", [(100, 110, 90, 100)],
        "1 close 100 signal"),
    Row("doji", "this close: one price", [QUIET], "1 close 100 signal"),
    Row("limit-locked", "this close: locked at the stop, out at the next open",
        [(90, 90, 90, 90), (90, 90, 90, 90)], "1 close 90 signal; 2 open 90 stop"),
    Row("zero volume", "this close: without a volume cap a bar without volume fills",
        [(100, 104, 96, 98)], "1 close 98 signal", options={"volume": 0.0}),
    Row("missing bar", "this close: no bar, no signal, no order", [None, QUIET], ""),
    Row("first bar", "this close: the very first close can fill", [QUIET],
        "0 close 99 signal", first=(100, 101, 98, 99), enter=(0,)),
    Row("last bar", "this close: so can the last", [QUIET, (101, 102, 100, 101.5)],
        "2 close 101.5 signal", enter=(2,)),
    Row("entry bar", "this close: its stop lives from the next bar",
        [(100, 104, 89, 95), (95, 96, 89, 92)], "1 close 95 signal; 2 inside 90 stop"),
]  # fmt: skip

# Derived by hand on the short side: they test the mirror as much as the engine.
SHORTS = [
    Row("gap up", "a sell limit at 105 under a gap up sells at the open, the better price",
        [(107, 108, 103, 104)], "1 open 107 limit", side="short", prices={"limit": 105.0}),
    Row("gap down", "a sell stop at 95 over a gap down sells at the open, the worse price",
        [(93, 94, 91, 92)], "1 open 93 signal", side="short", prices={"trigger": 95.0}),
    Row("opens beyond stop", "a short sold at an open above its stop buys back at that open",
        [(112, 113, 107, 108)], "1 open 112 signal; 1 open 112 stop", side="short"),
    Row("touches one", "a high above the stop certainly comes after a sell limit",
        [(100, 111, 96, 101)], "1 inside 105 limit; 1 inside 110 stop",
        side="short", prices={"limit": 105.0}),
    # 12 up > 11 down: low first, and a short's target lies below.
    Row("touches both", "low first meets the target of a short",
        [(100, 112, 89, 100)],
        by_rule("1 open 100 signal; 1 inside 110 stop?",
                "1 open 100 signal; 1 inside 90 target?",
                "1 open 100 signal; 1 inside 90 target?"),
        side="short"),
    # 10 = 10, a tie is low first: the target of a short.
    Row("touches exactly", "a tie is low first",
        [(100, 110, 90, 100)],
        by_rule("1 open 100 signal; 1 inside 110 stop?",
                "1 open 100 signal; 1 inside 90 target?",
                "1 open 100 signal; 1 inside 90 target?"),
        side="short", is_mirrored=False),
    Row("gap down", "a sell stop at 95 with a limit at 94 triggered below waits for 94",
        [(92, 94.5, 91, 93)], "1 inside 94 limit", side="short",
        prices={"trigger": 95.0, "limit": 94.0}),
]  # fmt: skip

# And long, where the mirror image would have to break the tie the other way.
TIES = [
    Row("touches both", "a tie is low first: the stop of a long",
        [(100, 110, 90, 100)],
        by_rule("1 open 100 signal; 1 inside 90 stop?",
                "1 open 100 signal; 1 inside 110 target?",
                "1 open 100 signal; 1 inside 90 stop?"),
        is_mirrored=False),
]  # fmt: skip

ON_CLOSE_OPTIONS = {"execution__fill": "next_close"}
THIS_CLOSE_OPTIONS = {"execution__fill": "this_close"}
TABLES = {
    "market": (MARKET, {}, {}),
    "limit": (LIMIT, {"limit": 95.0}, {}),
    "stop": (STOP, {"trigger": 105.0}, {}),
    "stop-limit": (STOP_LIMIT, {"trigger": 105.0, "limit": 106.0}, {}),
    "on close": (ON_CLOSE, {}, ON_CLOSE_OPTIONS),
    "this close": (THIS_CLOSE, {}, THIS_CLOSE_OPTIONS),
}
SHAPES = {
    "gap up", "gap down", "opens beyond stop", "opens beyond target", "touches one",
    "touches both", "touches exactly", "doji", "limit-locked", "zero volume", "missing bar",
    "first bar", "last bar", "entry bar",
}  # fmt: skip


def cases():
    """Every table, long and mirrored, then the rows derived by hand on one side only."""
    found = []
    for kind, (rows, prices, options) in TABLES.items():
        signal_bar = {"enter": (1,)} if kind == "this close" else {}
        found += params(rows, prices={**CHILDREN, **prices}, options=options, **signal_bar)
    found += params(SHORTS, prices={"stop": 110.0, "target": 90.0})
    return found + params(TIES, prices=CHILDREN)


@pytest.mark.parametrize("row", cases())
def test_entry_order(row):
    check(row)


@pytest.mark.parametrize("kind", TABLES)
def test_every_order_type_meets_every_shape(kind):
    rows, _, _ = TABLES[kind]

    assert {row.shape for row in rows} == SHAPES
