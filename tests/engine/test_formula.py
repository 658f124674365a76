"""What formulas may say, and what is answered to everything else."""

from __future__ import annotations

import threading

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.errors import EngineError, InvalidFormulaError, InvalidParameterError
from engine.formula import (
    FIELDS,
    check_formula,
    evaluate,
    formula_definition,
    formula_words,
    parameter_spec,
    plan_strategy,
)
from engine.formula.functions import FUNCTIONS
from engine.indicators import indicator
from tests.engine.sample_bars import market_of, random_bars


def problem(text: str, field: str = "enter_long", **rest):
    """The only problem of a formula with this text in one field."""
    fields = {"enter_long": "close > open", field: text, **rest}
    problems = check_formula(fields)
    assert len(problems) == 1, problems
    assert problems[0]["field"] == field
    return problems[0]


@pytest.mark.parametrize(
    ("text", "position", "says", "suggestion"),
    [
        # Forbidden
        ("__import__('os') > 1", 0, "Unknown function `__import__`", None),
        ("close.__class__ > 1", 5, "Attributes", None),
        ("(lambda: 1)() > 0", 1, "`lambda`", None),
        ("[x for x in close] > 0", 3, "Comprehensions", None),
        ("close if open else high", 6, "Conditional expressions", None),
        ("close > open if True else False", 13, "Conditional expressions", None),
        ("(close, open) > 1", 0, "A list of values", None),
        ("[1, 2] > 1", 0, "A list of values", None),
        ("sma(*close) > 1", 0, "sma takes 2 arguments, was given 1", "sma(x, n)"),
        ("sma(*close, 3) > 1", 4, "A starred argument", None),
        ("sma(**close) > 1", 0, "was given 1", "sma(x, n)"),
        ("sma(x=close) > 1", 5, "`=` is not an operator", "=="),
        ("'close' > 1", 0, "Text in quotes", None),
        ("close > open # up", 13, "Comments", None),
        ("close[1:2] > 1", 7, "A colon", None),
        ("close[1, 2] > 1", 6, "A list of values", None),
        ("(close := 3) > 1", 7, "`:=` is not an operator", "=="),
        ("True", 0, "`True`", None),
        ("close is open", 6, "`is`", None),
        ("close in open", 6, "`in`", None),
        ("close()[0] > 1", 0, "`close` is not a function", None),
        ("(close > 1)(2)", 1, "Only functions can be called", None),
        ("{1} > 0", 0, "Braces", None),
        ("close > 0x10", 9, "operator between a number and what follows", None),
        ("close > 1_000", 9, "operator between a number and what follows", None),
        ("close > 5j", 9, "operator between a number and what follows", None),
        ("close > 5and open > 1", 9, "operator between a number and what follows", None),
        # Other languages
        ("close > open && high > low", 13, "`&&` is not an operator", "and"),
        ("close > open | high > low", 13, "`|` is not an operator", "or"),
        ("!(close > open)", 0, "`!` is not an operator", "not"),
        ("close ^ 2 > 1", 6, "`^` is not an operator", "**"),
        ("close // 2 > 1", 6, "`//` is not an operator", "/"),
        ("close = open", 6, "`=` is not an operator", "=="),
        # Characters
        ("close > open\0", 12, "a NUL byte", None),
        ("сlose > 1", 0, "plain ASCII", None),  # a Cyrillic letter
        ("ｃlose > 1", 0, "plain ASCII", "c"),  # a full-width letter
        ("close ≥ open", 6, "plain ASCII", ">="),
        ("close > −1", 8, "plain ASCII", "-"),
        ("close > 1\u202e", 9, "plain ASCII", None),
        # Syntax
        ("", 0, "the text is empty", None),
        (" \n\t ", 0, "the text is empty", None),
        ("close >", 7, "something is missing or superfluous", None),
        ("  close > > open", 10, "something is missing or superfluous", None),
        ("close > (open", 8, "was never closed", None),
        ("close) > 1", 5, "unmatched ')'", None),
        # Names
        ("close > opne", 8, "Unknown name `opne`; did you mean `open`?", "open"),
        ("Close > 1", 0, "did you mean `close`?", "close"),
        ("smaa(close, 3) > 1", 0, "Unknown function `smaa`; did you mean `sma`?", "sma"),
        ("zzzzzz > 1", 0, "Unknown name `zzzzzz`.", None),
        ("close > rsi", 8, "`rsi` is a function", "rsi(x, n)"),
        ("fraction(1) > 0", 0, "field size only", None),
        ("percent(1) > 0", 0, "trail_long and trail_short only", None),
        # Arguments
        ("sma(close) > 1", 0, "sma takes 2 arguments, was given 1", "sma(x, n)"),
        ("tr(3) > 1", 0, "tr takes no arguments, was given 1", "tr()"),
        ("atr() > 1", 0, "atr takes 1 argument, was given 0", "atr(n)"),
        ("close > sma(close, 0)", 19, "from 1 to 100000, was 0", None),
        ("close > sma(close, 2.5)", 19, "a whole number of bars", None),
        ("close > sma(close, -3)", 19, "was -3", None),
        ("close > sma(close, open)", 19, "Expected a constant", None),
        ("close > sma(close, 10 ** 6)", 19, "was 1000000", None),
        ("cci(1001) > 0", 4, "from 2 to 1000", None),
        ("linreg(close, 1) > 0", 14, "from 2 to", None),
        ("close[-1] > 1", 6, "a negative one would look ahead", None),
        ("close[open] > 1", 6, "Expected a constant", None),
        ("close[0.5] > 1", 6, "Expected a whole number of bars ago", None),
        ("close[1e9] > 1", 6, "from 0 to 100000", None),
        # Kinds
        ("close", 0, "Expected a condition, this is a number", None),
        ("close > 1 and volume", 14, "Expected a condition", None),
        ("not close", 4, "Expected a condition", None),
        # Numbers
        ("9**9**9 > close", 0, "not a finite number", None),
        ("1e999 > close", 0, "not a finite number", None),
        ("1" + "0" * 400 + " > close", 0, "not a finite number", None),
        ("close > 1 / 0", 8, "not a finite number", None),
        ("close > log(-1)", 8, "not a finite number", None),
        # Other series
        ("of(SPY, close) > 1", 3, "Expected a symbol in quotes", '"SPY"'),
        ("of(close, 3) > 1", 3, "Expected a symbol in quotes", '"close"'),
        ("of(1, close) > 1", 3, "Expected a symbol in quotes", None),
        ("of('S P Y', close) > 1", 3, "letters, digits", None),
        ("of('', close) > 1", 3, "letters, digits", None),
        ("of('SPY') > 1", 0, "of takes 2 arguments, was given 1", "of(symbol, x)"),
        ("of('SPY', of('QQQ', close)) > 1", 10, "cannot stand inside `of`", None),
        ("on('1w', of('SPY', close)) > 1", 9, 'write `of("SPY", on("1w", …))`', None),
        ("on('1w', on('1mo', close)) > 1", 9, "cannot stand inside `on`", None),
        ("on(1, close) > 1", 3, "Expected a timeframe in quotes", None),
        ("on('weekly', close) > 1", 3, "was 'weekly'; did you mean \"1w\"?", '"1w"'),
        ("on('1W', close) > 1", 3, 'did you mean "1w"?', '"1w"'),
        ("on('1m', close) > 1", 3, 'did you mean "1min"?', '"1min"'),
        ("on('0d', close) > 1", 3, "Expected a timeframe such as 5min", '"1d"'),
        ("on('fortnight', close) > 1", 3, "Expected a timeframe such as 5min", None),
        ("sma(close, 'x') > 1", 11, "Text in quotes", None),
        ("of('SPY', smaa(close, 3)) > 1", 10, "did you mean `sma`?", "sma"),
        ("of('SPY', close, 3) > 1", 0, "of takes 2 arguments, was given 3", "of(symbol, x)"),
        ("of > 1", 0, "`of` is a function", "of(symbol, x)"),
    ],
)
def test_refused_text_names_its_position_and_the_remedy(text, position, says, suggestion):
    found = problem(text)

    assert says in found["message"]
    assert (found["position"], found["suggestion"]) == (position, suggestion)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("close + " * 1000 + "1", "at most 4000 characters"),
        ("1+" * 300 + "1", "at most 500 names, numbers and operators"),
        ("(" * 10_000 + "close" + ")" * 10_000, "at most 4000 characters"),
        ("(" * 240 + "1" + ")" * 240, "nested"),
        ("-" * 450 + "1", "nested too deeply"),
        ("not " * 450 + "close > 1", "nested too deeply"),
        ("1+" * 200 + "1", "nested too deeply"),
        ("2**" * 200 + "1", "nested too deeply"),
        ("close" + "[1]" * 150, "nested too deeply"),
        ("abs(" * 120 + "close" + ")" * 120, "nested too deeply"),
    ],
)
def test_giant_and_deep_texts_are_refused(text, says):
    assert says in problem(text)["message"]


