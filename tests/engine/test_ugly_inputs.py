"""Ugly inputs give a named error with the value, or a right result; never a wrong number."""

import math

import numpy as np
import pytest

import engine
from engine.errors import InvalidBarsError, InvalidFormulaError, InvalidParameterError
from engine.simulation import simulate
from engine.types import OrderStatus, Reason, SizeKind
from tests.engine.random_markets import random_case, scale_prices
from tests.engine.scenario import DAY_MS, fills, flat_bars, make_bars, orders, trade

UNITS = {"size_kind": SizeKind.UNITS}
FREE = {"execution": {"slippage_bps": 0}, "costs": {"rate_bps": 0}}
EVERY_FIFTH = {"enter_long": "bar_index % 5 == 0", "exit_long": "bar_index % 5 == 3"}


def wave(n=40, **fields):
    """Bars of a gentle wave around 100."""
    closes = 100.0 + 5.0 * np.sin(np.arange(n))
    return flat_bars(closes, **fields)


def run(bars=None, formula=None, **config):
    """A backtest of a formula without costs."""
    document = {**FREE, "strategy": {"formula": formula or EVERY_FIFTH}, **config}
    many = bars if isinstance(bars, dict) else {"A": wave() if bars is None else bars}
    return engine.backtest(many, document)


# ── values that are refused ─────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("column", ["open", "high", "low", "close"])
@pytest.mark.parametrize(
    "value", [math.nan, math.inf, -math.inf, 0.0, -1.0, 5e-324, 1e-310, 1e-16, 1e16, 1.7e308]
)
def test_price_beyond_reason_is_refused_with_its_bar_and_value(column, value):
    bars = wave()
    getattr(bars, column)[7] = value

    with pytest.raises(InvalidBarsError, match=r"A: expected .* at bar 7 ") as error:
        run(bars)

    assert f"was {value}" in str(error.value)


@pytest.mark.parametrize("value", [math.nan, math.inf, -1.0])
def test_volume_beyond_reason_is_refused(value):
    bars = wave()
    bars.volume[7] = value

    with pytest.raises(InvalidBarsError, match=f"a volume ≥ 0 at bar 7 .* was {value}"):
        run(bars)


@pytest.mark.parametrize("ratio", [math.nan, math.inf, 0.0, -2.0, 1e7, 1e-7, 1e300, 5e-324])
def test_split_ratio_beyond_reason_is_refused(ratio):
    with pytest.raises(InvalidBarsError, match="split ratio from 1e-06 to 1e\\+06 at 1970-01-06"):
        run(wave(splits=((5 * DAY_MS, ratio),)))


@pytest.mark.parametrize("cash", [math.nan, math.inf, 0.0, -2.0, 1e300, 5e-324])
def test_dividend_beyond_reason_is_refused(cash):
    with pytest.raises(InvalidBarsError, match="a dividend from 1e-15 to 1e\\+15 at 1970-01-06"):
        run(wave(dividends=((5 * DAY_MS, cash),)))


@pytest.mark.parametrize("lot", [math.nan, math.inf, -1.0, 5e-324, 1e300])
def test_lot_beyond_reason_is_refused(lot):
    with pytest.raises(InvalidBarsError, match=r"a lot of 0 or from 1e-15 to 1e15, was"):
        run(wave(lot=lot))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("cash", 5e-324),
        ("cash", 1e300),
        ("cash", math.nan),
        ("cash", math.inf),
        ("lot", 5e-324),
        ("lot", -1.0),
        ("lot", math.nan),
        ("sizing.value", math.nan),
        ("sizing.value", -1.0),
        ("sizing.value", 0.0),
        ("execution.tick", 5e-324),
        ("execution.tick", 0.0),
        ("execution.slippage_bps", 10_000.0),
        ("costs.fixed", 1e300),
        ("costs.minimum", math.inf),
        ("costs.per_unit", 1e300),
        ("costs.cash_rate", 1e300),
        ("costs.cash_rate", -1e300),
        ("costs.borrow_rate", 1e300),
        ("costs.margin_rate", math.nan),
        ("margin.initial", 1e-300),
        ("margin.initial", 0.0),
    ],
)
def test_option_beyond_reason_is_refused_by_its_name(field, value):
    part, _, name = field.partition(".")
    config = {part: {name: value} if name else value}
    if part == "sizing":
        config["sizing"]["kind"] = "units"

    with pytest.raises(InvalidParameterError) as error:
        run(**config)

    assert error.value.field.startswith(field)
    assert f"{value!r}" in str(error.value)


