"""Strategies in Python files: what they order is what is traded, by hand-derived figures."""

import textwrap

import numpy as np
import pytest

from config.settings import ROOT
from engine.backtesting import backtest
from engine.errors import InvalidStrategyError
from engine.event_files import add_file, read_event_strategy
from engine.market import build_market
from engine.resolve import plan_run
from engine.trial import Trial
from engine.types import Bars, OrderStatus, OrderType, Reason
from tests.engine.scenario import FREE, fills, flat_bars, make_bars, orders
from tests.engine.test_checks import random_bars

HEAD = "from engine.orders import *\n"
IMPORTS = (
    "from engine.orders import BUY, NEXT_CLOSE, NEXT_OPEN, SELL, THIS_CLOSE, buy, cancel, close, "
    "sell\n"
)
SIGNATURE = "def on_bar(bar, indicators, position, orders, state, params):\n"


def define(body, *, top="", name="test_file"):
    """Make a strategy of the body of its on_bar; it is called `name`."""
    code = (
        IMPORTS + textwrap.dedent(top) + SIGNATURE + textwrap.indent(textwrap.dedent(body), "    ")
    )
    definition = read_event_strategy(code, name=name)
    add_file(definition)
    return definition


def trade(bars, body, *, top="", params=None, path=None, **options):
    """Run an on_bar on bars, without costs unless an option says otherwise."""
    definition = define(body, top=top)
    many = {"A": bars} if isinstance(bars, Bars) else bars
    config = {key: dict(value) if isinstance(value, dict) else value for key, value in FREE.items()}
    config |= {
        "symbols": sorted(many),
        "strategy": {"name": definition.name, "params": params or {}},
    }
    for name, value in options.items():
        part, _, key = name.partition("__")
        if key:
            config.setdefault(part, {})[key] = value
        else:
            config[part] = value
    run = plan_run(config)
    market = build_market(many)
    trial = Trial(run.strategy, run.config)
    return trial.ledger(market, trial.evaluate(market)[0], path=path)


# ── orders ──────────────────────────────────────────────────────────────────────────────────


def test_a_market_order_fills_at_the_next_open_unless_it_says_when():
    bars = make_bars([(10, 10, 10, 10), (11, 13, 11, 12), (14, 15, 14, 15)])
    body = """
    if bar.number == 0:
        buy(orders, units=1)
        buy(orders, units=2, when=THIS_CLOSE)
        buy(orders, units=3, when=NEXT_CLOSE)
    return state
    """

    ledger = trade(bars, body)

    # In order of time: the close that made it, the next open, the next close.
    assert fills(ledger, "i_time", "quantity", "price") == [(0, 2.0, 10.0), (1, 1.0, 11.0),
                                                            (1, 3.0, 12.0)]  # fmt: skip
    assert ledger.equity.tolist() == [
        1000.0,
        1000.0 + 2 * 2 + 1 * 1,
        1000.0 + 2 * 5 + 1 * 4 + 3 * 3,
    ]


def test_the_configured_fill_holds_for_orders_that_do_not_say_when():
    bars = flat_bars([10, 20, 30])
    body = "if bar.number == 0:\n    buy(orders, units=1)\nreturn state"

    assert fills(trade(bars, body, execution__fill="this_close"), "i_time") == [(0,)]
    assert fills(trade(bars, body, execution__fill="next_close"), "price") == [(20.0,)]


def test_several_brackets_live_side_by_side_and_close_their_own_entry():
    # Bought 1, 2 and 4 units at 100 with stops 90, 80 and a target 110.
    bars = make_bars(
        [(100, 100, 100, 100), (100, 100, 100, 100), (95, 95, 85, 88), (100, 112, 100, 111),
         (70, 70, 70, 70)]
    )  # fmt: skip
    body = """
    if bar.number == 0:
        buy(orders, units=1, stop=90.0)
        buy(orders, units=2, stop=80.0)
        buy(orders, units=4, target=110.0, stop_fraction=0.5)
    return state
    """

    ledger = trade(bars, body)

    assert fills(ledger, "i_time", "quantity", "price", "reason")[3:] == [
        (2, 1.0, 90.0, Reason.STOP),  # the low of 85 reaches 90, not 80
        (3, 4.0, 110.0, Reason.TARGET),
        (4, 2.0, 70.0, Reason.STOP),  # opens beyond 80
    ]


