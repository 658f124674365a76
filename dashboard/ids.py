"""Every component id, so that a layout and a callback cannot disagree.

One section a page, names prefixed by the page. Ids of generated controls are dictionaries made by
the functions at the end of their section.
"""

from __future__ import annotations

from typing import Any

from dash.dependencies import Wildcard

# Shell
PROVIDER = "provider"
ROUTE = "route"
PAGE = "page"
TITLE = "title"
NODE = "node"
STALE = "stale"
TOAST = "toast"
PALETTE = "palette"
HELP = "help"
NAV_COUNT = "nav-count"
NAV_STARRED = "nav-starred"


def later(place: str | Wildcard) -> dict[str, Any]:
    """Return the id of the store that holds a place's children until they are needed."""
    return {"type": "later", "of": place}


# Runs
RUNS_QUERY = "runs-query"
RUNS_REFRESH = "runs-refresh"
RUNS_SEARCH = "runs-search"
RUNS_STRATEGY = "runs-strategy"
RUNS_SYMBOL = "runs-symbol"
RUNS_MIN_SHARPE = "runs-min-sharpe"
RUNS_MAX_DRAWDOWN = "runs-max-drawdown"
RUNS_MIN_TRADES = "runs-min-trades"
RUNS_STARRED = "runs-starred"
RUNS_SORT = "runs-sort"
RUNS_CLEAR = "runs-clear"
RUNS_GRID = "runs-grid"
RUNS_COUNT = "runs-count"
RUNS_NONE = "runs-none"
RUNS_TAG_FILTER = "runs-tag-filter"
RUNS_MORE = "runs-more"
RUNS_COLUMNS = "runs-columns"
RUNS_LIMIT = "runs-limit"
RUNS_SCATTER = "runs-scatter"
RUNS_SELECTED = "runs-selected"
RUNS_ACTIONS = "runs-actions"
RUNS_EXPORT = "runs-export"
RUNS_COMPARE = "runs-compare"
RUNS_TAG = "runs-tag"
RUNS_TAG_TEXT = "runs-tag-text"
RUNS_TAG_SAVE = "runs-tag-save"
RUNS_DELETE = "runs-delete"
RUNS_DELETED = "runs-deleted"
RUNS_DELETE_NOW = "runs-delete-now"
RUNS_STAR = "runs-star"

# Result
RESULT_ROOT = "result"
RESULT_RUN = "result-run"
RESULT_TAB = "result-tab"
RESULT_RANGE = "result-range"
RESULT_SCALE = "result-scale"
RESULT_SYMBOL = "result-symbol"
RESULT_TRADE = "result-trade"
RESULT_ACTION = "result-action"
RESULT_CHIP = "result-chip"
RESULT_TILES = "result-tiles"
RESULT_LINE = "result-line"
RESULT_NOTICE = "result-notice"
RESULT_STAR = "result-star"
RESULT_NOTE_TEXT = "result-note-text"
RESULT_NOTE_SAVE = "result-note-save"
RESULT_NOTE = "result-note"
RESULT_NOTE_EDITOR = "result-note-editor"
RESULT_EQUITY = "result-equity"
RESULT_SCALE_CONTROL = "result-scale-control"
RESULT_NUMBERS = "result-numbers"
RESULT_CALENDAR = "result-calendar"
RESULT_YEARLY = "result-yearly"
RESULT_MONTHLY_KIND = "result-monthly-kind"
RESULT_MONTHLY = "result-monthly"
RESULT_ROLLING = "result-rolling"
RESULT_EXPOSURE = "result-exposure"
RESULT_SPREAD = "result-spread"
RESULT_WINDOWS = "result-windows"
RESULT_DRAWDOWNS = "result-drawdowns"
RESULT_DISTRIBUTION = "result-distribution"
RESULT_QQ = "result-qq"
RESULT_PRICE_CHART = "result-price-chart"
RESULT_SYMBOL_CONTROL = "result-symbol-control"
RESULT_TRADE_FILTER = "result-trade-filter"
RESULT_TRADES = "result-trades"
RESULT_CHART_TRADES = "result-chart-trades"
RESULT_TRADE_COUNT = "result-trade-count"
RESULT_TRADES_GRID = "result-trades-grid"
RESULT_MAE = "result-mae"
RESULT_MFE = "result-mfe"
RESULT_ANALYSIS = "result-analysis"
RESULT_ANALYSIS_STATE = "result-analysis-state"
RESULT_ANALYSED = "result-analysed"
RESULT_ROBUSTNESS = "result-robustness"
RESULT_ROBUSTNESS_METRIC = "result-robustness-metric"
RESULT_COSTS = "result-costs"
RESULT_PASSPORT = "result-passport"
RESULT_PASSPORT_BODY = "result-passport-body"
RESULT_EXPLAINED = "result-explained"
RESULT_EXPLAIN = "result-explain"
RESULT_ORDERS_GRID = "result-orders-grid"
RESULT_FILLS = "result-fills"
RESULT_FILLS_GRID = "result-fills-grid"
RESULT_FILLS_COUNT = "result-fills-count"
RESULT_GROUP_KIND = "result-group-kind"
RESULT_GROUPS = "result-groups"


