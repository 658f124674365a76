"""The result page's decisions: what its head says, how trades are grouped, rules in plain words."""

import copy
import json

import numpy as np
import pytest

from config.run import RunConfig
from dashboard import urlstate
from dashboard.metrics import METRICS, is_better
from dashboard.pages.result import view
from dashboard.pages.result.grid import trade_rows
from dashboard.pages.result.monthly import monthly_table
from dashboard.pages.result.rules import rules
from dashboard.pages.result.trades import grouped, streaks

METRIC_VALUES = {
    "final_equity": 241_773.0,
    "cagr": 0.1166,
    "sharpe": 1.01,
    "sortino": 1.49,
    "max_drawdown": -0.191,
    "calmar": 0.61,
    "volatility": 0.117,
    "win_rate": 0.242,
    "profit_factor": 2.19,
    "gross_exposure": 0.44,
    "payoff_ratio": 6.9,
    "expectancy": 1060.2,
    "beta": 0.26,
    "trades": 124,
    "open_trades": 1,
    "fees": 18_200.0,
}
BENCHMARK_VALUES = {
    "final_equity": 448_056.0,
    "cagr": 0.2064,
    "sharpe": 0.84,
    "sortino": 1.21,
    "max_drawdown": -0.57,
    "calmar": 0.36,
    "volatility": 0.266,
}


@pytest.fixture
def run():
    config = RunConfig(
        symbols=["AAPL", "GOOG", "IBM", "MSFT"],
        start="2005-03-01",
        end="2013-03-01",
        strategy={"formula": {"enter_long": "close > 1"}, "params": {"fast": 20, "k": 1.0}},
    )
    return {
        "id": "kGcsUbthq5Rk",
        "config": config.model_dump(mode="json"),
        "strategy": {"name": None, "title": None, "params": {"fast": 20, "k": 1.0}},
        "data": [
            {"symbol": "AAPL", "first": "2004-12-01", "last": "2013-03-01", "bars": 2100},
            {"symbol": "GOOG", "first": "2004-12-01", "last": "2013-03-01", "bars": 2100},
        ],
        "created": "2025-11-18T14:02:11Z",
        "timing": {"elapsed_ms": 310.0},
        "metrics": dict(METRIC_VALUES),
        "benchmark_metrics": dict(BENCHMARK_VALUES),
        "checks": {
            "look_ahead": {"status": "pass", "detail": "64 cuts, 30 right after signals: fine."},
            "warm_up": {"status": "pass", "detail": "50 bars, first tradable bar 2005-03-01."},
            "ambiguous_fills": 17,
        },
        "badges": [{"kind": "fills", "level": "doubt", "label": "17", "text": "Seventeen fills."}],
    }


ABOUT = {"name": "Breakout, tight stop", "data_state": "unchanged"}


def test_tiles_stand_against_the_benchmark(run):
    tiles = {
        tile.name: tile
        for tile in view.tiles(run["metrics"], run["benchmark_metrics"], benchmark_name="B&H")
    }

    equity = tiles["final_equity"]
    # 241,773 / 448,056 - 1 = -0.4604.
    assert (equity.value, equity.beside, equity.delta) == ("$241,773", "B&H $448k", "46\u202f%")
    assert equity.is_better is False
    # 11.66 - 20.64 = -8.98 percent points.
    assert (tiles["cagr"].value, tiles["cagr"].delta) == ("+11.7\u202f%", "9.0")
    # A shallower drawdown and a lower volatility are better.
    assert (tiles["max_drawdown"].delta, tiles["max_drawdown"].is_better) == ("37.9", True)
    assert (tiles["volatility"].delta, tiles["volatility"].is_better) == ("14.9", True)
    assert (tiles["win_rate"].beside, tiles["win_rate"].delta) == ("payoff 6.90", "")
    assert tiles["profit_factor"].beside == "per trade $1,060"
    assert tiles["gross_exposure"].beside == "beta 0.26"


