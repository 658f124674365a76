"""A run as files: CSV tables, and one JSON bundle that another installation can import."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from dataapi import wire
from dataapi.problems import Unprocessable
from dataapi.services import documents
from dataapi.services.curves import Columns
from dataapi.services.documents import Document
from dataapi.services.identity import run_id, run_key
from dataapi.services.runs import Runs
from dataapi.services.verification import verdict_on
from dataapi.store import NewRun, run_trials

# The columns of the files, in their order (interfaces.md); tables may hold more.
CSV_COLUMNS = {
    "equity": "time,equity,cash,exposure,drawdown",
    "orders": "order_id,time,symbol,side,type,quantity,limit,stop,time_in_force,status,reason,"
    "filled_quantity,filled_price",
    "fills": "time,symbol,side,quantity,price,fee,order_id,reason,ambiguous",
    "trades": "symbol,side,quantity,entry_time,entry_price,exit_time,exit_price,fees,pnl,return,"
    "bars,mae,mfe,exit_reason,ambiguous,open",
}
BUNDLE_FORMAT = "hindcast-run-1"
DTYPES = {"f": "float", "i": "int", "b": "bool", "U": "text", "O": "text"}
KINDS = {"float": np.float64, "int": np.int64, "bool": np.bool_, "text": np.object_}


def csv_table(columns: Columns, table: str) -> str:
    """Return a table as CSV: full float64 precision, ISO 8601 UTC times, booleans 0/1."""
    return wire.csv_text({name: columns[name] for name in CSV_COLUMNS[table].split(",")})


def write_directory(runs: Runs, identifier: str, directory: Path) -> list[Path]:
    """Write equity, orders, fills, trades (CSV), metrics and config (JSON); return the paths."""
    directory.mkdir(parents=True, exist_ok=True)
    document = runs.document(identifier)
    texts = {
        f"{table}.csv": csv_table(runs.table(identifier, table), table) for table in CSV_COLUMNS
    }
    for name in ("metrics", "config"):
        texts[f"{name}.json"] = json.dumps(document[name], indent=2) + "\n"
    paths = []
    for name, text in texts.items():
        path = directory / name
        path.write_text(text, encoding="utf-8")
        paths.append(path)
    return paths


def bundle(runs: Runs, identifier: str) -> Document:
    """Return everything about a run in one document: configuration, fingerprints, results."""
    tables = {table: runs.table(identifier, table) for table in CSV_COLUMNS}
    return {
        "format": BUNDLE_FORMAT,
        "name": runs.store.runs.about(identifier).name,
        "run": runs.document(identifier),
        "tables": {table: _described(columns) for table, columns in tables.items()},
    }


def import_bundle(runs: Runs, document: Document) -> Document:
    """Store the run of a bundle, verified where its bars are stored here.

    Returns
    -------
    dict
        id, url, is_new, verdict (of `verify`, or "not_verified" without the bars) and detail.

    Raises
    ------
    Unprocessable
        If it is not a bundle, its identity does not follow from its content, or it comes out
        differently here under the same engine version.
    """
    run, tables = _read(document)
    state = runs.data_state(run)
    if state == "unchanged":
        verdict = verdict_on(runs, run, tables)
        if verdict["verdict"] == "differs":
            raise Unprocessable(
                f"The bundle is not what its configuration gives. {verdict['detail']}"
            )
    else:
        detail = f"The bars of this run are {state} here, so it could not be computed again."
        verdict = {"verdict": "not_verified", "detail": detail}
    new = _new_run(run, tables)
    stored, is_new = runs.store.runs.insert(new, name=str(document.get("name") or ""))
    return {
        "id": stored.id,
        "url": run["url"],
        "is_new": is_new,
        "verdict": verdict["verdict"],
        "detail": verdict["detail"],
    }


def _read(document: Document) -> tuple[Document, dict[str, dict[str, Any]]]:
    """Return the run and the tables of a bundle whose identity holds."""
    if not isinstance(document, dict) or document.get("format") != BUNDLE_FORMAT:
        raise Unprocessable(f"Expected a run bundle (format {BUNDLE_FORMAT!r}), was another file.")
    try:
        run = document["run"]
        documents.config_of(run)
        documents.stored_conventions(run)
        tables = {table: _columns(document["tables"][table]) for table in CSV_COLUMNS}
        key = run_key(run["config"], run["engine_version"], run["fingerprint"])
        is_whole = run["key"] == key and run["id"] == run_id(key)
        n_rows = {len(column) for column in tables["equity"].values()}
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise Unprocessable(f"The bundle is incomplete or damaged: {error}.") from None
    if not is_whole or len(n_rows) != 1 or n_rows == {0}:
        raise Unprocessable("The bundle was changed: its id does not follow from its content.")
    return run, tables


def _new_run(run: Document, tables: dict[str, dict[str, Any]]) -> NewRun:
    time = tables["equity"]["time"]
    data = {item["symbol"]: item["fingerprint"] for item in run["data"]}
    return NewRun(
        id=run["id"],
        key=run["key"],
        strategy=run["strategy"]["name"],
        params_text=documents.params_text(run["strategy"]["params"]),
        timeframe=run["config"]["timeframe"],
        status=run["status"],
        engine_version=run["engine_version"],
        first_ms=int(time[0]),
        last_ms=int(time[-1]),
        data=tuple((symbol, data[symbol]) for symbol in run["config"]["symbols"]),
        metrics=run["metrics"],
        summary=documents.list_summary(run, tables["equity"]["equity"]),
        document=run,
        tables=tables,
        trials=run_trials(run),
    )


def _described(columns: dict[str, Any]) -> Document:
    """Return columns with their types, since an empty list of numbers has none."""
    lists = wire.json_columns(columns)
    return {
        name: {"type": DTYPES[np.asarray(columns[name]).dtype.kind], "values": lists[name]}
        for name in columns
    }


def _columns(described: Document) -> dict[str, Any]:
    columns: dict[str, Any] = {}
    for name, column in described.items():
        missing = {"float": np.nan, "int": wire.NO_TIME}.get(column["type"])
        values = [missing if value is None else value for value in column["values"]]
        columns[name] = np.array(values, dtype=KINDS[column["type"]])
    return columns
