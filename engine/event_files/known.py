"""The strategy files that runs of this process may name."""

from __future__ import annotations

import threading

from engine.errors import InvalidStrategyError
from engine.event_files.reading import EventDefinition
from engine.strategies import builtin_names

_lock = threading.Lock()
_known: dict[str, dict[str, EventDefinition]] = {}
"""By name, then by the hash of the text; the latest text of a name stands last."""


def add_file(definition: EventDefinition) -> None:
    """Let runs of this process name a strategy in a file; its latest text is the one meant.

    Raises
    ------
    InvalidStrategyError
        If a built-in strategy has the name.
    """
    if definition.name in builtin_names():
        raise InvalidStrategyError(
            f"{definition.name}.py: a built-in strategy has that name: choose another."
        )
    with _lock:
        texts = _known.setdefault(definition.name, {})
        texts.pop(definition.code_hash, None)
        texts[definition.code_hash] = definition


def file_strategy(name: str, code: str | None) -> EventDefinition | None:
    """Return the strategy file of a name, with that text or the latest; None when none has it.

    Raises
    ------
    InvalidStrategyError
        If a text is asked for that is not here.
    """
    with _lock:
        texts = dict(_known.get(name, {}))
    if code is None:
        return next(reversed(texts.values()), None)
    if code not in texts:
        what = "has changed since" if texts else "is not here"
        raise InvalidStrategyError(
            f"The strategy file {name}.py {what}: this run needs the text with the hash "
            f"{code[:12]}…, which is stored with it.",
            field="strategy.code",
        )
    return texts[code]


def is_known(name: str, code: str | None) -> bool:
    """Return whether runs of this process may name a file with that text."""
    with _lock:
        return code in _known.get(name, {})
