"""One expression of the formula language on a stored series."""

from __future__ import annotations

from dataapi.problems import NotFound, nearest
from dataapi.services.curves import Columns, part
from dataapi.services.periods import instant_ms
from dataapi.store import NotStoredError, Store
from engine.indicators import indicator


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
        If the series is not stored, with the nearest that is.
    InvalidFormulaError
        If the expression is refused.
    """
    try:
        bars = store.series.bars(symbol, timeframe)
    except NotStoredError as error:
        known = sorted({info.symbol for info in store.series.list()} - {symbol})
        raise NotFound(f"{error}{nearest(symbol, known)}") from None
    columns: Columns = {"time": bars.time, "values": indicator(expression, bars)}
    return part(columns, instant_ms(start, "start"), instant_ms(end, "end", is_end=True))
