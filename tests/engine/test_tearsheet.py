"""The Overview's numbers: hand-derived tables, ranges, edges."""

import json
import math
from datetime import UTC, datetime
from statistics import NormalDist

import numpy as np
import pytest

from engine.clock import DAY_MS
from engine.metrics import METRIC_NAMES, Conventions, compute_metrics
from engine.tables import NO_TIME
from engine.tearsheet import MAX_QQ_POINTS, MAX_ROLLING_POINTS, Record, statistics

DAILY = Conventions(periods_per_year=24.0)


def at(text):
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


def record(time, equity, *, exposure=None, benchmark=None, trades=(), fills=(), **options):
    """A run of these closes; trades as (entry, exit or None, pnl), fills as (time, q, p, fee)."""
    time = np.array(time, dtype=np.int64)
    pnl = np.array([row[2] for row in trades], dtype=float)
    n = pnl.size
    return Record(
        equity={
            "time": time,
            "equity": np.array(equity, dtype=float),
            "exposure": np.ones(time.size) if exposure is None else np.array(exposure, dtype=float),
        },
        trades={
            "entry_time": np.array([row[0] for row in trades], dtype=np.int64),
            "exit_time": np.array(
                [NO_TIME if row[1] is None else row[1] for row in trades], dtype=np.int64
            ),
            "open": np.array([row[1] is None for row in trades], dtype=np.bool_),
            "pnl": pnl,
            "return": pnl / 100,
            "bars": np.ones(n, np.int64),
            "mae": np.zeros(n),
            "mfe": np.zeros(n),
            "r_multiple": np.full(n, np.nan),
        },
        fills={
            "time": np.array([row[0] for row in fills], dtype=np.int64),
            "quantity": np.array([row[1] for row in fills], dtype=float),
            "price": np.array([row[2] for row in fills], dtype=float),
            "fee": np.array([row[3] for row in fills], dtype=float),
        },
        benchmark=None if benchmark is None else np.array(benchmark, dtype=float),
        base=options.pop("base", 100.0),
        rules=options.pop("rules", DAILY),
    )


def random_run(n, *, seed=1):
    generator = np.random.default_rng(seed)
    growth = np.cumprod(1 + generator.normal(0.0005, 0.01, (2, n)), axis=1)
    time = at("2005-01-03") + DAY_MS * np.arange(n)
    exposure = generator.random(n) > 0.3
    return record(time, 100 * growth[0], exposure=exposure, benchmark=100 * growth[1])


def test_monthly_returns_start_from_the_cash_and_compound_to_the_total():
    # Cash 100. January ends at 110 (+10 %), February at 99 (-10 %), December at 148.5 (+50 %);
    # the next January ends at 148.5 (0).
    stamps = ["2005-01-31", "2005-02-10", "2005-02-28", "2005-12-30", "2006-01-31"]
    run = record(
        [at(text) for text in stamps],
        [110, 120, 99, 148.5, 148.5],
        benchmark=[100, 100, 100, 120, 90],
    )

    rows = statistics(run)["monthly"]

    assert [row["year"] for row in rows] == [2005, 2006]
    assert rows[0]["months"][:2] == pytest.approx([0.10, -0.10])
    assert rows[0]["months"][2:11] == [None] * 9
    assert rows[0]["months"][11] == pytest.approx(0.5)
    assert rows[0]["total"] == pytest.approx(0.485)
    # The benchmark: 100 until February, 120 in December (+20 %), 90 in January (-25 %).
    assert rows[0]["benchmark"] == pytest.approx(0.2)
    assert rows[0]["benchmark_months"][:2] == [0.0, 0.0]
    assert rows[0]["benchmark_months"][2:11] == [None] * 9
    assert rows[0]["benchmark_months"][11] == pytest.approx(0.2)
    assert rows[1]["benchmark_months"][0] == pytest.approx(-0.25)
    assert rows[1]["months"] == [0.0] + [None] * 11
    assert rows[1]["benchmark"] == pytest.approx(-0.25)


def test_months_of_short_bars_are_those_of_the_exchange():
    # 2005-02-01 02:00Z is still January in New York.
    time = [at("2005-01-31T20:00"), at("2005-02-01T02:00"), at("2005-02-01T20:00")]
    rules = Conventions(periods_per_year=252.0, zone="America/New_York", is_intraday=True)

    months = statistics(record(time, [100, 110, 121], rules=rules))["monthly"][0]["months"]

    assert months[:2] == pytest.approx([0.1, 0.1])


