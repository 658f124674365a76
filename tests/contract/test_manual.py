"""The manual names every route, command and option, and none that does not exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dataapi.cli import _parser
from tests.apps import api_app
from tests.dataapi.conftest import database_url, store  # noqa: F401 - fixtures

DOCS = Path(__file__).resolve().parents[2] / "docs"


def test_the_manual_has_every_route(store):  # noqa: F811
    text = (DOCS / "http-api.md").read_text(encoding="utf-8")
    documented = set(re.findall(r"^\| `([A-Z]+) (/[^`]*)` \|", text, re.MULTILINE))
    routes = {
        (method, rule.rule)
        for rule in api_app(store).url_map.iter_rules()
        if rule.endpoint != "static"
        for method in rule.methods - {"HEAD", "OPTIONS"}
    }

    assert documented == routes


def commands():
    """Return the parser of each command by name."""
    (subparsers,) = (a for a in _parser()._actions if a.__class__.__name__ == "_SubParsersAction")
    return subparsers.choices


def test_the_manual_has_every_command():
    text = (DOCS / "cli.md").read_text(encoding="utf-8")
    table = text.split("## `backtest`")[0]

    assert set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)) == set(commands())


def test_the_manual_has_every_option_of_a_backtest():
    assert documented("backtest") == options("backtest")


def test_the_manual_has_every_option_of_sweeps_and_walk_forwards():
    shared = options("sweep") & options("backtest")

    assert documented("sweep") == options("sweep") - shared
    assert documented("walkforward") == options("walkforward") - options("sweep")
    assert options("sweep") < options("walkforward")
    assert shared == options("backtest") - {"--analysis", "--name", "--export"}


def test_the_manual_has_every_option_of_prune():
    assert documented("prune") == options("prune")


def documented(command):
    """Return the options in the table of a command's section."""
    text = (DOCS / "cli.md").read_text(encoding="utf-8").split(f"## `{command}`")[1]
    table = re.findall(r"^\| (`-[^|]*) \|", text.split("\n## ")[0], re.MULTILINE)
    return {option for row in table for option in re.findall(r"`(-[\w-]+)`", row)}


def options(command):
    """Return the options that are a command's own."""
    found = {o for action in commands()[command]._actions for o in action.option_strings}
    return found - {"-h", "--help", "--json", "--data-dir"}


@pytest.mark.parametrize("command", sorted(commands()))
def test_every_command_takes_a_store_of_its_own(command):
    parser = commands()[command]
    leaves = [parser]
    for action in parser._actions:
        if action.__class__.__name__ == "_SubParsersAction":
            leaves = list(action.choices.values())
    for leaf in leaves:
        assert "--data-dir" in leaf.format_help()
