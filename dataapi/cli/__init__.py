"""The command line: `./run <command>` in a checkout, `hindcast <command>` once installed.

Exit codes: 0 done, 1 the work failed, 2 wrong usage, 78 a worker's settings cannot work. An error
is one line on stderr, what and how to mend it, never a traceback.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from config.kernels import prepare_kernels
from config.settings import Settings, SettingsError, load_settings
from config.startup import EX_CONFIG, ConfigurationError, cache_faults

# Each module has `add_commands(subparsers)`; a command is `handler(arguments, settings) -> int`.
MODULES = (
    "up",
    "data",
    "runs",
    "sweeps",
    "walkforward",
    "judging",
    "strategies",
    "jobs",
    "worker",
    "storekeeping",
    "backup",
    "prune",
    "doctor",
)


class CommandError(Exception):
    """The work failed; the message is what the user reads."""


class UsageError(CommandError):
    """The command line itself is wrong."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        print(f"{self.prog}: {message}; see {self.prog} --help", file=sys.stderr)
        raise SystemExit(2)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    try:
        arguments = _parser().parse_args(argv)
    except SystemExit as leave:
        return int(leave.code or 0)
    try:
        settings = load_settings()
        if arguments.data_dir is not None:
            settings = settings.with_data_dir(arguments.data_dir)
        # Before any command imports numba.
        _prepare_kernels(settings)
        return int(arguments.handler(arguments, settings))
    except ConfigurationError as error:
        return _fail(str(error), EX_CONFIG)
    except UsageError as error:
        return _fail(str(error), 2)
    except SettingsError as error:
        # systemd starts a worker, and shall not start it again.
        return _fail(str(error), EX_CONFIG if arguments.command == "worker" else 1)
    except CommandError as error:
        return _fail(str(error), 1)
    except BrokenPipeError:
        # The reader, for example `head`, has seen enough.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        return _fail("Interrupted.", 1)
    except _expected_errors() as error:
        return _fail(str(error), 1)


def _prepare_kernels(settings: Settings) -> None:
    try:
        prepare_kernels(settings.cache_dir)
    except OSError:
        raise ConfigurationError(" ".join(cache_faults(settings))) from None


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="hindcast", description="Honest backtests at permanent URLs.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name in MODULES:
        importlib.import_module(f"dataapi.cli.{name}").add_commands(commands)
    return parser


def _expected_errors() -> tuple[type[Exception], ...]:
    """Return the errors of the parts, imported late: most commands need none of them."""
    from dataapi.problems import ApiProblem
    from dataapi.store import StoreError
    from engine.errors import EngineError

    return (ApiProblem, StoreError, EngineError, OSError)


def _fail(message: str, code: int) -> int:
    print(" ".join(message.split()), file=sys.stderr)
    return code