def test_children_given_as_shares_of_the_entry_price():
    # Entry at 200: stop 200 · 0.9 = 180, target 200 · 1.2 = 240; short: 220 and 160.
    bars = make_bars([(100, 100, 100, 100), (200, 200, 200, 200), (200, 250, 175, 200)])
    buys = "if bar.number == 0:\n    buy(orders, units=1, {})\nreturn state"
    sells = "if bar.number == 0:\n    sell(orders, units=1, {})\nreturn state"

    assert fills(trade(bars, buys.format("stop_fraction=0.1")), "price")[1] == (180.0,)
    assert fills(trade(bars, buys.format("target_fraction=0.2")), "price")[1] == (240.0,)
    assert fills(trade(bars, sells.format("stop_fraction=0.1")), "price")[1][0] == pytest.approx(
        220
    )
    assert fills(trade(bars, sells.format("target_fraction=0.1")), "price")[1] == (180.0,)
    # 5 % behind the highest high, which is the entry's own bar: 200 · 0.95.
    assert fills(trade(bars, buys.format("trail_fraction=0.05")), "price")[1] == (190.0,)


def test_a_part_is_closed_and_never_more_than_is_held():
    bars = flat_bars([10, 10, 10, 10, 10])
    body = """
    if bar.number == 0:
        buy(orders, units=10)
    if bar.number == 1:
        close(orders, quantity=3)
        close(orders, fraction=0.2)
    if bar.number == 2:
        close(orders, quantity=100)
    if bar.number == 3:
        close(orders)
    return state
    """

    ledger = trade(bars, body)

    # 10, then −3 and −2, then the remaining 5; flat, there is nothing to close.
    assert fills(ledger, "i_time", "side", "quantity") == [
        (1, 1, 10.0), (2, -1, 3.0), (2, -1, 2.0), (3, -1, 5.0),
    ]  # fmt: skip
    assert len(ledger.orders["side"]) == 4


def test_a_part_is_a_whole_number_of_lots():
    bars = flat_bars([10, 10, 10, 10])
    body = """
    if bar.number == 0:
        buy(orders, units=7)
    if bar.number == 1:
        close(orders, fraction=0.5)
    if bar.number == 2:
        close(orders, fraction=0.1)
    return state
    """

    ledger = trade(bars, body, lot=1.0)

    # Half of 7 is 3 lots; a tenth of 4 is none, which is no order.
    assert fills(ledger, "side", "quantity") == [(1, 7.0), (-1, 3.0)]
    assert orders(ledger, "status", "reason")[2] == (OrderStatus.REJECTED, Reason.INVALID)


def test_orders_expire_and_are_cancelled():
    bars = flat_bars([10, 10, 10, 8, 8])
    body = """
    if bar.number == 0:
        buy(orders, units=1, limit=9.0, expire_bars=2)
        buy(orders, units=2, limit=9.0)
        sell(orders, units=3, limit=30.0)
        buy(orders, units=4, limit=9.0)
    if bar.number == 1:
        cancel(orders, SELL)
    return state
    """

    ledger = trade(bars, body)

    assert orders(ledger, "status", "ended") == [
        (OrderStatus.EXPIRED, 2),  # its two bars are 1 and 2
        (OrderStatus.FILLED, 3),
        (OrderStatus.CANCELLED, 1),
        (OrderStatus.FILLED, 3),
    ]
    everything = body.replace("cancel(orders, SELL)", "cancel(orders)")
    assert fills(trade(bars, everything), "side") == []


