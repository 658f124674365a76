"""What a rule of the diagnosis is.

A rule says `fail` when a result is not to be believed, `doubt` when it may not hold, `info` when it
should be known. It is silent when its number is not defined.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from engine.analysis.evidence import Evidence

Severity = Literal["info", "doubt", "fail"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a rule found: the number, and the sentences that say it."""

    value: float
    title: str
    detail: str


Look = Callable[[Evidence, float], Said | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A rule; `look` answers None when there is nothing to say."""

    id: str
    severity: Severity
    threshold: float
    why: str
    look: Look


def adding_to(rules: list[Rule]) -> Callable[[Severity, float, str], Callable[[Look], Look]]:
    """Return a decorator that makes a rule of a function and appends it."""

    def rule(severity: Severity, threshold: float, why: str) -> Callable[[Look], Look]:
        def add(look: Look) -> Look:
            name = look.__name__
            rules.append(Rule(id=name, severity=severity, threshold=threshold, why=why, look=look))
            return look

        return add

    return rule
