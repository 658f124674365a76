"""Every rule of the diagnosis below, at and above its threshold, and the numbers it looks at."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from config.run import RunConfig
from engine.analysis import Known, analyse, outcome_of
from engine.analysis.diagnosis import diagnose
from engine.analysis.evidence import (
    Evidence,
    best_symbol_share,
    best_trades_share,
    edge_trade_share,
    gather_evidence,
    share_of_profit,
)
from engine.analysis.luck import monte_carlo
from engine.analysis.robustness import paid_bps, robustness
from engine.analysis.rules import RULES
from tests.engine.scenario import flat_bars, make_bars

GOOD_METRICS = {
    "trades": 100,
    "total_return": 1.0,
    "benchmark_return": 0.5,
    "psr": 0.99,
    "min_track_record_length": 500.0,
    "turnover": 5.0,
    "exposure_time": 0.5,
    "max_drawdown": -0.2,
    "win_rate": 0.5,
    "payoff_ratio": 2.0,
}
GOOD = Evidence(
    metrics=GOOD_METRICS,
    status="done",
    fill_rule="next_open",
    is_free=False,
    is_adjusted=False,
    is_synthetic=False,
    look_ahead="pass",
    warm_up="pass",
    n_symbols=50,
    n_delisted=2,
    n_fills=200,
    n_returns=2519,
    years=10.0,
    best_trades_share=0.2,
    best_year_share=0.3,
    best_symbol_share=0.1,
    open_share=0.01,
    edge_trade_share=0.02,
    correlation=0.3,
    ambiguous_share=0.0,
    band_width=0.0,
    stale_share=0.0,
    rejected_share=0.0,
    largest_volume_share=0.001,
    most_exposure=1.0,
    underwater_share=0.1,
    is_underwater=False,
    recon_error=0.0,
    variants={
        "costs_2": {"total_return": 0.9},
        "delay_1": {"total_return": 0.9},
        "start_21": {"total_return": 0.95},
        "parameters_fast_up": {"total_return": 0.9},
    },
    break_even_bps=100.0,
    paid_bps=15.0,
    sharpe_interval=(0.4, 1.4),
    timing_percentile=0.99,
    order_percentile=0.5,
    usual_drawdown=-0.25,
)


def metric(name):
    return lambda value: replace(GOOD, metrics={**GOOD_METRICS, name: value})


def field(name):
    return lambda value: replace(GOOD, **{name: value})


def variant(name):
    """Total return of the run is 1, so a variant's is its share of it."""
    return lambda value: replace(GOOD, variants={**GOOD.variants, name: {"total_return": value}})


# Rule, how to make the evidence, and values: the nearest that is silent, the nearest that speaks.
CASES: dict[str, tuple[Any, float | str | bool, float | str | bool]] = {
    "look_ahead": (field("look_ahead"), "pass", "fail"),
    "warm_up": (field("warm_up"), "not_run", "fail"),
    "bankrupt": (field("status"), "stopped", "bankrupt"),
    "unexecutable_fills": (field("fill_rule"), "next_close", "this_close"),
    "zero_costs": (field("is_free"), False, True),
    "no_trades": (field("n_fills"), 1, 0),
    "few_trades": (metric("trades"), 30, 29),
    "short_sample": (field("years"), 3.0, 2.999),
    "weak_evidence": (metric("psr"), 0.95, 0.9499),
    "short_record": (metric("min_track_record_length"), 2519.0, 2519.1),
    "sharpe_includes_zero": (
        lambda low: replace(GOOD, sharpe_interval=(low, 1.0)), 1e-9, 0.0
    ),
    "timing_is_luck": (field("timing_percentile"), 0.75, 0.7499),
    "lucky_order": (field("order_percentile"), 0.95, 0.9501),
    "few_trades_make_it": (field("best_trades_share"), 0.999, 1.0),
    "one_year_makes_it": (field("best_year_share"), 0.999, 1.0),
    "one_symbol_makes_it": (field("best_symbol_share"), 0.999, 1.0),
    "open_position_makes_it": (field("open_share"), 0.499, 0.5),
    "edge_trade_makes_it": (field("edge_trade_share"), 0.499, 0.5),
    "costs_kill_it": (variant("costs_2"), 1e-9, 0.0),
    "thin_margin": (field("break_even_bps"), 30.0, 29.9),
    "delay_kills_it": (variant("delay_1"), 0.5, 0.499),
    "parameter_sensitive": (variant("parameters_slow_down"), 0.5, 0.499),
    "start_sensitive": (variant("start_5"), 0.5, 0.499),
    "ambiguous_fills": (field("ambiguous_share"), 0.05, 0.0501),
    "wide_band": (field("band_width"), 0.05, 0.0501),
    "large_orders": (field("largest_volume_share"), 0.10, 0.1001),
    "rejected_orders": (field("rejected_share"), 0.05, 0.0501),
    "stale_bars": (field("stale_share"), 0.01, 0.0101),
    "below_benchmark": (metric("benchmark_return"), 1.0, 1.001),
    "loses_money": (metric("total_return"), 0.5, -0.001),
    "just_the_market": (field("correlation"), 0.9, 0.901),
    "always_invested": (metric("exposure_time"), 0.95, 0.951),
    "leverage": (field("most_exposure"), 1.1, 1.101),
    "high_turnover": (metric("turnover"), 50.0, 50.1),
    "deep_drawdown": (metric("max_drawdown"), -0.5, -0.501),
    "long_underwater": (field("underwater_share"), 1 / 3, 0.334),
    "many_small_wins": (
        lambda payoff: replace(
            GOOD, metrics={**GOOD_METRICS, "win_rate": 0.7, "payoff_ratio": payoff}
        ),
        0.5,
        0.499,
    ),
    "adjusted_prices": (field("is_adjusted"), False, True),
    "synthetic_prices": (field("is_synthetic"), False, True),
    "picked_symbols": (
        lambda n: replace(GOOD, n_symbols=n, n_delisted=0), 5, 4
    ),
    "rough_books": (field("recon_error"), 1e-10, 1.1e-10),
}  # fmt: skip


