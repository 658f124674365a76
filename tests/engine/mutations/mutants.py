"""Each rule broken on purpose, once or more: what `mutations` applies, one at a time.

A mutant that survives its tests is a test that is missing.
"""

from __future__ import annotations

from typing import NamedTuple

BROKER = "engine/kernels/broker.py"
DETAIL = "engine/kernels/broker_detail.py"
EVENTS = "engine/kernels/broker_events.py"
FILLS = "engine/kernels/broker_fills.py"
FLOWS = "engine/kernels/broker_flows.py"
INSIDE = "engine/kernels/broker_inside.py"
PHASES = "engine/kernels/broker_phases.py"
SIZES = "engine/kernels/broker_sizes.py"
CURVE = "engine/kernels/sweep_curve.py"
PLAIN = "engine/kernels/sweep_plain.py"
ROWS = "engine/kernels/sweep_rows.py"
SWEEP = "engine/kernels/sweep_walk.py"
WORDS = "engine/kernels/sweep_words.py"
KELLY = "engine/kernels/broker_sizing.py"
WEIGHTS = "engine/kernels/broker_targets.py"
PAIRS = "engine/kernels/broker_trades.py"
MARKET = "engine/market.py"
SIMULATION = "engine/simulation.py"
RATIOS = "engine/metrics/ratios.py"
DRAWDOWNS = "engine/metrics/drawdowns.py"
SERIES = "engine/metrics/series.py"
TRADING = "engine/metrics/trading.py"
SHARPE = "engine/significance/sharpe.py"
OVERFITTING = "engine/significance/overfitting.py"
MONTE_CARLO = "engine/significance/monte_carlo.py"
RANDOM_ENTRIES = "engine/significance/random_entries.py"
GRID = "engine/significance/grid.py"
LUCK = "engine/analysis/luck.py"
SPLITS = "engine/walkforward/splits.py"
ACCOUNTS = "engine/walkforward/accounts.py"
CHOOSING = "engine/walkforward/choosing.py"
PREPARING = "engine/walkforward/preparing.py"
STITCHING = "engine/walkforward/stitching.py"
CLOCK = "engine/clock.py"
CHECKS = "engine/checks.py"
BENCHMARK = "engine/benchmark.py"
ARITHMETIC = "engine/formula/arithmetic.py"
OTHER_SERIES = "engine/formula/series.py"


class Mutant(NamedTuple):
    """One fault: in `file`, `text` (which stands there once) becomes `fault`."""

    rule: str
    file: str
    text: str
    fault: str
    tests: str


def rule_file(number: int, name: str) -> str:
    """Return the test file of an execution rule."""
    return f"tests/engine/test_rule_f{number:02d}_{name}.py"


METRICS = " ".join(
    f"tests/engine/test_metrics{part}.py"
    for part in ("", "_m1_growth", "_m4_returns", "_m7_benchmark", "_m8_trades")
)
SIGNIFICANCE = "tests/engine/test_metrics_m11_significance.py"
CHANCE = "tests/engine/test_monte_carlo.py"
PLATEAU = "tests/engine/test_grid.py"
FOLDS = "tests/engine/test_splits.py"
WALK = "tests/engine/test_walkforward.py"
CROSS = "tests/engine/test_cross_validation.py"
SWEPT = "tests/engine/test_sweep_kernels.py"
FORMULA = "tests/engine/test_formula_values.py tests/engine/test_formula.py"
ENTRIES = "tests/engine/test_truth_entries.py"
EXITS = "tests/engine/test_truth_children.py"

