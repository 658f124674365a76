"""Properties of every run, whatever the market (F14, F16, F17; no look-ahead)."""

from __future__ import annotations

import threading
from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.run import RunConfig
from engine.market import build_market, truncate
from engine.simulation import simulate
from engine.types import Bars, Ledger, Market, SideSignals, Signals, SizeKind, Table
from tests.engine.random_markets import (
    Case,
    cut,
    map_signals,
    random_case,
    scale_prices,
)

seeds = st.integers(min_value=0, max_value=2**32 - 1)
several = settings(max_examples=60, deadline=None, derandomize=True)

PLAIN = {
    "slippage_bps": 0.0,
    "spread_bps": 0.0,
    "slippage_ticks": 0,
    "volume_impact": None,
    "impact": None,
    "tick": None,
    "limit_ticks_through": 0,
}
FREE = {
    "rate_bps": 0.0,
    "maker_bps": None,
    "taker_bps": None,
    "per_unit": 0.0,
    "fixed": 0.0,
    "minimum": 0.0,
    "maximum_rate_bps": None,
    "borrow_rate": 0.0,
    "cash_rate": 0.0,
    "margin_rate": 0.0,
}


def with_config(case: Case, **parts: dict | float | None) -> Case:
    """The case with some options changed, part by part."""
    config = case.config.model_dump()
    for name, value in parts.items():
        config[name] = {**config[name], **value} if isinstance(value, dict) else value
    return replace(case, config=RunConfig.model_validate(config))


def run(case: Case) -> Ledger:
    return simulate(case.market, case.signals, case.config)


def arrays_of(*records: Market | Signals | SideSignals) -> list[np.ndarray]:
    """Every array inside some records."""
    found = []
    for record in records:
        for field in fields(record):
            value = getattr(record, field.name)
            if isinstance(value, SideSignals):
                found += arrays_of(value)
            elif isinstance(value, tuple):
                found += [part for part in value if isinstance(part, np.ndarray)]
            elif isinstance(value, np.ndarray):
                found.append(value)
    return found


def ledger_bytes(ledger: Ledger) -> bytes:
    """The ledger, to the last bit."""
    parts = [ledger.time, ledger.equity, ledger.cash, ledger.market_value, ledger.gross_value]
    for table in (ledger.orders, ledger.fills, ledger.trades):
        parts += [table[name] for name in sorted(table)]
    scalars = (
        sorted(ledger.totals.items()),
        ledger.ambiguous_fills,
        ledger.stale_bars,
        ledger.conflicts,
        ledger.status,
        ledger.recon_error,
    )
    return b"".join(np.ascontiguousarray(p).tobytes() for p in parts) + repr(scalars).encode()


# ── the same inputs ─────────────────────────────────────────────────────────────────────────


@several
@given(seeds)
def test_inputs_are_left_unchanged(seed: int) -> None:
    case = random_case(seed)
    arrays = arrays_of(case.market, case.signals)
    before = [array.tobytes() for array in arrays]

    run(case)

    assert [array.tobytes() for array in arrays] == before


