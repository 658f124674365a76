"""Whether a result is carried by enough, and survives a change."""

from __future__ import annotations

from engine.analysis.evidence import Evidence
from engine.analysis.rules.rule import Rule, Said, adding_to
from engine.analysis.words import percent

RULES: list[Rule] = []
rule = adding_to(RULES)


# Too little to go by.


@rule("doubt", 30, "An average of fewer than about thirty trades says little about the next ones.")
def few_trades(seen: Evidence, threshold: float) -> Said | None:
    """Report few closed trades."""
    n_trades = seen.metric("trades")
    if n_trades is None or seen.n_fills == 0 or n_trades >= threshold:
        return None
    noun = "trade" if n_trades == 1 else "trades"
    detail = f"{n_trades:.0f} closed {noun}: a few lucky ones can make all of the result."
    return Said(value=n_trades, title=f"Only {n_trades:.0f} {noun}", detail=detail)


@rule("doubt", 3, "Three years hardly hold one good and one bad market.")
def short_sample(seen: Evidence, threshold: float) -> Said | None:
    """Report a short period."""
    if seen.years >= threshold:
        return None
    detail = f"The run covers {seen.years:.1f} years: it may have met one kind of market only."
    return Said(value=seen.years, title=f"Only {seen.years:.1f} years", detail=detail)


@rule("doubt", 0.95, "One in twenty strategies without any skill looks better than that.")
def weak_evidence(seen: Evidence, threshold: float) -> Said | None:
    """Report a low probability that the Sharpe ratio is above zero (PSR)."""
    value = seen.metric("psr")
    if value is None or value >= threshold:
        return None
    detail = (
        f"The probability that its true Sharpe ratio is above zero is {percent(value)}, given how "
        "long the record is and how its returns are spread."
    )
    return Said(value=value, title="It may be luck", detail=detail)


@rule("doubt", 1, "Below this length the Sharpe ratio cannot be told from zero at 95 %.")
def short_record(seen: Evidence, threshold: float) -> Said | None:
    """Report a record shorter than the minimum track record length."""
    needed = seen.metric("min_track_record_length")
    if needed is None or needed <= 0.0 or seen.n_returns / needed >= threshold:
        return None
    detail = (
        f"{needed:,.0f} returns would be needed to tell its Sharpe ratio from zero; it has "
        f"{seen.n_returns:,}."
    )
    return Said(value=seen.n_returns / needed, title="The record is too short", detail=detail)


@rule("doubt", 0, "When zero lies inside the interval, no edge at all is a fair reading.")
def sharpe_includes_zero(seen: Evidence, threshold: float) -> Said | None:
    """Report a confidence interval of the Sharpe ratio that reaches zero."""
    if seen.sharpe_interval is None or seen.sharpe_interval[0] > threshold:
        return None
    low, high = seen.sharpe_interval
    detail = (
        f"Drawn again from its own returns, its Sharpe ratio lies between {low:.2f} and "
        f"{high:.2f} nineteen times out of twenty."
    )
    return Said(value=low, title="Its Sharpe ratio could be zero", detail=detail)


@rule("doubt", 0.75, "Where random moments do as well so often, the moments did not earn it.")
def timing_is_luck(seen: Evidence, threshold: float) -> Said | None:
    """Report trades at random times that often end as well."""
    value = seen.timing_percentile
    if value is None or value >= threshold:
        return None
    detail = (
        f"The same trades begun at random bars end at least as well {percent(1.0 - value)} of the "
        "time: this is what being in the market so long earns."
    )
    return Said(value=value, title="Random entries do as well", detail=detail)


@rule("doubt", 0.95, "What only one order in twenty does will not come again.")
def lucky_order(seen: Evidence, threshold: float) -> Said | None:
    """Report trades that came in an order with an unusually mild drawdown."""
    value, usual = seen.order_percentile, seen.usual_drawdown
    if value is None or usual is None or value <= threshold:
        return None
    detail = (
        f"In {percent(value)} of all orders the same trades fall deeper, half of them by more than "
        f"{percent(-usual)}: expect that."
    )
    return Said(value=value, title="Its trades came in a lucky order", detail=detail)


# A result that hangs on little.


@rule("doubt", 1.0, "If all the rest adds up to nothing, the result is those three trades.")
def few_trades_make_it(seen: Evidence, threshold: float) -> Said | None:
    """Report three trades that make all the profit."""
    share = seen.best_trades_share
    if share is None or share < threshold:
        return None
    detail = f"The three best trades made {percent(share)} of the profit; the others none."
    return Said(value=share, title="Three trades make all the profit", detail=detail)


@rule("doubt", 1.0, "If all other years add up to nothing, the result is that one year.")
def one_year_makes_it(seen: Evidence, threshold: float) -> Said | None:
    """Report one calendar year that makes all the growth."""
    share = seen.best_year_share
    if share is None or share < threshold:
        return None
    detail = f"The best calendar year made {percent(share)} of the whole growth."
    return Said(value=share, title="One year makes all the profit", detail=detail)


