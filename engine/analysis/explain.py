"""Why a trade was made, at which price, and why it ended: its events with the values known then."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from engine.analysis.levels import Row, TrailMove
from engine.analysis.price_words import arithmetic, fee_words, limit_of, why_this_price
from engine.analysis.story import CHILDREN, Step, Story, Trade, row_of
from engine.analysis.words import amount, day, iso, money, price
from engine.events import FORCED
from engine.types import FillPhase, OrderType, Reason, Signals, SizeKind

MOST_MOVES = 20
"""Moves of a trailing stop that are told one by one; the chart has them all."""

UNEXPLAINED = "The strategy's code asked for it."
FORCED_WORDS = {
    Reason.MARGIN: ("F12", "The equity at this close no longer covered the maintenance margin."),
    Reason.BANKRUPT: ("F12", "The equity at this close was zero or less: everything is closed."),
    Reason.RISK: ("F18", "The drawdown at this close reached the configured limit."),
    Reason.DELISTED: ("F15", "This is the last bar of a symbol that stopped trading."),
    Reason.END: ("F15", "The run ends here and is configured to close what is open."),
    Reason.SPLIT: ("F14", "A split left a fraction of a share, which is paid out in cash."),
}


def explain(story: Story, trade_row: int) -> dict[str, Any]:
    """Return the steps of one trade, and where its stop and target stood at each bar.

    Parameters
    ----------
    story : Story
    trade_row : int
        Row of Ledger.trades.

    Returns
    -------
    dict
        steps: part (entry, held, exit), kind, time, title, text, rule, values;
        levels: time (UTC ms), stop (the tighter of stop and trail), target, NaN where none.
    """
    trade = Trade(story, trade_row)
    steps = [*_entry(trade), *_held(trade), *_exit(trade)]
    time = story.ledger.time
    return {
        "steps": [
            {
                "part": step.part,
                "kind": step.kind,
                "time": iso(time[step.i]),
                "title": step.title,
                "text": step.text,
                "rule": step.rule,
                "values": {
                    name: float(value) for name, value in step.values.items() if value == value
                },
            }
            for step in steps
        ],
        "levels": {
            "time": time[trade.levels.i],
            "stop": trade.levels.tighter,
            "target": trade.levels.target,
        },
    }


# Entry


def _entry(trade: Trade) -> Iterator[Step]:
    order, fill = trade.order, trade.fill
    side = "long" if trade.side > 0 else "short"
    yield from _decision("entry", trade, order, f"enter_{side}")
    yield _order_step("entry", order, fill)
    yield _fill_step("entry", trade, order, fill)
    yield _size_step(trade)


def _decision(part: str, trade: Trade, order: Row, field: str) -> Iterator[Step]:
    """Yield the bar at whose close an order was made, and what asked for it."""
    i = int(order["i_time"])
    bar = trade.bar(i)
    when = day(trade.story.ledger.time[i])
    if bar["close"] == bar["close"]:
        yield Step(
            part=part,
            kind="market",
            i=i,
            title=f"{trade.symbol} closes at {price(bar['close'])}",
            text=f"The bar of {when} is complete: open {price(bar['open'])}, high "
            f"{price(bar['high'])}, low {price(bar['low'])}, close {price(bar['close'])}. Nothing "
            "later is known.",
            rule="F1",
            values=bar,
        )
    reason = Reason(order["reason"])
    if reason in FORCED:
        rule, text = FORCED_WORDS[reason]
        yield Step(
            part=part, kind="signal", i=i, title=_title(reason), text=text, rule=rule, values={}
        )
        return
    wish = _wish(trade, i, field)
    yield Step(
        part=part,
        kind="signal",
        i=i,
        title=wish[0],
        text=wish[1],
        rule="F1",
        values=trade.indicators(i),
    )


def _wish(trade: Trade, i: int, field: str) -> tuple[str, str]:
    """Return title and text of what the strategy wanted at the close of bar `i`."""
    known = ", ".join(
        f"{name} = {price(value)}" for name, value in trade.indicators(i).items() if value == value
    )
    title, text = "The strategy orders", UNEXPLAINED
    if isinstance(trade.story.decisions, Signals):
        says = trade.story.conditions.get(field)
        because = f": {says}" if says else ""
        title, text = f"Signal {field}", f"`{field}` is true at this close{because}."
    return title, f"{text} Known then: {known}." if known else text


def _title(reason: Reason) -> str:
    return {
        Reason.MARGIN: "Margin call",
        Reason.BANKRUPT: "Ruin",
        Reason.RISK: "Drawdown limit",
        Reason.DELISTED: "Delisting",
        Reason.END: "End of the run",
    }[reason]


def _order_step(part: str, order: Row, fill: Row) -> Step:
    side = "buy" if order["side"] > 0 else "sell"
    limit, stop = float(order["limit"]), float(order["stop"])
    match OrderType(order["type"]):
        case OrderType.LIMIT:
            what = f"limit order to {side} at {price(limit)} or better"
        case OrderType.STOP:
            what = f"stop order to {side} once the price reaches {price(stop)}"
        case OrderType.STOP_LIMIT:
            what = (
                f"stop-limit order to {side} once the price reaches {price(stop)}, at "
                f"{price(limit)} or better"
            )
        case _:
            what = f"market order to {side}"
    is_market = order["type"] == OrderType.MARKET
    place = "the next bar's open"
    if fill["phase"] == FillPhase.CLOSE:
        is_at_once = fill["i_time"] == order["i_time"]
        place = "this very close" if is_at_once else "the next bar's close"
    when = f"It fills at {place}" if is_market else "It works from the next bar on"
    if Reason(order["reason"]) in FORCED:
        when = "It is made by the broker, not by the strategy"
    return Step(
        part=part,
        kind="order",
        i=int(order["i_time"]),
        title=f"Order {order['order_id']}: {what.split(' order')[0]} {side}",
        text=f"A {what}. {when}.",
        rule="F3" if not is_market else "F1",
        values={"limit": limit, "stop": stop},
    )


def _fill_step(part: str, trade: Trade, order: Row, fill: Row) -> Step:
    target = math.nan
    if fill["reason"] == Reason.TARGET:
        target = float(trade.exit_levels.target[-1])
    execution, bar = trade.story.config.execution, trade.bar(int(fill["i_time"]))
    paid = arithmetic(fill, execution, limit_of(fill, order, target), bar["volume"])
    rule, why = why_this_price(trade, order, fill)
    verb = "Bought" if fill["side"] > 0 else "Sold"
    return Step(
        part=part,
        kind="fill",
        i=int(fill["i_time"]),
        title=f"{verb} {amount(fill['quantity'])} at {price(fill['price'])}",
        text=f"{why} Price: {paid}. {_sentence(fee_words(fill))}",
        rule=rule,
        values={
            **bar,
            "raw": fill["raw"],
            "price": fill["price"],
            "quantity": fill["quantity"],
            "fee": fill["fee"],
        },
    )


def _sentence(words: str) -> str:
    return f"{words[0].upper()}{words[1:]}."


def _size_step(trade: Trade) -> Step:
    fill = trade.fill
    value = fill["quantity"] * fill["price"]
    wanted = _sizing_words(int(trade.order["size_kind"]), float(trade.order["size"]))
    text = (
        f"{wanted}: {amount(fill['quantity'])} × {price(fill['price'])} = {money(value)}, with the "
        f"fee {money(value + fill['fee'])}."
    )
    opened = trade.row["quantity"]
    if fill["reason"] == Reason.FLIP:
        text += (
            " The order first closes what was held the other way, and opens with the equity "
            f"after that ({amount(opened)} of them belong to this trade)."
        )
    elif opened < fill["quantity"]:
        text += f" {amount(opened)} of them belong to this trade; exits split an entry into rows."
    stop, target = trade.levels.tighter[0], trade.levels.target[0]
    children = {"stop": float(stop), "target": float(target)}
    worded = [f"{name} at {price(level)}" for name, level in children.items() if level == level]
    if worded:
        text += f" With it from now on: {' and '.join(worded)}."
    return Step(
        part="entry",
        kind="fill",
        i=int(fill["i_time"]),
        title=f"Size {amount(fill['quantity'])}, worth {money(value)}",
        text=text,
        rule="F11" if fill["reason"] == Reason.FLIP else "F7",
        values={
            "quantity": fill["quantity"],
            "value": value,
            **children,
        },
    )


def _sizing_words(kind: int, size: float) -> str:
    """Return a size as its order asked for it."""
    match kind:
        case SizeKind.FRACTION:
            return f"{100 * size:.4g} % of the equity, fee included"
        case SizeKind.UNITS:
            return f"{amount(size)} units"
        case SizeKind.CASH:
            return f"{money(size)}, fee included"
        case SizeKind.RISK:
            return f"{100 * size:.4g} % of the equity at risk down to the stop"
        case _:
            return "Sized by its order"


# Held


def _held(trade: Trade) -> Iterator[Step]:
    steps = [*_actions(trade), *_trail_moves(trade)]
    yield from sorted(steps, key=lambda step: step.i)


def _actions(trade: Trade) -> Iterator[Step]:
    market, begin = trade.story.market, int(trade.fill["i_time"])
    end = trade.story.ledger.time.size - 1 if trade.exit_fill is None else trade.row["exit_i"]
    for i in range(begin + 1, int(end) + 1):
        t = market.first + i
        ratio, cash = float(market.split[trade.s, t]), float(market.dividend[trade.s, t])
        if ratio != 1.0:
            yield Step(
                part="held",
                kind="action",
                i=i,
                title=f"Split, {ratio:g} for 1",
                text=f"Every share becomes {ratio:g}; stop, target and entry price are divided by "
                "that.",
                rule="F14",
                values={"split": ratio},
            )
        if cash != 0.0:
            verb = "paid for" if trade.side > 0 else "debited for"
            yield Step(
                part="held",
                kind="action",
                i=i,
                title=f"Dividend of {price(cash)} a share",
                text=f"{price(cash)} is {verb} every share held at the close before.",
                rule="F14",
                values={"dividend": cash},
            )


def _trail_moves(trade: Trade) -> Iterator[Step]:
    # What the exit bar itself would have moved it to no longer matters.
    moves = [move for move in trade.levels.moves if move.i < trade.levels.i[-1]]
    half = MOST_MOVES // 2
    shown = moves if len(moves) <= MOST_MOVES else [*moves[:half], *moves[-half:]]
    n_hidden = len(moves) - len(shown)
    for number, move in enumerate(shown):
        yield _trail_step(trade, move, n_hidden if number == half else 0)


def _trail_step(trade: Trade, move: TrailMove, n_hidden: int) -> Step:
    extreme = "high" if trade.side > 0 else "low"
    verb = "up" if trade.side > 0 else "down"
    between = f"After {n_hidden} more moves, the" if n_hidden else "The"
    return Step(
        part="held",
        kind="trail",
        i=move.i,
        title=f"Trailing stop {verb} to {price(move.after)}",
        text=f"{between} best {extreme} since the entry is {price(move.extreme)}: the trailing "
        f"stop follows from {price(move.before)} to {price(move.after)}, for the bars after this.",
        rule="F5",
        values={extreme: move.extreme, "before": move.before, "after": move.after},
    )


# Exit


def _exit(trade: Trade) -> Iterator[Step]:
    fill = trade.exit_fill
    if fill is None:
        yield _still_open(trade)
        return
    reason = Reason(fill["reason"])
    order = row_of(trade.story.ledger.orders, int(fill["order_id"]))
    if reason == Reason.SPLIT:
        pass
    elif reason in CHILDREN:
        yield _touched_bar(trade, int(fill["i_time"]))
    else:
        side = "long" if trade.side > 0 else "short"
        other = "short" if trade.side > 0 else "long"
        field = f"enter_{other}" if reason == Reason.FLIP else f"exit_{side}"
        yield from _decision("exit", trade, order, field)
        yield _order_step("exit", order, fill)
    yield _fill_step("exit", trade, order, fill)
    yield _result(trade)


def _touched_bar(trade: Trade, i: int) -> Step:
    bar = trade.bar(i)
    levels = trade.exit_levels
    stop, target = float(levels.tighter[-1]), float(levels.target[-1])
    named = (("stop", stop), ("target", target))
    worded = " and ".join(f"{name} {price(level)}" for name, level in named if level == level)
    return Step(
        part="exit",
        kind="market",
        i=i,
        title=f"{trade.symbol} trades between {price(bar['low'])} and {price(bar['high'])}",
        text=f"Waiting in the bar of {day(trade.story.ledger.time[i])}: {worded}.",
        rule="F5",
        values={**bar, "stop": stop, "target": target},
    )


def _still_open(trade: Trade) -> Step:
    row = trade.row
    return Step(
        part="exit",
        kind="market",
        i=trade.story.ledger.time.size - 1,
        title=f"Still open at {price(row['exit_price'])}",
        text=f"The run ends with the position open; it is marked at the last close, "
        f"{price(row['exit_price'])}, which makes {money(row['pnl'])} so far.",
        rule="F15",
        values={"close": row["exit_price"], "pnl": row["pnl"]},
    )


def _result(trade: Trade) -> Step:
    row = trade.row
    first, second = (
        (row["exit_price"], row["entry_price"])
        if trade.side > 0
        else (row["entry_price"], row["exit_price"])
    )
    word = "Gain" if row["pnl"] > 0.0 else "Loss"
    return Step(
        part="exit",
        kind="fill",
        i=int(row["exit_i"]),
        title=f"{word} of {money(abs(row['pnl']))}",
        text=f"{amount(row['quantity'])} × ({price(first)} − {price(second)}) − fees of "
        f"{money(row['fees'])} = {money(row['pnl'])}, {100 * row['return']:.2f} % of what was put "
        f"in, after {row['bars']} bars.",
        rule="F11",
        values={"pnl": row["pnl"], "fees": row["fees"], "return": row["return"]},
    )
