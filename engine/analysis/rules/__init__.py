"""The rules of the diagnosis, each a question to the evidence, its threshold and its reason."""

from engine.analysis.rules import belief, character, support
from engine.analysis.rules.rule import Rule, Said

__all__ = ["RULES", "Rule", "Said"]

RULES: tuple[Rule, ...] = (*belief.RULES, *support.RULES, *character.RULES)