def test_slippage_and_spread_together_may_not_take_the_whole_price():
    with pytest.raises(InvalidParameterError, match=r"a sell would get nothing\), was 14998.5"):
        run(execution={"slippage_bps": 9999, "spread_bps": 9999})


def test_tick_above_a_price_is_refused():
    with pytest.raises(InvalidParameterError, match=r"was 1000 with a low of 95\.") as error:
        run(execution={"tick": 1000.0})

    assert error.value.field == "execution.tick"


@pytest.mark.parametrize("size", ["units(0)", "units(-5)", "fraction(-1)", "cash(-3)", "risk(0)"])
def test_constant_size_that_is_not_above_zero_is_refused(size):
    with pytest.raises(InvalidFormulaError, match="Expected a size above 0, was"):
        run(formula={**EVERY_FIFTH, "size": size, "stop_long": "close - 1"})


def test_constant_that_is_not_a_finite_number_is_refused():
    with pytest.raises(InvalidFormulaError, match="not a finite number"):
        run(formula={**EVERY_FIFTH, "size": "units(1e400)"})


def test_more_symbols_than_a_run_may_have_are_refused():
    many = {f"S{k}": flat_bars([10.0]) for k in range(1001)}

    with pytest.raises(InvalidParameterError, match="at most 1000 items"):
        run(many)


def test_account_that_outgrows_float64_is_refused():
    # Each round trip from 1e-15 to 1e15 multiplies the cash by 1e30; 1e308 is the end.
    bars = flat_bars([1e-15, 1e-15, 1e15] * 12)
    plan = {"enter_long": set(range(0, 36, 3)), "exit_long": set(range(1, 36, 3))}

    with pytest.raises(InvalidBarsError, match="beyond what a float64 can hold"):
        trade(bars, **plan)


# ── values that are extreme and right ───────────────────────────────────────────────────────


@pytest.mark.parametrize("price", [1e-15, 1e-8, 1e8, 5e14])
def test_money_doubles_with_the_price_at_every_scale(price):
    ledger = trade(flat_bars([price, price, 2 * price]), enter_long={0})

    assert ledger.fills["quantity"].tolist() == pytest.approx([1000.0 / price])
    assert ledger.equity == pytest.approx([1000, 1000, 2000])
    assert ledger.recon_error < 1e-9


def test_share_dearer_than_all_cash_is_rejected():
    ledger = trade(flat_bars([1e8] * 3), enter_long={0}, lot=1.0)

    assert orders(ledger, "status", "reason") == [(OrderStatus.REJECTED, Reason.CASH)]


def test_quantities_beyond_2_to_the_53_keep_their_books():
    # 1e15 at 1e-8 buys 1e23 shares, of which whole lots are no longer told apart. Half of it
    # twice, out together at 3e-8: three times the money.
    bars = flat_bars([1e-8, 1e-8, 1e-8, 3e-8, 3e-8])

    ledger = trade(
        bars,
        enter_long={0, 1},
        exit_long={2},
        size=5e22,
        **UNITS,
        pyramiding=2,
        cash=1e15,
        lot=1.0,
    )

    assert ledger.fills["quantity"].tolist() == [5e22, 5e22, 1e23]
    assert ledger.trades["quantity"].tolist() == [5e22, 5e22]
    assert ledger.equity == pytest.approx([1e15, 1e15, 1e15, 3e15, 3e15], rel=1e-15)
    assert ledger.recon_error < 1e-9


@pytest.mark.parametrize("units", [1e17, 1e300, 1.7e308])
def test_size_beyond_all_cash_is_reduced_to_what_fits(units):
    ledger = trade(flat_bars([100] * 3), enter_long={0}, size=units, **UNITS)

    assert ledger.fills["quantity"].tolist() == [10.0]


