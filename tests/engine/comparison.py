"""Compare two ledgers, and cut a case on which they differ down to a small one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from engine.types import Ledger, OrderStatus, Reason
from tests.engine.random_markets import Case, cut

Simulate = Callable[..., Ledger]
FLOAT_TOLERANCE = 1e-9

_INTEGERS = {
    "orders": (
        "order_id", "i_time", "symbol", "side", "type", "expire_bars", "status", "reason"
    ),
    "fills": ("i_time", "symbol", "side", "order_id", "reason", "ambiguous", "phase"),
    "trades": (
        "symbol", "side", "entry_i", "exit_i", "bars", "exit_reason", "ambiguous", "open",
        "order_id",
    ),
}  # fmt: skip
_FLOATS = {
    "orders": (
        "quantity", "limit", "stop", "filled_quantity", "filled_price", "stop_a", "stop_b",
        "target_a", "target_b", "trail",
    ),
    "fills": ("quantity", "price", "fee"),
    "trades": (
        "quantity", "entry_price", "exit_price", "fees", "pnl", "return", "mae", "mfe",
        "r_multiple",
    ),
}  # fmt: skip


def first_difference(got: Ledger, expected: Ledger, cash: float) -> str | None:
    """Return where two ledgers differ first, or None.

    Integers and names must be equal; floats must agree to 1e-9 of their size, money to 1e-9 of
    the initial cash.
    """
    for table in ("fills", "orders", "trades"):
        difference = _table_difference(table, getattr(got, table), getattr(expected, table), cash)
        if difference is not None:
            return difference
    for name in ("time", "equity", "cash", "market_value", "gross_value", "flow"):
        one, two = getattr(got, name), getattr(expected, name)
        if name == "flow":  # None without flows
            one = np.zeros(got.equity.size) if one is None else one
            two = np.zeros(expected.equity.size) if two is None else two
        if one.shape != two.shape:
            return f"{name}: shape {one.shape}, expected {two.shape}"
        for i in range(one.size):
            if not _is_near_money(float(one[i]), float(two[i]), cash):
                return f"{name} at i_time {i}: {one[i]!r}, expected {two[i]!r}"
    for name in ("ambiguous_fills", "stale_bars", "conflicts", "status"):
        if getattr(got, name) != getattr(expected, name):
            return f"{name}: {getattr(got, name)!r}, expected {getattr(expected, name)!r}"
    for name, value in expected.totals.items():
        if not _is_near_money(got.totals[name], value, cash):
            return f"total {name}: {got.totals[name]!r}, expected {value!r}"
    for who, ledger in (("got", got), ("expected", expected)):
        if not ledger.recon_error < FLOAT_TOLERANCE:
            return f"recon_error {ledger.recon_error!r} of what was {who} (F16)"
    return None


def _table_difference(table, got, expected, cash: float) -> str | None:
    n_got = len(next(iter(got.values()))) if got else 0
    n_expected = len(next(iter(expected.values()))) if expected else 0
    for row in range(min(n_got, n_expected)):
        for name in _INTEGERS[table] + _FLOATS[table]:
            one, two = float(got[name][row]), float(expected[name][row])
            is_same = one == two if name in _INTEGERS[table] else _is_near(one, two, cash)
            if not is_same:
                return (
                    f"{table} row {row}, {name}: {one!r}, expected {two!r}\n"
                    f"    got      {row_text(got, row)}\n    expected {row_text(expected, row)}"
                )
    if n_got != n_expected:
        longer, row = (got, n_expected) if n_got > n_expected else (expected, n_got)
        who = "got, not expected" if n_got > n_expected else "expected, not got"
        return f"{table}: {n_got} rows, expected {n_expected}; {who}: {row_text(longer, row)}"
    return None


def _is_near(one: float, two: float, cash: float) -> bool:
    if np.isnan(one) or np.isnan(two):
        return bool(np.isnan(one) and np.isnan(two))
    return abs(one - two) <= FLOAT_TOLERANCE * max(abs(two), 1.0, min(cash, abs(one) + 1.0))


def _is_near_money(one: float, two: float, cash: float) -> bool:
    """Whether two sums agree: rounding is that of what was added, not of what is left."""
    return abs(one - two) <= FLOAT_TOLERANCE * max(abs(two), cash)


def row_text(table, row: int) -> str:
    """One row of a table, with names in place of codes."""
    words = []
    for name, column in table.items():
        value = column[row].item()
        if name in ("reason", "exit_reason"):
            value = Reason(int(value)).name.lower() if value >= 0 else "open"
        elif name == "status":
            value = OrderStatus(int(value)).name.lower()
        if not (isinstance(value, float) and np.isnan(value)):
            words.append(f"{name}={value}")
    return " ".join(words)


# ── a minimal reproduction ──────────────────────────────────────────────────────────────────


def shrink(case: Case, differs: Callable[[Case], bool]) -> Case:
    """Return a small case that still differs: fewer bars, symbols, signals and options."""
    changed = True
    while changed:
        changed = False
        for smaller in _smaller(case):
            if differs(smaller):
                case, changed = smaller, True
                break
    return case


def _smaller(case: Case) -> Iterator[Case]:
    n_symbols, n_times = case.market.close.shape
    for end in sorted({n_times // 2, n_times - 1}):
        if end > case.market.first:
            yield cut(case, times=slice(0, end))
    if case.market.first == 0:
        for begin in sorted({n_times // 2, 1}, reverse=True):
            if begin < n_times:
                yield cut(case, times=slice(begin, n_times))
    for row in range(n_symbols):
        if n_symbols > 1:
            yield cut(case, rows=[other for other in range(n_symbols) if other != row])
    yield from _plainer_configs(case)
    yield from _plainer_signals(case)


def _plainer_configs(case: Case) -> Iterator[Case]:
    for part in ("execution", "costs", "margin", "risk"):
        record = getattr(case.config, part)
        plain = {"slippage_bps": 0.0, "rate_bps": 0.0}
        for name, field in type(record).model_fields.items():
            value = plain.get(name, field.default)
            if name != "path" and getattr(record, name) != value:
                changed = record.model_copy(update={name: value})
                yield replace(case, config=case.config.model_copy(update={part: changed}))


def _plainer_signals(case: Case) -> Iterator[Case]:
    signals = case.signals
    for name in ("long", "short"):
        side = getattr(signals, name)
        for field in ("stop", "target", "trail"):
            if getattr(side, field) is not None:
                changed = replace(side, **{field: None})
                yield replace(case, signals=replace(signals, **{name: changed}))
        for field in ("enter", "exit"):
            flags = getattr(side, field)
            for row, i in zip(*np.nonzero(flags), strict=True):
                fewer = flags.copy()
                fewer[row, i] = False
                changed = replace(side, **{field: fewer})
                yield replace(case, signals=replace(signals, **{name: changed}))
    for field, value in (("pyramiding", 1), ("expire_bars", 0)):
        if getattr(signals, field) != value:
            yield replace(case, signals=replace(signals, **{field: value}))
    for market_field, value in (("split", 1.0), ("dividend", 0.0)):
        array = getattr(case.market, market_field)
        if (array != value).any():
            plain = replace(case.market, **{market_field: np.full_like(array, value)})
            yield replace(case, market=plain)


def describe(case: Case) -> str:
    """A case as text: everything that is needed to follow it by hand."""
    market, signals = case.market, case.signals
    lines = [f"seed {case.seed}, first {market.first}"]
    config = case.config.model_dump()
    shown = {part: config[part] for part in ("execution", "costs", "margin", "risk")}
    defaults = type(case.config)(symbols=["A"], strategy=case.config.strategy).model_dump()
    for part, options in shown.items():
        changed = {k: v for k, v in options.items() if v != defaults[part][k]}
        lines.append(f"{part}: {changed}")
    lines.append(f"cash {case.config.cash}, lot {case.config.lot}")
    lines.append(
        f"size {signals.size_kind.name}, expire {signals.expire_bars}, "
        f"pyramiding {signals.pyramiding}"
    )
    for s, symbol in enumerate(market.symbols):
        lines.append(f"{symbol}: lot {market.lot[s]}, delisted {market.delisted[s]}")
        for i in range(market.time.size):
            if not market.has_bar[s, i]:
                lines.append(f"  {i}: no bar")
                continue
            words = [f"{market.time[i] / 86_400_000 - 14610:g}d"]
            words += [f"{getattr(market, n)[s, i]:g}" for n in ("open", "high", "low", "close")]
            words.append(f"volume {market.volume[s, i]:g}")
            if market.split[s, i] != 1.0:
                words.append(f"split {market.split[s, i]:g}")
            if market.dividend[s, i] != 0.0:
                words.append(f"dividend {market.dividend[s, i]:g}")
            for name in ("long", "short"):
                words += _signal_words(signals, name, s, i)
            lines.append(f"  {i}: " + " ".join(words))
    return "\n".join(lines)


def _signal_words(signals, name: str, s: int, i: int) -> list[str]:
    side = getattr(signals, name)
    words = [f"EXIT_{name}"] if side.exit[s, i] else []
    if not side.enter[s, i]:
        return words
    words.append(f"ENTER_{name} size {signals.size[s, i]:g}")
    for field in ("limit", "trigger", "trail"):
        values = getattr(side, field)
        if values is not None:
            words.append(f"{field} {values[s, i]:g}")
    for field in ("stop", "target"):
        line = getattr(side, field)
        if line is not None:
            words.append(f"{field} {line[0][s, i]:g}+{line[1][s, i]:g}p")
    if side.trail is not None and side.is_trail_fraction:
        words.append("(fraction)")
    return words


def explain(case: Case, simulate: Simulate, twin: Simulate) -> str | None:
    """Return the first difference on a case with a minimal reproduction, or None."""

    def difference(one: Case) -> str | None:
        expected = twin(one.market, one.signals, one.config)
        got = simulate(one.market, one.signals, one.config)
        return first_difference(got, expected, one.config.cash)

    found = difference(case)
    if found is None:
        return None
    small = shrink(case, lambda one: difference(one) is not None)
    return f"seed {case.seed}: {found}\nsmallest case: {difference(small)}\n{describe(small)}"