def result_panel(tab: str) -> dict[str, str]:
    """Return the id of a tab's panel."""
    return {"type": "result-panel", "tab": tab}


def result_wanted(tab: str) -> dict[str, str]:
    """Return the id of the store that asks for a tab's panel, once."""
    return {"type": "result-wanted", "tab": tab}


# Compare
COMPARE_ROOT = "compare"
COMPARE_RUNS = "compare-runs"
COMPARE_EQUITY = "compare-equity"
COMPARE_KIND = "compare-kind"
COMPARE_SCALE = "compare-scale"
COMPARE_ADD = "compare-add"
COMPARE_DIFF = "compare-diff"

# New run
NEW_FORM = "new-form"
NEW_PREVIOUS = "new-previous"
NEW_BASE = "new-base"
NEW_DESIGN = "new-design"
NEW_SPECS = "new-specs"
NEW_GENERATED = "new-generated"
NEW_NAME = "new-name"
NEW_RUN = "new-run"
NEW_GO = "new-go"
NEW_COPIED = "new-copied"
NEW_COVERAGE = "new-coverage"
NEW_SPAN = "new-span"
NEW_TEMPLATE = "new-template"
NEW_FORMULA = "new-formula"
NEW_ABOUT_TEMPLATE = "new-about-template"
NEW_TEXT = "new-text"
NEW_MESSAGE = "new-message"
NEW_MARK = "new-mark"
NEW_PARAMS = "new-params"
NEW_PRESET = "new-preset"
NEW_PRESETS = "new-presets"
NEW_PREVIEW = "new-preview"
NEW_LEGEND = "new-legend"
NEW_TILES = "new-tiles"
NEW_ELAPSED = "new-elapsed"
NEW_NOTICE = "new-notice"
NEW_SUMMARY = "new-summary"


def new_field(key: str | Wildcard) -> dict[str, Any]:
    """Return the id of a control of the form that can show an error."""
    return {"type": "new-field", "key": key}


def new_pick(key: str | Wildcard) -> dict[str, Any]:
    """Return the id of a control of the form that cannot be wrong."""
    return {"type": "new-pick", "key": key}


def new_param(name: str | Wildcard) -> dict[str, Any]:
    """Return the id of the control of a strategy's parameter."""
    return {"type": "new-param", "name": name}


def new_param_number(name: str | Wildcard) -> dict[str, Any]:
    """Return the id of the number beside a parameter's slider."""
    return {"type": "new-param-number", "name": name}


def new_weight(name: str | Wildcard, symbol: str | Wildcard) -> dict[str, Any]:
    """Return the id of a symbol's weight in a parameter of the kind weights."""
    return {"type": "new-weight", "name": name, "symbol": symbol}


def new_param_error(name: str | Wildcard) -> dict[str, Any]:
    """Return the id of the line that says what is wrong with a parameter."""
    return {"type": "new-param-error", "name": name}


def new_sentence(key: str | Wildcard) -> dict[str, Any]:
    """Return the id of an execution rule's sentence."""
    return {"type": "new-sentence", "key": key}


def new_copy(kind: str | Wildcard) -> dict[str, Any]:
    """Return the id of an entry of the copy menu."""
    return {"type": "new-copy", "kind": kind}
