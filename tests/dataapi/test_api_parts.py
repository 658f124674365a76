"""The pure parts of the API: identity, words, badges, curves, text, cache, comparison."""

from __future__ import annotations

import csv
import hashlib
import io
import json

import numpy as np
import pytest

from config.run import RunConfig
from dataapi import wire
from dataapi.caching import ANSWER_OVERHEAD_BYTES, BoundedCache, CachedAnswer
from dataapi.services.badges import badges
from dataapi.services.comparison import first_difference, metrics_difference
from dataapi.services.curves import part, sparkline, thinned
from dataapi.services.describe import summary
from dataapi.services.identity import canonical_json, run_id, run_key
from dataapi.services.periods import instant_ms
from dataapi.services.phrases import phrase
from engine.strategies import builtin, builtin_names

# Identity


def test_id_is_the_first_twelve_base58_characters():
    # Vectors of the base58 draft (draft-msporny-base58): "Hello World!" and a value with leading
    # zero bytes.
    hello = b"Hello World!".hex()
    assert run_id(hello) == "2NEpo7TZRRrLZSi2U"[:12]
    assert run_id("0000287fb4cd") == "11233QC4"


def test_key_is_the_hash_of_everything_that_determines_a_run():
    config = {"b": 0.1, "a": [1, None]}
    text = '{"a":[1,null],"b":0.1}\n0.1.0+abc\nff'

    assert canonical_json(config) == '{"a":[1,null],"b":0.1}'
    assert run_key(config, "0.1.0+abc", "ff") == hashlib.sha256(text.encode()).hexdigest()


# Periods


@pytest.mark.parametrize(
    ("text", "is_end", "expected"),
    [
        ("1970-01-02", False, 86_400_000),
        ("1970-01-01", True, 86_399_999),
        ("1970-01-01T00:00:01", True, 1_000),
        ("1970-01-01T01:00:00+01:00", False, 0),
        ("12345", False, 12_345),
    ],
)
def test_instants_are_read_as_people_write_them(text, is_end, expected):
    assert instant_ms(text, "from", is_end=is_end) == expected


# Words


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("rsi(close, 14) < lower", "the 14-bar RSI of the close is below 30"),
        (
            "cross_above(sma(close, fast), ema(close, 30))",
            "the 10-bar average of the close crosses above the 30-bar exponential average of "
            "the close",
        ),
        ("close > highest(high, 20)[1]", "the close is above the highest of the high in 20 bars "
         "as of 1 bar ago"),
        ("close[fast] > open", "the close 10 bars ago is above the open"),
        ("close > 1 and (open < 2 or high > 3)", "the close is above 1 and (the open is below 2 "
         "or the high is above 3)"),
        ("entry_price - 2.0 * atr(14)", "the entry price − (2 × the 14-bar ATR)"),
        ("aroon_up(fast) > 50", "`aroon_up(10)` is above 50"),
        ("close >", "`close >`"),
    ],
)  # fmt: skip
def test_a_formula_in_english(expression, words):
    assert phrase(expression, {"fast": 10, "lower": 30.0}) == words


def described(formula, params=None, targets="", **changes):
    config = RunConfig.model_validate(
        {
            "symbols": ["AAPL"],
            "strategy": {"formula": formula},
            "sizing": {"kind": "fraction", "value": 1.0},
            **changes,
        }
    )
    return summary(
        config,
        title="Test",
        formula=formula,
        targets=targets,
        params=params or {},
        first="2000-03-01",
        last="2013-03-01",
    )


def test_a_summary_tells_what_when_how_much_and_at_what_cost():
    text = described({"enter_long": "close > 10", "exit_long": "close < 9"})

    assert text == (
        "Test on AAPL, daily bars from 2000-03-01 to 2013-03-01, starting with 100,000 in cash. "
        "Buys when the close is above 10. Sells when the close is below 9. "
        "Each entry uses all equity. Market orders made at a close fill at the next bar's open. "
        "Every fill pays 10 bps commission and 5 bps slippage."
    )


def test_a_summary_tells_the_volume_cap_and_the_impact():
    text = described(
        {"enter_long": "close > 10"},
        execution={"participation": 0.05, "slippage_ticks": 2, "tick": 0.01, "impact": 0.1},
    )

    assert text.endswith(
        "No more than 5 % of a bar's volume fills; the rest of an entry works on. Every fill pays "
        "10 bps commission, 5 bps slippage, 2 ticks of 0.01 and 0.1 × the square root of its share "
        "of the bar's volume."
    )