def test_too_many_operations_are_refused():
    prices = ("limit_long", "trigger_long", "target_long")
    fields = {
        field: " + ".join(f"sma(close, {n + 50 * i})" for n in range(1, 45))
        for i, field in enumerate(prices)
    }

    problems = check_formula({"enter_long": "close > open", **fields})

    # One for each field that no longer fits, not one for each operation.
    assert [p["field"] for p in problems] == ["trigger_long", "target_long"]
    assert all("too large (at most 250 operations)" in p["message"] for p in problems)


def test_refusal_in_a_thread_with_a_small_stack():
    # As a server's thread: a crash of the interpreter would be ours.
    threading.stack_size(512 * 1024)
    try:
        found: list[object] = []
        worker = threading.Thread(
            target=lambda: found.extend(check_formula({"enter_long": "-" * 490 + "1"}))
        )
        worker.start()
        worker.join()
    finally:
        threading.stack_size(0)
    assert len(found) == 1


def test_every_problem_is_reported_with_its_field():
    problems = check_formula(
        {
            "enter_long": "close > opne and sma(close) > 1",
            "exit_long": "close[-1] > rsi(close, 0)",
            "enter_lnog": "close > open",
            "size": "2",
        }
    )

    assert [(p["field"], p["position"]) for p in problems] == [
        ("enter_long", 8), ("enter_long", 17), ("exit_long", 6), ("exit_long", 23),
        ("enter_lnog", 0), ("size", 0),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("field", "text", "position", "says"),
    [
        ("stop_long", "entry_price * entry_price", 0, "a + b * entry_price"),
        ("stop_long", "max(entry_price, close)", 0, "a + b * entry_price"),
        ("stop_long", "close - sma(entry_price, 3)", 8, "a + b * entry_price"),
        ("stop_long", "1 / entry_price", 0, "a + b * entry_price"),
        ("stop_long", "entry_price[1]", 0, "a + b * entry_price"),
        ("stop_long", "close + entry_price ** 2", 8, "a + b * entry_price"),
        ("target_long", "entry_price > 3", 0, "a + b * entry_price"),
        ("trail_long", "0.1 * entry_price", 0, "A trail does not use `entry_price`"),
        ("size", "1.0", 0, "Expected one of fraction(x), units(x), cash(x), risk(x)"),
        ("size", "fraction(1, 2)", 0, "Expected one of"),
        ("size", "fraction(0)", 9, "Expected a size above 0"),
        ("size", "fraction(-1)", 9, "Expected a size above 0"),
        ("size", "risk(0.02)", 0, "`risk(x)` needs `stop_long`"),
        ("expire_bars", "0", 0, "Expected a whole number from 1"),
        ("expire_bars", "2.5", 0, "Expected a whole number from 1"),
        ("expire_bars", "close", 0, "Expected a constant"),
        ("pyramiding", "0", 0, "Expected a whole number from 1"),
        ("stop_short", "close", 0, "does nothing without `enter_short`"),
        ("exit_short", "close > 1", 0, "does nothing without `enter_short`"),
    ],
)
def test_refused_field(field, text, position, says):
    found = problem(text, field)

    assert says in found["message"]
    assert found["position"] == position


