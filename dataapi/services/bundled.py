"""The series that come with the product."""

from __future__ import annotations

from pathlib import Path

from dataapi.services.imports import ImportRequest, import_csv
from dataapi.store import SeriesInfo, Store

BUNDLED = Path(__file__).resolve().parent.parent / "bundled"
SYMBOLS = ("AAPL", "GOOG", "IBM", "MSFT")
ORIGIN = "Quandl WIKI, public domain"


def import_bundled(store: Store) -> list[SeriesInfo]:
    """Import the bundled daily bars with their actions into a fresh store; return the imported.

    Fresh is a store without runs that holds nothing but bundled series, so that an import that
    was killed half-way is finished by the next. Safe when several processes start at once: the
    same bars twice are stored once.
    """
    stored = store.series.list()
    if any(ORIGIN not in info.source for info in stored) or store.runs.count():
        return []
    missing = [symbol for symbol in SYMBOLS if symbol not in {info.symbol for info in stored}]
    for symbol in missing:
        name = f"{symbol}_1d.csv.gz"
        request = ImportRequest(
            symbol=symbol,
            source=f"{name} ({ORIGIN})",
            timeframe="1d",
            tz="America/New_York",
            derive_actions=True,
            calendar="XNYS",
        )
        report = import_csv(store, (BUNDLED / name).read_bytes(), request, with_quality=False)
        if report.error is not None:
            raise RuntimeError(f"The bundled {name} is refused: {report.error}")
    return [info for info in store.series.list() if info.symbol in missing]
