"""Truth tables of exits: stop, target, bracket, trails and market exits × every shape (F3–F5).

A market order of close 0 buys one share at the open of bar 1, which is quiet at 100 unless the
row says otherwise (`entry bar`); bar 2 has the shape. So each row's fills begin with the entry,
which `held` writes. See `truth` for the notation and the mirror.
"""

from dataclasses import replace

import pytest

from tests.engine.test_truth_entries import SHAPES
from tests.engine.truth import QUIET, Row, by_rule, check, params

ENTRY = "1 open 100 signal; "


def held(shape, name, bars, exits, **more):
    """Return the row of a share bought at open 1, and what happens to it from bar 2 on."""
    fills = (
        ENTRY + exits if isinstance(exits, str) else {p: ENTRY + text for p, text in exits.items()}
    )
    return Row(shape, name, [QUIET, *bars], fills, **more)


def entry_bar(name, bar, exits, **more):
    """Return the row of a share bought at the open of `bar` itself."""
    row = held("entry bar", name, [], exits, **more)
    return replace(row, bars=[bar])


STOP = [
    held("gap up", "stop 95: a gap away from it", [(104, 106, 103, 105)], ""),
    held("gap down", "stop 95: a gap down that stays above it", [(97, 98, 96, 97)], ""),
    held("opens beyond stop", "stop 95: an open below it is the price (F3)",
         [(93, 99, 92, 98)], "2 open 93 stop"),
    held("touches one", "stop 95: a low below it sells at 95", [(100, 104, 94, 99)],
         "2 inside 95 stop"),
    held("touches one", "stop 95: a low just above it does not", [(100, 104, 95.01, 99)], ""),
    held("touches exactly", "stop 95: a low of exactly 95 does", [(100, 104, 95, 99)],
         "2 inside 95 stop"),
    held("touches exactly", "stop 95: an open of exactly 95 is the open", [(95, 99, 94, 98)],
         "2 open 95 stop"),
    held("doji", "stop 95: one price above it", [QUIET], ""),
    held("doji", "stop 95: the one price is the stop", [(95, 95, 95, 95)], "2 open 95 stop"),
    held("limit-locked", "stop 95: locked below it, sold at the only price",
         [(90, 90, 90, 90)], "2 open 90 stop"),
    held("zero volume", "stop 95: without a volume cap a bar without volume fills",
         [(100, 104, 94, 99)], "2 inside 95 stop", options={"volume": 0.0}),
    held("missing bar", "stop 95: never on a stale bar, but in the next own one (F13)",
         [None, (100, 104, 94, 99)], "3 inside 95 stop"),
    held("first bar", "stop 95: the range before the entry does not count", [QUIET], "",
         first=(100, 106, 94, 100)),
    held("last bar", "stop 95: touched in the last bar", [(100, 104, 94, 99)],
         "2 inside 95 stop"),
    held("last bar", "stop 95: not touched until the end, open and marked (F15)", [QUIET], ""),
    entry_bar("stop 95: lives in the rest of the entry bar (F5)", (100, 101, 94, 99),
              "1 inside 95 stop"),
]  # fmt: skip

TARGET = [
    held("gap up", "target 105: a gap up that stays below it", [(103, 104, 102, 103)], ""),
    held("gap down", "target 105: a gap away from it", [(96, 97, 94, 95)], ""),
    held("opens beyond target", "target 105: an open above it is the price, even if it falls",
         [(106, 107, 94, 96)], "2 open 106 target"),
    held("touches one", "target 105: a high above it sells at 105", [(100, 106, 99, 103)],
         "2 inside 105 target"),
    held("touches exactly", "target 105: a high of exactly 105 does", [(100, 105, 99, 103)],
         "2 inside 105 target"),
    held("touches exactly", "target 105: a target is a limit: with one tick through it does not",
         [(100, 105, 99, 103)], "",
         options={"execution__tick": 1.0, "execution__limit_ticks_through": 1}),
    held("touches exactly", "target 105: one tick through, and 106 is reached",
         [(100, 106, 99, 103)], "2 inside 105 target",
         options={"execution__tick": 1.0, "execution__limit_ticks_through": 1}),
    held("doji", "target 105: one price below it", [QUIET], ""),
    held("doji", "target 105: the one price is the target", [(105, 105, 105, 105)],
         "2 open 105 target"),
    held("limit-locked", "target 105: locked above it, sold at the only price",
         [(110, 110, 110, 110)], "2 open 110 target"),
    held("zero volume", "target 105: without a volume cap a bar without volume fills",
         [(100, 106, 99, 103)], "2 inside 105 target", options={"volume": 0.0}),
    held("missing bar", "target 105: in the symbol's own next bar",
         [None, (100, 106, 99, 103)], "3 inside 105 target"),
    held("first bar", "target 105: the range before the entry does not count", [QUIET], "",
         first=(100, 106, 94, 100)),
    held("last bar", "target 105: reached in the last bar", [(100, 106, 99, 103)],
         "2 inside 105 target"),
    entry_bar("target 105: lives in the rest of the entry bar", (100, 106, 99, 103),
              "1 inside 105 target"),
]  # fmt: skip

