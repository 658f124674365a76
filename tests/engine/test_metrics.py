"""All metrics together: a naive twin on random accounts, properties, edges and the manual."""

import math
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.clock import DAY_MS
from engine.metrics import METRIC_NAMES, compute_metrics, conventions, curve_metrics
from engine.metrics.catalogue import CATALOGUE
from engine.metrics.series import unit_curve
from engine.metrics.trading import trade_metrics
from tests.engine import naive_metrics as naive
from tests.engine.accounts import DAILY, FIRST_MS, HOUR_MS, days, no_fills, no_trades


def test_one_bar_is_measured_without_a_number_that_is_not_defined():
    equity = {"time": days(1), "equity": np.array([100.0]), "exposure": np.zeros(1)}

    found = compute_metrics(
        equity, no_trades(), no_fills(), base=100.0, rules=DAILY, benchmark=np.array([100.0])
    )

    assert found["total_return"] == 0.0
    assert found["benchmark_return"] == 0.0
    assert found["max_drawdown"] == 0.0
    for name in ("cagr", "volatility", "sharpe", "beta", "var_95"):
        assert found[name] is None


finite = st.floats(-0.3, 0.3, allow_nan=False).map(lambda x: round(x, 6))


@st.composite
def accounts(draw):
    """A clock with gaps, a value that may go bankrupt, a benchmark and an exposure."""
    n = draw(st.integers(1, 60))
    step = draw(st.sampled_from([HOUR_MS, 7 * HOUR_MS, DAY_MS, 7 * DAY_MS]))
    gaps = draw(st.lists(st.integers(1, 3), min_size=n, max_size=n))
    growth = draw(st.lists(finite, min_size=n, max_size=n))
    theirs = draw(st.lists(finite, min_size=n, max_size=n))
    exposure = draw(st.lists(st.sampled_from([0.0, 0.5, 1.0]), min_size=n, max_size=n))
    value = 1000.0 * np.cumprod(1.0 + np.array(growth))
    if draw(st.booleans()) and n > 3:
        value[n // 2 :] = -5.0
    account = {
        "time": FIRST_MS + 15 * HOUR_MS + step * np.cumsum(np.array(gaps, dtype=np.int64)),
        "equity": value,
        "exposure": np.array(exposure),
        "benchmark": 500.0 * np.cumprod(1.0 + np.array(theirs)),
        "rf": draw(st.sampled_from([0.0, 0.03])),
        "zone": draw(st.sampled_from(["UTC", "America/New_York", "Asia/Tokyo"])),
    }
    if draw(st.booleans()):
        # Paid in or withdrawn, never from an account that has not so much, nor after its ruin.
        sign = draw(st.sampled_from([-1.0, 1.0]))
        paid = draw(st.lists(st.sampled_from([0.0, 0.0, 50.0]), min_size=n, max_size=n))
        account["flow"] = np.where(value > 60.0, sign * np.array(paid), 0.0)
        account["flow"][0] = 0.0
    return account


def assert_same(found, expected):
    for name, value in expected.items():
        if value is None or found[name] is None:
            assert found[name] is value, name
        else:
            assert found[name] == pytest.approx(value, rel=1e-9, abs=1e-12), name


def is_far_from_the_threshold(values):
    """Whether no deviation sits where 1e-15 decides between a ratio and null."""
    return len(values) < 2 or not 0.0 < naive.std(values) < 1e-12


@settings(max_examples=150, deadline=None)
@given(accounts())
def test_metrics_equal_their_naive_twin(account):
    time, value, benchmark = account["time"], account["equity"], account["benchmark"]
    rules = conventions(time, zones=[account["zone"]], risk_free_rate=account["rf"])
    options = {"zone": account["zone"], "intraday": rules.is_intraday}
    options |= {"seven_day": rules.is_seven_day}
    curve = value.tolist()
    if "flow" in account:
        curve = naive.without_flows(curve, account["flow"].tolist(), 1000.0)
    values = naive.periods(time.tolist(), curve, 1000.0, **options)
    their_values = naive.periods(time.tolist(), benchmark.tolist(), float(benchmark[0]), **options)
    own, theirs = naive.returns(values), naive.returns(their_values)
    spread = [a - b for a, b in zip(own, theirs, strict=False)]

    found = compute_metrics(
        account, no_trades(), no_fills(), base=1000.0, rules=rules, benchmark=benchmark
    )

    p, rf = rules.periods_per_year, account["rf"]
    if all(is_far_from_the_threshold(series) for series in (own, theirs, spread)):
        expected = naive.curve(time.tolist(), curve, 1000.0, rf=rf, p=p, **options)
        expected |= {"final_equity": value[-1]}
        assert_same(found, expected | naive.against(own, theirs, rf=rf, p=p))
    activity = naive.activity(time.tolist(), value.tolist(), account["exposure"].tolist(), [])
    assert_same(found, activity)
    assert tuple(found) == METRIC_NAMES
    assert all(v is None or math.isfinite(v) for v in found.values())


rows = st.lists(
    st.fixed_dictionaries(
        {
            "pnl": st.integers(-50, 50).map(float),
            "return": finite,
            "bars": st.integers(0, 30),
            "mae": st.floats(-0.5, 0.0),
            "mfe": st.floats(0.0, 0.5),
            "r_multiple": st.none() | st.floats(-3.0, 3.0),
            "open": st.booleans(),
            "exit_time": st.integers(0, 5),
        }
    ),
    max_size=25,
)


@settings(max_examples=150, deadline=None)
@given(rows)
def test_trade_statistics_equal_their_naive_twin(trades):
    table = {
        name: np.array([row[name] for row in trades], dtype=float)
        for name in ("pnl", "return", "bars", "mae", "mfe", "r_multiple", "exit_time")
    }
    table["open"] = np.array([row["open"] for row in trades], dtype=np.bool_)

    assert_same(trade_metrics(table), naive.trades(trades))


@settings(max_examples=50, deadline=None)
@given(accounts(), st.sampled_from([0.125, 4.0, 1024.0]))
def test_metrics_do_not_depend_on_the_unit_of_money(account, factor):
    # Powers of two change no digit of a quotient.
    rules = conventions(account["time"], risk_free_rate=account["rf"])

    found = curve_metrics(account["time"], account["equity"], base=1000.0, rules=rules)
    scaled = curve_metrics(
        account["time"], account["equity"] * factor, base=1000.0 * factor, rules=rules
    )

    assert scaled.pop("final_equity") == found.pop("final_equity") * factor
    assert scaled == found


@settings(max_examples=100, deadline=None)
@given(accounts())
def test_m1_the_money_weighted_return_discounts_all_money_to_nothing(account):
    if "flow" not in account:
        account["flow"] = np.zeros(account["time"].size)
    time, flow = account["time"], account["flow"]
    rules = conventions(time)

    found = compute_metrics(account, no_trades(), no_fills(), base=1000.0, rules=rules)

    assert found["net_pnl"] == pytest.approx(account["equity"][-1] - 1000.0 - flow.sum())
    rate = found["money_weighted_return"]
    if rate is not None and rate > -0.999:
        years = (time - time[0]) / (365.25 * DAY_MS)
        worth = [(1 + rate) ** -float(t) for t in years]
        invested = 1000.0 + math.fsum(f * w for f, w in zip(flow.tolist(), worth, strict=True))
        left = max(float(account["equity"][-1]), 0.0) * worth[-1]
        assert invested == pytest.approx(left, rel=1e-9, abs=1e-9 * 1000.0)


@settings(max_examples=50, deadline=None)
@given(accounts(), st.integers(1, 60))
def test_m1_the_curve_without_contributions_does_not_depend_on_the_future(account, n):
    value, flow = account["equity"], account.get("flow")
    part = None if flow is None else flow[:n]

    whole = unit_curve(value, flow, 1000.0)

    np.testing.assert_array_equal(unit_curve(value[:n], part, 1000.0), whole[:n])


@settings(max_examples=50, deadline=None)
@given(accounts())
def test_measuring_leaves_its_inputs_alone(account):
    before = {n: c.copy() for n, c in account.items() if isinstance(c, np.ndarray)}

    compute_metrics(
        account,
        no_trades(),
        no_fills(),
        base=1000.0,
        rules=conventions(account["time"]),
        benchmark=account["benchmark"],
    )

    for name, column in before.items():
        np.testing.assert_array_equal(account[name], column)


def test_every_rule_of_the_metrics_has_a_test_that_carries_its_name():
    text = "".join(path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("*.py"))

    assert {f"m{n}" for n in range(1, 13)} <= set(re.findall(r"def test_(m\d+)_", text))


def test_the_manual_has_every_metric_as_the_catalogue_has_it():
    text = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text(encoding="utf-8")

    documented = [line for line in text.splitlines() if re.match(r"\| `\w+` \| M\d", line)]

    assert documented == [_manual_row(metric) for metric in CATALOGUE]


def _manual_row(metric):
    words = (metric.rule, metric.formula, metric.unit, metric.convention, metric.undefined)
    return " | ".join([f"| `{metric.name}`", *(word.replace("|", "\\|") for word in words)]) + " |"
