"""F4: a stored finer timeframe replaces the path rule."""

from dataclasses import replace

import numpy as np
import pytest

import engine
from engine.errors import InvalidBarsError, InvalidParameterError
from engine.market import build_market
from engine.simulation import simulate
from engine.types import Bars, FillPhase, Reason, SizeKind
from tests.engine import reference
from tests.engine.comparison import first_difference
from tests.engine.random_detail import with_finer_bars
from tests.engine.random_markets import random_case
from tests.engine.scenario import DAY_MS, fills, make_bars, trade
from tests.engine.truth import PATHS, WORKERS

HOUR_MS = 3_600_000
QUIET = (100, 100, 100, 100)
LONG = {"stop": 95.0, "target": 105.0}


def hours(days):
    """Hourly bars, from midnight on, of each day that has any."""
    rows = [(day * DAY_MS + k * HOUR_MS, row) for day in days for k, row in enumerate(days[day])]
    bars = make_bars([row for _, row in rows])
    return replace(bars, time=np.array([stamp for stamp, _ in rows], dtype=np.int64))


def with_hours(days, first=(QUIET, QUIET)):
    """Daily bars that the hours add up to, behind the first ones."""
    rows = list(first)
    for day in sorted(days):
        own = days[day]
        highs, lows = [row[1] for row in own], [row[2] for row in own]
        rows.append((own[0][0], max(highs), min(lows), own[-1][3]))
    return replace(make_bars(rows), detail=hours(days))


def run(bars, path, by, **more):
    options = {"enter_long": {0}, "long": LONG, "execution__detail_timeframe": "1h", **more}
    return trade(bars, path=path, by=by, **options)


# The day opens at 100 and reaches 106 and 94, which alone would leave the order open.
TARGET_FIRST = [(100, 106, 99, 104), (104, 104, 94, 96), (96, 97, 95.5, 96)]
STOP_FIRST = [(100, 101, 94, 96), (96, 106, 96, 105)]
BOTH_IN_ONE = [(100, 102, 99, 100), (100, 106, 93, 97)]  # 6 up < 7 down: high first
GAP_BELOW = [(100, 101, 99, 99), (93, 106, 92, 104)]
GAP_ABOVE = [(100, 101, 99, 100), (107, 108, 90, 92)]


@pytest.mark.parametrize("by", WORKERS.values(), ids=WORKERS)
@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    ("day", "expected"),
    [
        (TARGET_FIRST, (105.0, Reason.TARGET)),
        (STOP_FIRST, (95.0, Reason.STOP)),
        # The open of a finer bar fills what it is beyond, at that open.
        (GAP_BELOW, (93.0, Reason.STOP)),
        (GAP_ABOVE, (107.0, Reason.TARGET)),
    ],
)
def test_finer_bars_tell_which_level_came_first(day, expected, path, by):
    ledger = run(with_hours({2: day}), path, by)

    assert fills(ledger, "i_time", "price", "reason", "phase")[1:] == [
        (2, *expected, FillPhase.INSIDE)
    ]
    assert ledger.ambiguous_fills == 0


@pytest.mark.parametrize("by", WORKERS.values(), ids=WORKERS)
@pytest.mark.parametrize(
    ("path", "expected"),
    [("pessimistic", 95.0), ("optimistic", 105.0), ("ohlc", 105.0)],
)
def test_rule_decides_inside_a_finer_bar_that_touches_both(path, expected, by):
    ledger = run(with_hours({2: BOTH_IN_ONE}), path, by)

    assert fills(ledger, "price", "ambiguous")[1:] == [(expected, True)]
    assert ledger.ambiguous_fills == 1


@pytest.mark.parametrize("by", WORKERS.values(), ids=WORKERS)
@pytest.mark.parametrize("path", PATHS)
def test_entry_inside_and_its_exit_follow_the_finer_bars(path, by):
    # Limit 97 in the second hour; the 106 of the first came before it, 94 in the third after.
    day = [(100, 106, 99, 101), (101, 102, 96, 98), (98, 99, 94, 95.5)]

    ledger = run(with_hours({1: day}, [QUIET]), path, by, long={**LONG, "limit": 97.0})

    assert fills(ledger, "price", "reason") == [(97.0, Reason.LIMIT), (95.0, Reason.STOP)]
    assert ledger.ambiguous_fills == 0


