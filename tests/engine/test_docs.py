"""The manual's tables of functions, strategies and options are those of the code."""

import json
import re

from config.settings import ROOT
from config.sweep import SweepConfig, WalkForwardConfig
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


def test_the_manual_of_walk_forward_has_every_option_and_an_example_that_holds():
    text = (ROOT / "docs" / "walk-forward.md").read_text(encoding="utf-8")
    table = text.split("## Options")[1].split("\n## ")[0]
    example = re.search(r"```json\n(.*?)```", text, re.DOTALL).group(1)

    options = WalkForwardConfig.model_fields.keys() - SweepConfig.model_fields.keys()
    assert set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)) == options
    for name in options:
        default = WalkForwardConfig.model_fields[name].default
        shown = re.search(rf"^\| `{name}` \| (.*?) ?\|", table, re.MULTILINE).group(1)
        assert shown.strip("`") == ("" if default is None else str(default).lower())
    assert WalkForwardConfig.model_validate(json.loads(example)).in_sample == 504
