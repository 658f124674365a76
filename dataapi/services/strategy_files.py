"""Strategies in Python files: those of the server's directory, and no others.

A file is read again when its stamp changes. What runs is only ever a text that stands in the
directory (or was named on the command line): a request, or an imported run, cannot bring code.
"""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass
from pathlib import Path

from config.run import RunConfig, Strategy
from dataapi.problems import Busy
from engine.errors import InvalidStrategyError
from engine.event_files import (
    EventDefinition,
    add_file,
    compile_file,
    is_compiled,
    is_known,
    read_event_strategy,
)
from engine.strategies import builtin_names

logger = logging.getLogger(__name__)

LOOK_S = 1.0
"""How often the directory is looked at for files that are new or changed."""


@dataclass(frozen=True, slots=True)
class StrategyFile:
    """A file as it was last read: its definition, or what is wrong with it."""

    name: str
    stamp: tuple[int, int]
    definition: EventDefinition | None
    problem: str | None


class StrategyFiles:
    """The strategy files of a directory, which need not exist; None has no files."""

    def __init__(self, directory: Path | None) -> None:
        self.directory = directory
        self._lock = threading.Lock()
        self._files: dict[str, StrategyFile] = {}
        self._is_watched = False
        self._wake = threading.Event()

    def all(self) -> list[StrategyFile]:
        """Return every file of the directory by name, read anew where it changed."""
        paths = [] if self.directory is None else sorted(self.directory.glob("*.py"))
        found = [self._read(path) for path in paths if not path.name.startswith("_")]
        return [file for file in found if file is not None]

    def get(self, name: str) -> StrategyFile | None:
        """Return the file of a name, or None."""
        return None if self.directory is None else self._read(self.directory / f"{name}.py")

    def has_text(self, strategy: Strategy) -> bool:
        """Return whether the text that a run was made from can be run here, and now."""
        self.get(str(strategy.name))
        return is_known(str(strategy.name), strategy.code)

    def prepare(self, config: RunConfig) -> RunConfig:
        """Return a configuration that says which text of its strategy file is meant.

        Raises
        ------
        InvalidStrategyError
            If the file cannot be used.
        Busy
            If the file has just appeared and is being compiled.
        """
        strategy = config.strategy
        if strategy.formula is not None or strategy.name in builtin_names():
            return config
        file = self.get(str(strategy.name))
        if file is None or (strategy.code and not _has_text(file, strategy.code)):
            return config
        if file.definition is None:
            raise InvalidStrategyError(str(file.problem))
        if self._is_watched and not is_compiled(file.definition):
            self._wake.set()
            raise Busy(f"{file.name}.py is being compiled: try again in a moment.")
        code = file.definition.code_hash
        return config.model_copy(update={"strategy": strategy.model_copy(update={"code": code})})

    def compile_all(self) -> None:
        """Compile the files that have not been."""
        for file in self.all():
            if file.definition is not None and not is_compiled(file.definition):
                try:
                    compile_file(file.definition)
                    logger.info("compiled strategy=%s", file.name)
                except InvalidStrategyError as error:
                    logger.warning("refused strategy=%s reason=%s", file.name, error)

    def watch(self) -> None:
        """Compile files as they appear, in a thread of its own, for as long as the process runs.

        From now on a request that meets an uncompiled file is sent away for a moment.
        """
        self._is_watched = True
        threading.Thread(target=self._watch, name="strategy-files", daemon=True).start()

    def _watch(self) -> None:
        while True:
            self._wake.clear()
            try:
                self.compile_all()
            except OSError as error:
                logger.warning("cannot read strategies directory=%s reason=%s",
                               self.directory, error)  # fmt: skip
            self._wake.wait(LOOK_S)

    def _read(self, path: Path) -> StrategyFile | None:
        try:
            status = path.stat()
        except OSError:
            return None
        stamp, name = (status.st_mtime_ns, status.st_size), path.stem
        with self._lock:
            known = self._files.get(name)
            if known is None or known.stamp != stamp:
                known = _read_file(path, stamp)
                self._files[name] = known
        return known


def _has_text(file: StrategyFile, code: str) -> bool:
    return file.definition is not None and file.definition.code_hash == code


def _read_file(path: Path, stamp: tuple[int, int]) -> StrategyFile:
    try:
        definition = read_file(path)
    except InvalidStrategyError as error:
        return StrategyFile(path.stem, stamp, None, str(error))
    return StrategyFile(path.stem, stamp, definition, None)


def read_file(path: Path) -> EventDefinition:
    """Return the strategy of a file, which runs of this process may name from now on.

    Raises
    ------
    InvalidStrategyError
        If it cannot be read, or is no strategy.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise InvalidStrategyError(f"Cannot read {path}: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise InvalidStrategyError(f"{path} is not text in UTF-8.") from None
    definition = read_event_strategy(text, name=path.stem)
    add_file(definition)
    return definition