def test_limit_stop_and_stop_limit_orders():
    bars = make_bars([(10, 10, 10, 10), (10, 12, 8, 10), (10, 10.5, 10, 10)])
    body = """
    if bar.number == 0:
        buy(orders, units=1, limit=9.0)
        buy(orders, units=2, trigger=11.0)
        buy(orders, units=4, trigger=11.5, limit=10.0)
    return state
    """

    ledger = trade(bars, body)

    assert orders(ledger, "type") == [
        (OrderType.LIMIT,),
        (OrderType.STOP,),
        (OrderType.STOP_LIMIT,),
    ]
    # The stop-limit is triggered inside bar 1 and fills at the open of bar 2, which is its limit.
    assert sorted(fills(ledger, "i_time", "quantity", "price")) == [
        (1, 1.0, 9.0), (1, 2.0, 11.0), (2, 4.0, 10.0),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("size", "quantity"),
    [("units=3", 3.0), ("fraction=0.5", 50.0), ("cash=200", 20.0), ("risk=0.01, stop=8.0", 5.0)],
)
def test_each_order_has_a_size_of_its_own(size, quantity):
    # At 10 with 1000: half is 50 units, 200 are 20, and 1 % = 10 lost over 2 a unit is 5.
    body = f"if bar.number == 0:\n    buy(orders, {size})\nreturn state"

    assert fills(trade(flat_bars([10, 10]), body), "quantity") == [(quantity,)]


def test_the_run_s_sizing_wins_and_without_any_each_symbol_has_its_share():
    bars = {"A": flat_bars([10, 10]), "B": flat_bars([10, 10])}
    body = "if bar.number == 0:\n    buy(orders{})\nreturn state"

    assert fills(trade(bars, body.format("")), "quantity") == [(50.0,), (50.0,)]
    sized = trade(bars, body.format(", units=1"), sizing={"kind": "cash", "value": 100.0})
    assert fills(sized, "quantity") == [(10.0,), (10.0,)]


def test_a_sale_while_long_flips_with_one_order():
    body = """
    if bar.number == 0:
        buy(orders, units=2)
    if bar.number == 1:
        sell(orders, units=3)
    return state
    """

    ledger = trade(flat_bars([10, 10, 10]), body)

    assert fills(ledger, "side", "quantity", "reason") == [(1, 2.0, Reason.SIGNAL),
                                                           (-1, 5.0, Reason.FLIP)]  # fmt: skip


# ── what on_bar is told ─────────────────────────────────────────────────────────────────────


def test_on_bar_is_told_of_the_bar_the_position_and_its_own_state():
    # It buys only if all that it is told is what can be derived by hand.
    bars = make_bars([(10, 12, 9, 11), (11, 14, 10, 13), (13, 15, 12, 14), (14, 14, 14, 14)])
    body = """
    n, last = state
    is_right = (
        n == bar.number and last == 10.0 * n and bar.time == n * 86_400_000
        and params.a == 3 and params.b == 0.5
    )
    if bar.number == 0 and is_right and position.quantity == 0 and position.cash == 1000.0:
        if bar.open == 10 and bar.high == 12 and bar.low == 9 and bar.volume == 1e6:
            buy(orders, units=4)
    if bar.number == 2 and is_right and position.quantity == 4 and position.entry_price == 11.0:
        # Bought at 11 in bar 1: at the close of 14 there are 4 · 3 of profit.
        if position.open_profit == 12.0 and position.bars_held == 1 and position.entries == 1:
            if position.cash == 956.0 and position.equity == 1012.0 and position.working == 0:
                buy(orders, units=indicators.mean)
    return n + 1, last + 10.0
    """
    top = """
    PARAMS = {"a": 3, "b": 0.5}
    INDICATORS = {"mean": "sma(close, 1)"}
    STATE = (0, 0.0)
    """

    assert fills(trade(bars, body, top=top), "quantity") == [(4.0,), (14.0,)]


def test_each_symbol_keeps_a_state_of_its_own():
    bars = {name: flat_bars([10] * 4) for name in "AB"}
    body = "if state[0] == 2:\n    buy(orders, units=1)\nreturn (state[0] + 1,)"

    ledger = trade(bars, body, top="STATE = (0,)\n")

    # The third call of each; one state for both would have bought once, in bar 1.
    assert orders(ledger, "i_time", "symbol") == [(2, 0), (2, 1)]