def test_returns_after_ruin_are_not_defined():
    time = [at("2005-01-31"), at("2005-02-28"), at("2005-03-31")]

    rows = statistics(record(time, [50, -10, -10], exposure=[1, 0, 0]))["monthly"]

    assert rows[0]["months"][:3] == [-0.5, -1.0, None]
    assert rows[0]["total"] == -1.0


def test_drawdowns_are_listed_deepest_first():
    # Falls of 10 % (days 1 to 3), 50 % (days 4 to 6) and 20 % (day 7 on, not recovered).
    start = at("2005-01-01")
    time = [start + DAY_MS * i for i in range(10)]
    run = record(time, [100, 110, 99, 110, 120, 60, 120, 130, 104, 117])

    falls = statistics(run)["drawdowns"]

    assert [fall["depth"] for fall in falls] == pytest.approx([-0.5, -0.2, -0.1])
    assert falls[0] | {"depth": 0} == {
        "depth": 0,
        "peak": time[4],
        "trough": time[5],
        "recovered": time[6],
        "days": 2.0,
        "bars": 2,
    }
    assert falls[1]["recovered"] is None
    assert (falls[1]["days"], falls[1]["bars"]) == (2.0, 2)


def test_rolling_windows_match_a_loop():
    run = random_run(60)
    value, theirs = run.equity["equity"].copy(), run.benchmark.copy()
    value[0] = 100.0
    r, b = value[1:] / value[:-1] - 1, theirs[1:] / theirs[:-1] - 1

    rolling = statistics(run)["rolling"]

    # Half a year of 24 periods is 12: 59 returns make 48 windows, the first ending at bar 12.
    assert rolling["window_bars"] == 12
    assert rolling["time"] == run.equity["time"][12:].tolist()
    for i in (0, 17, 47):
        own, their = r[i : i + 12], b[i : i + 12]
        assert rolling["sharpe"][i] == pytest.approx(own.mean() / own.std(ddof=1) * math.sqrt(24))
        assert rolling["volatility"][i] == pytest.approx(own.std(ddof=1) * math.sqrt(24))
        assert rolling["beta"][i] == pytest.approx(np.cov(own, their)[0, 1] / their.var(ddof=1))
        assert rolling["benchmark_volatility"][i] == pytest.approx(
            their.std(ddof=1) * math.sqrt(24)
        )


def test_rolling_windows_are_thinned_and_end_at_the_last_bar():
    run = random_run(5000)

    rolling = statistics(run)["rolling"]

    assert len(rolling["time"]) <= MAX_ROLLING_POINTS
    assert rolling["time"][-1] == run.equity["time"][-1]
    assert len({len(rolling[name]) for name in rolling if name != "window_bars"}) == 1


def test_distribution_counts_returns_of_held_periods_with_an_edge_at_zero():
    # Held at closes 1 and 2: the returns of bars 1, 2 and 3 (in from bar 1, out at bar 3).
    time = at("2005-01-01") + DAY_MS * np.arange(6)
    run = record(time, [100, 110, 99, 108.9, 108.9, 108.9], exposure=[0, 1, 1, 0, 0, 0])

    found = statistics(run)["distribution"]

    assert found["n"] == 3
    assert sum(found["counts"]) == 3
    assert 0.0 in found["edges"]
    assert found["mean"] == pytest.approx((0.1 - 0.1 + 0.1) / 3)
    # 5 % of the way along -10 %, 10 %, 10 %: 0.1 of the step from -10 % to 10 %.
    assert found["var_95"] == pytest.approx(-0.08)
    assert found["cvar_95"] == pytest.approx(-0.1)


def test_every_return_falls_into_a_bin():
    run = random_run(3000)

    found = statistics(run)["distribution"]

    assert sum(found["counts"]) == found["n"]
    assert len(found["counts"]) + 1 == len(found["edges"])
    assert 10 <= len(found["counts"]) <= 62


def test_quantiles_of_a_normal_sample_lie_on_the_diagonal():
    # Returns placed exactly at the normal quantiles of (i + 1/2) / n, with mean 0 and their own
    # deviation a little below 1 %: both axes differ by that factor only.
    n = 1001
    returns = [NormalDist(0, 0.01).inv_cdf((i + 0.5) / n) for i in range(n)]
    equity = 100 * np.cumprod([1.0, *(1 + r for r in returns)])
    run = record(at("2005-01-01") + DAY_MS * np.arange(n + 1), equity)

    qq = statistics(run)["qq"]

    assert len(qq["sample"]) <= MAX_QQ_POINTS
    assert qq["sample"][0] == pytest.approx(min(returns), rel=1e-6)
    assert qq["sample"][-1] == pytest.approx(max(returns), rel=1e-6)
    assert qq["theoretical"] == pytest.approx(qq["sample"], rel=0.01, abs=1e-5)