def test_a_summary_leaves_out_the_side_that_is_switched_off():
    formula = {"enter_long": "close > 1", "enter_short": "close < 1"}

    assert "Goes short" not in described(formula, {"direction": "long_only"})
    assert "Buys" not in described(formula, {"direction": "short_only"})
    assert "Goes short when the close is below 1." in described(formula)


def test_a_summary_tells_levels_and_which_comes_first():
    text = described(
        {
            "enter_long": "close > 1",
            "trigger_long": "high",
            "stop_long": "entry_price * 0.9",
            "target_long": "entry_price * 1.2",
        },
        sizing={"kind": "risk", "value": 0.02},
        costs={"rate_bps": 0},
        execution={"slippage_bps": 0, "path": "optimistic"},
        symbols=["A", "B", "C"],
        timeframe="15min",
    )

    for sentence in (
        "Test on A, B and C, 15-minute bars from",
        "Buys each symbol when the close is above 1, as a stop order at the high.",
        "Sells at a stop at the entry price × 0.9 or at a target at the entry price × 1.2.",
        "Each entry risks 2 % of equity down to its stop.",
        "Where a bar touches both a stop and a target, the target is taken.",
        "Fills cost nothing, which no market offers.",
    ):
        assert sentence in text


@pytest.mark.parametrize("name", builtin_names())
def test_every_built_in_strategy_can_be_described(name):
    definition = builtin(name)
    params = {key: spec.default for key, spec in definition.params.items()}

    text = described(dict(definition.formula), params, targets=definition.summary)

    assert ("Buys " if definition.kind == "formula" else "olds ") in text or name == "pairs"
    assert "`" not in text
    assert "{" not in text


# Badges


CHECKS = {
    "look_ahead": {"status": "pass", "detail": "32 cuts"},
    "warm_up": {"status": "pass", "detail": "30 bars"},
    "ambiguous_fills": 0,
    "band": {"pessimistic": 1.0, "optimistic": 1.0, "ohlc": 1.0},
    "recon_error": 0.0,
}


def levels(changes=None, *, checks=None, trades=100, status="done", **flags):
    config = RunConfig.model_validate(
        {"symbols": ["A"], "strategy": {"name": "sma_cross"}, **(changes or {})}
    )
    found = badges(
        config,
        checks=CHECKS | (checks or {}),
        metrics={"trades": trades},
        status=status,
        **flags,
    )
    return {badge["kind"]: badge["level"] for badge in found}


def test_an_honest_run_has_no_doubt():
    assert set(levels().values()) == {"pass"}


ZERO_COSTS = {"costs": {"rate_bps": 0}, "execution": {"slippage_bps": 0}}


@pytest.mark.parametrize(
    ("kind", "level", "asked"),
    [
        ("costs", "doubt", {"changes": ZERO_COSTS}),
        ("same_close", "doubt", {"changes": {"execution": {"fill": "this_close"}}}),
        ("trades", "doubt", {"trades": 29}),
        ("adjusted", "doubt", {"is_adjusted": True}),
        ("synthetic", "doubt", {"is_synthetic": True}),
        ("bankrupt", "fail", {"status": "bankrupt"}),
        ("stopped", "info", {"status": "stopped"}),
        ("look_ahead", "fail", {"checks": {"look_ahead": {"status": "fail", "detail": "bar 7"}}}),
        ("fills", "doubt", {"checks": {"ambiguous_fills": 3}}),
    ],
)  # fmt: skip
def test_every_doubt_has_its_badge(kind, level, asked):
    assert levels(**asked)[kind] == level


# Curves


def test_thinning_keeps_a_single_spike():
    values = np.zeros(10_000)
    values[7_777] = 5.0
    shown = thinned({"time": np.arange(10_000), "equity": values}, 100, ["equity"])

    assert shown["time"].size <= 100
    assert 7_777 in shown["time"]
    assert (shown["time"][0], shown["time"][-1]) == (0, 9_999)


@pytest.mark.parametrize("points", [2, 3, 5, 17, 60])
def test_thinning_never_exceeds_its_points(points):
    time = np.arange(1_000)
    columns = {"time": time, "a": np.sin(time / 9.0), "b": np.cos(time / 7.0)}

    assert 2 <= thinned(columns, points, ["a", "b"])["time"].size <= points


