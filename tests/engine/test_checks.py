"""The checks on every run: honest strategies pass, every kind of cheat is caught."""

from dataclasses import replace

import numpy as np
import pytest

from engine.checks import N_CUTS, Observation, band, look_ahead, observe, warm_up
from engine.clock import DAY_MS
from engine.market import build_market
from engine.resolve import plan_run
from engine.strategies import builtin_names
from engine.trial import Trial
from engine.types import Bars, Ledger, Signals

CROSS = {
    "enter_long": "cross_above(sma(close, 3), sma(close, 8))",
    "exit_long": "cross_below(sma(close, 3), sma(close, 8))",
}


def random_bars(seed, n=200, **options):
    generator = np.random.default_rng(seed)
    close = 100 * np.exp(np.cumsum(generator.normal(0, 0.02, n)))
    open_ = close * (1 + generator.normal(0, 0.01, n))
    high = np.maximum(open_, close) * (1 + generator.uniform(0, 0.02, n))
    low = np.minimum(open_, close) * (1 - generator.uniform(0, 0.02, n))
    time = DAY_MS * np.arange(12_000, 12_000 + n, dtype=np.int64)
    return Bars(time, open_, high, low, close, generator.uniform(1e5, 1e6, n), **options)


def trial_of(strategy=None, *, kind=Trial, **config):
    """A trial of a formula, or of a named strategy, on up to two symbols."""
    chosen = {"name": strategy} if isinstance(strategy, str) else {"formula": strategy or CROSS}
    if isinstance(strategy, dict) and "name" in strategy:
        chosen = strategy
    run = plan_run({"symbols": ["A", "B"], "strategy": chosen, **config})
    return kind(run.strategy, run.config)


def market_of(*seeds, **options):
    bars = {name: random_bars(seed) for name, seed in zip("AB", seeds, strict=False)}
    return build_market(bars, **options)


# Cheats ---------------------------------------------------------------------------------------


def earlier(row):
    """The same row one bar too early: what is known at the next close is used at this one."""
    moved = row.copy()
    moved[:, :-1] = row[:, 1:]
    return moved


class OneBarAhead(Trial):
    """Signals leak one bar; the indicators shown are honest."""

    def evaluate(self, market):
        signals, rows = super().evaluate(market)
        long = replace(
            signals.long, enter=earlier(signals.long.enter), exit=earlier(signals.long.exit)
        )
        return replace(signals, long=long), rows


class IndicatorAhead(Trial):
    """Only an indicator that decides nothing leaks."""

    def evaluate(self, market):
        signals, rows = super().evaluate(market)
        return signals, {name: earlier(row) for name, row in rows.items()}


class WholeSample(Trial):
    """Enters below the mean of all closes, past and future."""

    def evaluate(self, market):
        signals, rows = super().evaluate(market)
        cheap = market.close < market.close.mean(axis=1, keepdims=True)
        return replace(signals, long=replace(signals.long, enter=cheap)), rows


class StopAhead(Trial):
    """The stop is set with the next bar's low in hand."""

    def evaluate(self, market):
        signals, rows = super().evaluate(market)
        low = earlier(market.low)
        long = replace(signals.long, stop=(low * 0.999, np.zeros_like(low)))
        return replace(signals, long=long), rows


class BrokerAhead(Trial):
    """The broker fills at the close of the next bar but books it now."""

    def ledger(self, market, signals, *, path=None):
        ledger = super().ledger(market, signals, path=path)
        fills = dict(ledger.fills)
        next_bar = np.minimum(fills["i_time"] + market.first + 1, market.time.size - 1)
        fills["price"] = market.close[fills["symbol"], next_bar]
        return replace(ledger, fills=fills)