@pytest.mark.parametrize("units", [5e-324, 1e-310])
def test_size_that_is_worth_nothing_is_rejected(units):
    ledger = trade(
        flat_bars([100, 100, 110, 110]), enter_long={0}, exit_long={1}, size=units, **UNITS
    )

    assert orders(ledger, "status", "reason") == [(OrderStatus.REJECTED, Reason.CASH)]


@pytest.mark.parametrize("ratio", [1e6, 1e-6])
def test_largest_splits_change_nothing_but_the_shares(ratio):
    bars = flat_bars([100, 100, 100 / ratio, 120 / ratio], splits=((2 * DAY_MS, ratio),))

    ledger = trade(bars, enter_long={0}, long={"stop": 10.0, "target": 115.0})

    assert ledger.equity == pytest.approx([1000, 1000, 1000, 1200])
    assert fills(ledger, "i_time", "quantity", "price", "reason")[1:] == [
        (3, pytest.approx(10 * ratio), pytest.approx(120 / ratio), Reason.TARGET)
    ]
    assert ledger.recon_error < 1e-9


def test_split_that_the_prices_do_not_show_makes_the_money_it_says():
    # A million new shares for one at an unchanged price: 1e9, not an error of the books.
    ledger = trade(flat_bars([100] * 4, splits=((2 * DAY_MS, 1e6),)), enter_long={0})

    assert ledger.equity.tolist() == [1000, 1000, 1e9, 1e9]


def test_account_that_grows_enormously_balances_to_the_size_it_has_reached():
    # 1.5-fold a bar, all in on margin: 1e8 of the cash is passed early; 1e-9 of the cash is then
    # less than one unit in the last place of the equity.
    bars = flat_bars(100.0 * 1.5 ** np.arange(40))

    ledger = trade(bars, enter_long=set(range(40)), pyramiding=40, margin__initial=0.2)

    assert ledger.equity[-1] > 1e12 * 1000.0
    assert ledger.recon_error * 1000.0 < 1e-12 * ledger.equity[-1]


@pytest.mark.parametrize(
    "place", [{"stop": 120.0}, {"target": 80.0}, {"stop": 120.0, "target": 80.0}]
)
def test_bracket_on_the_wrong_side_goes_in_and_out_at_the_open(place):
    # F5: beyond its level at the entry. The third is circular: stop above target.
    ledger = trade(flat_bars([100, 100, 100]), enter_long={0}, long=place)

    reason = Reason.STOP if "stop" in place else Reason.TARGET
    assert fills(ledger) == [
        (1, 1, 10.0, 100.0, Reason.SIGNAL),
        (1, -1, 10.0, 100.0, reason),
    ]
    assert ledger.equity.tolist() == [1000] * 3


@pytest.mark.parametrize(
    "levels",
    [
        {"limit_long": "-close"},
        {"limit_long": "close * 1e308"},  # not finite, so NaN: no entry is made
        {"trigger_long": "close * 1e6"},
        {"limit_long": "log(close - 1000)"},  # NaN
        {"size": "units(0 * close)"},
        {"size": "risk(0.1)", "stop_long": "entry_price"},  # no distance to divide by
    ],
)
def test_level_that_cannot_be_reached_trades_nothing(levels):
    result = run(formula={**EVERY_FIFTH, **levels})

    assert result.metrics["trades"] == 0
    assert result.metrics["final_equity"] == 100_000.0
    assert result.checks["recon_error"] == 0.0


@pytest.mark.parametrize(
    "levels",
    [
        {"stop_long": "-close"},
        {"stop_long": "close - 1e300"},
        {"target_long": "close + 1e300"},
        {"trail_long": "percent(2)"},
        {"trail_long": "1e300"},
    ],
)
def test_level_that_is_never_reached_leaves_the_exit_to_the_signal(levels):
    plain, with_level = run(), run(formula={**EVERY_FIFTH, **levels})

    assert plain.metrics["trades"] > 5
    assert with_level.equity["equity"].tobytes() == plain.equity["equity"].tobytes()
    assert set(with_level.trades["exit_reason"].tolist()) <= {"signal", ""}