def test_it_is_first_called_when_all_indicators_are_valid_in_own_bars():
    bars = {"A": flat_bars([10] * 6), "B": flat_bars([10] * 3, days=[1, 3, 5])}
    body = "buy(orders, units=1, when=THIS_CLOSE)\nreturn state"

    ledger = trade(bars, body, top='INDICATORS = {"mean": "sma(close, 3)"}\n')

    # A's third bar is day 2; B's third is day 5.
    assert orders(ledger, "i_time", "symbol") == [(2, 0), (3, 0), (4, 0), (5, 0), (5, 1)]


def test_indicators_are_in_each_bar_s_shares_and_bar_split_says_when_they_change():
    # 2 for 1 at bar 2: the close of 20 before it is 10 in the new shares.
    bars = flat_bars([20, 20, 10, 10], splits=((2 * 86_400_000, 2.0),))
    body = """
    if bar.split == 2.0 and indicators.before == 10.0:
        buy(orders, units=1)
    return state
    """

    ledger = trade(bars, body, top='INDICATORS = {"before": "close[1]"}\n')

    assert fills(ledger, "i_time") == [(3,)]


# ── the same as a formula ───────────────────────────────────────────────────────────────────

CROSS = """
is_up = indicators.was_fast <= indicators.was_slow and indicators.fast > indicators.slow
is_down = indicators.was_fast >= indicators.was_slow and indicators.fast < indicators.slow
if is_up and position.quantity == 0.0:
    buy(orders)
if is_down:
    close(orders)
return state
"""
CROSS_TOP = """
PARAMS = {"fast": 10, "slow": 30}
INDICATORS = {
    "fast": "sma(close, fast)",
    "slow": "sma(close, slow)",
    "was_fast": "sma(close, fast)[1]",
    "was_slow": "sma(close, slow)[1]",
}
"""


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("fill", ["next_open", "this_close", "next_close"])
def test_a_cross_in_python_trades_as_the_formula_to_the_last_bit(seed, fill):
    bars = {"A": random_bars(seed, n=700), "B": random_bars(seed + 100, n=650)}
    params = {"fast": 3, "slow": 9}
    top = CROSS_TOP.replace('"fast": 10', '"rapid": 3').replace('"slow": 30', '"long": 9')
    top = top.replace("close, fast", "close, rapid").replace("close, slow", "close, long")
    top = top.replace('"long"', '"tardy"').replace("close, long", "close, tardy")
    define(CROSS, top=top, name="python_cross")
    options = {"execution": {"fill": fill}}

    ours = backtest(bars, {"strategy": {"name": "python_cross"}, **options}, checks=False)
    formula = backtest(
        bars, {"strategy": {"name": "sma_cross", "params": params}, **options}, checks=False
    )

    assert ours.fills["time"].size > 20
    for table in ("fills", "trades", "equity"):
        for name, column in getattr(formula, table).items():
            np.testing.assert_array_equal(getattr(ours, table)[name], column, err_msg=name)


# ── limits, mistakes ────────────────────────────────────────────────────────────────────────


def test_a_strategy_that_never_trades_keeps_its_cash():
    ledger = trade(random_bars(1), "return state")

    assert len(ledger.orders["side"]) == 0
    assert (ledger.equity == 1000.0).all()


def test_an_order_every_bar_on_every_symbol():
    bars = {name: random_bars(seed, n=300) for seed, name in enumerate("ABC")}
    body = """
    if position.quantity == 0.0:
        buy(orders, fraction=0.3)
    else:
        close(orders)
    return state
    """

    ledger = trade(bars, body)

    # One order of each symbol at each close; those of the last close never fill.
    assert len(ledger.orders["side"]) == 3 * 300
    assert len(ledger.fills["side"]) == 3 * 299


