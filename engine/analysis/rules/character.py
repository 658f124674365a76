"""What kind of result it is: against its benchmark, and to live with."""

from __future__ import annotations

from engine.analysis.evidence import Evidence
from engine.analysis.rules.rule import Rule, Said, adding_to
from engine.analysis.words import percent

RULES: list[Rule] = []
rule = adding_to(RULES)


# What kind of result it is.


@rule("doubt", 0.0, "Doing nothing but holding would have earned more.")
def below_benchmark(seen: Evidence, threshold: float) -> Said | None:
    """Report a total return below the benchmark's."""
    own, theirs = seen.metric("total_return"), seen.metric("benchmark_return")
    if own is None or theirs is None or own - theirs >= threshold:
        return None
    detail = f"It returns {percent(own)}, its benchmark {percent(theirs)}."
    return Said(value=own - theirs, title="It earns less than its benchmark", detail=detail)


@rule("doubt", 0.0, "A strategy is there to earn something.")
def loses_money(seen: Evidence, threshold: float) -> Said | None:
    """Report a negative total return."""
    own = seen.metric("total_return")
    if own is None or own >= threshold:
        return None
    return Said(value=own, title="It loses money", detail=f"Its total return is {percent(own)}.")


@rule("doubt", 0.9, "Above this four fifths of its ups and downs are the benchmark's.")
def just_the_market(seen: Evidence, threshold: float) -> Said | None:
    """Report returns that are mostly those of the benchmark."""
    if seen.correlation is None or seen.correlation <= threshold:
        return None
    detail = (
        f"Its returns go with its benchmark's (correlation {seen.correlation:.2f}): most of what "
        "it earns is for being in the market."
    )
    return Said(value=seen.correlation, title="It is mostly the market", detail=detail)


@rule("info", 0.95, "Who is nearly always in the market carries nearly all of its risk.")
def always_invested(seen: Evidence, threshold: float) -> Said | None:
    """Report a position on nearly every bar."""
    share = seen.metric("exposure_time")
    if share is None or share <= threshold:
        return None
    detail = f"It holds a position on {percent(share)} of the bars."
    return Said(value=share, title="Nearly always in the market", detail=detail)


@rule("doubt", 1.1, "Borrowed money enlarges losses and can be called back.")
def leverage(seen: Evidence, threshold: float) -> Said | None:
    """Report positions beyond the equity."""
    if seen.most_exposure <= threshold:
        return None
    detail = f"At the most it holds {seen.most_exposure:.2f} times its equity."
    return Said(value=seen.most_exposure, title="It uses leverage", detail=detail)


@rule("doubt", 50, "At fifty times a year each basis point of cost takes one percent a year.")
def high_turnover(seen: Evidence, threshold: float) -> Said | None:
    """Report a high turnover."""
    value = seen.metric("turnover")
    if value is None or value <= threshold:
        return None
    detail = f"It turns its whole equity over {value:.0f} times a year: small costs decide."
    return Said(value=value, title="It trades very much", detail=detail)


@rule("doubt", 0.5, "Half of the account gone is more than most people can bear.")
def deep_drawdown(seen: Evidence, threshold: float) -> Said | None:
    """Report a deep drawdown."""
    value = seen.metric("max_drawdown")
    if value is None or -value <= threshold:
        return None
    detail = f"At its worst it was {percent(-value)} below its best."
    return Said(value=-value, title="It falls very deep", detail=detail)


@rule("doubt", 1 / 3, "A third of the time without a new high is hard to sit through.")
def long_underwater(seen: Evidence, threshold: float) -> Said | None:
    """Report a long time without a new high."""
    if seen.underwater_share <= threshold:
        return None
    share = percent(seen.underwater_share)
    detail = f"For {share} of the run in one piece there was no new high."
    title = "A long time without a new high"
    if seen.is_underwater:
        detail = f"For the last {share} of the run there has been no new high."
        title = "No new high for a long time"
    return Said(value=seen.underwater_share, title=title, detail=detail)


@rule("doubt", 0.5, "Many small wins and few large losses look well until the next large loss.")
def many_small_wins(seen: Evidence, threshold: float) -> Said | None:
    """Report a high win rate (70 % and more) with wins half as large as losses."""
    win_rate, payoff = seen.metric("win_rate"), seen.metric("payoff_ratio")
    if win_rate is None or payoff is None or win_rate < 0.7 or payoff >= threshold:
        return None
    detail = (
        f"It wins {percent(win_rate)} of its trades, but a win is only {payoff:.2f} times as "
        "large as a loss."
    )
    return Said(value=payoff, title="Small wins, large losses", detail=detail)
