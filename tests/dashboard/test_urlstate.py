"""URL queries: total when read, exact both ways."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.urlstate import NEW_RUN, RUN_COLUMNS, RUN_SORTS, RUNS

texts = st.text(min_size=1, max_size=40).filter(
    # Lone surrogates cannot be in a URL at all.
    lambda text: text == text.strip() and text.isprintable()
)
finite = st.floats(allow_nan=False, allow_infinity=False, width=32)
runs_views = st.fixed_dictionaries(
    {
        "q": st.none() | texts,
        "strategy": st.none() | texts.filter(lambda text: len(text) <= 48),
        "symbol": st.none() | texts.filter(lambda text: len(text) <= 32),
        "tag": st.none() | texts,
        "min_sharpe": st.none() | finite,
        "max_drawdown": st.none() | finite,
        "min_trades": st.none() | st.integers(0, 10**6).map(float),
        "starred": st.booleans(),
        "sort": st.sampled_from([f"{m}{n}" for n in RUN_SORTS for m in ("", "-")]),
        "columns": st.lists(st.sampled_from(RUN_COLUMNS), min_size=1, unique=True).map(tuple),
    }
)


@given(runs_views)
def test_a_view_survives_its_url(view: dict) -> None:
    assert RUNS.parse(RUNS.format(view)) == view


@given(st.text(max_size=200))
def test_any_query_is_some_view(search: str) -> None:
    view = RUNS.parse(search)

    assert RUNS.parse(RUNS.format(view)) == view


def test_the_plain_path_is_the_plain_view() -> None:
    assert RUNS.format(RUNS.parse("")) == ""
    assert RUNS.parse(None)["sort"] == "-created"


@pytest.mark.parametrize(
    "search",
    ["?sort=hack", "?min_sharpe=much", "?min_sharpe=nan", "?min_sharpe=inf", "?starred=yes", "?q="],
)
def test_what_cannot_be_read_is_the_default(search: str) -> None:
    assert RUNS.parse(search) == RUNS.parse("")


def test_symbols_are_a_list_in_one_key() -> None:
    view = NEW_RUN.parse("?symbols=AAPL,BRK.B&strategy=sma_cross")

    assert view == {
        "from": None,
        "strategy": "sma_cross",
        "symbols": ("AAPL", "BRK.B"),
        "draft": None,
    }
    assert NEW_RUN.format(view) == "?strategy=sma_cross&symbols=AAPL,BRK.B"


def test_a_symbol_that_is_none_is_ignored() -> None:
    assert NEW_RUN.parse("?symbols=<script>")["symbols"] == ()