class MarkedAhead(Trial):
    """The portfolio is marked at the next close."""

    def ledger(self, market, signals, *, path=None):
        ledger = super().ledger(market, signals, path=path)
        return replace(ledger, equity=earlier(ledger.equity[np.newaxis])[0])


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize(
    "cheat", [OneBarAhead, IndicatorAhead, WholeSample, StopAhead, BrokerAhead, MarkedAhead]
)
def test_every_kind_of_look_ahead_is_caught(cheat, seed):
    trial, market = trial_of(kind=cheat), market_of(seed)

    verdict = look_ahead(trial, market, observe(trial, market))

    assert verdict["status"] == "fail", cheat.__doc__


@pytest.mark.parametrize("seed", range(12))
def test_a_one_bar_shift_of_conditions_alone_is_found_by_poisoning(seed, monkeypatch):
    # Without the cuts, only the experiment with another future is left.
    monkeypatch.setattr("engine.checks.truncate", lambda market, n_times: market)
    monkeypatch.setattr("engine.checks.POISONED_BARS", 10_000)
    trial, market = trial_of(kind=OneBarAhead), market_of(seed)

    verdict = look_ahead(trial, market, observe(trial, market))

    assert verdict["status"] == "fail"
    assert verdict["detail"].startswith("Changing the bars after")


def test_the_verdict_names_what_changed_and_where():
    trial, market = trial_of(kind=StopAhead), market_of(1)

    detail = look_ahead(trial, market, observe(trial, market))["detail"]

    assert "changes stop_long at 200" in detail


@pytest.mark.parametrize("name", builtin_names())
@pytest.mark.parametrize("fill", ["next_open", "this_close", "next_close"])
def test_built_in_strategies_do_not_look_ahead(name, fill):
    # Of two symbols, rotation can hold one.
    params = {"params": {"top": 1, "lookback": 20}} if name == "momentum_rotation" else {}
    trial = trial_of({"name": name, **params}, execution={"fill": fill})
    market = market_of(3, 4)

    verdict = look_ahead(trial, market, observe(trial, market))

    assert verdict["status"] == "pass", verdict
    assert verdict["detail"].startswith(f"{N_CUTS} cuts")


@pytest.mark.parametrize(
    "config",
    [
        {"execution": {"finalize": True}},
        {"execution": {"path": "ohlc", "time_in_force": "day", "tick": 0.01}},
        {"margin": {"initial": 0.5}, "sizing": {"kind": "fraction", "value": 0.9}},
        {"risk": {"max_drawdown_stop": 0.05}},
    ],
)
def test_orders_with_levels_do_not_look_ahead(config):
    formula = {
        "enter_long": "close > sma(close, 5)",
        "limit_long": "close * 0.99",
        "stop_long": "entry_price * 0.97",
        "target_long": "entry_price + 2 * atr(5)",
        "enter_short": "close < sma(close, 5)",
        "trigger_short": "low * 0.99",
        "trail_short": "percent(0.03)",
        "expire_bars": 2,
    }
    trial, market = trial_of(formula, **config), market_of(5, 6)

    verdict = look_ahead(trial, market, observe(trial, market))

    assert verdict["status"] == "pass", verdict


def test_actions_gaps_and_a_delisting_are_no_look_ahead():
    whole = random_bars(7)
    day = whole.time
    acting = replace(
        whole,
        splits=((int(day[60]), 2.0), (int(day[120]), 0.5)),
        dividends=((int(day[90]), 1.5),),
        lot=0.0,
    )
    other = random_bars(8)
    gone = Bars(
        *(getattr(other, name)[10:150:3] for name in ("time", "open", "high", "low", "close")),
        volume=other.volume[10:150:3],
        delisted=True,
    )
    market = build_market({"A": acting, "B": gone})
    trial = trial_of("sma_cross")

    verdict = look_ahead(trial, market, observe(trial, market))

    assert verdict["status"] == "pass", verdict