def test_a_formula_without_an_entry_is_refused():
    assert "nothing ever enters" in check_formula({"exit_long": "close > 1"})[0]["message"]
    assert "nothing ever enters" in check_formula({})[0]["message"]


def test_the_first_problem_is_raised_with_its_place():
    definition = formula_definition({"enter_long": "close > opne"})

    with pytest.raises(InvalidFormulaError, match="enter_long: Unknown name `opne`") as caught:
        plan_strategy(definition, {})

    error = caught.value
    assert (error.field, error.position, error.suggestion) == ("enter_long", 8, "open")


def test_positions_survive_white_space_and_line_breaks():
    assert problem("\n   close >\n\topne")["position"] == 13
    assert check_formula({"enter_long": "\tclose >\r\n  open "}) == []


def test_indicator_refuses_like_a_formula():
    with pytest.raises(InvalidFormulaError, match="did you mean `sma`") as caught:
        indicator("1 + smaa(close, 3)", random_bars(5, 1))

    assert caught.value.position == 4


# Parameters -------------------------------------------------------------------------------------

SPEC = {
    "fast": {"default": 10, "min": 2, "max": 200},
    "width": {"default": 2.0, "min": 0, "step": 0.5},
    "direction": {"default": "long_only"},
}
FIELDS_WITH_PARAMETERS = {"enter_long": "close > sma(close, fast) * width"}