@rule("doubt", 1.0, "If all other symbols add up to nothing, the result is that one symbol.")
def one_symbol_makes_it(seen: Evidence, threshold: float) -> Said | None:
    """Report one of several symbols that makes all the profit."""
    share = seen.best_symbol_share
    if share is None or share < threshold:
        return None
    detail = f"One of {seen.n_symbols} symbols made {percent(share)} of the profit."
    return Said(value=share, title="One symbol makes all the profit", detail=detail)


@rule("doubt", 0.5, "Half of the profit was never taken: another end date shows another result.")
def open_position_makes_it(seen: Evidence, threshold: float) -> Said | None:
    """Report open positions that make most of the profit."""
    share = seen.open_share
    if share is None or share < threshold:
        return None
    detail = f"What is still open at the end makes {percent(share)} of the profit."
    return Said(value=share, title="Most of the profit is still open", detail=detail)


@rule("doubt", 0.5, "One trade at an end comes and goes with the dates that were chosen.")
def edge_trade_makes_it(seen: Evidence, threshold: float) -> Said | None:
    """Report a first or last trade that makes most of the profit."""
    share = seen.edge_trade_share
    if share is None or share < threshold:
        return None
    detail = f"The first or the last trade alone made {percent(share)} of the profit."
    return Said(
        value=share, title="The first or last trade makes most of the profit", detail=detail
    )


# A result that does not survive a change.


@rule("doubt", 0.0, "Real costs are easily twice the assumed ones.")
def costs_kill_it(seen: Evidence, threshold: float) -> Said | None:
    """Report a profit that doubled costs take away."""
    value, own = _variant(seen, "costs_2"), seen.metric("total_return")
    if value is None or own is None or own <= 0.0 or value > threshold:
        return None
    detail = f"With twice the costs it returns {percent(value)} in place of {percent(own)}."
    return Said(value=value, title="Twice the costs kill it", detail=detail)


@rule("doubt", 2.0, "Less room than once more the assumed cost is used up by one bad guess.")
def thin_margin(seen: Evidence, threshold: float) -> Said | None:
    """Report a break-even cost close to what is paid."""
    if seen.break_even_bps is None or seen.paid_bps <= 0.0:
        return None
    room = seen.break_even_bps / seen.paid_bps
    if room >= threshold:
        return None
    detail = (
        f"Nothing is left at {seen.break_even_bps:.1f} bps a fill; this run paid "
        f"{seen.paid_bps:.1f}."
    )
    return Said(value=room, title="Little room for costs", detail=detail)


@rule("doubt", 0.5, "A real edge fades with a bar of delay, it does not halve.")
def delay_kills_it(seen: Evidence, threshold: float) -> Said | None:
    """Report a profit of which one bar of delay takes more than half."""
    value, own = _variant(seen, "delay_1"), seen.metric("total_return")
    if value is None or own is None or own <= 0.0 or value / own >= threshold:
        return None
    detail = f"One bar later it returns {percent(value)} in place of {percent(own)}."
    return Said(value=value / own, title="One bar of delay kills it", detail=detail)


@rule("doubt", 0.5, "Neighbours that do half as well mark a spike, not a plateau.")
def parameter_sensitive(seen: Evidence, threshold: float) -> Said | None:
    """Report a parameter whose next value halves the profit."""
    worst, own = _worst(seen, "parameters_"), seen.metric("total_return")
    if worst is None or own is None or own <= 0.0 or worst / own >= threshold:
        return None
    detail = (
        f"With one parameter one step off it returns {percent(worst)} in place of {percent(own)}."
    )
    return Said(value=worst / own, title="Its parameters sit on a spike", detail=detail)


@rule("doubt", 0.5, "Who starts a few weeks later should not get half.")
def start_sensitive(seen: Evidence, threshold: float) -> Said | None:
    """Report a start a month later that halves the profit."""
    values = [_variant(seen, f"start_{n}") for n in (1, 5, 21)]
    known = [value for value in values if value is not None]
    own = seen.metric("total_return")
    if not known or own is None or own <= 0.0 or min(known) / own >= threshold:
        return None
    worst = min(known)
    detail = f"Started up to 21 bars later it returns {percent(worst)}, not {percent(own)}."
    return Said(value=worst / own, title="It depends on its first day", detail=detail)


def _variant(seen: Evidence, name: str) -> float | None:
    """Return the total return of a variant."""
    value = seen.variants.get(name, {}).get("total_return")
    return None if value is None else float(value)


def _worst(seen: Evidence, prefix: str) -> float | None:
    """Return the lowest total return of a group of variants."""
    values = [_variant(seen, name) for name in seen.variants if name.startswith(prefix)]
    return min((value for value in values if value is not None), default=None)