BRACKET = [
    held("gap up", "95 and 105: a gap between the levels", [(103, 104, 102, 103)], ""),
    held("gap down", "95 and 105: a gap between the levels, down", [(97, 98, 96, 97)], ""),
    held("opens beyond stop", "95 and 105: opens below the stop, later reaches the target",
         [(94, 107, 93, 106)], "2 open 94 stop"),
    held("opens beyond target", "95 and 105: opens above the target, later touches the stop (F4)",
         [(106, 107, 90, 92)], "2 open 106 target"),
    held("touches one", "95 and 105: only the stop", [(100, 104, 94, 98)], "2 inside 95 stop"),
    held("touches one", "95 and 105: only the target", [(100, 106, 96, 103)],
         "2 inside 105 target"),
    # 6 up < 7 down: high first.
    held("touches both", "95 and 105: both, high first", [(100, 106, 93, 100)],
         by_rule("2 inside 95 stop?", "2 inside 105 target?", "2 inside 105 target?")),
    # 7 up > 6 down: low first.
    held("touches both", "95 and 105: both, low first", [(100, 107, 94, 100)],
         by_rule("2 inside 95 stop?", "2 inside 105 target?", "2 inside 95 stop?")),
    # Both were held since the open: the close beyond the stop came after, whichever was first.
    held("touches both", "95 and 105: a close below the stop does not say which was first",
         [(100, 106, 93, 94)],
         by_rule("2 inside 95 stop?", "2 inside 105 target?", "2 inside 105 target?")),
    # 5 up < 6 down: high first.
    held("touches exactly", "95 and 105: a high of exactly the target is one of both",
         [(100, 105, 94, 100)],
         by_rule("2 inside 95 stop?", "2 inside 105 target?", "2 inside 105 target?")),
    held("touches exactly", "95 and 105: with a tick through only the stop is reached",
         [(100, 105, 94, 100)], "2 inside 95 stop",
         options={"execution__tick": 1.0, "execution__limit_ticks_through": 1}),
    held("doji", "95 and 105: one price between them", [QUIET], ""),
    held("limit-locked", "95 and 105: locked up", [(110, 110, 110, 110)], "2 open 110 target"),
    held("limit-locked", "95 and 105: locked down", [(90, 90, 90, 90)], "2 open 90 stop"),
    held("zero volume", "95 and 105: both in a bar without volume, high first",
         [(100, 106, 93, 100)],
         by_rule("2 inside 95 stop?", "2 inside 105 target?", "2 inside 105 target?"),
         options={"volume": 0.0}),
    held("missing bar", "95 and 105: both in the symbol's next own bar, low first",
         [None, (100, 107, 94, 100)],
         by_rule("3 inside 95 stop?", "3 inside 105 target?", "3 inside 95 stop?")),
    held("first bar", "95 and 105: the range before the entry does not count", [QUIET], "",
         first=(100, 106, 94, 100)),
    held("last bar", "95 and 105: both in the last bar, high first", [(100, 106, 93, 100)],
         by_rule("2 inside 95 stop?", "2 inside 105 target?", "2 inside 105 target?")),
    entry_bar("95 and 105: both in the entry bar, low first", (100, 107, 94, 100),
              by_rule("1 inside 95 stop?", "1 inside 105 target?", "1 inside 95 stop?")),
    # One cancels the other at once: the target of bar 3 has nothing left to sell.
    held("touches one", "95 and 105: after the stop the target is gone (F5)",
         [(100, 104, 94, 98), (98, 107, 97, 106)], "2 inside 95 stop"),
]  # fmt: skip