@pytest.mark.parametrize(
    ("params", "field", "says"),
    [
        (
            {"fsat": 3},
            "fsat",
            r"no parameter 'fsat' \(did you mean fast\?\); .*fast, width, direct",
        ),
        ({"fast": 1}, "fast", "Expected `fast` to be a value from 2 to 200, was 1"),
        ({"fast": 201}, "fast", "from 2 to 200, was 201"),
        ({"fast": 2.5}, "fast", "a whole number, was 2.5"),
        ({"fast": "10"}, "fast", "a number, was '10'"),
        ({"fast": True}, "fast", "a number, was True"),
        ({"fast": float("nan")}, "fast", "a finite number"),
        ({"fast": 10**400}, "fast", "a finite number"),
        ({"fast": None}, "fast", "a number, was None"),
        ({"width": -1}, "width", "at least 0, was -1"),
        ({"direction": "both"}, "direction", "one of long_only, short_only, long_short"),
        ({"direction": 1}, "direction", "one of long_only"),
    ],
)
def test_parameter_is_refused_with_its_dotted_name(params, field, says):
    definition = formula_definition(FIELDS_WITH_PARAMETERS, SPEC)

    with pytest.raises(InvalidParameterError, match=says) as caught:
        plan_strategy(definition, params)

    assert caught.value.field == f"strategy.params.{field}"


def test_parameters_take_defaults_and_whole_floats():
    definition = formula_definition(FIELDS_WITH_PARAMETERS, SPEC)

    plan = plan_strategy(definition, {"fast": 20.0})

    assert plan.params == {"fast": 20, "width": 2.0, "direction": "long_only"}
    assert isinstance(plan.params["fast"], int)
    assert plan.lookback == 19


@pytest.mark.parametrize(
    "declaration",
    [{}, {"min": 3}, {"default": 3, "mni": 1}, {"default": 5, "max": 3}, {"default": "x"},
     {"default": 3, "min": "a"}, {"default": "a", "choices": "abc"}, {"default": [1]},
     {"default": "d", "choices": ["a"]}, {"default": 3, "kind": "text"},
     {"default": 3, "max": float("inf")}],
)  # fmt: skip
def test_senseless_declaration_is_refused(declaration):
    with pytest.raises(InvalidParameterError):
        parameter_spec("fast", declaration)
    assert check_formula({"enter_long": "close > 1"}, {"fast": declaration})[0]["field"] == "params"


@pytest.mark.parametrize(
    "name", ["close", "sma", "and", "entry_price", "Fast", "1st", "a" * 49, "size"]
)
def test_a_parameter_hides_no_other_name(name):
    if name == "size":
        # A field is not a name within formulas.
        assert check_formula({"enter_long": "close > size"}, {"size": 3}) == []
    else:
        assert check_formula({"enter_long": "close > 1"}, {name: 3})[0]["field"] == "params"


