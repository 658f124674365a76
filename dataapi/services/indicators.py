"""One expression of the formula language on a stored series."""

from __future__ import annotations

from dataapi.problems import NotFound, nearest
from dataapi.services.curves import Columns, part
from dataapi.services.periods import instant_ms
from dataapi.store import NotStoredError, Store
from engine.indicators import expression_symbols, indicator
from engine.types import Bars


def indicator_columns(
    store: Store,
    expression: str,
    symbol: str,
    timeframe: str,
    *,
    start: str | None = None,
    end: str | None = None,
) -> Columns:
    """Return `time` and `values` of an expression, computed over the whole series.

    Raises
    ------
    NotFound
        If the series, or one that the expression reads, is not stored, with the nearest that is.
    InvalidFormulaError
        If the expression is refused.
    """
    names = [symbol, *expression_symbols(expression)]
    bars = {name: _bars(store, name, timeframe) for name in names}
    values = indicator(expression, bars[symbol], bars)
    columns: Columns = {"time": bars[symbol].time, "values": values}
    return part(columns, instant_ms(start, "start"), instant_ms(end, "end", is_end=True))


def _bars(store: Store, symbol: str, timeframe: str) -> Bars:
    try:
        return store.series.bars(symbol, timeframe)
    except NotStoredError as error:
        known = sorted({info.symbol for info in store.series.list()} - {symbol})
        raise NotFound(f"{error}{nearest(symbol, known)}") from None
