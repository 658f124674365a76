"""Target strategies: weights by symbol at the closes at which they speak."""

from engine.targets.planned import RULES, PlannedTargets, plan_targets

__all__ = ["RULES", "PlannedTargets", "plan_targets"]