def test_direction_drops_the_other_side():
    fields = {
        "enter_long": "close > sma(close, 50)", "stop_long": "close - 1",
        "enter_short": "close < open", "exit_short": "close > open", "trail_short": "percent(0.1)",
    }  # fmt: skip
    definition = formula_definition(fields, {"direction": "long_short"})
    market = market_of(random_bars(100, 1))

    both = evaluate(plan_strategy(definition, {}), market)
    long_plan = plan_strategy(definition, {"direction": "long_only"})
    short_plan = plan_strategy(definition, {"direction": "short_only"})
    short = evaluate(short_plan, market)

    assert both.long.enter.any()
    assert both.short.enter.any()
    assert not evaluate(long_plan, market).short.enter.any()
    assert not long_plan.has("trail_short")
    assert not short.long.enter.any()
    assert short.long.stop is None
    assert short.short.is_trail_fraction
    # The first valid index of the dropped side does not hold the other back.
    assert (long_plan.lookback, short_plan.lookback) == (49, 0)


def test_plan_is_made_once_for_the_same_formula_and_parameters():
    definition = formula_definition(FIELDS_WITH_PARAMETERS, SPEC)

    plan = plan_strategy(definition, {"fast": 7})

    assert plan_strategy(formula_definition(FIELDS_WITH_PARAMETERS, SPEC), {"fast": 7.0}) is plan
    assert plan_strategy(definition, {"fast": 8}) is not plan


def test_equal_expressions_are_computed_once():
    plan = plan_strategy(
        formula_definition(
            {"enter_long": "close > sma(close, 5 + 5)", "exit_long": "close < sma(close, 10)",
             "stop_long": "sma(close, 10) - atr(14)", "target_long": "entry_price + atr(7 * 2)"}
        ), {},
    )  # fmt: skip

    assert [row.label for row in plan.rows] == ["sma(close, 10)", "atr(14)"]


# Editor -----------------------------------------------------------------------------------------


def test_words_of_a_text():
    text = 'cross_above(sma(close, fast), 3.5) and foo > "x" ¬ percent(1)'

    words = [(text[w.start : w.end], w.kind) for w in formula_words(text, ["fast"])]

    assert [word for word in words if word[0] not in "(),"] == [
        ("cross_above", "function"), ("sma", "function"), ("close", "name"), ("fast", "parameter"),
        ("3.5", "number"), ("and", "operator"), ("foo", "unknown"), (">", "operator"),
        ('"x"', "text"), ("percent", "function"), ("1", "number"),
    ]  # fmt: skip


def test_every_function_has_a_signature_that_plans():
    constants = {"series": "close", "window": "5", "number": "0.5", "symbol": '"SPY"',
                 "timeframe": '"1w"'}  # fmt: skip

    for function in FUNCTIONS.values():
        call = f"{function.name}({', '.join(constants[a.kind] for a in function.arguments)})"
        text = call if function.is_condition else f"{call} > 0"
        assert check_formula({"enter_long": text}) == [], call
        assert function.signature.startswith(f"{function.name}(")
        assert function.description.endswith(".")


# Any text ---------------------------------------------------------------------------------------

PIECES = st.sampled_from(
    [
        *FUNCTIONS,
        *FIELDS,
        "close",
        "open",
        "fast",
        "(",
        ")",
        "[",
        "]",
        ",",
        "+",
        "-",
        "*",
        "/",
        "%",
        "**",
        "<",
        "<=",
        "==",
        "!=",
        "and",
        "or",
        "not",
        "0",
        "1",
        "2.5",
        "1e308",
        "entry_price",
        "of(",
        'of("A",',
        "'A'",
        '"1w"',
        'on("1w",',
        "fraction(",
        "percent(",
        "sma(close, 3)",
        "lambda",
        "if",
        ".",
        ":",
        "'",
        '"',
        "\\",
        "\0",
        "\n",
        "é",
        "\ud800",
        "９",
        "e",
        "j",
        "_",
    ]
)


@given(text=st.one_of(st.text(max_size=60), st.lists(PIECES, max_size=25).map(" ".join),
                      st.lists(PIECES, max_size=25).map("".join)))  # fmt: skip
