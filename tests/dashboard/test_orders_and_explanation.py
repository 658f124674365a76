"""The order log with its fills, and the story of one trade."""

import numpy as np

from dashboard.pages.result import orders
from dashboard.pages.result.explain import explanation, number, with_code
from tests.dashboard.test_analysis import text_of

ORDERS = {
    "order_id": np.array([7, 8, 9]),
    "time": np.array([0, 86_400_000, 172_800_000]),
    "symbol": np.array(["AAPL"] * 3, dtype=object),
    "side": np.array(["buy"] * 3, dtype=object),
    "type": np.array(["market", "limit", "market"], dtype=object),
    "quantity": np.array([100.0, np.nan, 50.0]),
    "limit": np.array([np.nan, 10.5, np.nan]),
    "stop": np.array([np.nan] * 3),
    "time_in_force": np.array(["gtc", "day", "day"], dtype=object),
    "status": np.array(["filled", "expired", "cancelled"], dtype=object),
    "reason": np.array(["signal", "expired", "signal"], dtype=object),
    "filled_quantity": np.array([100.0, 0.0, 20.0]),
    "filled_price": np.array([10.0, np.nan, 11.0]),
}
FILLS = {
    "time": np.array([86_400_000, 172_800_000, 259_200_000, 345_600_000]),
    "symbol": np.array(["AAPL"] * 4, dtype=object),
    "side": np.array(["buy", "buy", "buy", "sell"], dtype=object),
    "quantity": np.array([60.0, 40.0, 20.0, 100.0]),
    "price": np.array([10.0, 10.0, 11.0, 9.0]),
    "fee": np.array([0.6, 0.4, 0.2, 1.0]),
    "order_id": np.array([7, 7, 9, 7]),
    "reason": np.array(["signal", "signal", "signal", "stop"], dtype=object),
    "ambiguous": np.array([False] * 4),
}


def test_an_order_says_in_how_many_parts_it_was_filled():
    fills = orders.fill_rows(FILLS)

    whole, never, partly = orders.order_rows(ORDERS, fills)

    assert (whole["status"], whole["fills"], whole["filled_quantity"]) == ("filled", 2, 100.0)
    # Its stop is a child: a sale under the same number.
    assert (whole["children"], partly["children"]) == ("stop", "")
    assert (never["status"], never["fills"], never["filled_quantity"]) == ("expired", 0, None)
    assert never["quantity"] is None
    assert never["time_in_force"] == "one bar"
    assert (partly["status"], partly["fills"]) == ("cancelled, in part", 1)
    assert orders.counts([whole, never, partly]) == ("3: 1 filled, 1 expired, 1 cancelled, in part")


def test_a_story_has_its_parts_in_order_with_rule_and_values():
    document = {
        "trade": {
            "symbol": "GOOG",
            "side": "long",
            "pnl": 5046.56,
            "return": 0.1193,
            "r_multiple": 5.225,
            "bars": 2,
            "mae": -0.0139,
            "mfe": 0.1219,
            "open": False,
        },
        "steps": [
            {
                "part": "entry",
                "kind": "signal",
                "time": "2005-04-19T00:00:00Z",
                "title": "Signal enter_long",
                "text": "`enter_long` is true.",
                "rule": "F1",
                "values": {"sma(close, 100)": 187.27640000000002, "volume": 16843100.0},
            },
            {
                "part": "exit",
                "kind": "fill",
                "time": "2005-04-22T14:30:00Z",
                "title": "Sold 213",
                "text": "At the open.",
                "rule": "F4",
                "values": {},
            },
        ],
    }

    words = text_of(explanation(document, 4))

    assert "Trade 4, GOOG long" in words
    assert "+$5,047" in words
    assert "+11.9\u202f%, +5.2 R, 2 bars" in words
    assert words.index("Entry") < words.index("Signal enter_long") < words.index("Exit")
    assert "2005-04-22 14:30" in words
    assert "sma(close, 100) 187.28" in words
    assert "16,843,100" in words


def test_what_stands_between_backticks_is_code():
    code, rest = with_code("`enter_long` is true.")

    assert (code.children, rest) == ("enter_long", " is true.")


def test_values_keep_the_digits_that_matter():
    assert number(194.14507291811483) == "194.15"
    assert number(4.534217081885178) == "4.5342"
    assert number(16843100.0) == "16,843,100"
    assert number(213.0, "quantity") == "213"
    assert number(213.0, "close") == "213.00"
    assert number(None) == "–"