@pytest.mark.parametrize(
    "order",
    [
        "units=-1", "units=0", "units=nan", "fraction=inf", "cash=nan", "units=1, limit=nan",
        "units=1, limit=-5.0", "units=1, trigger=nan", "units=1, stop=nan", "units=1, target=nan",
        "units=1, trail=0", "units=1, stop=11.0", "units=1, target=9.0", "units=1, stop=10.0",
        "units=1, limit=8.0, stop=9.0", "units=1, trigger=12.0, target=11.0",
        "units=1, stop_fraction=1.5", "units=1, stop_fraction=-0.1", "units=1, trail_fraction=1.0",
        "units=1, stop=9.0, stop_fraction=0.1", "units=1, expire_bars=0, limit=9.0",
        "units=1, expire_bars=nan, limit=9.0", "units=1, when=7",
    ],
)  # fmt: skip
def test_an_order_that_means_nothing_is_rejected_as_invalid(order):
    body = f"if bar.number == 0:\n    buy(orders, {order})\nreturn state"

    ledger = trade(flat_bars([10, 10, 10]), body, top="nan = float('nan')\ninf = float('inf')\n")

    assert orders(ledger, "status", "reason") == [(OrderStatus.REJECTED, Reason.INVALID)]
    assert len(ledger.fills["side"]) == 0


def failure(bars, body, **options):
    with pytest.raises(InvalidStrategyError) as refused:
        trade(bars, body, **options)
    return refused.value


def test_more_entries_or_orders_than_there_is_room_for_end_the_run():
    every_bar = "buy(orders, units=0.1)\nreturn state"

    error = failure(flat_bars([10] * 9), every_bar, top="MAX_ENTRIES = 5\n")

    # Entries of the closes 0 to 4 are open at close 5, and a sixth is ordered.
    assert "1970-01-06 on A" in str(error)
    assert "5 open or working" in str(error)
    assert "MAX_ENTRIES" in str(error)
    resting = "buy(orders, units=0.1, limit=1.0)\nreturn state"
    error = failure(flat_bars([10] * 9), resting, top="MAX_ORDERS = 3\nMAX_ENTRIES = 9\n")
    assert "1970-01-04" in str(error)
    assert "3 orders" in str(error)


def test_one_entry_less_than_the_limit_is_traded():
    every_bar = "if bar.number < 5:\n    buy(orders, units=0.1)\nreturn state"

    assert len(trade(flat_bars([10] * 9), every_bar, top="MAX_ENTRIES = 5\n").fills["side"]) == 5


def test_more_orders_than_one_call_may_make():
    error = failure(flat_bars([10] * 3), "for k in range(40):\n    cancel(orders)\nreturn state")

    assert "More than 32 orders in one call" in str(error)
    assert "`cancel(orders)`" in str(error)


def test_an_on_bar_that_raises_says_where():
    body = """
    gap = bar.close - 12.0
    share = 1.0 / gap
    return state
    """

    error = failure({"A": flat_bars([10, 11]), "B": flat_bars([11, 12])}, body)

    assert "1970-01-02 on B" in str(error)
    assert "ZeroDivisionError" in str(error)
    assert "`share = 1.0 / gap`" in str(error)
    assert error.line == 5  # imports, def, an empty line, gap, share


def test_a_mistake_in_a_function_that_on_bar_calls_is_found_there():
    top = """
    def half(x):
        if x > 10.5:
            raise ValueError("too dear")
        return x / 2
    """

    error = failure(flat_bars([10, 11]), "half(bar.close)\nreturn state", top=top)

    assert "too dear" in str(error)
    assert error.line == 5


@pytest.mark.parametrize(
    "loop",
    [
        "k = 0\nwhile k < 2_000_000:\n    k += 1",
        "for i in range(2000):\n    for j in range(2000):\n        pass",
        "x = [k for k in range(2_000_000)]",
        "spin()",
    ],
)
def test_an_on_bar_that_loops_for_ever_is_stopped(loop):
    top = "def spin():\n    while True:\n        pass\n"

    error = failure(flat_bars([10, 11]), f"{loop}\nreturn state", top=top)

    assert "1,000,000" in str(error)
    assert "1970-01-01 on A" in str(error)