def ids(evidence):
    return [finding["id"] for finding in diagnose(evidence)]


def test_a_good_run_has_nothing_said_against_it():
    assert diagnose(GOOD) == []


def test_every_rule_has_a_case():
    assert sorted(CASES) == sorted(rule.id for rule in RULES)


@pytest.mark.parametrize("name", CASES)
def test_a_rule_is_silent_up_to_its_threshold_and_speaks_beyond_it(name):
    make, silent, speaking = CASES[name]

    assert name not in ids(make(silent))
    (finding,) = [one for one in diagnose(make(speaking)) if one["id"] == name]
    rule = next(rule for rule in RULES if rule.id == name)
    assert finding.keys() == {"id", "severity", "title", "detail", "value", "threshold", "why"}
    assert (finding["threshold"], finding["severity"]) == (rule.threshold, rule.severity)
    assert finding["detail"].endswith(".")
    assert finding["why"].endswith(".")
    assert not finding["title"].endswith(".")


def test_what_is_not_defined_is_not_judged():
    unknown = {
        name: None
        for name in (
            "best_trades_share", "best_year_share", "best_symbol_share", "open_share",
            "edge_trade_share", "correlation", "ambiguous_share", "band_width", "rejected_share",
            "largest_volume_share", "break_even_bps", "sharpe_interval", "timing_percentile",
            "order_percentile", "usual_drawdown",
        )
    }  # fmt: skip

    assert diagnose(replace(GOOD, metrics={}, variants={}, **unknown)) == []


def test_a_losing_run_is_not_blamed_for_losing_more_when_something_changes():
    losing = replace(variant("costs_2")(-0.9), metrics={**GOOD_METRICS, "total_return": -0.1})

    assert ids(losing) == ["below_benchmark", "loses_money"]


def test_the_worst_comes_first():
    bad = replace(GOOD, is_free=True, recon_error=1e-9, years=1.0)

    assert [finding["severity"] for finding in diagnose(bad)] == ["fail", "doubt", "info"]


# The numbers the rules look at.


def test_shares_of_the_profit():
    pnl = np.array([50.0, -40.0, 30.0, 20.0, -10.0, 10.0])

    # 60 in all; the best three 100, the first trade 50, the last one 10.
    assert best_trades_share(pnl, count=3) == pytest.approx(100 / 60)
    assert best_trades_share(pnl[:5], count=3) is None
    assert edge_trade_share(np.arange(6), pnl) == pytest.approx(50 / 60)
    assert edge_trade_share(np.array([5, 1, 2, 3, 4, 0]), pnl) == pytest.approx(50 / 60)
    assert edge_trade_share(np.arange(3), pnl[:3]) is None
    symbols = np.array(["A", "A", "A", "B", "B", "B"])
    assert best_symbol_share(symbols, pnl) == pytest.approx(40 / 60)
    assert best_symbol_share(symbols[:3], pnl[:3]) is None
    assert share_of_profit(-pnl, np.ones(6, dtype=bool)) is None


def evidence_of(bars, known=None, **config):
    asked = RunConfig.model_validate(
        {
            "symbols": sorted(bars),
            "strategy": {"formula": {"enter_long": "close > 0", "exit_long": "close > 11"}},
            "lot": 0,
            **config,
        }
    )
    base = outcome_of(bars, asked)
    known = known or Known(metrics=base.metrics, checks={})
    return gather_evidence(
        base, known, robustness(base, bars), None, monte_carlo(base), paid_bps(base)
    )


