"""What every command takes."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any


def add_command(
    commands: Any, name: str, handler: Any, help_: str, *, is_nested: bool = False
) -> argparse.ArgumentParser:
    """Return the parser of a new command that takes --data-dir and --json."""
    parser: argparse.ArgumentParser = commands.add_parser(name, help=help_)
    # A nested parser's defaults would undo what was given before its name.
    unset: dict[str, Any] = {"default": argparse.SUPPRESS} if is_nested else {}
    parser.add_argument("--data-dir", type=Path, help="a store of its own", **unset)
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout", **unset)
    parser.set_defaults(handler=handler)
    return parser