def test_a_run_that_takes_too_long_is_stopped(monkeypatch):
    monkeypatch.setattr("engine.event_books.MOST_SECONDS", 0.2)
    body = "x = 0.0\nfor k in range(900_000):\n    x += k * bar.close\nreturn (x,)"

    error = failure(random_bars(1, n=2000), body, top="STATE = (0.0,)\n")

    assert "reached bar" in str(error)


# ── files that are refused ──────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("code", "line", "said"),
    [
        ("x = (", 1, "not Python"),
        ("x = 1\n", None, "no function on_bar"),
        ("def on_bar(bar):\n    pass\n", 1, "on_bar(bar, indicators, position, orders, state"),
        ("import os\n", 1, "`os` may not be imported"),
        ("from .other import x\n", 1, "may not be imported"),
        ("import numpy as np\nX = np.random.rand()\n", 2, "chance"),
        ("STATE = [0]\n", 1, "STATE as a tuple"),
        ("STATE = (0)\n", 1, "(0,)"),
        ("STATE = (open('x'),)\n", 1, "plain values"),
        ("PARAMS = {'Fast': 1}\n", 1, "'Fast'"),
        ("PARAMS = {'a': {'default': 1, 'max': 0}}\n", 1, "`a`"),
        ("PARAMS = {'a': {'default': 'x', 'choices': ['x']}}\n", 1, "only numbers"),
        ("INDICATORS = {'a': 3}\n", 1, "formula in quotes"),
        ("MAX_ENTRIES = 10**9\n", 1, "plain values"),
        ("MAX_ENTRIES = 5000\n", 1, "1 to 1000"),
        ("print('hello')\n", 1, "at the top of a file"),
        ("class A:\n    pass\n", 1, "at the top of a file"),
    ],
)
def test_a_file_that_cannot_be_used_says_in_which_line(code, line, said):
    whole = code if "on_bar" in code or line is None else code + SIGNATURE + "    return state\n"

    with pytest.raises(InvalidStrategyError) as refused:
        read_event_strategy(whole, name="wrong")

    assert refused.value.line == line
    assert said in str(refused.value)
    assert "wrong.py" in str(refused.value)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("return (lambda: state)()", "a lambda"),
        ("try:\n    pass\nfinally:\n    pass\nreturn state", "`try`"),
        ("def inner():\n    return 1\nreturn state", "top of the file"),
        ("global x\nreturn state", "STATE"),
        ("f = helper\nreturn state", "call it by its name"),
        ("again()\nreturn state", "calls itself"),
        ("_call = 1\nreturn state", "taken"),
    ],
)
def test_what_compiled_code_cannot_do_is_refused(body, said):
    top = "def helper():\n    return 1\n\ndef again():\n    again()\n"
    top = top if "again" in body else "def helper():\n    return 1\n"

    with pytest.raises(InvalidStrategyError, match="line") as refused:
        define(body, top=top)

    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("body", "top", "said"),
    [
        ("return state + bar.closs", "", "no `closs`"),
        ("return undefined", "", "`undefined` is not defined"),
        ("x = bar.close + 'a'\nreturn state", "", "the text 'a'"),
        ("return (state[0] + 0.5,)", "STATE = (0,)\n", "write 0.0 in STATE"),
        ("return (state[0], 1.0)", "STATE = (0.0,)\n", "a tuple of 2"),
        ("if bar.close > 1:\n    return state", "", "on every path"),
        ("pass", "", "on every path"),
        ("buy(orders, unit=1)\nreturn state", "", "no argument `unit`"),
        ("buy()\nreturn state", "", "`orders` is missing"),
        ("x = 1\nif bar.close > 5:\n    x = (1, 2)\nreturn (x,)", "STATE = (0,)\n", "`x`"),
        ("while True:\n    pass\nreturn state", "", "on every path"),
        ("return indicators.wrong", "INDICATORS = {'mean': 'sma(close, 3)'}\n", "no `wrong`"),
    ],
)
def test_a_problem_of_the_compiler_is_told_in_plain_words(body, top, said):
    definition = define(body, top=top, name="typing")

    with pytest.raises(InvalidStrategyError) as refused:
        plan_run({"symbols": ["A"], "strategy": {"name": "typing"}})

    message = str(refused.value)
    assert said in message
    assert refused.value.line is not None
    assert "numba" not in message.lower()
    assert "int64" not in message
    assert definition.name in message