def test_half_of_the_cuts_come_right_after_signals():
    trial, market = trial_of(), market_of(9)
    observation = observe(trial, market)
    n_signal_bars = int((observation.decisions.long.enter | observation.decisions.long.exit).sum())

    detail = look_ahead(trial, market, observation)["detail"]

    after_signals = int(detail.split(", ")[1].split()[0])
    assert after_signals >= min(n_signal_bars, N_CUTS // 2)


def test_one_bar_has_no_future_to_change():
    bars = {"A": random_bars(1, n=1)}
    trial, market = trial_of("buy_and_hold"), build_market(bars)

    assert look_ahead(trial, market, observe(trial, market))["status"] == "not_run"


# Warm-up --------------------------------------------------------------------------------------


class TooEarly(Trial):
    """Signals on the first bars, before the averages are valid."""

    def evaluate(self, market):
        signals, rows = super().evaluate(market)
        enter = signals.long.enter.copy()
        enter[:, market.first + 2] = True
        return replace(signals, long=replace(signals.long, enter=enter)), rows


class BeforeTheStart(Trial):
    """Signals on warm-up bars."""

    def evaluate(self, market):
        signals, rows = super().evaluate(market)
        enter = signals.long.enter.copy()
        enter[:, market.first - 1] = True
        return replace(signals, long=replace(signals.long, enter=enter)), rows


class RemembersTheStart(Trial):
    """Compares with the mean of all closes so far, which no lookback declares."""

    def evaluate(self, market):
        signals, rows = super().evaluate(market)
        count = np.cumsum(market.has_bar, axis=1)
        total = np.cumsum(np.where(market.has_bar, market.close, 0.0), axis=1)
        mean = total / np.maximum(count, 1)
        enter = (market.close > mean) & (count > self.strategy.lookback) & market.has_bar
        enter[:, : market.first] = False
        return replace(signals, long=replace(signals.long, enter=enter)), rows


class CountsFromTheFirstBar(Trial):
    """Enters at every tenth stored bar, wherever the bars happen to begin."""

    def evaluate(self, market):
        signals, rows = super().evaluate(market)
        count = np.cumsum(market.has_bar, axis=1)
        enter = (count % 10 == 0) & (count > self.strategy.lookback) & market.has_bar
        enter[:, : market.first] = False
        return replace(signals, long=replace(signals.long, enter=enter)), rows


def choppy_bars(seed):
    """Prices that keep crossing their own mean."""
    bars = random_bars(seed, n=1500)
    close = 100 * np.exp(np.random.default_rng(seed).normal(0, 0.03, 1500))
    return replace(bars, open=close, high=close, low=close, close=close)


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize(
    "cheat", [TooEarly, BeforeTheStart, RemembersTheStart, CountsFromTheFirstBar]
)
def test_every_warm_up_cheat_is_caught(cheat, seed):
    bars = {"A": choppy_bars(seed)}
    market = build_market(bars, start_ms=int(bars["A"].time[20]), warm_up_bars=5)
    trial = trial_of(kind=cheat)

    verdict = warm_up(trial, market, observe(trial, market))

    assert verdict["status"] == "fail", cheat.__doc__


def test_moving_averages_forget_where_they_began():
    trial, market = trial_of(), market_of(1)

    verdict = warm_up(trial, market, observe(trial, market))

    # sma(close, 8) is first valid at bar 7, the cross reads the bar before: bar 8 of 2002-11-09…
    assert trial.strategy.lookback == 8
    assert verdict["status"] == "pass"
    assert verdict["detail"] == (
        f"8 bars, first tradable bar {np.datetime64(12_008, 'D')}. Restarted elsewhere: no drift."
    )


def test_an_exponential_average_reports_its_drift():
    formula = {"enter_long": "close > ema(close, 10)", "exit_long": "close < ema(close, 10)"}
    trial, market = trial_of(formula), market_of(1)

    verdict = warm_up(trial, market, observe(trial, market))

    assert verdict["status"] == "pass"
    assert "after 4 lookbacks ema(close, 10) drifts by at most" in verdict["detail"]
    assert verdict["detail"].endswith("of its mean, and no signal differs.")


def test_an_indicator_that_is_never_a_number_drifts_by_nothing():
    trial, market = trial_of({"enter_long": "sma(log(0 - close), 3) > 1"}), market_of(1)

    observation = observe(trial, market)

    assert look_ahead(trial, market, observation)["status"] == "pass"
    assert warm_up(trial, market, observation)["detail"].endswith("no drift.")


def test_warm_up_bars_before_the_start_make_the_first_bar_tradable():
    bars = {"A": random_bars(1)}
    start = int(bars["A"].time[100])
    trial = trial_of()
    market = build_market(bars, start_ms=start, warm_up_bars=4 * trial.strategy.lookback)

    verdict = warm_up(trial, market, observe(trial, market))

    assert f"first tradable bar {np.datetime64(12_100, 'D')}" in verdict["detail"]


@pytest.mark.parametrize(
    ("formula", "n", "status", "said"),
    [
        ({"enter_long": "close > 0"}, 50, "pass", "Nothing needs earlier bars."),
        (CROSS, 5, "not_run", "needs 8 earlier bars"),
        (CROSS, 30, "not_run", "at least 41 bars"),
        ({"enter_long": "bar_index % 5 == 0 and close > sma(close, 3)"}, 90, "not_run", "counts"),
    ],
)
def test_when_nothing_can_be_restarted_it_is_said(formula, n, status, said):
    trial, market = trial_of(formula), build_market({"A": random_bars(1, n=n)})

    verdict = warm_up(trial, market, observe(trial, market))

    assert (verdict["status"], said in verdict["detail"]) == (status, True), verdict


# Band -----------------------------------------------------------------------------------------

BRACKET = {
    "enter_long": "close > open",
    "stop_long": "close * 0.985",
    "target_long": "close * 1.015",
}


def test_band_is_the_range_over_the_three_rules():
    trial, market = trial_of(BRACKET), market_of(2)
    observation = observe(trial, market)
    assert observation.ledger.ambiguous_fills > 0

    found = band(trial, market, observation.decisions, observation.ledger)

    curves = {
        path: trial.ledger(market, observation.decisions, path=path).equity
        for path in ("pessimistic", "optimistic", "ohlc")
    }
    assert found.final_equity == {path: curve[-1] for path, curve in curves.items()}
    assert found.final_equity["pessimistic"] < found.final_equity["optimistic"]
    for i, values in enumerate(zip(*curves.values(), strict=True)):
        assert (found.low[i], found.high[i]) == (min(values), max(values))


@pytest.mark.parametrize("seed", range(8))
def test_without_ambiguous_fills_the_rules_agree(seed):
    # What the shortcut claims: no ambiguous fill, then the three runs are one.
    formula = BRACKET | {"stop_long": "close * 0.9", "target_long": "close * 1.2"}
    trial, market = trial_of(formula), market_of(seed)
    observation = observe(trial, market)
    assert observation.ledger.ambiguous_fills == 0

    found = band(trial, market, observation.decisions, observation.ledger)

    assert len(set(found.final_equity.values())) == 1
    for path in ("optimistic", "ohlc"):
        again = trial.ledger(market, observation.decisions, path=path)
        assert np.array_equal(again.equity, observation.ledger.equity)


def test_the_checks_change_nothing_they_are_given():
    trial, market = trial_of(BRACKET), market_of(1, 2)
    observation = observe(trial, market)
    before = [market.close.copy(), observation.decisions.long.enter.copy()]

    look_ahead(trial, market, observation)
    warm_up(trial, market, observation)

    assert isinstance(observation, Observation)
    assert isinstance(observation.decisions, Signals)
    assert isinstance(observation.ledger, Ledger)
    np.testing.assert_array_equal(market.close, before[0])
    np.testing.assert_array_equal(observation.decisions.long.enter, before[1])