@pytest.mark.parametrize("by", WORKERS.values(), ids=WORKERS)
@pytest.mark.parametrize("path", PATHS)
def test_stop_limit_triggered_in_one_finer_bar_works_as_a_limit_in_the_next(path, by):
    # Trigger 105 above its limit of 104: not in the hour of the trigger, but in the one after.
    day = [(100, 106, 99, 105.5), (105.5, 106, 103, 105)]

    ledger = run(with_hours({1: day}, [QUIET]), path, by, long={"trigger": 105.0, "limit": 104.0})

    assert fills(ledger, "i_time", "price") == [(1, 104.0)]


@pytest.mark.parametrize("by", WORKERS.values(), ids=WORKERS)
def test_entry_of_an_earlier_finer_bar_is_held_since_the_open_of_the_next(by):
    # In at 102 in the first hour; the second touches 95 and 105, which only the rule can order.
    day = [(100, 103, 99, 102), (102, 106, 94, 97)]

    ledger = run(with_hours({1: day}, [QUIET]), "optimistic", by, long={**LONG, "trigger": 102.0})

    assert fills(ledger, "price", "ambiguous") == [(102.0, False), (105.0, True)]


@pytest.mark.parametrize("by", WORKERS.values(), ids=WORKERS)
@pytest.mark.parametrize("path", ["pessimistic", "optimistic"])
def test_entry_at_a_finer_open_is_held_since_that_open(path, by):
    # The second hour opens at 96, below the limit of 97 of the first order; inside it the price
    # falls to the limit of 94 of the second and to the stop of 93 of both. What was held since
    # an open leaves before more of its own side comes in (F4): the first goes at 93, then the
    # second comes in at 94 and goes at 93 too.
    day = [(100, 101, 99, 100), (96, 98, 92, 95)]
    prices = {"limit": [[97.0, 94.0, 94.0]], "stop": 93.0}

    ledger = run(
        with_hours({2: day}),
        path,
        by,
        enter_long={0, 1},
        long=prices,
        pyramiding=2,
        size=1.0,
        size_kind=SizeKind.UNITS,
    )

    assert fills(ledger, "i_time", "order_id", "price", "reason") == [
        (2, 0, 96.0, Reason.LIMIT),
        (2, 0, 93.0, Reason.STOP),
        (2, 1, 94.0, Reason.LIMIT),
        (2, 1, 93.0, Reason.STOP),
    ]


@pytest.mark.parametrize("by", WORKERS.values(), ids=WORKERS)
def test_trail_moves_on_after_whole_bars_only(by):
    # 100 − 4 all day long: the high of 106 in the first hour lifts it tomorrow.
    day = [(100, 106, 100, 105), (105, 105, 101, 102)]
    bars = with_hours({2: day, 3: [(103, 104, 101, 102)]})

    ledger = run(bars, "pessimistic", by, long={"trail": 4.0})

    assert fills(ledger, "i_time", "price", "reason")[1:] == [(3, 102.0, Reason.TRAIL)]


@pytest.mark.parametrize("by", WORKERS.values(), ids=WORKERS)
@pytest.mark.parametrize("change", ["missing", "contradicting"])
def test_bar_without_finer_bars_that_agree_keeps_the_rule(change, by):
    bars = with_hours({2: TARGET_FIRST, 3: [QUIET]})
    if change == "missing":
        fine = hours({3: [QUIET]})
    else:  # the high of the day is 106.2, of its hours 106
        bars.high[2] = 106.2
        fine = bars.detail

    ledger = run(replace(bars, detail=fine), "pessimistic", by)

    assert fills(ledger, "price", "reason", "ambiguous")[1:] == [(95.0, Reason.STOP, True)]


def test_without_the_option_finer_bars_change_nothing():
    ledger = trade(with_hours({2: TARGET_FIRST}), enter_long={0}, long=LONG)

    assert fills(ledger, "price")[1:] == [(95.0,)]


def test_days_of_an_exchange_hold_the_finer_bars_of_their_dates_there():
    # 20:00 UTC on day 1 is 05:00 of day 2 in Tokyo, where the daily bar of day 2 has it.
    bars = with_hours({2: TARGET_FIRST})
    shifted = replace(bars.detail, time=bars.detail.time - 4 * HOUR_MS)

    tokyo = run(replace(bars, detail=shifted, tz="Asia/Tokyo"), "pessimistic", simulate)
    utc = run(replace(bars, detail=shifted), "pessimistic", simulate)

    assert fills(tokyo, "price")[1:] == [(105.0,)]
    assert fills(utc, "price")[1:] == [(95.0,)]