def test_an_indicator_that_is_no_formula_is_refused_by_its_name():
    define("return state", top="INDICATORS = {'mean': 'smma(close, 3)'}\n", name="misspelt")

    with pytest.raises(InvalidStrategyError, match=r"indicator mean.*sma"):
        plan_run({"symbols": ["A"], "strategy": {"name": "misspelt"}})


def test_a_parameter_is_held_to_its_range():
    define(
        "return state", top="PARAMS = {'a': {'default': 3, 'min': 1, 'max': 5}}\n", name="ranged"
    )

    with pytest.raises(ValueError, match="from 1 to 5"):
        plan_run({"symbols": ["A"], "strategy": {"name": "ranged", "params": {"a": 9}}})


def test_a_built_in_s_name_is_taken():
    with pytest.raises(InvalidStrategyError, match="built-in"):
        define("return state", name="sma_cross")


def test_a_text_that_is_no_longer_there_is_refused():
    define("return state", name="moved")

    with pytest.raises(InvalidStrategyError, match="has changed since"):
        plan_run({"symbols": ["A"], "strategy": {"name": "moved", "code": "0" * 64}})


# ── the example of the manual ───────────────────────────────────────────────────────────────


def test_the_worked_example_trades_as_derived_by_hand():
    """The turtle with entry 3, exit 2, at most 2 units, on bars whose range is always 2."""
    text = (ROOT / "docs" / "examples" / "turtle.py").read_text(encoding="utf-8")
    definition = read_event_strategy(text, name="turtle")
    add_file(definition)
    closes = [100.0] * 21 + [102, 103, 104, 103, 99, 98]
    bars = make_bars([(c, c + 1, c - 1, c) for c in closes])
    config = {**FREE, "strategy": {"name": "turtle", "params": {"entry": 3, "exit": 2, "most": 2,
                                                               "stake": 0.01}}}  # fmt: skip

    result = backtest({"A": bars}, config, checks=False)

    # atr(20) begins at bar 20 with 2: each bar's true range is 2. At 21 the range is
    # max(2, 103 − 100) = 3, so atr = (19 · 2 + 3)/20 = 2.05. The close of 102 is above the three
    # closes before: 1 % of 1000 is risked over the distance to the stop, 102 − 2 · 2.05 = 97.9,
    # from the fill at the open of bar 22, 103: 10/5.1. At 22 the true range is 2:
    # atr = (19 · 2.05 + 2)/20 = 2.0475, and 103 < 102 + 1.02375. At 23 atr = 2.045125 and
    # 104 ≥ 102 + 1.02: the second unit, stop 104 − 4.09025, filled at 103: equity is
    # 1000 + 10/5.1 · 0, risked over 103 − 99.90975. At 25 the close of 99 is below both closes
    # before, 104 and 103; but the bar's low of 98 has taken the second unit at its open, 99.
    first, second = 10 / 5.1, 10 / (103 - (104 - 2 * 2.045125))
    assert result.fills["quantity"].tolist() == pytest.approx([first, second, second, first])
    assert result.fills["price"].tolist() == pytest.approx([103, 103, 99, 98])
    assert result.fills["reason"].tolist() == ["signal", "signal", "stop", "signal"]


def test_the_manual_shows_the_example_as_it_is():
    manual = (ROOT / "docs" / "strategies.md").read_text(encoding="utf-8")

    assert (ROOT / "docs" / "examples" / "turtle.py").read_text(encoding="utf-8") in manual
