"""The doubts about a run, one badge each: what to check before believing a number."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from config.run import RunConfig

Level = Literal["pass", "doubt", "fail", "info"]
Badge = dict[str, str]

# Below this, means and ratios of trades say little; the usual rule of thumb for a mean.
FEW_TRADES = 30
LEVELS: dict[str, Level] = {"pass": "pass", "fail": "fail", "not_run": "info"}


def badges(
    config: RunConfig,
    *,
    checks: Mapping[str, Any],
    metrics: Mapping[str, Any],
    status: str,
    is_adjusted: bool = False,
    is_synthetic: bool = False,
) -> list[Badge]:
    """Return the badges of a finished run, in the order in which they are shown."""
    found = [_check("look_ahead", "Look-ahead", checks), _check("warm_up", "Warm-up", checks)]
    found.append(_fills(checks))
    found.append(_costs(config))
    if config.execution.fill == "this_close":
        text = "Orders fill at the very close that made them: nobody can trade that."
        found.append(_badge("same_close", "doubt", "Fills at the same close", text))
    n_trades = metrics.get("trades") or 0
    if n_trades < FEW_TRADES:
        text = f"{n_trades} closed trades: fewer than {FEW_TRADES} say little about the next ones."
        found.append(_badge("trades", "doubt", "Few trades", text))
    if is_adjusted:
        text = "The prices were adjusted before they were imported, so fills are at prices that "
        text += "were never quoted."
        found.append(_badge("adjusted", "doubt", "Adjusted prices", text))
    if is_synthetic:
        found.append(_badge("synthetic", "doubt", "Synthetic prices", "Generated, not a market's."))
    if status == "bankrupt":
        text = "Equity reached zero; nothing was traded after that."
        found.append(_badge("bankrupt", "fail", "Bankrupt", text))
    if status == "stopped":
        text = "The drawdown limit was reached; nothing was traded after that."
        found.append(_badge("stopped", "info", "Stopped by its limit", text))
    return found


def _check(kind: str, label: str, checks: Mapping[str, Any]) -> Badge:
    check = checks.get(kind) or {"status": "not_run", "detail": "Not run."}
    level = LEVELS[check["status"]]
    labels = {"pass": f"{label} checked", "fail": f"{label} found", "info": f"{label} not checked"}
    return _badge(kind, level, labels[level], str(check.get("detail", "")))


def _fills(checks: Mapping[str, Any]) -> Badge:
    n_ambiguous = int(checks.get("ambiguous_fills") or 0)
    if n_ambiguous == 0:
        text = "No fill depended on an assumption about the path inside a bar."
        return _badge("fills", "pass", "Fills unambiguous", text)
    text = f"{n_ambiguous} fills depended on the path inside a bar."
    values = [value for value in (checks.get("band") or {}).values() if value is not None]
    if values:
        text += (
            f" Final equity ranges over the intrabar rules from {min(values):,.0f} "
            f"to {max(values):,.0f}."
        )
    noun = "fill" if n_ambiguous == 1 else "fills"
    return _badge("fills", "doubt", f"{n_ambiguous} ambiguous {noun}", text)


def _costs(config: RunConfig) -> Badge:
    costs, execution = config.costs, config.execution
    rates = (costs.rate_bps, costs.maker_bps or 0.0, costs.taker_bps or 0.0, costs.per_unit)
    charged = sum(rates) + costs.fixed + costs.minimum
    slipped = execution.slippage_bps + execution.spread_bps + execution.slippage_ticks
    slipped += (execution.impact or 0.0) + (execution.volume_impact or 0.0)
    if charged + slipped == 0.0:
        text = "No commission, no slippage, no spread: no market offers that."
        return _badge("costs", "doubt", "Zero costs", text)
    return _badge("costs", "pass", "Costs charged", "Every fill pays commission or slippage.")


def _badge(kind: str, level: Level, label: str, text: str) -> Badge:
    return {"kind": kind, "level": level, "label": label, "text": text}