def test_a_missing_metric_is_a_dash_and_compares_to_nothing(run):
    values = run["metrics"] | {"sharpe": None, "win_rate": None, "payoff_ratio": None}

    tiles = {t.name: t for t in view.tiles(values, run["benchmark_metrics"], benchmark_name="B&H")}

    assert (tiles["sharpe"].value, tiles["sharpe"].delta) == ("–", "")
    assert tiles["sharpe"].beside == "B&H 0.84"
    assert (tiles["win_rate"].value, tiles["win_rate"].beside) == ("–", "")


def test_without_a_benchmark_no_tile_names_one(run):
    tiles = view.tiles(run["metrics"], {}, benchmark_name="")

    assert not any(tile.delta for tile in tiles)
    assert not any("B&H" in tile.beside for tile in tiles)


def test_a_selection_says_that_its_equity_is_that_of_its_end(run):
    tile = view.tiles(run["metrics"], {}, benchmark_name="", is_selection=True)[0]

    assert tile.label == "Equity at its end"


def test_verdicts_say_state_and_one_short_fact(run):
    cells = {cell.kind: cell for cell in view.verdicts(run, ABOUT)}

    assert list(cells) == ["look_ahead", "warm_up", "fills", "costs", "trades", "data"]
    assert cells["look_ahead"].fact == "None in 64 cuts"
    assert cells["warm_up"].fact == "50 bars"
    assert (cells["fills"].level, cells["fills"].fact) == ("doubt", "17 ambiguous")
    assert cells["fills"].hint == "Seventeen fills."
    assert cells["costs"].fact == "10 + 5 bps, $18.2k paid"
    assert cells["trades"].fact == "124 closed, 1 open"
    assert (cells["data"].level, cells["data"].fact) == ("pass", "Unchanged")


def test_a_failed_check_says_what_is_wrong(run):
    run["checks"]["look_ahead"] = {"status": "fail", "detail": "signal differs at 2006-01-03"}

    cell = view.verdicts(run, ABOUT)[0]

    assert (cell.level, cell.fact) == ("fail", "Sees the future")


def test_other_doubts_of_the_run_get_cells_of_their_own(run):
    text = "The prices were adjusted before they were imported; fills are not real prices."
    run["badges"].append(
        {"kind": "adjusted", "level": "doubt", "label": "Adjusted prices", "text": text}
    )

    cell = view.verdicts(run, ABOUT)[-1]

    assert (cell.kind, cell.level, cell.label) == ("adjusted", "doubt", "Adjusted prices")
    assert cell.hint == text


def test_zero_costs_are_a_doubt(run):
    run["config"]["costs"]["rate_bps"] = 0.0
    run["config"]["execution"]["slippage_bps"] = 0.0

    cell = next(cell for cell in view.verdicts(run, ABOUT) if cell.kind == "costs")

    assert (cell.level, cell.fact) == ("doubt", "None charged")


def test_data_that_changed_since_is_a_doubt_and_unknown_is_not_run(run):
    def level(about):
        return next(cell.level for cell in view.verdicts(run, about) if cell.kind == "data")

    assert level({"data_state": "changed"}) == "doubt"
    assert level({"data_state": "missing"}) == "doubt"
    assert level({}) == "none"


def test_the_deflated_sharpe_counts_the_ledger_as_it_is_now(run):
    def cell(ledger):
        cells = view.verdicts(run, {**ABOUT, "ledger": ledger})
        return next((cell for cell in cells if cell.kind == "deflated"), None)

    found = cell({"trials": 4606, "dsr": 0.64})
    assert (found.level, found.label, found.fact) == (
        "doubt",
        "Deflated Sharpe",
        "0.64 at 4,606 trials",
    )
    assert cell({"trials": 1, "dsr": 0.999}).fact == "> 0.99 at 1 trial"
    assert cell({"trials": 1, "dsr": 0.999}).level == "pass"
    assert cell({"trials": 3, "dsr": None}) is None


def test_verdicts_are_counted_for_one_line(run):
    cells = view.verdicts(run, ABOUT)

    assert view.verdict_counts(cells) == [("pass", "5 pass"), ("doubt", "1 doubt")]