def test_the_whole_run_has_the_metrics_of_the_run():
    run = random_run(400)

    found = statistics(run)["metrics"]

    assert found == compute_metrics(
        run.equity, run.trades, run.fills, base=100.0, rules=DAILY, benchmark=run.benchmark
    )


def test_a_range_is_measured_from_the_close_before_it():
    start = at("2005-01-01")
    time = [start + DAY_MS * i for i in range(6)]
    run = record(
        time,
        [100, 200, 220, 198, 250, 300],
        exposure=[0, 1, 1, 0, 1, 1],
        benchmark=[100, 100, 150, 120, 120, 120],
        trades=[(time[1], time[2], 5.0), (time[2], time[4], 7.0), (time[0], time[5], 9.0)],
        fills=[(time[1], 1, 10, 1.0), (time[2], 2, 10, 2.0), (time[5], 1, 10, 4.0)],
    )

    found = statistics(run, from_ms=time[2], to_ms=time[3] + 1)

    # Base 200: 220 (+10 %), 198 (-10 %). Both bars, one with a position.
    metrics = found["metrics"]
    assert metrics["total_return"] == pytest.approx(-0.01)
    assert metrics["final_equity"] == 198.0
    assert metrics["max_drawdown"] == pytest.approx(-0.1)
    assert metrics["exposure_time"] == 0.5
    assert metrics["benchmark_return"] == pytest.approx(0.2)
    assert found["benchmark_metrics"]["total_return"] == pytest.approx(0.2)
    assert (metrics["trades"], metrics["expectancy"], metrics["open_trades"]) == (1, 5.0, 2)
    assert metrics["fees"] == 2.0
    assert found["monthly"][0]["total"] == pytest.approx(-0.01)
    assert found["monthly"][0]["benchmark"] == pytest.approx(0.2)


def test_a_range_from_the_first_bar_on_is_measured_from_the_cash():
    run = random_run(50)

    whole, same = statistics(run), statistics(run, from_ms=0, to_ms=at("2030-01-01"))

    assert same == whole


@pytest.mark.parametrize(
    ("first", "last"), [("2004-01-01", "2004-02-01"), ("2005-02-01", "2005-01-10")]
)
def test_a_range_without_bars_defines_nothing(first, last):
    found = statistics(random_run(60), from_ms=at(first), to_ms=at(last))

    assert found["metrics"] == dict.fromkeys(METRIC_NAMES)
    assert found["monthly"] == []
    assert found["drawdowns"] == []
    assert found["qq"] == {"theoretical": [], "sample": []}


@pytest.mark.parametrize("n", [1, 2, 3])
def test_few_bars_are_ready_for_strict_json(n):
    time = at("2005-01-01") + DAY_MS * np.arange(n)

    found = statistics(record(time, [100.0] * n, benchmark=[100.0] * n))

    assert json.dumps(found, allow_nan=False)
    assert found["metrics"]["total_return"] == 0.0


def test_a_benchmark_that_starts_later_leaves_earlier_years_empty():
    time = [at("2005-12-01"), at("2005-12-30"), at("2006-01-31")]
    nan = math.nan

    found = statistics(record(time, [100, 110, 121], benchmark=[nan, nan, 50.0]))

    assert [row["benchmark"] for row in found["monthly"]] == [None, 0.0]
    assert json.dumps(found, allow_nan=False)


def with_contributions():
    """Four days: +0 %, +50 paid in, +10 %, −20 % with another 50 paid in at the same close."""
    whole = record([at(f"2020-01-0{day}") for day in (6, 7, 8, 9)], [100.0, 150.0, 165.0, 182.0])
    whole.equity["flow"] = np.array([0.0, 50.0, 0.0, 50.0])
    return whole


def test_m1_the_tear_sheet_follows_the_curve_without_contributions():
    found = statistics(with_contributions())

    # Π(1 + r) = 1 · 1.1 · (182 − 50) / 165 = 0.88; the only fall is −20 %.
    assert found["metrics"]["total_return"] == pytest.approx(-0.12)
    assert found["monthly"][0]["months"][0] == pytest.approx(-0.12)
    assert [fall["depth"] for fall in found["drawdowns"]] == [pytest.approx(-0.2)]
    assert found["metrics"]["contributions"] == 100.0


def test_m1_a_contribution_before_a_range_is_its_base():
    found = statistics(with_contributions(), from_ms=at("2020-01-08"))["metrics"]

    # From 150 after the first contribution: 1.1 · 0.8 − 1; made 182 − 150 − 50.
    assert found["total_return"] == pytest.approx(-0.12)
    assert found["contributions"] == 50.0
    assert found["net_pnl"] == pytest.approx(-18.0)