def test_a_repeat_and_two_threads_give_the_same_bytes() -> None:
    cases = [random_case(seed) for seed in range(60)]
    expected = [ledger_bytes(run(case)) for case in cases]
    results: dict[int, list[bytes]] = {}

    def work(name: int) -> None:
        results[name] = [ledger_bytes(run(case)) for case in cases]

    threads = [threading.Thread(target=work, args=(name,)) for name in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert results == {0: expected, 1: expected}


@several
@given(seeds)
def test_the_books_balance(seed: int) -> None:
    case = random_case(seed)
    ledger = run(case)

    np.testing.assert_allclose(
        ledger.cash + ledger.market_value, ledger.equity, rtol=1e-9, atol=1e-9 * case.config.cash
    )
    assert ledger.recon_error < 1e-9


@several
@given(seeds)
def test_cash_and_positions_follow_from_the_fills(seed: int) -> None:
    case = with_config(
        random_case(seed), costs={"cash_rate": 0.0, "borrow_rate": 0.0, "margin_rate": 0.0}
    )
    market = replace(
        case.market,
        split=np.ones_like(case.market.split),
        dividend=np.zeros_like(case.market.dividend),
    )
    ledger = run(replace(case, market=market))

    cash = case.config.cash
    position = np.zeros(len(market.symbols))
    last = np.zeros(len(market.symbols))
    fills = ledger.fills
    for i in range(ledger.time.size):
        for row in np.flatnonzero(fills["i_time"] == i):
            quantity = fills["side"][row] * fills["quantity"][row]
            cash -= quantity * fills["price"][row] + fills["fee"][row]
            position[fills["symbol"][row]] += quantity
        cash += 0.0 if ledger.flow is None else ledger.flow[i]
        own = market.has_bar[:, market.first + i]
        last[own] = market.close[own, market.first + i]
        # Closes of the warm-up do not matter: nothing is held there.
        assert ledger.equity[i] == pytest.approx(
            cash + (position * last).sum(), rel=1e-9, abs=1e-9 * case.config.cash
        )


# ── no look-ahead ───────────────────────────────────────────────────────────────────────────


@several
@given(seeds, st.integers(min_value=1, max_value=40))
def test_the_first_bars_do_not_depend_on_later_ones(seed: int, n_run: int) -> None:
    case = with_config(random_case(seed), execution={"finalize": False})
    n_times = min(case.market.first + n_run, case.market.time.size)
    n_run = n_times - case.market.first
    whole = run(case)

    part = run(replace(cut(case, times=slice(0, n_times)), market=truncate(case.market, n_times)))

    for name in ("time", "equity", "cash", "market_value", "gross_value"):
        np.testing.assert_array_equal(getattr(part, name), getattr(whole, name)[:n_run])
    n_fills = int((whole.fills["i_time"] < n_run).sum())
    assert len(part.fills["i_time"]) == n_fills
    for name, column in part.fills.items():
        np.testing.assert_array_equal(column, whole.fills[name][:n_fills], err_msg=name)
    assert_same_orders(part.orders, whole.orders, n_run)


FATE = ("ended", "status", "reason", "quantity", "filled_quantity", "filled_price")
"""Columns of an order that later bars may change while it works."""


def assert_same_orders(part: Table, whole: Table, n_run: int) -> None:
    """Orders made in the first bars are the same, and so is what became of them in these bars."""
    n_orders = int((whole["i_time"] < n_run).sum())
    assert len(part["i_time"]) == n_orders
    ended = whole["ended"][:n_orders]
    is_over = (ended >= 0) & (ended < n_run)
    np.testing.assert_array_equal(part["ended"] >= 0, is_over)
    for name in part:
        rows = is_over if name in FATE else np.ones(n_orders, bool)
        np.testing.assert_array_equal(part[name][rows], whole[name][:n_orders][rows], err_msg=name)


# ── what does not matter ────────────────────────────────────────────────────────────────────


def test_the_order_of_the_input_symbols_does_not_matter() -> None:
    day = 86_400_000
    time = np.arange(1, 9, dtype=np.int64) * day

    def bars(close: float, start: int) -> Bars:
        price = close + np.arange(8 - start, dtype=np.float64)
        return Bars(time[start:], price, price + 1, price - 1, price, np.full(price.size, 100.0))

    given_bars = {"B": bars(10.0, 2), "a": bars(30.0, 0), "A": bars(20.0, 1)}
    forward = build_market(given_bars, start_ms=None, end_ms=None, warm_up_bars=0)
    backward = build_market(
        dict(reversed(given_bars.items())), start_ms=None, end_ms=None, warm_up_bars=0
    )

    assert forward.symbols == backward.symbols == ("A", "B", "a")
    for one, two in zip(arrays_of(forward), arrays_of(backward), strict=True):
        np.testing.assert_array_equal(one, two)


@several
@given(seeds)
def test_names_do_not_matter_while_money_is_ample(seed: int) -> None:
    """With fixed units, and cash for all of them, each symbol is a run of its own."""
    case = with_config(
        random_case(seed),
        cash=1e9,
        risk={"max_gross": None, "max_weight": None, "max_drawdown_stop": None},
    )
    signals = replace(
        case.signals, size_kind=SizeKind.UNITS, size=np.full_like(case.signals.size, 10.0)
    )
    case = replace(case, signals=signals)
    rows = list(reversed(range(len(case.market.symbols))))
    turned = cut(case, rows=rows)
    turned = replace(turned, market=replace(turned.market, symbols=case.market.symbols))

    np.testing.assert_allclose(run(turned).equity, run(case).equity, rtol=0.0, atol=1e-5)


@several
@given(seeds, st.integers(min_value=-1000, max_value=10_000))
def test_a_shift_of_time_does_not_matter(seed: int, n_days: int) -> None:
    # Contributions follow the calendar.
    case = with_config(random_case(seed), flows=None)
    shifted = replace(
        case, market=replace(case.market, time=case.market.time + n_days * 86_400_000)
    )
    one, two = run(case), run(shifted)

    np.testing.assert_array_equal(two.time - one.time, n_days * 86_400_000)
    assert ledger_bytes(replace(two, time=one.time)) == ledger_bytes(one)


@several
@given(seeds, st.sampled_from([0.25, 2.0, 8.0]))
def test_price_times_c_with_size_over_c_does_not_matter(seed: int, scale: float) -> None:
    case = with_config(
        random_case(seed),
        lot=0.0,
        execution={"tick": None, "limit_ticks_through": 0, "slippage_ticks": 0},
        costs={"per_unit": 0.0, "fixed": 0.0, "minimum": 0.0, "maximum_rate_bps": None},
    )
    one, two = run(case), run(scale_prices(case, np.full_like(case.market.close, scale)))

    np.testing.assert_allclose(two.equity, one.equity, rtol=1e-9, atol=1e-9 * case.config.cash)
    np.testing.assert_allclose(two.fills["price"], one.fills["price"] * scale, rtol=1e-9)
    np.testing.assert_allclose(two.fills["quantity"], one.fills["quantity"] / scale, rtol=1e-9)


@several
@given(seeds)
def test_splits_equal_the_split_adjusted_series(seed: int) -> None:
    """F14: no costs, lot 0. Ratios are powers of two, so that touches stay exact."""
    case = with_config(random_case(seed), lot=0.0, execution=PLAIN, costs=FREE)
    market = replace(
        case.market,
        split=np.ones_like(case.market.split),
        dividend=np.zeros_like(case.market.dividend),
    )
    case = replace(case, market=market)
    rng = np.random.default_rng(seed)
    ratios = rng.choice([0.5, 2.0, 4.0], size=market.close.shape)
    split = np.where(market.has_bar & (rng.random(market.close.shape) < 0.15), ratios, 1.0)
    # A price is worth, in raw money, the product of all later ratios.
    later = np.cumprod(split[:, ::-1], axis=1)[:, ::-1] / split
    raw = scale_prices(case, later)
    raw = replace(raw, market=replace(raw.market, split=split))

    one, two = run(case), run(raw)

    np.testing.assert_allclose(two.equity, one.equity, rtol=1e-9, atol=1e-9 * case.config.cash)
    assert two.ambiguous_fills == one.ambiguous_fills
    for name in ("i_time", "side", "reason", "order_id"):
        np.testing.assert_array_equal(two.fills[name], one.fills[name])


# ── money ───────────────────────────────────────────────────────────────────────────────────


@several
@given(seeds)
def test_zero_cost_buy_and_hold_equals_last_close_over_open_1(seed: int) -> None:
    case = with_config(
        cut(random_case(seed), rows=[0]),
        lot=0.0,
        execution={**PLAIN, "fill": "next_open", "finalize": False, "participation": None},
        costs=FREE,
        margin={"initial": 1.0, "maintenance": 0.0},
        risk={"max_gross": None, "max_weight": None, "max_drawdown_stop": None},
        flows=None,
    )
    own = np.flatnonzero(case.market.has_bar[0])
    market = replace(
        cut(case, times=own).market,
        first=0,
        split=np.ones((1, own.size)),
        dividend=np.zeros((1, own.size)),
        delisted=np.array([False]),
    )
    if own.size < 2:
        return
    enter = np.zeros((1, own.size), dtype=np.bool_)
    enter[0, 0] = True
    never = np.zeros_like(enter)
    signals = Signals(
        long=SideSignals(enter=enter, exit=never),
        short=SideSignals(enter=never, exit=never),
        size_kind=SizeKind.FRACTION,
        size=np.ones((1, own.size)),
    )

    equity = simulate(market, signals, case.config).equity

    growth = market.close[0, -1] / market.open[0, 1]
    assert equity[-1] / case.config.cash == pytest.approx(growth, rel=1e-12)


@several
@given(
    seeds,
    st.sampled_from(
        [
            ("costs", {"rate_bps": 100.0}),
            ("costs", {"per_unit": 0.5}),
            ("costs", {"fixed": 5.0}),
            ("costs", {"minimum": 50.0}),
            ("costs", {"borrow_rate": 0.3}),
            ("costs", {"margin_rate": 0.3}),
            ("execution", {"slippage_bps": 300.0}),
            ("execution", {"spread_bps": 600.0}),
        ]
    ),
)
def test_more_cost_never_raises_the_equity_of_a_fixed_trade_list(
    seed: int, cost: tuple[str, dict]
) -> None:
    """Market orders in fixed units with ample money: costs cannot change what is traded."""
    case = random_case(seed)
    free = {"limit": None, "trigger": None, "stop": None, "target": None, "trail": None}
    signals = replace(
        case.signals,
        long=replace(case.signals.long, **free),
        short=replace(case.signals.short, **free),
        size_kind=SizeKind.UNITS,
        size=np.full_like(case.signals.size, 10.0),
    )
    cheap = with_config(
        replace(case, signals=signals),
        cash=1e7,
        execution={**PLAIN, "clip": False},
        costs=FREE,
        risk={"max_gross": None, "max_weight": None, "max_drawdown_stop": None},
    )
    dear = with_config(cheap, **{cost[0]: cost[1]})
    one, two = run(cheap), run(dear)

    np.testing.assert_array_equal(two.fills["quantity"], one.fills["quantity"])
    assert (two.equity <= one.equity + 1e-6).all()


def test_signals_are_read_at_their_own_bar_only() -> None:
    """Noise in the levels of bars without an entry changes nothing."""
    for seed in range(40):
        case = random_case(seed)
        enter = case.signals.long.enter | case.signals.short.enter

        def change(values: np.ndarray, enter: np.ndarray = enter) -> np.ndarray:
            return values if values.dtype == np.bool_ else np.where(enter, values, np.nan)

        noisy = replace(case, signals=map_signals(case.signals, change))

        assert ledger_bytes(run(noisy)) == ledger_bytes(run(case)), f"seed {seed}"
