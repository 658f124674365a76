"""The editor's text and the formula it means."""

from hypothesis import given
from hypothesis import strategies as st

from dashboard.pages.new_run import formula_text

TEXT = """fast = 10 [2..200]   slow = 30 [5..400:5]
k = 2.5   direction = long_only
# a comment
enter_long: cross_above(sma(close, fast), sma(close, slow)) and rsi(close, 14) < 70  # why
exit_long:  cross_below(sma(close, fast), sma(close, slow))

size:       fraction(0.25)"""


def test_a_text_is_read_into_fields_and_parameters() -> None:
    read = formula_text.read(TEXT)

    assert read.problems == []
    assert read.formula == {
        "enter_long": "cross_above(sma(close, fast), sma(close, slow)) and rsi(close, 14) < 70",
        "exit_long": "cross_below(sma(close, fast), sma(close, slow))",
        "size": "fraction(0.25)",
    }
    assert read.params["fast"] == {"kind": "int", "default": 10, "min": 2, "max": 200}
    assert read.params["slow"] == {"kind": "int", "default": 30, "min": 5, "max": 400, "step": 5}
    # Without a range: a fifth to five times.
    assert read.params["k"] == {"kind": "float", "default": 2.5, "min": 0.5, "max": 12.5}
    assert read.params["direction"]["choices"] == ["long_only", "short_only", "long_short"]
    # Line 4; "enter_long: " has 12 characters.
    assert read.places["enter_long"] == (4, 13)


def test_writing_what_was_read_changes_nothing() -> None:
    read = formula_text.read(TEXT)
    again = formula_text.read(formula_text.write(read.formula, read.params))

    assert again.formula == read.formula
    assert again.params == read.params


numbers = st.integers(-500, 500) | st.floats(-500, 500, allow_subnormal=False).map(
    lambda x: float(f"{x:.6g}")
)


@given(st.dictionaries(st.from_regex(r"p[a-z0-9_]{0,8}", fullmatch=True), numbers, max_size=5))
def test_any_parameter_survives_the_text(values: dict) -> None:
    params = {name: {"default": value, "min": None, "max": None} for name, value in values.items()}
    read = formula_text.read(formula_text.write({"enter_long": "close > 1"}, params))

    assert read.problems == []
    assert {name: spec["default"] for name, spec in read.params.items()} == values
    for spec in read.params.values():
        assert spec["min"] <= spec["default"] <= spec["max"]
        assert spec["min"] < spec["max"]


def test_whole_ranges_of_the_api_are_written_without_a_point() -> None:
    spec = {"kind": "int", "default": 10, "min": 1.0, "max": 500.0, "step": 1.0}

    assert formula_text.write({}, {"fast": spec}) == "fast = 10 [1..500]"


def problem_of(text: str) -> tuple[int, int, str]:
    problem = formula_text.first(formula_text.read(text).problems)
    assert problem is not None
    return problem.line, problem.column, problem.message


def test_a_line_that_is_neither_is_named_with_its_place() -> None:
    line, column, message = problem_of("enter_long: close > 1\n  buy everything")

    assert (line, column) == (2, 3)
    assert "field: expression" in message


def test_a_field_given_twice_is_refused() -> None:
    line, _, message = problem_of("enter_long: close > 1\nenter_long: close > 2")

    assert line == 2
    assert "line 1" in message


def test_a_value_outside_of_its_range_is_refused() -> None:
    assert problem_of("fast = 1 [2..9]\nenter_long: close > fast")[2] == (
        "Expected fast between 2 and 9, was 1."
    )


def test_an_empty_text_says_what_to_write() -> None:
    assert problem_of("\n# nothing\n")[2].startswith("Expected a field")


def test_a_problem_of_the_api_is_found_in_the_text() -> None:
    read = formula_text.read("fast = 10\nenter_long: smaa(close, fast) > 1")
    answer = {"field": "enter_long", "position": 0, "message": "Unknown smaa.", "suggestion": "sma"}

    problem = formula_text.locate(answer, read.places)

    assert (problem.line, problem.column) == (2, 13)
    assert problem.message == "Unknown smaa; did you mean sma?"


@given(st.text(max_size=300))
def test_reading_is_total(text: str) -> None:
    read = formula_text.read(text)

    assert read.formula or read.problems
