"""Numbers as people read them."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard import formatting as fmt

NNBSP = "\u202f"
NOW = datetime(2025, 11, 18, 14, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.114, f"+11.4{NNBSP}%"),
        (-0.191, f"\u221219.1{NNBSP}%"),
        (0.0, f"0.0{NNBSP}%"),
        (-0.0, f"0.0{NNBSP}%"),
        # Rounds to nothing, so it has no sign either.
        (-0.0004, f"0.0{NNBSP}%"),
        (12.5, f"+1,250.0{NNBSP}%"),
        (None, "–"),
        (float("nan"), "–"),
        (float("inf"), "–"),
    ],
)
def test_signed_percent_has_a_real_minus_and_a_narrow_space(value: float | None, text: str) -> None:
    assert fmt.signed_percent(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(241_773.4, "$241,773"), (-1250.0, "\u2212$1,250"), (-0.2, "$0"), (None, "–")],
)
def test_money_puts_the_sign_before_the_currency(value: float | None, text: str) -> None:
    assert fmt.money(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (242_000, "$242k"),
        (1_234_567, "$1.2M"),
        (1_500, "$1.5k"),
        (999_950, "$1M"),
        (999, "$999"),
        (-30_000, "\u2212$30k"),
        (2_000_000_000, "$2B"),
    ],
)
def test_short_money_fits_an_axis(value: float, text: str) -> None:
    assert fmt.short_money(value) == text


@pytest.mark.parametrize(
    ("created", "text"),
    [
        ("2025-11-18T13:59:30Z", "now"),
        ("2025-11-18T13:56:00Z", "4 min"),
        ("2025-11-18T11:00:00+00:00", "3 h"),
        ("2025-11-06T14:00:00Z", "12 d"),
        ("2025-01-02T00:00:00Z", "2025-01-02"),
        (None, "–"),
    ],
)
def test_age_is_one_short_word(created: str | None, text: str) -> None:
    assert fmt.age(created, NOW) == text


def test_a_date_of_an_offset_is_the_date_in_utc() -> None:
    assert fmt.date("2005-03-01T23:30:00-05:00") == "2005-03-02"


def test_epoch_milliseconds_are_a_date() -> None:
    # 86,400,000 ms a day, 365 days to 1971-01-01.
    assert fmt.date(365 * 86_400_000) == "1971-01-01"


@given(st.floats(allow_nan=True, allow_infinity=True), st.integers(0, 6))
def test_nothing_is_ever_minus_zero_or_the_word_nan(value: float, digits: int) -> None:
    for text in (fmt.decimal(value, digits), fmt.signed_percent(value, digits), fmt.money(value)):
        digits_only = text.replace("\u2212", "").strip("$%+ \u202f")
        assert "nan" not in text
        assert "inf" not in text
        assert "-" not in text
        if text.startswith("\u2212"):
            assert digits_only.strip("0.,$") != ""


def test_weights_are_read_by_symbol() -> None:
    assert fmt.plain({"AAPL": 0.6, "MSFT": 0.4}) == "AAPL 0.6, MSFT 0.4"
    assert fmt.plain({}) == "equal"