# A distance of 4: 96 at the entry; after each completed bar the highest high less 4, if higher.
TRAIL = [
    held("gap up", "trail 4: bar 2 ends at 106 − 4 = 102, which bar 3 touches",
         [(104, 106, 103, 105), (103, 104, 101, 102)], "3 inside 102 trail"),
    held("gap down", "trail 4: a gap down that stays above 96", [(98, 99, 97, 98)], ""),
    held("opens beyond stop", "trail 4: an open below 96 is the price", [(95, 97, 94, 96)],
         "2 open 95 trail"),
    held("touches one", "trail 4: never this bar's high (104 − 4) with this bar's low",
         [(100, 104, 95, 99)], "2 inside 96 trail"),
    held("touches one", "trail 4: the level never falls",
         [(104, 106, 103, 105), (103, 104, 102.5, 103), (103, 103, 101, 102)],
         "4 inside 102 trail"),
    held("touches exactly", "trail 4: a low of exactly 96", [(100, 101, 96, 99)],
         "2 inside 96 trail"),
    held("doji", "trail 4: one price above", [QUIET], ""),
    held("doji", "trail 4: the one price is the level", [(96, 96, 96, 96)], "2 open 96 trail"),
    held("limit-locked", "trail 4: locked below it", [(90, 90, 90, 90)], "2 open 90 trail"),
    held("zero volume", "trail 4: without a volume cap a bar without volume fills",
         [(100, 101, 95, 99)], "2 inside 96 trail", options={"volume": 0.0}),
    held("missing bar", "trail 4: stands still while there is no bar",
         [None, (100, 101, 95, 99)], "3 inside 96 trail"),
    held("first bar", "trail 4: a high before the entry does not lift it",
         [(100, 101, 97, 99)], "", first=(100, 112, 99, 100)),
    held("last bar", "trail 4: touched in the last bar", [(100, 101, 95, 99)],
         "2 inside 96 trail"),
    entry_bar("trail 4: works in the entry bar from the entry price", (100, 103, 95, 99),
              "1 inside 96 trail"),
    replace(
        held("entry bar", "trail 4: an entry bar at the open counts with its high, 110 − 4",
             [], "2 inside 106 trail"),
        bars=[(100, 110, 99, 108), (107, 108, 105.5, 107)]),
    # 6 up > 5 down: low first.
    held("touches both", "trail 4 with a target at 105: both, low first", [(100, 106, 95, 100)],
         by_rule("2 inside 96 trail?", "2 inside 105 target?", "2 inside 96 trail?"),
         prices={"target": 105.0}),
    held("opens beyond target", "trail 4 with a target at 105: opens beyond the target",
         [(107, 108, 95, 96)], "2 open 107 target", prices={"target": 105.0}),
    held("touches one", "trail 4 with a stop at 97: the tighter works", [(100, 101, 95, 99)],
         "2 inside 97 stop", prices={"stop": 97.0}),
    held("touches one", "trail 4 with a stop at 96: a tie is the stop", [(100, 101, 95, 99)],
         "2 inside 96 stop", prices={"stop": 96.0}),
    held("touches one", "trail 4 with a stop at 96: the trail has overtaken it after bar 2",
         [(104, 106, 103, 105), (103, 104, 101, 102)], "3 inside 102 trail",
         prices={"stop": 96.0}),
]  # fmt: skip

# The distance is fixed at the signal: 4 there, other values later count for later entries only.
ATR_TRAIL = [
    replace(row, name=row.name.replace("trail 4", "trail 4 at the signal, then 1, then 50"),
            prices={**row.prices, "trail": [4.0, 1.0, 50.0]})
    for row in TRAIL
]  # fmt: skip

# A fifth: 80 at the entry; after a high of 125 it is 100. The mirror p → 200 − p does not keep
# percentages, p → 10000/p does: a short trails by 25 % where a long trails by 20 %.
PERCENT_TRAIL = [
    held("gap up", "trail 20 %: bar 2 ends at 125 · 0.8 = 100, which bar 3 touches",
         [(110, 125, 105, 120), (112, 115, 99, 105)], "3 inside 100 trail"),
    held("gap down", "trail 20 %: a gap down that stays above 80", [(90, 92, 85, 90)], ""),
    held("opens beyond stop", "trail 20 %: an open below 80 is the price", [(75, 82, 70, 80)],
         "2 open 75 trail"),
    held("touches one", "trail 20 %: never this bar's high (130 · 0.8) with this bar's low",
         [(100, 130, 78, 99)], "2 inside 80 trail"),
    held("touches exactly", "trail 20 %: a low of exactly 80", [(100, 101, 80, 90)],
         "2 inside 80 trail"),
    held("doji", "trail 20 %: one price above", [QUIET], ""),
    held("doji", "trail 20 %: the one price is the level", [(80, 80, 80, 80)],
         "2 open 80 trail"),
    held("limit-locked", "trail 20 %: locked below it", [(64, 64, 64, 64)], "2 open 64 trail"),
    held("zero volume", "trail 20 %: without a volume cap a bar without volume fills",
         [(100, 101, 79, 99)], "2 inside 80 trail", options={"volume": 0.0}),
    held("missing bar", "trail 20 %: stands still while there is no bar",
         [None, (100, 101, 79, 99)], "3 inside 80 trail"),
    held("first bar", "trail 20 %: a high before the entry does not lift it",
         [(100, 101, 81, 99)], "", first=(100, 140, 99, 100)),
    held("last bar", "trail 20 %: touched in the last bar", [(100, 101, 79, 99)],
         "2 inside 80 trail"),
    entry_bar("trail 20 %: works in the entry bar from the entry price", (100, 103, 79, 99),
              "1 inside 80 trail"),
]  # fmt: skip