@settings(max_examples=600, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_text_plans_or_is_refused_with_a_place(text):
    market = market_of(random_bars(20, 1, splits=[(9, 2.0)]))
    for field in ("enter_long", "stop_long", "size", "expire_bars"):
        fields = {"enter_long": "close > open", field: text}
        problems = check_formula(fields, {"fast": 3})
        formula_words(text, ["fast"])
        if not problems:
            plan = plan_strategy(formula_definition(fields, {"fast": 3}), {})
            if set(plan.symbols) <= {"A"}:
                evaluate(plan, market)
            continue
        for found in problems:
            assert found["message"]
            assert 0 <= found["position"] <= len(text)
        with pytest.raises(EngineError):
            plan_strategy(formula_definition(fields, {"fast": 3}), {})


VALID = (
    "cross_above(sma(close, 10), ema(close, 30)) and not rsi(close, 14)[1] >= 70",
    'of("A", close > sma(close, 20)) and on("1w", highest(high, 4)[1]) < close * 1.5e0',
    "bars_in_trade >= 10 or open_profit < -500 and close != entry_price % 3",
    "-2 ** (high - low) / max(volume, 1) <= log(abs(close - open)) < 3 < stoch_k(14, 3, 5)",
)
EDIT = st.tuples(
    st.sampled_from(["insert", "delete", "replace", "swap"]), st.integers(0, 90),
    st.sampled_from([*"()[],.'\"<>=!+-*/%0159eE_ \n\0é#:;&|^~@?{}", "of(", "on(", "not ", "9e999",
                     "()" * 60, "[0]" * 40, "1" * 400]),
)  # fmt: skip


def edited(text: str, edits: list[tuple[str, int, str]]) -> str:
    for kind, at, piece in edits:
        at = min(at, len(text))
        end = at + (kind in ("delete", "replace"))
        text = text[:at] + ("" if kind == "delete" else piece) + text[end:]
        if kind == "swap":
            text = text[:at][::-1] + text[at:]
    return text


@given(text=st.sampled_from(VALID), edits=st.lists(EDIT, min_size=1, max_size=4))
@settings(max_examples=600, deadline=None, suppress_health_check=list(HealthCheck))
def test_a_mistyped_formula_plans_or_is_refused_with_place_and_reason(text, edits):
    text = edited(text, edits)

    error = refusal(text)

    if error is not None:
        assert error.field == "exit_long"
        assert error.position is not None
        assert 0 <= error.position <= len(text)
        assert str(error).startswith("exit_long: ")
        assert len(str(error)) < 600
        assert error.suggestion != ""


def refusal(text: str) -> InvalidFormulaError | None:
    definition = formula_definition({"enter_long": "close > open", "exit_long": text})
    try:
        plan_strategy(definition, {}, timeframe="1d")
    except InvalidFormulaError as error:
        return error
    return None


def test_the_texts_that_are_mistyped_are_valid():
    for text in VALID:
        assert check_formula({"enter_long": "close > open", "exit_long": text}) == []


def test_the_language_has_the_functions_of_its_design():
    listed = """
        sma ema wma dema tema kama rsi macd macd_signal macd_hist trix roc mom tr atr natr adx
        plus_di minus_di cci willr mfi obv ultosc sar aroon_up aroon_down bb_upper bb_mid bb_lower
        stddev var linreg zscore stoch_k stoch_d stochf_k stochf_d highest lowest sum
        cross_above cross_below abs min max sqrt log exp sign of on
    """

    assert set(FUNCTIONS) == set(listed.split())


@given(name=st.text(max_size=20), text=st.text(max_size=10), value=st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5),
    st.dictionaries(st.sampled_from(["default", "min", "max", "step", "choices", "kind"]),
                    st.one_of(st.integers(), st.floats(), st.text(max_size=3), st.none(),
                              st.lists(st.text(max_size=3), max_size=2)))))  # fmt: skip
@settings(max_examples=500, deadline=None)
def test_check_never_raises(name, text, value):
    assert isinstance(check_formula({name: text}, {name: value}), list)