def test_identity_is_symbols_period_cash_and_when(run):
    assert view.title_of(run, ABOUT) == "Breakout, tight stop"
    assert view.title_of(run, {}) == "Formula on 4 symbols"
    assert view.identity(run) == [
        "AAPL, GOOG, IBM, MSFT",
        "Daily, 2005-03-01 to 2013-03-01",
        "$100,000 cash",
        "Run on 2025-11-18, 310 ms",
    ]
    assert view.params_text(run["strategy"]["params"]) == "fast 20, k 1"


def test_warm_up_bars_are_not_part_of_the_period(run):
    run["config"]["end"] = None

    assert view.period(run) == ("2005-03-01", "2013-03-01")


@pytest.mark.parametrize(
    ("name", "value", "reference", "better"),
    [
        ("sharpe", 1.0, 0.5, True),
        ("max_drawdown", -0.1, -0.5, True),
        ("volatility", 0.1, 0.2, True),
        ("beta", 0.1, 0.2, None),
        ("sharpe", None, 0.5, None),
        ("sharpe", 0.5, 0.5, None),
    ],
)
def test_better_depends_on_the_metric(name, value, reference, better):
    assert is_better(name, value, reference) is better


def test_every_metric_has_a_name_and_a_definition():
    assert all(metric.label and metric.definition.endswith(".") for metric in METRICS.values())
    assert all(metric.text(None) == "–" for metric in METRICS.values())


def table():
    return {
        "symbol": np.array(["AAPL", "IBM", "AAPL", "IBM"], dtype=object),
        "side": np.array(["long", "short", "long", "long"], dtype=object),
        "quantity": np.array([10.0, 20.0, 30.0, 5.0]),
        # Entries in January, exits on a Monday in March, a Tuesday in March, a Monday in April.
        "entry_time": np.array([1_104_710_400_000] * 4),
        "entry_price": np.array([10.0, 20.0, 30.0, 40.0]),
        "exit_time": np.array([1_110_153_600_000, 1_110_240_000_000, 1_112_572_800_000, -1]),
        "exit_price": np.array([11.0, 21.0, 29.0, 44.0]),
        "fees": np.array([1.0, 1.0, 1.0, 1.0]),
        "pnl": np.array([9.0, -21.0, -31.0, 19.0]),
        "return": np.array([0.09, -0.05, -0.03, 0.1]),
        "bars": np.array([3, 4, 5, 6]),
        "mae": np.array([-0.01, -0.06, np.nan, 0.0]),
        "mfe": np.array([0.1, 0.01, 0.02, 0.1]),
        "exit_reason": np.array(["signal", "stop", "stop", "end"], dtype=object),
        "ambiguous": np.array([False, True, False, False]),
        "open": np.array([0, 0, 0, 1]),
    }


def test_trades_become_rows_of_json_numbered_from_one():
    rows = trade_rows(table())

    assert [row["number"] for row in rows] == [1, 2, 3, 4]
    assert (rows[1]["symbol"], rows[1]["ambiguous"], rows[1]["pnl"]) == ("IBM", 1, -21.0)
    assert rows[2]["mae"] is None
    assert rows[3]["exit_time"] is None
    assert json.dumps(rows, allow_nan=False)


def test_no_trades_are_no_rows():
    assert trade_rows({name: values[:0] for name, values in table().items()}) == []


def closed():
    return [row for row in trade_rows(table()) if not row["open"]]


def test_pnl_is_grouped_by_month_and_weekday_of_the_exit_in_calendar_order():
    assert grouped(closed(), "month") == [("Mar", -12.0, 2, 1), ("Apr", -31.0, 1, 0)]
    assert grouped(closed(), "weekday") == [("Monday", -22.0, 2, 1), ("Tuesday", -21.0, 1, 0)]


def test_other_groups_come_largest_pnl_first():
    assert grouped(closed(), "symbol") == [("IBM", -21.0, 1, 0), ("AAPL", -22.0, 2, 1)]
    assert grouped(closed(), "exit_reason") == [("signal", 9.0, 1, 1), ("stop", -52.0, 2, 0)]
    assert [name for name, *_ in grouped(closed(), "side")] == ["short", "long"]


def test_the_longest_streaks_follow_the_exits():
    # Win, loss, loss.
    assert streaks(closed()) == "longest streaks: 1 wins, 2 losses"


