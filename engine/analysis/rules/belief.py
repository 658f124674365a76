"""Whether a result could have been had: what was known, paid, filled and used."""

from __future__ import annotations

from engine.analysis.evidence import Evidence
from engine.analysis.rules.rule import Rule, Said, adding_to
from engine.analysis.words import percent

RULES: list[Rule] = []
rule = adding_to(RULES)


# What makes a result worthless.


@rule("fail", 0, "A strategy that knows the future cannot be traded.")
def look_ahead(seen: Evidence, threshold: float) -> Said | None:
    """Report a failed look-ahead check."""
    if seen.look_ahead != "fail":
        return None
    detail = "Changing the future changes what the strategy did before it."
    return Said(value=1, title="It looks into the future", detail=detail)


@rule("fail", 0, "A result that depends on where the data happen to begin is an accident.")
def warm_up(seen: Evidence, threshold: float) -> Said | None:
    """Report a failed warm-up check."""
    if seen.warm_up != "fail":
        return None
    detail = "Started on later bars, the strategy gives other signals where it should not."
    return Said(value=1, title="It depends on where the data begin", detail=detail)


@rule("fail", 0, "An account that is empty stays empty.")
def bankrupt(seen: Evidence, threshold: float) -> Said | None:
    """Report ruin."""
    if seen.status != "bankrupt":
        return None
    detail = "The equity fell to zero; nothing was traded after that."
    return Said(value=1, title="The account was ruined", detail=detail)


@rule("fail", 0, "A price is known only when it is too late to trade at it.")
def unexecutable_fills(seen: Evidence, threshold: float) -> Said | None:
    """Report fills at the close that made the order."""
    if seen.fill_rule != "this_close":
        return None
    detail = "Orders fill at the very close that made them, which nobody can do."
    return Said(value=1, title="Nobody can trade these prices", detail=detail)


@rule("fail", 0, "No market trades for nothing; small gains a trade live from that alone.")
def zero_costs(seen: Evidence, threshold: float) -> Said | None:
    """Report a run without commission, slippage and spread."""
    if not seen.is_free or seen.n_fills == 0:
        return None
    detail = "There is no commission, no slippage and no spread in this run."
    return Said(value=0, title="Trading costs nothing here", detail=detail)


@rule("fail", 1, "Without trades there is nothing to judge.")
def no_trades(seen: Evidence, threshold: float) -> Said | None:
    """Report a run that never traded."""
    if seen.n_fills >= threshold:
        return None
    detail = "No order was filled. Look at its conditions, its size and its period."
    return Said(value=seen.n_fills, title="It never trades", detail=detail)


# Fills that may not have been had.


@rule("doubt", 0.05, "One fill in twenty is enough to carry a result.")
def ambiguous_fills(seen: Evidence, threshold: float) -> Said | None:
    """Report many fills that depend on the order of prices inside a bar."""
    share = seen.ambiguous_share
    if share is None or share <= threshold:
        return None
    detail = f"{percent(share)} of the fills depend on what came first inside a bar."
    return Said(value=share, title="Many fills are ambiguous", detail=detail)


@rule("doubt", 0.05, "Five percent between two assumptions is more than most edges give a year.")
def wide_band(seen: Evidence, threshold: float) -> Said | None:
    """Report a final equity that depends on the path rule."""
    width = seen.band_width
    if width is None or width <= threshold:
        return None
    detail = (
        f"Between the most hopeful and the most cautious path inside the bars, final equity "
        f"differs by {percent(width)}."
    )
    return Said(value=width, title="The path inside the bars decides", detail=detail)


@rule("doubt", 0.10, "An order of a tenth of a bar's volume moves the price it trades at.")
def large_orders(seen: Evidence, threshold: float) -> Said | None:
    """Report fills that are large against the market's volume."""
    share = seen.largest_volume_share
    if share is None or share <= threshold:
        return None
    detail = f"In one bar it trades {percent(share)} of all that was traded."
    return Said(value=share, title="Its orders are large for this market", detail=detail)


@rule("doubt", 0.05, "What was wanted and not done is not in the result.")
def rejected_orders(seen: Evidence, threshold: float) -> Said | None:
    """Report many rejected orders."""
    share = seen.rejected_share
    if share is None or share <= threshold:
        return None
    detail = f"{percent(share)} of its orders were refused, mostly for want of cash."
    return Said(value=share, title="Many orders were refused", detail=detail)


@rule("doubt", 0.01, "On a bar that is missing nothing can be traded, and prices are old.")
def stale_bars(seen: Evidence, threshold: float) -> Said | None:
    """Report symbols that often have no bar."""
    if seen.stale_share <= threshold:
        return None
    detail = f"{percent(seen.stale_share)} of the bars are missing and were marked at old prices."
    return Said(value=seen.stale_share, title="Prices are often old", detail=detail)


# What it was made from.


@rule("doubt", 0, "Adjusted prices were never quoted, and carry later events back in time.")
def adjusted_prices(seen: Evidence, threshold: float) -> Said | None:
    """Report series that were adjusted before they were imported."""
    if not seen.is_adjusted:
        return None
    detail = "The prices were adjusted for splits and dividends before they were imported."
    return Said(value=1, title="The prices are adjusted ones", detail=detail)


@rule("doubt", 0, "Made-up prices hold only what was put into them.")
def synthetic_prices(seen: Evidence, threshold: float) -> Said | None:
    """Report generated series."""
    if not seen.is_synthetic:
        return None
    detail = "The prices were generated; they are not a market's."
    return Said(value=1, title="The prices are made up", detail=detail)


@rule("info", 5, "A few symbols picked today were picked because they did well.")
def picked_symbols(seen: Evidence, threshold: float) -> Said | None:
    """Report a few symbols that all still trade."""
    if seen.n_symbols >= threshold or seen.n_delisted > 0:
        return None
    noun = "One symbol" if seen.n_symbols == 1 else f"{seen.n_symbols} symbols"
    detail = f"{noun}, and none that stopped trading: nobody knew then which ones would last."
    return Said(value=seen.n_symbols, title="Survivors only", detail=detail)


@rule("info", 1e-10, "The books must balance to a billionth; this is close to it.")
def rough_books(seen: Evidence, threshold: float) -> Said | None:
    """Report books that balance only just."""
    if seen.recon_error <= threshold:
        return None
    detail = (
        f"What the trades explain and what the equity shows differ by {seen.recon_error:.1e} of "
        "the cash, by rounding of very large or very small numbers."
    )
    return Said(value=seen.recon_error, title="The books only just balance", detail=detail)