def test_the_numbers_of_a_small_run():
    # In at the open of day 1, 100 of 1,000 shares; half the equity; below its start from then on.
    bars = {"A": flat_bars([10, 10, 8, 9, 9.5], volume=np.full(5, 1000.0))}
    seen = evidence_of(
        bars,
        cash=1000.0,
        sizing={"kind": "units", "value": 50.0},
        execution={"slippage_bps": 0.0},
        costs={"rate_bps": 10.0},
    )

    assert (seen.n_fills, seen.n_returns, seen.n_symbols) == (1, 4, 1)
    assert seen.largest_volume_share == pytest.approx(0.05)
    # 50 · 10 of 999.50 at the first close.
    assert seen.most_exposure == pytest.approx(500 / 999.5)
    # From the peak at day 0 to the end at day 4, all of the run.
    assert (seen.underwater_share, seen.is_underwater) == (1.0, True)
    assert seen.paid_bps == pytest.approx(10.0)
    assert not seen.is_free
    assert seen.open_share is None


def test_slippage_is_paid_too_but_not_at_a_limit():
    bars = {"A": make_bars([(10, 10, 10, 10), (10, 10, 9, 9)])}
    free = {"costs": {"rate_bps": 0.0}, "execution": {"slippage_bps": 20.0}}
    market = evidence_of(bars, **free)
    limit = {"formula": {"enter_long": "close > 0", "limit_long": "9.5"}}

    # Paid 10.02 for 10: 0.02 of 10.02.
    assert market.paid_bps == pytest.approx(1e4 * 0.02 / 10.02)
    assert evidence_of(bars, strategy=limit, **free).paid_bps == 0.0


def test_stale_bars_are_a_share_of_all():
    bars = {"A": flat_bars([10] * 10), "B": flat_bars([10] * 8, days=[0, 1, 2, 3, 4, 5, 6, 9])}

    # Of twenty places two are missing.
    assert evidence_of(bars).stale_share == pytest.approx(0.1)


def test_the_best_year_is_measured_in_growth():
    # Bought at 10 on the second day: year one 10 → 11, year two 11 → 9.9, year three 9.9 → 19.8.
    days = [0, 1, 364, 365 + 364, 2 * 365 + 364]
    bars = {"A": flat_bars([10, 10, 11, 9.9, 19.8], days=days)}
    seen = evidence_of(
        bars,
        strategy={"name": "buy_and_hold"},
        costs={"rate_bps": 0.0},
        execution={"slippage_bps": 0.0},
    )

    assert seen.best_year_share == pytest.approx(np.log(2) / np.log(1.98))
    assert seen.is_free


def test_what_chance_says_is_read_off_its_methods():
    # One trade of a bar, in the only bar that rises: no other place is as good, and one trade has
    # no other order.
    bars = {"A": flat_bars([10.0] * 20 + [12.0] * 20)}
    strategy = {"enter_long": "bar_index == 18", "exit_long": "bar_index == 19"}
    seen = evidence_of(bars, strategy={"formula": strategy})

    assert seen.timing_percentile > 0.95
    assert (seen.order_percentile, seen.usual_drawdown) == (None, None)


def test_an_analysis_holds_all_its_parts_and_nothing_moves_the_run():
    n = np.arange(300)
    bars = {"A": flat_bars(100 + 10 * np.sin(n / 5) + 0.05 * n)}
    config = RunConfig.model_validate(
        {"symbols": ["A"], "strategy": {"name": "sma_cross", "params": {"fast": 3, "slow": 8}}}
    )
    base = outcome_of(bars, config)
    known = Known(metrics=base.metrics, checks={}, benchmark=bars["A"].close * 10.0)
    found = analyse(base, bars, known)

    assert found["confidence"]["intervals"]["sharpe"][0] < base.metrics["sharpe"]
    assert found["robustness"]["base"]["sharpe"] == base.metrics["sharpe"]
    assert "picked_symbols" in [finding["id"] for finding in found["diagnosis"]]
    assert found == analyse(base, bars, known)


def test_the_manual_has_every_rule_with_its_threshold():
    text = (Path(__file__).resolve().parents[2] / "docs" / "analysis.md").read_text()
    documented = re.findall(r"^\| `(\w+)` \| (\w+) \| (\S+) \| .* \| (.*) \|$", text, re.MULTILINE)

    assert documented == [
        (rule.id, rule.severity, f"{rule.threshold:.4g}", rule.why) for rule in RULES
    ]