def cells(component):
    return [[cell.children for cell in row.children] for row in component.children[1].children]


def test_months_are_percents_without_the_sign_of_it_and_missing_ones_empty():
    months = [0.063, -0.091, 0.0] + [None] * 9
    years = [{"year": 2005, "months": months, "total": -0.034, "benchmark": 0.444}]

    row = cells(monthly_table(years, "B&H"))[0]

    assert row[:5] == ["2005", "+6.3", "−9.1", "0.0", ""]
    assert row[-2:] == ["−3.4\u202f%", "+44.4\u202f%"]


def test_excess_is_the_return_less_the_benchmarks():
    years = [
        {
            "year": 2005,
            "months": [0.06, None] + [None] * 10,
            "total": 0.06,
            "benchmark": 0.10,
            "benchmark_months": [0.10, 0.01] + [None] * 10,
        }
    ]

    row = cells(monthly_table(years, "B&H", "excess"))[0]

    assert row[1:3] == ["−4.0", ""]
    assert row[13] == "−4.0\u202f%"


def test_the_rules_of_a_default_run_are_said_in_plain_words(run):
    found = {rule.sentence for rule in rules(run["config"], {"size": "fraction(0.5)"})}

    assert any("fills at the next bar's open" in text for text in found)
    assert any("the stop is hit and the target is not" in text for text in found)
    assert any("5 bps slippage" in text for text in found)
    assert "Each fill pays 10 bps of its value." in found
    assert "Each entry is sized by the formula: fraction(0.5)." in found
    assert "Open positions are marked at the last close and left open." in found


def test_rules_follow_the_configuration(run):
    config = copy.deepcopy(run["config"])
    config["sizing"] = {"kind": "risk", "value": 0.02}
    config["lot"] = 0
    config["costs"] |= {"rate_bps": 0.0, "fixed": 1.0, "minimum": 2.5, "borrow_rate": 0.03}
    config["risk"]["max_drawdown_stop"] = 0.2

    found = {rule.sentence for rule in rules(config, {})}

    text = "Each entry risks 2.0\u202f% of equity between its price and its stop."
    assert text in found
    assert "Quantities are fractional." in found
    assert "Each fill pays $1.00, at least $2.50." in found
    assert "3.00\u202f% a year is paid on short positions." in found
    assert any("drawdown of 20.0\u202f%" in sentence for sentence in found)


@pytest.mark.parametrize(
    "query",
    [
        "",
        "?tab=trades",
        "?from=2007-10-31&to=2009-03-09",
        "?from=2005-03-01T14:30&to=2005-03-01T15:00&scale=relative",
        "?tab=chart&symbol=BRK.B&trade=106",
    ],
)
def test_the_address_and_the_view_are_one_to_one(query):
    state = urlstate.RESULT.parse(query)

    assert urlstate.RESULT.format(state) == query
    assert urlstate.RESULT.parse(urlstate.RESULT.format(state)) == state


@pytest.mark.parametrize(
    "query",
    ["?tab=nothing", "?from=31.10.2007", "?to=2007-13-01", "?trade=0", "?trade=x", "?scale=cubic"],
)
def test_a_bad_query_is_the_default_view(query):
    assert urlstate.RESULT.parse(query) == urlstate.RESULT.parse("")


def test_volume_impact_ticks_and_flows_are_rules_in_plain_words(run):
    config = copy.deepcopy(run["config"])
    config["execution"] |= {
        "participation": 0.1,
        "time_in_force": "day",
        "impact": 0.1,
        "slippage_ticks": 2,
        "tick": 0.01,
    }
    config["flows"] = {"amount": 500.0, "every": "month"}

    said = [rule.sentence for rule in rules(config, {})]

    assert (
        "The fills of a symbol take at most 10.0\u202f% of a bar's volume, exits included; the "
        "rest is cancelled at the end of the bar."
    ) in said
    assert "A fill's price moves against its order by 0.1 × √(quantity / volume) of the price." in (
        said
    )
    assert "At the close of the first bar of each month $500 is paid in." in said
    assert any("2 ticks of $0.01" in text for text in said)