# Ordered at close 1, out at the open of bar 2; stop at 95, target at 105.
EXIT_ON_OPEN = [
    held("gap up", "exit on open: sold at the open", [(103, 104, 102, 103)], "2 open 103 signal"),
    held("gap down", "exit on open: sold at a lower open", [(97, 98, 96, 97)],
         "2 open 97 signal"),
    held("opens beyond stop", "exit on open: the stop precedes it and gives the reason (F2)",
         [(94, 107, 93, 106)], "2 open 94 stop"),
    held("opens beyond target", "exit on open: so does the target", [(106, 107, 90, 92)],
         "2 open 106 target"),
    held("touches one", "exit on open: out before the bar moves", [(100, 104, 94, 98)],
         "2 open 100 signal"),
    held("touches both", "exit on open: so nothing is ambiguous", [(100, 106, 93, 100)],
         "2 open 100 signal"),
    held("touches exactly", "exit on open: an open of exactly the stop is the stop's",
         [(95, 99, 94, 98)], "2 open 95 stop"),
    held("doji", "exit on open: one price", [QUIET], "2 open 100 signal"),
    held("limit-locked", "exit on open: locked between the levels, sold at the only price",
         [(96, 96, 96, 96)], "2 open 96 signal"),
    held("zero volume", "exit on open: without a volume cap a bar without volume fills",
         [(100, 104, 94, 98)], "2 open 100 signal", options={"volume": 0.0}),
    held("missing bar", "exit on open: waits for the symbol's next own open",
         [None, (97, 98, 96, 97)], "3 open 97 signal"),
    held("first bar", "exit on open: an exit while flat is no order", [QUIET], "", leave=(0,)),
    held("last bar", "exit on open: ordered at the last close, never filled", [QUIET], "",
         leave=(2,)),
    entry_bar("exit on open: in the entry bar the stop comes long before it",
              (100, 101, 94, 99), "1 inside 95 stop"),
]  # fmt: skip


def closed(shape, name, bars, exits, **more):
    """Return the row of a share bought at the close of the quiet bar 1."""
    row = held(shape, name, bars, exits, **more)
    fills = {p: text.replace("1 open", "1 close") for p, text in _texts(row).items()}
    return replace(row, fills=fills)


def _texts(row):
    return row.fills if isinstance(row.fills, dict) else by_rule(*[row.fills] * 3)


# Ordered at close 1, where the entry has just filled; out at the close of bar 2.
EXIT_ON_CLOSE = [
    closed("gap up", "exit on close: sold at the close", [(103, 104, 102, 103.5)],
           "2 close 103.5 signal"),
    closed("gap down", "exit on close: whatever the open was", [(97, 98, 96, 97.5)],
           "2 close 97.5 signal"),
    closed("opens beyond stop", "exit on close: the stop has gone first, at the open",
           [(94, 107, 93, 106)], "2 open 94 stop"),
    closed("opens beyond target", "exit on close: so has the target", [(106, 107, 90, 92)],
           "2 open 106 target"),
    closed("touches one", "exit on close: the stop inside the bar precedes it",
           [(100, 104, 94, 98)], "2 inside 95 stop"),
    closed("touches both", "exit on close: both inside the bar, high first",
           [(100, 106, 93, 100)],
           by_rule("2 inside 95 stop?", "2 inside 105 target?", "2 inside 105 target?")),
    closed("touches exactly", "exit on close: a low of exactly the stop",
           [(100, 104, 95, 98)], "2 inside 95 stop"),
    closed("doji", "exit on close: one price", [QUIET], "2 close 100 signal"),
    closed("limit-locked", "exit on close: locked between the levels", [(96, 96, 96, 96)],
           "2 close 96 signal"),
    closed("zero volume", "exit on close: without a volume cap a bar without volume fills",
           [(100, 104, 96, 98)], "2 close 98 signal", options={"volume": 0.0}),
    closed("missing bar", "exit on close: waits for the symbol's next own close",
           [None, (97, 98, 96, 97.5)], "3 close 97.5 signal"),
    closed("first bar", "exit on close: an exit while flat is no order", [QUIET], "",
           leave=(0,)),
    closed("last bar", "exit on close: ordered at the last close, never filled", [QUIET], "",
           leave=(2,)),
    closed("entry bar", "exit on close: the entry's own bar does not count for its stop",
           [QUIET], "2 close 100 signal", first=(100, 106, 90, 100)),
]  # fmt: skip