def test_risk_too_small_to_tell_is_reduced_to_the_cash():
    # entry − stop is one unit in the last place: the wanted quantity is astronomical.
    ledger = trade(
        flat_bars([100] * 3),
        enter_long={0},
        long={"stop": np.nextafter(100.0, 0.0)},
        size=0.5,
        size_kind=SizeKind.RISK,
    )

    assert ledger.fills["quantity"].tolist() == [10.0]


# ── shapes of input ─────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("n_bars", [1, 2])
def test_shortest_runs_are_results(n_bars):
    result = run(flat_bars([100.0, 110.0][:n_bars]), {"enter_long": "close > 0"})

    assert len(result.equity["time"]) == n_bars
    # Bought at open 1 for 110, marked at 110.
    assert result.metrics["final_equity"] == pytest.approx(100_000.0)
    assert result.metrics["open_trades"] == n_bars - 1
    assert result.metrics["sharpe"] is None


def test_strategy_that_never_trades_is_flat():
    result = run(formula={"enter_long": "close < 0"})

    assert set(result.equity["equity"].tolist()) == {100_000.0}
    assert len(result.orders["order_id"]) == 0
    assert result.metrics["trades"] == 0


def test_orders_on_every_bar_of_every_symbol_keep_their_books():
    n_symbols, n_bars = 40, 120
    rng = np.random.default_rng(8)
    market = {
        f"S{k:02d}": flat_bars(100.0 * np.exp(np.cumsum(rng.normal(0, 0.02, n_bars))))
        for k in range(n_symbols)
    }
    always = {name: set(range(n_bars)) for name in market}

    # Long while flat or short, short while long: each close flips every symbol.
    ledger = trade(market, enter_long=always, exit_long=always, enter_short=always, size=0.02)
    conflicts = ledger.conflicts
    flips = trade(
        market,
        enter_long={name: set(range(0, n_bars, 2)) for name in market},
        enter_short={name: set(range(1, n_bars, 2)) for name in market},
        size=0.02,
        lot=1.0,
        costs__rate_bps=1.0,
    )

    # Both sides at every close while flat: each is counted as a conflict, no order is made.
    assert conflicts == n_symbols * n_bars
    assert len(ledger.orders["order_id"]) == 0
    assert len(flips.orders["order_id"]) == n_symbols * n_bars
    assert flips.recon_error < 1e-9


def test_thousands_of_symbols_with_one_bar_each():
    n_symbols = 3000
    market = {f"S{k:04d}": flat_bars([10.0], days=(k,)) for k in range(n_symbols)}

    ledger = trade(market, enter_long={name: {k} for k, name in enumerate(sorted(market))})

    # Each order waits for a next bar of its own, which never comes.
    assert len(ledger.orders["order_id"]) == n_symbols
    assert len(ledger.fills["price"]) == 0
    assert set(ledger.equity.tolist()) == {1000.0}


def test_thousands_of_symbols_on_two_shared_bars():
    # A 3000th of 1000 each, at 10; then 11: 10 % more.
    n_symbols = 3000
    market = {f"S{k:04d}": make_bars([(10,) * 4, (10, 11, 10, 11)]) for k in range(n_symbols)}

    ledger = trade(market, enter_long={name: {0} for name in market}, size=1.0 / n_symbols)

    assert len(ledger.fills["price"]) == n_symbols
    assert ledger.equity[-1] == pytest.approx(1100.0)
    assert ledger.recon_error < 1e-9


@pytest.mark.parametrize("exponent", range(-8, 9, 2))
def test_random_markets_at_every_scale_keep_their_books(exponent):
    for seed in range(1000, 1040):
        case = random_case(seed)
        if case.config.execution.tick is not None:
            continue
        scaled = scale_prices(case, np.full_like(case.market.close, 10.0**exponent))

        ledger = simulate(scaled.market, scaled.signals, scaled.config)

        assert np.isfinite(ledger.equity).all(), f"seed {seed}"
        assert ledger.recon_error < 1e-9, f"seed {seed}"
