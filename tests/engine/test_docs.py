"""The manual's tables of functions and strategies are those of the code."""

from config.settings import ROOT
from engine.indicators import FUNCTIONS
from engine.strategies import builtin, builtin_names

MANUAL = (ROOT / "docs" / "strategies.md").read_text(encoding="utf-8")


def function_rows() -> list[str]:
    return [
        f"| `{f.signature}` | {f.description} | {f.lookback} | {f.source} |"
        for f in FUNCTIONS.values()
    ]


def strategy_rows() -> list[str]:
    rows = []
    for name in builtin_names():
        definition = builtin(name)
        params = ", ".join(f"`{key}` {spec.default}" for key, spec in definition.params.items())
        rows.append(f"| `{name}` | {definition.description} | {params} | {definition.source} |")
    return rows


def test_every_function_stands_in_the_manual_and_no_other():
    listed = [line for line in MANUAL.splitlines() if line.startswith("| `") and "(" in line[:40]]

    assert [line for line in listed if "(" in line.split("|")[1]] == function_rows()


def test_every_built_in_strategy_stands_in_the_manual():
    for row in strategy_rows():
        assert row in MANUAL