MUTANTS = (
    # ── execution ───────────────────────────────────────────────────────────────────────────
    Mutant("F1", PHASES, "return order.when == NEXT_OPEN", "return True", ENTRIES),
    Mutant(
        "F2", PHASES, "(True, False)", "(False, True)",
        rule_file(1, "clock"),
    ),
    Mutant(
        "F2", BROKER, "accrue(state, previous_cash,", "accrue(state, account.cash,",
        rule_file(2, "order"),
    ),
    Mutant(
        "F2", EVENTS, "is_earlier and order.reason == SIGNAL", "order.reason == SIGNAL",
        "tests/engine/test_event_requests.py",
    ),
    Mutant(
        "F3", PHASES, "return is_limit and order.side * (order.limit - price) >= 0.0",
        "return is_limit and order.side * (order.limit - price) > 0.0", ENTRIES,
    ),
    Mutant(
        "F3", INSIDE, "return end >= level + through if is_up else end <= level - through",
        "return end > level + through if is_up else end < level - through", ENTRIES,
    ),
    Mutant(
        "F4", INSIDE, "return book.high - book.open < book.open - book.low",
        "return book.high - book.open <= book.open - book.low", ENTRIES,
    ),
    Mutant(
        "F4", INSIDE, "is_stop_sure = may_stop and (is_limit or",
        "is_stop_sure = may_stop and (not is_limit or", ENTRIES,
    ),
    Mutant(
        "F4", INSIDE, "may_target and (path != PESSIMISTIC or not may_stop)",
        "may_target and (path == PESSIMISTIC or not may_stop)", EXITS,
    ),
    Mutant(
        "F4", INSIDE, "is_one_move and abs(other - book.open) < abs(level - book.open)",
        "is_one_move and abs(other - book.open) > abs(level - book.open)",
        rule_file(4, "path"),
    ),
    Mutant(
        "F4", DETAIL, "        match_fine_open(state, i, s)\n", "", rule_file(4, "detail"),
    ),
    Mutant(
        "F4", DETAIL, "book.fine = 2 * k + 2", "book.fine = 2 * k + 1", rule_file(4, "detail"),
    ),
    Mutant(
        "F5", FILLS, "entry.side * (entry.trail_level - entry.stop) <= 0.0",
        "entry.side * (entry.trail_level - entry.stop) < 0.0", rule_file(5, "children"),
    ),
    Mutant("F5", PHASES, "            extreme = book.close\n", "            pass\n",
           rule_file(5, "children")),
    Mutant(
        "F5", FILLS, "leave_at_once(state, i, s, number, raw, phase)\n", "pass\n", ENTRIES,
    ),
    Mutant(
        "F6", SIZES, "np.floor(price / rules.tick + 1e-9)", "np.ceil(price / rules.tick + 1e-9)",
        rule_file(6, "costs"),
    ),
    Mutant(
        "F6", SIZES, "rules.impact * math.sqrt(share)", "rules.impact * share",
        rule_file(6, "costs"),
    ),
    Mutant(
        "F7", SIZES, "return np.floor(quantity / lot + 1e-9) * lot",
        "return np.round(quantity / lot) * lot", rule_file(7, "size"),
    ),
    Mutant(
        "F7", SIZES, "x = min(by_minimum, by_rate)", "x = by_rate", rule_file(7, "size"),
    ),
    Mutant(
        "F7", WEIGHTS, "(SELL, BUY)", "(BUY, SELL)",
        rule_file(7, "targets"),
    ),
    Mutant(
        "F7", WEIGHTS, "drift > state.band + DUST", "drift > 2.0 * state.band + DUST",
        rule_file(7, "targets"),
    ),
    Mutant(
        "F7", KELLY, "share -= (1.0 - share) / payoff", "share -= (1.0 - share) * payoff",
        "tests/engine/test_target_strategies.py",
    ),
    Mutant(
        "F7", SIZES, "deal.freed = state.account.freed if phase == INSIDE else 0.0",
        "deal.freed = 0.0", rule_file(2, "order"),
    ),
    Mutant(
        "F8", SIZES, "return min(fee, rules.maximum_rate * value)", "return fee",
        rule_file(8, "fees"),
    ),
    Mutant(
        "F9", SIZES, "    return floor_to_lot(book.room, book.lot)\n",
        "    return book.room\n", rule_file(9, "volume"),
    ),
    Mutant("F9", FILLS, "remove_working(state, s, w, PARTIAL, EXPIRED)", "pass",
           "tests/engine/test_event_requests.py"),
    Mutant(
        "F10", SIZES, "return equity - rules.initial * deal.gross - deal.freed",
        "return equity - deal.gross - deal.freed", rule_file(10, "margin"),
    ),
    Mutant(
        "F10", PHASES, "max(cash - account.short_value, 0.0)", "max(cash, 0.0)",
        rule_file(10, "margin"),
    ),
    Mutant("F10", PHASES, "years = elapsed_ms / MS_A_YEAR",
           "years = elapsed_ms / (MS_A_YEAR * 365.25 / 365.0)", rule_file(10, "margin")),
    Mutant(
        "F11", FILLS, "fill.closing_fee = fee_of(state.rules, deal.closing, price, deal.is_maker)",
        "fill.closing_fee = fee", rule_file(11, "trades"),
    ),
    Mutant(
        "F12", PHASES, "account.equity < rules.maintenance * gross",
        "account.equity < 0.9 * rules.maintenance * gross", rule_file(12, "ruin"),
    ),
    Mutant("F12", PHASES, "pnl < worst_pnl", "pnl <= worst_pnl", rule_file(12, "ruin")),
    Mutant(
        "F13", BROKER, "account.stale += 1", "account.stale += 0",
        rule_file(13, "gaps"),
    ),
    Mutant(
        "F13", BROKER, "book.has_bar and not book.is_forced and book.last_bar != t",
        "not book.is_forced and book.last_bar != t", rule_file(13, "gaps"),
    ),
    Mutant("F14", PHASES, "        entry.stop /= ratio\n", "", rule_file(14, "actions")),
    Mutant(
        "F14", PHASES, "account.cash += book.quantity * dividend",
        "account.cash += abs(book.quantity) * dividend", rule_file(14, "actions"),
    ),
    Mutant(
        "F14", PHASES, "            order.size *= ratio\n", "            pass\n",
        rule_file(14, "actions"),
    ),
    Mutant(
        "F15", PHASES, "close_now(state, i, s, DELISTED)", "pass", rule_file(15, "end"),
    ),
    Mutant("F15", BROKER, "close_all_now(state, i, END)", "pass", rule_file(15, "end")),
    Mutant(
        "flows", FLOWS, "account.peak *= account.equity / equity", "pass",
        "tests/engine/test_flows.py",
    ),
    Mutant(
        "F16", SIMULATION, "RECON_TOLERANCE = 1e-9", "RECON_TOLERANCE = 1e9",
        rule_file(16, "books"),
    ),
    Mutant(
        "F16", SIMULATION, 'if name != "fees"', 'if name not in ("fees", "borrow")',
        rule_file(16, "books"),
    ),
    Mutant(
        "F17", MARKET, "symbols = tuple(sorted(bars))", "symbols = tuple(bars)",
        rule_file(17, "properties"),
    ),
    Mutant(
        "F18", PHASES, "drawdown <= -rules.max_drawdown and",
        "drawdown <= -2.0 * rules.max_drawdown and", rule_file(18, "limits"),
    ),
    Mutant(
        "F18", SIZES, "room = rules.max_weight * equity - abs(book.quantity) * book.mark",
        "room = rules.max_weight * equity", rule_file(18, "limits"),
    ),
    # ── metrics ─────────────────────────────────────────────────────────────────────────────
    Mutant("M1", SERIES, "    ends[:1] = base\n", "", METRICS),
    Mutant("M1", SERIES, "earned: FloatArray = value - flow",
           "earned: FloatArray = value - 0.0 * flow", METRICS),
    Mutant("M2", CLOCK, "return 260.0 if", "return 261.0 if", METRICS),
    Mutant("M3", CLOCK, "DAYS_PER_YEAR = 365.25", "DAYS_PER_YEAR = 365.0", METRICS),
    Mutant("M4", RATIOS, "float(excess.std(ddof=1))", "float(excess.std())", METRICS),
    Mutant("M4", RATIOS, "np.mean(np.minimum(excess, 0.0) ** 2)",
           "np.mean(excess[excess < 0.0] ** 2)", METRICS),
    Mutant("M5", DRAWDOWNS, "i_peak=max(start - 1, 0)", "i_peak=start", METRICS),
    Mutant("M6", RATIOS, "low, high = (float(q) for q in np.quantile(returns, (0.05, 0.95)))",
           "low, high = (float(q) for q in np.quantile(returns, (0.1, 0.9)))", METRICS),
    Mutant("M6", RATIOS, "float((squares * squares).mean()) / variance**2 - 3.0",
           "float((squares * squares).mean()) / variance**2", METRICS),
    Mutant("M7", RATIOS, "periods_per_year * (x_mean - beta * b_mean)",
           "periods_per_year * (x_mean - b_mean)", METRICS),
    Mutant("M7", BENCHMARK, "    shares[0] = 1.0\n", "", METRICS),
    Mutant("M8", TRADING, "win_rate - (1.0 - win_rate) / payoff",
           "win_rate - (1.0 - win_rate) * payoff", METRICS),
    Mutant("M8", TRADING, "ratio(float(pnl.mean()), std, math.sqrt(pnl.size))",
           "ratio(float(pnl.mean()), std, 1.0)", METRICS),
    Mutant("M9", TRADING, 'float(fills["quantity"] @ fills["price"]) / 2.0',
           'float(fills["quantity"] @ fills["price"])', METRICS),
    Mutant("M10", PAIRS, "        lowest = min(lowest, close[begin])\n",
           "        lowest = min(lowest, low[begin])\n", rule_file(11, "trades")),
    Mutant("M10", PAIRS, "        highest = max(highest, raw * scale)\n", "",
           rule_file(11, "trades")),
    Mutant("M11", SHARPE, "1.0 - skew * sharpe + (kurtosis - 1.0) / 4.0",
           "1.0 - skew * sharpe + (kurtosis - 3.0) / 4.0", SIGNIFICANCE),
    Mutant("M11", SHARPE, "(1.0 - _EULER) * first + _EULER * second",
           "_EULER * first + (1.0 - _EULER) * second", SIGNIFICANCE),
    Mutant("M12", OVERFITTING, "rank = n_below + (n_tied + 1.0) / 2.0",
           "rank = n_below + 1.0", SIGNIFICANCE),
    # ── chance ──────────────────────────────────────────────────────────────────────────────
    Mutant("monte-carlo", MONTE_CARLO, "accounts.lowest <= 1.0 - RUIN",
           "accounts.final <= 1.0 - RUIN", CHANCE),
    Mutant("monte-carlo", MONTE_CARLO, "accounts.final < 1.0 - 1e-9", "accounts.final < 1.0 + 1e-9",
           CHANCE),
    Mutant("monte-carlo", MONTE_CARLO, "n_below + n_tied / 2.0", "n_below + n_tied", CHANCE),
    Mutant("monte-carlo", MONTE_CARLO, "balance[1:] / balance[:-1]", "1.0 + pnl / cash", CHANCE),
    Mutant("monte-carlo", RANDOM_ENTRIES, "gaps = np.sort(", "gaps = np.asarray(0 * ", CHANCE),
    Mutant("monte-carlo", RANDOM_ENTRIES, "enter.min(initial=1)", "enter.min(initial=2)", CHANCE),
    Mutant("monte-carlo", RANDOM_ENTRIES, "is_new[1:] = enter[1:] >= end[:-1]",
           "is_new[1:] = True", CHANCE),
    Mutant("monte-carlo", RANDOM_ENTRIES, "max(n_bars - 1, ", "max(n_bars, ", CHANCE),
    Mutant("monte-carlo", LUCK, ' + np.isin(trades["exit_reason"], AT_CLOSE)', "", CHANCE),
    Mutant("monte-carlo", LUCK, "cost=paid_bps(base) * 1e-4", "cost=0.0", CHANCE),
    Mutant("monte-carlo", LUCK, 'trades["side"] * value', "value", CHANCE),
    # ── choosing ────────────────────────────────────────────────────────────────────────────
    Mutant("plateau", GRID, "MIN_SHARE_KNOWN * around", "0.0 * around", PLATEAU),
    Mutant("plateau", GRID, "            -sign * around.minimum[candidates],\n", "", PLATEAU),
    Mutant("plateau", GRID, "order[moved * is_inside] - place", "moved - rank[place]", PLATEAU),
    Mutant("plateau", GRID, "depth > before", "depth >= before", PLATEAU),
    Mutant("plateau", GRID, "end > allowed", "end >= allowed", PLATEAU),
    Mutant("folds", SPLITS, "begin += purge + embargo", "begin += embargo", FOLDS),
    Mutant("folds", SPLITS, "end -= purge", "end -= 0", FOLDS),
    Mutant("folds", SPLITS, "if before >= 0:", "if True:", FOLDS),
    Mutant("folds", SPLITS, "end - begin >= MIN_TRAIN_BARS", "end - begin >= 1", FOLDS),
    Mutant("walk-forward", SPLITS, "else begin - in_sample, begin),",
           "else begin - in_sample, begin + 1),", FOLDS),
    Mutant("walk-forward", ACCOUNTS, '{"finalize": True}', '{"finalize": False}', WALK),
    Mutant("walk-forward", ACCOUNTS, '"periods_per_year": clock.rules.periods_per_year,', "", WALK),
    Mutant("walk-forward", STITCHING, 'trader.trade(document["params"], span, cash)',
           'trader.trade(document["params"], span)', WALK),
    Mutant("walk-forward", STITCHING, "or cash < LEAST_CASH", "", WALK),
    Mutant("walk-forward", STITCHING, "value = out_of_sample / in_sample",
           "value = in_sample / out_of_sample", WALK),
    Mutant("walk-forward", STITCHING, "/ (len(axis) - 1)", "/ len(axis)", WALK),
    Mutant("walk-forward", PREPARING, "objective in SMALLER_IS_BETTER", "False", WALK),
    Mutant("cross-validation", CHOOSING, 'np.min([part.columns["max_drawdown"]',
           'np.max([part.columns["max_drawdown"]', CROSS),
    Mutant("cross-validation", CHOOSING, "np.array([0, elapsed]", "np.array([0, elapsed // 2]",
           CROSS),
    Mutant("cross-validation", CHOOSING, "before * n_points + done", "done", CROSS),
    Mutant("cross-validation", STITCHING, "parts.append(grown * pieces[split, fold])",
           "parts.append(1.0 * pieces[split, fold])", CROSS),
    Mutant("cross-validation", STITCHING, "curve[-1] < 1.0", "curve[-1] <= 1.0", CROSS),
    # ── sweeps ──────────────────────────────────────────────────────────────────────────────
    Mutant("sweeps", PLAIN, "(~leave + enter + held)", "(~leave + enter)", SWEPT),
    Mutant("sweeps", PLAIN, "bottom * ROUNDING < worst * top", "False", SWEPT),
    Mutant("sweeps", PLAIN, "peak = cash if cash > peak else peak", "peak = peak", SWEPT),
    Mutant("sweeps", ROWS, "centre + fused(fused(-divisor, near, part[j]), inverse, near)",
           "centre + near", SWEPT),
    Mutant("sweeps", CURVE, "upto = min(tape.edges[np.uint64(block + 1)], last)", "upto = last",
           SWEPT),
    Mutant("sweeps", SWEEP, "bits &= bits_from(point.checked, base)", "pass", SWEPT),
    Mutant("sweeps", WORDS, "is_above | is_below != ALL_BITS", "not keys[0]", SWEPT),
    # ── formulas ────────────────────────────────────────────────────────────────────────────
    Mutant("crosses", ARITHMETIC, '(">", "<=") if op == "cross_above"',
           '(">", "<") if op == "cross_above"', FORMULA),
    Mutant("missing values", ARITHMETIC, "        out[~known] = np.nan\n", "        pass\n",
           FORMULA),
    Mutant("as of", OTHER_SERIES, '"left" if is_later else "right"', '"right"',
           "tests/engine/test_formula_series.py"),
    # ── checks ──────────────────────────────────────────────────────────────────────────────
    Mutant("look-ahead", CHECKS, '("Changing", _poisoned(market, cut, direction, generator)),', "",
           "tests/engine/test_checks.py"),
    Mutant("warm-up", CHECKS, "    if early is not None:\n", "    if False:\n",
           "tests/engine/test_checks.py"),
)  # fmt: skip