# Derived by hand on the short side: they test the mirror as much as the engine.
SHORTS = [
    held("opens beyond stop", "a short's stop at 105 under an open of 107",
         [(107, 108, 101, 102)], "2 open 107 stop", side="short", prices={"stop": 105.0}),
    held("touches one", "a short's target at 95, touched by the low", [(100, 101, 94, 99)],
         "2 inside 95 target", side="short", prices={"target": 95.0}),
    # 6 up < 7 down: high first, where a short has its stop.
    held("touches both", "high first meets the stop of a short", [(100, 106, 93, 100)],
         by_rule("2 inside 105 stop?", "2 inside 95 target?", "2 inside 105 stop?"),
         side="short", prices={"stop": 105.0, "target": 95.0}),
    # The lowest low is 94 after bar 2: the level falls from 104 to 98.
    held("gap down", "a short's trail follows the low down", [(96, 97, 94, 95), (97, 99, 96, 98)],
         "3 inside 98 trail", side="short", prices={"trail": 4.0}),
    # After a low of 80 the level is 80 · 1.25 = 100; at the entry it was 125.
    held("gap down", "a short's percent trail follows the low down",
         [(90, 95, 80, 82), (90, 101, 85, 95)], "3 inside 100 trail", side="short",
         prices={"trail": 0.25, "is_trail_fraction": True}, is_mirrored=False),
    held("touches exactly", "a short's percent trail at exactly 125", [(100, 125, 99, 110)],
         "2 inside 125 trail", side="short",
         prices={"trail": 0.25, "is_trail_fraction": True}, is_mirrored=False),
]  # fmt: skip

TABLES = {
    "stop": (STOP, {"prices": {"stop": 95.0}}),
    "target": (TARGET, {"prices": {"target": 105.0}}),
    "bracket": (BRACKET, {"prices": {"stop": 95.0, "target": 105.0}}),
    "trail": (TRAIL, {"prices": {"trail": 4.0}}),
    "ATR trail": (ATR_TRAIL, {}),
    "exit on open": (
        EXIT_ON_OPEN,
        {"prices": {"stop": 95.0, "target": 105.0}, "leave": (1,)},
    ),
    "exit on close": (
        EXIT_ON_CLOSE,
        {
            "prices": {"stop": 95.0, "target": 105.0},
            "leave": (1,),
            "options": {"execution__fill": "next_close"},
        },
    ),
}
# A lone stop has no target to be beyond and no second level to touch, nor has a lone target.
BOTH_ONLY = {"touches both"}
EXCEPT = {
    "stop": {"opens beyond target"} | BOTH_ONLY,
    "target": {"opens beyond stop"} | BOTH_ONLY,
    "percent trail": {"opens beyond target"} | BOTH_ONLY,
}


def reciprocal(row):
    """Return a percent trail's row mirrored by p → 10000/p, a short with a trail of 25 %."""

    def flip(bar):
        if bar is None:
            return None
        open_, high, low, close = (1e4 / price for price in bar)
        return open_, low, high, close

    fills = [text.split() for text in row.fills.split(";") if text.strip()]
    return replace(
        row,
        side="short",
        first=flip(row.first),
        bars=[flip(bar) for bar in row.bars],
        fills="; ".join(f"{b} {phase} {1e4 / float(p)!r} {why}" for b, phase, p, why in fills),
        prices={"trail": 0.25, "is_trail_fraction": True},
    )


def cases():
    """Every table, long and mirrored; percentages by their own mirror; then the short rows."""
    found = []
    for rows, defaults in TABLES.values():
        found += params(rows, **defaults)
    by_percent = {"trail": 0.2, "is_trail_fraction": True}
    percents = [replace(row, prices=by_percent, is_mirrored=False) for row in PERCENT_TRAIL]
    found += params([*percents, *map(reciprocal, percents)])
    return found + params(SHORTS)


@pytest.mark.parametrize("row", cases())
def test_exit(row):
    check(row)


@pytest.mark.parametrize("kind", [*TABLES, "percent trail"])
def test_every_exit_meets_every_shape(kind):
    rows = PERCENT_TRAIL if kind == "percent trail" else TABLES[kind][0]

    assert {row.shape for row in rows} == SHAPES - EXCEPT.get(kind, set())
