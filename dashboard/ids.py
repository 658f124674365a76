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

STATUS = "status"
STATUS_CLOCK = "status-clock"


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
STUDIES_DELETE_NOW = "studies-delete-now"
STUDIES_DELETED = "studies-deleted"
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


def result_luck(method: str) -> dict[str, str]:
    """Return the id of the fan of a Monte-Carlo method."""
    return {"type": "result-luck", "method": method}


# Compare
COMPARE_ROOT = "compare"
COMPARE_RUNS = "compare-runs"
COMPARE_EQUITY = "compare-equity"
COMPARE_KIND = "compare-kind"
COMPARE_SCALE = "compare-scale"
COMPARE_ADD = "compare-add"
COMPARE_DIFF = "compare-diff"

# Queue and list of sweeps
QUEUE_CANCEL = "queue-cancel"
QUEUE_CANCELLED = "queue-cancelled"

# Sweep
SWEEP_ROOT = "sweep"
SWEEP_ID = "sweep-id"
SWEEP_QUERY = "sweep-query"
SWEEP_STANDS = "sweep-stands"
SWEEP_X = "sweep-x"
SWEEP_Y = "sweep-y"
SWEEP_METRIC = "sweep-metric"
SWEEP_WORST = "sweep-worst"
SWEEP_KIND = "sweep-kind"
SWEEP_BRUSH = "sweep-brush"
SWEEP_BRUSHED = "sweep-brushed"
SWEEP_CLEAR = "sweep-clear"
SWEEP_MAP = "sweep-map"
SWEEP_SLICES = "sweep-slices"
SWEEP_NOTE = "sweep-note"
SWEEP_PARETO = "sweep-pareto"
SWEEP_LINES = "sweep-lines"
SWEEP_TOP = "sweep-top"
SWEEP_LOGITS = "sweep-logits"
SWEEP_CARRY = "sweep-carry"
SWEEP_GO = "sweep-go"
SWEEP_CANCEL = "sweep-cancel"
SWEEP_CANCELLED = "sweep-cancelled"
SWEEP_LIVE = "sweep-live"
SWEEP_COUNT = "sweep-count"
SWEEP_BRUSH_WORDS = "sweep-brush-words"
SWEEP_AXES = "sweep-axes"
SWEEP_OPEN = "sweep-open"
SWEEP_FROM = "sweep-from"
SWEEP_MAP_BOX = "sweep-map-box"
SWEEP_PARETO_PLACE = "sweep-pareto-place"
SWEEP_REST = "sweep-rest"


def sweep_at(axis: str | Wildcard) -> dict[str, Any]:
    """Return the id of the control of where an axis stands that the map does not show."""
    return {"type": "sweep-at", "axis": axis}


def sweep_at_row(axis: str | Wildcard) -> dict[str, Any]:
    """Return the id of the row of that control."""
    return {"type": "sweep-at-row", "axis": axis}


def sweep_at_text(axis: str | Wildcard) -> dict[str, Any]:
    """Return the id of the words beside that control."""
    return {"type": "sweep-at-text", "axis": axis}


def sweep_slice(axis: str | Wildcard) -> dict[str, Any]:
    """Return the id of the chart along one axis."""
    return {"type": "sweep-slice", "axis": axis}


def sweep_open(name: str | Wildcard) -> dict[str, Any]:
    """Return the id of a button that opens a point's run: "plateau", "best"."""
    return {"type": "sweep-open", "name": name}


# Walk-forward
FORWARD_ID = "forward-id"
FORWARD_CANCEL = "forward-cancel"
FORWARD_CANCELLED = "forward-cancelled"
FORWARD_EQUITY = "forward-equity"
FORWARD_GANTT = "forward-gantt"
FORWARD_SIDES = "forward-sides"


def forward_parameter(axis: str | Wildcard) -> dict[str, Any]:
    """Return the id of the chart of what each window chose."""
    return {"type": "forward-parameter", "axis": axis}


# Form of a sweep or a walk-forward
FORM_RUN = "form-run"
FORM_ORIGIN = "form-origin"
FORM_SPECS = "form-specs"
FORM_OWN = "form-own"
FORM_MODE = "form-mode"
FORM_WHERE = "form-where"
FORM_OBJECTIVE = "form-objective"
FORM_RANDOM = "form-random"
FORM_SEED = "form-seed"
FORM_IN = "form-in"
FORM_OUT = "form-out"
FORM_ANCHORED = "form-anchored"
FORM_METHOD = "form-method"
FORM_FOLDS = "form-folds"
FORM_TEST_FOLDS = "form-test-folds"
FORM_PURGE = "form-purge"
FORM_EMBARGO = "form-embargo"
FORM_WINDOWS_BOX = "form-windows-box"
FORM_FOLDS_BOX = "form-folds-box"
FORM_TEST_FOLDS_BOX = "form-test-folds-box"
FORM_METHOD_WORDS = "form-method-words"
FORM_WINDOWS = "form-windows"
FORM_ESTIMATE = "form-estimate"
FORM_START = "form-start"
FORM_QUERY = "form-query"
FORM_GO = "form-go"
FORM_WORDS = "form-words"
FORM_CHANGED = "form-changed"


def form_axis(part: str, name: str | Wildcard) -> dict[str, Any]:
    """Return the id of a control of a parameter: kind, value, low, high, step, items."""
    return {"type": f"form-{part}", "name": name}


# New run
NEW_SWEEP = "new-sweep"
NEW_FORM = "new-form"
NEW_DRAFT = "new-draft"
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
NEW_SPANS = "new-spans"
NEW_WORDS = "new-words"


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


def status_hours(name: str | Wildcard) -> dict[str, Any]:
    """Return the id of a chart of what was done hour by hour."""
    return {"type": "status-hours", "name": name}
