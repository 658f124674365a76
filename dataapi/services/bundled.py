"""The series that come with the product."""

from __future__ import annotations

from pathlib import Path

from dataapi.services.imports import ImportRequest, import_csv
from dataapi.store import SeriesInfo, Store

BUNDLED = Path(__file__).resolve().parent.parent / "bundled"
SYMBOLS = ("AAPL", "GOOG", "IBM", "MSFT")


def import_bundled(store: Store) -> list[SeriesInfo]:
    """Import the bundled daily bars with their actions when no series is stored; return them.

    Safe when several processes start at once: the same bars twice are stored once.
    """
    if store.series.list():
        return []
    for symbol in SYMBOLS:
        name = f"{symbol}_1d.csv.gz"
        request = ImportRequest(
            symbol=symbol,
            source=f"{name} (Quandl WIKI, public domain)",
            timeframe="1d",
            tz="America/New_York",
            derive_actions=True,
            calendar="XNYS",
        )
        report = import_csv(store, (BUNDLED / name).read_bytes(), request, with_quality=False)
        if report.error is not None:
            raise RuntimeError(f"The bundled {name} is refused: {report.error}")
    return store.series.list()
