"""Imports: a file becomes bars in the store, all of it or nothing, with a report."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, Literal

from dataapi import wire
from dataapi.ingest import IngestError, ParsedFile, ParseOptions, parse_csv
from dataapi.ingest.calendars import check_calendar, detect_calendar
from dataapi.ingest.merge import merge_bars
from dataapi.ingest.quality import quality
from dataapi.ingest.times import DateOrder
from dataapi.services.documents import Document
from dataapi.services.series import actions, series_item
from dataapi.store import AdjustmentConflictError, NotStoredError, SeriesInfo, Store
from engine.types import Bars
from engine.validation import check_bars


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportRequest:
    """What is to be imported, and how; None is found out, or stays as stored.

    Parameters
    ----------
    source : str
        The file's name, kept with the series.
    reject : {"stop", "drop"}
        Whether one bad row stops the import, or bad rows are left out.
    replace : bool
        Whether the file's bars win over different stored ones.
    dry_run : bool
        Whether everything is checked and nothing stored.
    calendar : str or None
        An exchange's code, "24/7", "fx"; None is found out from daily bars.
    """

    symbol: str
    source: str
    timeframe: str | None = None
    tz: str | None = None
    date_order: DateOrder | None = None
    is_adjusted: bool = False
    is_synthetic: bool = False
    is_delisted: bool = False
    derive_actions: bool = False
    reject: Literal["stop", "drop"] = "stop"
    replace: bool = False
    dry_run: bool = False
    calendar: str | None = None
    lot: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportReport:
    """What an import did; `error` says why nothing was stored, None when all went well."""

    error: str | None
    document: Document


def import_csv(
    store: Store, data: bytes, request: ImportRequest, *, with_quality: bool = True
) -> ImportReport:
    """Check a CSV file and store its bars in one transaction.

    The quality checks load the exchange calendars, a second or two in a fresh process; without
    them `quality` is empty.

    Returns
    -------
    ImportReport
        Its document has symbol, timeframe, status ("stored", "unchanged", "checked" for a dry
        run, "rejected"), error, rows, bars, dropped, added, first, last, file, notes, errors
        ([{row, column, value, reason}], the first hundred), n_errors, actions, quality (the
        checks of the whole series as it would be) and series (the catalogue's item, or null).
    """
    try:
        _check_request(request)
        parsed = parse_csv(
            data,
            ParseOptions(
                timeframe=request.timeframe,
                tz=request.tz,
                date_order=request.date_order,
                derive_actions=request.derive_actions,
            ),
        )
    except IngestError as error:
        return _rejected(request, None, str(error))
    if parsed.problems.total and (request.reject == "stop" or parsed.bars is None):
        return _rejected(request, parsed, _row_error(parsed))
    if parsed.bars is None or parsed.timeframe is None:
        return _rejected(request, parsed, "No row of the file is a bar.")
    try:
        report, bars = _store(store, request, parsed, parsed.bars, parsed.timeframe)
    except (IngestError, AdjustmentConflictError) as error:
        return _rejected(request, parsed, str(error))
    if with_quality:
        findings = quality(bars, parsed.timeframe)
        report.document["quality"] = [finding.document() for finding in findings]
    return report


def _check_request(request: ImportRequest) -> None:
    if request.calendar is not None:
        check_calendar(request.calendar)
    if request.lot is not None and not 0.0 <= request.lot < math.inf:
        raise IngestError(f"Expected a lot ≥ 0 (0 for fractional), was {request.lot}.")
    if request.is_adjusted and request.derive_actions:
        raise IngestError(
            "--adjusted and --derive-actions exclude each other: adjusted prices hold their "
            "splits and dividends already."
        )


def _store(
    store: Store, request: ImportRequest, parsed: ParsedFile, bars: Bars, timeframe: str
) -> tuple[ImportReport, Bars]:
    """Merge with what is stored, check the result, and store it unless it is a dry run."""
    before = _stored_info(store, request.symbol, timeframe)
    calendar = request.calendar or (before.calendar if before else None)
    if calendar is None:
        # Before the lock is taken: the calendars take a second to import.
        calendar = detect_calendar(bars.time, timeframe)
    result: list[Bars] = []

    def merge(stored: Bars | None, given: Bars) -> Bars:
        merged = given if stored is None else merge_bars(stored, given, replace=request.replace)
        merged = _with_terms(merged, stored, request, calendar)
        check_bars(request.symbol, merged)
        result.append(merged)
        return merged

    after: SeriesInfo | None = before
    if request.dry_run:
        if before is not None and before.is_adjusted != request.is_adjusted:
            raise AdjustmentConflictError.between(before.is_adjusted)
        merge(store.series.bars(request.symbol, timeframe) if before else None, bars)
    else:
        after = store.series.save(
            request.symbol,
            timeframe,
            bars,
            source=request.source,
            is_adjusted=request.is_adjusted,
            is_synthetic=request.is_synthetic or (before is not None and before.is_synthetic),
            merge=merge,
        )
    is_same = before is not None and after is not None and before.rev == after.rev
    status = "checked" if request.dry_run else "unchanged" if is_same else "stored"
    report = _report(request, parsed, status, before=before, after=after, bars=result[-1])
    return report, result[-1]


def _with_terms(
    merged: Bars, stored: Bars | None, request: ImportRequest, calendar: str | None
) -> Bars:
    """Return the bars with lot, zone and end: as asked for, else as stored."""
    lot = request.lot if request.lot is not None else stored.lot if stored else 1.0
    tz = request.tz or (stored.tz if stored else "UTC")
    is_delisted = request.is_delisted or (stored is not None and stored.delisted)
    return replace(merged, lot=lot, calendar=calendar, tz=tz, delisted=is_delisted)


def _stored_info(store: Store, symbol: str, timeframe: str) -> SeriesInfo | None:
    try:
        return store.series.get(symbol, timeframe)
    except NotStoredError:
        return None


def _row_error(parsed: ParsedFile) -> str:
    first = parsed.problems.listed[0]
    where = f"row {first.row}" + (f", {first.column}" if first.column else "")
    n_bad = len(parsed.problems.bad_rows)
    return (
        f"{n_bad:,} of {parsed.n_rows:,} rows {'is' if n_bad == 1 else 'are'} bad, nothing was "
        f"stored. First: {where}: {first.value!r} {first.reason}. Correct the file, or leave bad "
        "rows out with --reject drop."
    )


def _rejected(request: ImportRequest, parsed: ParsedFile | None, error: str) -> ImportReport:
    report = _report(request, parsed, "rejected", before=None, after=None, bars=None)
    return ImportReport(error=error, document={**report.document, "error": error})


def _report(
    request: ImportRequest,
    parsed: ParsedFile | None,
    status: str,
    *,
    before: SeriesInfo | None,
    after: SeriesInfo | None,
    bars: Bars | None,
) -> ImportReport:
    timeframe = parsed.timeframe if parsed else request.timeframe
    document: dict[str, Any] = {
        "symbol": request.symbol,
        "timeframe": timeframe,
        "status": status,
        "error": None,
        "source": request.source,
        "rows": parsed.n_rows if parsed else 0,
        "bars": 0,
        "dropped": 0,
        "added": 0,
        "first": None,
        "last": None,
        "file": parsed.file if parsed else {},
        "notes": list(parsed.notes) if parsed else [],
        "errors": [],
        "n_errors": 0,
        "actions": [],
        "quality": [],
        "series": series_item(after) if after else None,
    }
    if parsed is not None:
        document["n_errors"] = parsed.problems.total
        document["errors"] = [
            {"row": p.row, "column": p.column, "value": p.value, "reason": p.reason}
            for p in parsed.problems.listed
        ]
    if parsed is not None and parsed.bars is not None and bars is not None and timeframe:
        document |= {
            "bars": int(parsed.bars.time.size),
            "dropped": len(parsed.problems.bad_rows),
            "added": int(bars.time.size) - (before.n_bars if before else 0),
            "first": wire.iso_stamp(parsed.bars.time[0], timeframe),
            "last": wire.iso_stamp(parsed.bars.time[-1], timeframe),
            "actions": actions(bars, timeframe),
        }
    return ImportReport(error=None, document=document)
