"""The diagnosis of a run: what every rule has to say about it, the worst first."""

from __future__ import annotations

from typing import Any

from engine.analysis.evidence import Evidence
from engine.analysis.rules import RULES

ORDER = ("fail", "doubt", "info")


def diagnose(evidence: Evidence) -> list[dict[str, Any]]:
    """Return the findings about a run.

    Returns
    -------
    list of dict
        id, severity, title, detail, value, threshold, why; fails first, then doubts, each in the
        order of the rules.
    """
    found = []
    for rule in RULES:
        said = rule.look(evidence, rule.threshold)
        if said is not None:
            found.append(
                {
                    "id": rule.id,
                    "severity": rule.severity,
                    "title": said.title,
                    "detail": said.detail,
                    "value": said.value,
                    "threshold": rule.threshold,
                    "why": rule.why,
                }
            )
    return sorted(found, key=lambda finding: ORDER.index(finding["severity"]))