# ── through the library ─────────────────────────────────────────────────────────────────────

FORMULA = {"enter_long": "bar_index == 0", "stop_long": "95", "target_long": "105"}
CONFIG = {
    "strategy": {"formula": FORMULA},
    "execution": {"slippage_bps": 0},
    "costs": {"rate_bps": 0},
}


def test_library_takes_finer_bars_beside_the_bars_and_says_how_far_they_reached():
    bars = with_hours({2: TARGET_FIRST, 3: [QUIET]})
    bars.high[3] = 101.0

    result = engine.backtest({"A": replace(bars, detail=None)}, CONFIG, detail={"A": bars.detail})

    assert result.fills["price"].tolist() == [100.0, 105.0]
    assert result.config["execution"]["detail_timeframe"] == "1h"
    # Days 0 and 1 have no hours; the hours of day 3 do not reach its high.
    assert result.checks["detail"] == {
        "timeframe": "1h",
        "bars": 1,
        "without": 2,
        "contradicting": 1,
    }
    assert result.checks["look_ahead"]["status"] == "pass"


def test_option_without_finer_bars_is_refused():
    config = {**CONFIG, "execution": {"detail_timeframe": "1h"}}

    with pytest.raises(InvalidParameterError, match="Expected 1h bars of at least one") as error:
        engine.backtest({"A": make_bars([QUIET] * 3)}, config)

    assert error.value.field == "execution.detail_timeframe"


@pytest.mark.parametrize("timeframe", ["1d", "1w"])
def test_timeframe_that_is_not_finer_is_refused(timeframe):
    config = {**CONFIG, "execution": {"detail_timeframe": timeframe}}

    with pytest.raises(InvalidParameterError, match="finer than the run's 1d"):
        engine.backtest({"A": make_bars([QUIET] * 3)}, config)


def test_finer_bars_of_an_unknown_symbol_are_refused():
    with pytest.raises(InvalidParameterError, match="finer bars of B"):
        engine.backtest({"A": make_bars([QUIET] * 3)}, CONFIG, detail={"B": hours({0: [QUIET]})})


def test_finer_bars_are_checked_like_bars():
    bars = with_hours({2: TARGET_FIRST})
    bars.detail.low[1] = np.nan

    with pytest.raises(InvalidBarsError, match=r"A \(finer bars\): expected a price"):
        build_market({"A": bars})


# ── against the twin ────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("group", range(6))
def test_engine_and_twin_agree_on_random_finer_bars(group):
    n_details = 0
    for seed in range(group, 600, 6):
        case = with_finer_bars(random_case(seed))

        got = simulate(case.market, case.signals, case.config)

        expected = reference.simulate(case.market, case.signals, case.config)
        difference = first_difference(got, expected, case.config.cash)
        assert difference is None, f"seed {seed}: {difference}"
        n_details += int((got.fills["phase"] == FillPhase.INSIDE).sum())
    assert n_details > 50


def test_one_finer_bar_that_is_the_bar_changes_nothing():
    for seed in range(150):
        case = random_case(seed)
        market = case.market
        same = tuple(
            Bars(
                market.time[market.has_bar[s]],
                *(getattr(market, n)[s, market.has_bar[s]] for n in ("open", "high", "low")),
                market.close[s, market.has_bar[s]],
                market.volume[s, market.has_bar[s]],
            )
            for s in range(len(market.symbols))
        )
        execution = case.config.execution.model_copy(update={"detail_timeframe": "1min"})
        config = case.config.model_copy(update={"execution": execution, "timeframe": "1d"})

        plain = simulate(market, case.signals, case.config)
        detailed = simulate(replace(market, detail=same), case.signals, config)

        assert detailed.equity.tobytes() == plain.equity.tobytes(), f"seed {seed}"
        assert detailed.ambiguous_fills == plain.ambiguous_fills, f"seed {seed}"


def test_size_of_units_is_not_touched_by_the_finer_opens():
    # F7 marks at the open of the bar: equity at the fill is 1000, whatever the hour's open.
    day = [(100, 101, 99, 100), (96, 98, 95, 97)]

    ledger = run(
        with_hours({1: day}, [QUIET]),
        "pessimistic",
        simulate,
        long={"limit": 97.0},
        size=0.5,
        size_kind=SizeKind.FRACTION,
    )

    # The second hour opens at 96, below the limit: half of 1000 at 96.
    assert fills(ledger, "price", "quantity") == [(96.0, pytest.approx(500 / 96))]