def test_thinning_without_a_column_to_keep_leaves_the_ends():
    # A strategy without indicators, whose chart still asks for its rows.
    assert thinned({"time": np.arange(1_000)}, 100, [])["time"].tolist() == [0, 999]


def test_few_rows_are_left_as_they_are():
    columns = {"time": np.arange(3), "a": np.array([1.0, np.nan, 2.0])}

    assert thinned(columns, 3, ["a"]) is columns
    assert sparkline(np.array([1.0, 2.0])) == [1.0, 2.0]


def test_a_part_has_both_its_ends():
    columns = {"time": np.array([10, 20, 30, 40])}

    assert part(columns, 20, 30)["time"].tolist() == [20, 30]
    assert part(columns, None, None)["time"].size == 4


# Text


def test_json_has_null_for_what_is_no_number():
    text = wire.json_bytes({"a": float("nan"), "b": np.float64(0.1), "c": np.array([1.0, np.inf])})

    assert json.loads(text) == {"a": None, "b": 0.1, "c": [1.0, None]}


def test_csv_survives_a_reader():
    columns = {
        "time": np.array([0, 951_868_800_000]),
        "price": np.array([0.1 + 0.2, np.nan]),
        "open": np.array([True, False]),
        "text": np.array(['a "quoted", word', "plain"], dtype=object),
        "exit_time": np.array([wire.NO_TIME, 1_500]),
    }
    rows = list(csv.DictReader(io.StringIO(wire.csv_text(columns))))

    assert rows[0]["time"] == "1970-01-01T00:00:00Z"
    assert rows[1]["time"] == "2000-03-01T00:00:00Z"
    assert float(rows[0]["price"]) == 0.1 + 0.2
    assert (rows[1]["price"], rows[0]["open"], rows[1]["open"]) == ("", "1", "0")
    assert rows[0]["text"] == 'a "quoted", word'
    assert (rows[0]["exit_time"], rows[1]["exit_time"]) == ("", "1970-01-01T00:00:01.500Z")


# Cache


def answer(size):
    return CachedAnswer(b"x" * size, "text/plain", "tag")


def test_the_cache_holds_no_more_bytes_than_it_may():
    cache = BoundedCache(3 * (1_000 + ANSWER_OVERHEAD_BYTES), 60)
    for name in "abc":
        cache.set(name, answer(1_000))
    cache.get("a")
    cache.set("d", answer(1_000))

    # "b" was used least recently.
    assert [name for name in "abcd" if cache.get(name)] == ["a", "c", "d"]
    assert cache.held_bytes == 3 * (1_000 + ANSWER_OVERHEAD_BYTES)
    assert not cache.set("huge", answer(10_000))


def test_the_cache_forgets_by_prefix_and_by_time():
    cache = BoundedCache(100_000, 60)
    cache.set("run/json", answer(10))
    cache.set("run/equity", answer(10))
    cache.set("other/json", answer(10))
    cache.set("old", answer(10), timeout=0)
    cache.delete_prefix("run/")

    kept = [name for name in ("run/json", "run/equity", "other/json", "old") if cache.get(name)]
    assert kept == ["other/json"]
    assert cache.held_bytes == 10 + ANSWER_OVERHEAD_BYTES


# Comparison


def test_the_first_difference_is_named_by_bar_and_column():
    stored = {"time": np.array([0, 1_000]), "equity": np.array([1.0, 2.0])}
    again = {"time": np.array([0, 1_000]), "equity": np.array([1.0, np.nextafter(2.0, 3.0)])}

    found = first_difference(stored, again, "equity")

    assert (found["row"], found["column"], found["time"]) == (1, "equity", "1970-01-01T00:00:01Z")
    assert first_difference(stored, stored, "equity") is None


def test_a_missing_row_is_a_difference_and_a_nan_is_none():
    nan = {"time": np.array([0]), "a": np.array([np.nan])}

    assert first_difference(nan, nan, "t") is None
    assert first_difference(nan, {"time": np.array([]), "a": np.array([])}, "t")["row"] == 0


def test_statistics_may_differ_by_a_rounding_only():
    stored = {"sharpe": 1.0, "trades": 3, "sqn": None}

    assert metrics_difference(stored, stored | {"sharpe": 1.0 + 1e-13}) is None
    assert metrics_difference(stored, stored | {"sharpe": 1.0 + 1e-11})["column"] == "sharpe"
    assert metrics_difference(stored, stored | {"sqn": 0.0})["column"] == "sqn"
