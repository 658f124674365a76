"""The trial ledger: every distinct trial on some data with some family of strategies (M11).

Whoever picks the best of many trials has to say how many there were. A trial is what was traded
under which rules: symbols, period, strategy, parameters, execution, costs. It counts once, however
often it was computed, in a run or in a sweep, and it goes on counting when that is deleted.
"""

from __future__ import annotations

import hashlib
import json
import math
import threading
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import peewee

from dataapi import frames
from dataapi.store.database import Connections
from dataapi.store.models import TrialSet

HashArray = npt.NDArray[np.uint64]

NOT_TRADED = frozenset({"benchmark", "risk_free_rate", "periods_per_year", "seed"})
"""Of a configuration: what changes how a result is judged and not what is traded."""

REMEMBERED_LEDGERS = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTrials:
    """Trials of one source, to be put into the ledger.

    Parameters
    ----------
    family : str
        The strategy's name, or the hash of its formula.
    data : str
        Symbols and timeframe.
    source_kind, source_id : str
        "run", "sweep" or "walkforward", and which.
    hashes : ndarray of uint64, shape (n_trials,)
        As `trial_hashes` has them.
    sharpe : ndarray of float64, shape (n_trials,)
        A period, not a year; NaN where it is not defined.
    """

    family: str
    data: str
    source_kind: str
    source_id: str
    hashes: HashArray
    sharpe: npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerEntry:
    """What the ledger says about one family on some data.

    `variance` is that of the trials' Sharpe ratios a period (0 with fewer than two that have one).
    """

    family: str
    data: str
    n_trials: int
    variance: float


class TrialStore:
    """The ledger; reached as `store.trials`."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._known: OrderedDict[tuple[str, str], tuple[tuple[int, int], LedgerEntry]]
        self._known = OrderedDict()
        self._lock = threading.Lock()

    def put(self, trials: NewTrials) -> None:
        """Put trials into the ledger; a source that is there already only grows."""
        with self._connections.transaction() as database:
            put_trials(database, trials)

    def get(self, family: str, data: str) -> LedgerEntry:
        """Return how many distinct trials there were, and how much their Sharpe ratios differ."""
        is_this = (TrialSet.family == family) & (TrialSet.data == data)
        with self._connections.session() as database:
            state = _state(database, is_this)
            with self._lock:
                known = self._known.get((family, data))
            if known is not None and known[0] == state:
                return known[1]
            # What is known of a whole period goes before the means of a walk-forward's windows.
            is_of_windows = TrialSet.source_kind == "walkforward"
            sets = TrialSet.select(TrialSet.trials).where(is_this).tuples()
            sets = sets.order_by(is_of_windows, TrialSet.id)
            blobs = [bytes(blob) for (blob,) in sets.execute(database)]
        entry = _entry(family, data, blobs)
        with self._lock:
            self._known[family, data] = (state, entry)
            while len(self._known) > REMEMBERED_LEDGERS:
                self._known.popitem(last=False)
        return entry

    def list(self) -> list[LedgerEntry]:
        """Return the whole ledger, by data and family."""
        pairs = TrialSet.select(TrialSet.data, TrialSet.family).distinct().tuples()
        with self._connections.session() as database:
            rows = sorted(pairs.execute(database))
        return [self.get(family, data) for data, family in rows]


def put_trials(database: peewee.Database, trials: NewTrials) -> None:
    """Put trials into the ledger, inside the caller's transaction."""
    row = {
        "family": trials.family,
        "data": trials.data,
        "source_kind": trials.source_kind,
        "source_id": trials.source_id,
        "n_trials": trials.hashes.size,
        "created_ms": time.time_ns() // 1_000_000,
        "trials": frames.encode({"hash": trials.hashes, "sharpe": trials.sharpe}, compress=True),
    }
    # A sweep that was interrupted has fewer trials than when it is done, never more.
    TrialSet.insert(row).on_conflict(
        conflict_target=[TrialSet.source_kind, TrialSet.source_id],
        preserve=[TrialSet.n_trials, TrialSet.trials],
        where=(TrialSet.n_trials < trials.hashes.size),
    ).execute(database)


def run_trials(document: Mapping[str, Any]) -> NewTrials:
    """Return the one trial that a run is.

    Parameters
    ----------
    document : mapping
        The run document: `id`, resolved `config`, `metrics`.
    """
    config, metrics = document["config"], document["metrics"]
    sharpe, periods = metrics.get("sharpe"), metrics.get("periods_per_year")
    a_period = math.nan if sharpe is None or not periods else sharpe / math.sqrt(periods)
    return NewTrials(
        family=family_of(config),
        data=data_of(config),
        source_kind="run",
        source_id=document["id"],
        hashes=trial_hashes(config, config["strategy"]["params"], 1),
        sharpe=np.array([a_period]),
    )


def family_of(config: Mapping[str, Any]) -> str:
    """Return the family of a resolved RunConfig: the strategy's name, or its formula's hash."""
    strategy = config["strategy"]
    if strategy["formula"] is None:
        return str(strategy["name"])
    return f"formula:{hashlib.sha256(_canonical(strategy['formula'])).hexdigest()[:16]}"


def data_of(config: Mapping[str, Any]) -> str:
    """Return the data of a resolved RunConfig: its symbols in order, and its timeframe."""
    return " ".join([*sorted(config["symbols"]), str(config["timeframe"])])


def trial_hashes(config: Mapping[str, Any], params: Mapping[str, Any], n_trials: int) -> HashArray:
    """Return one number for each trial, equal for equal trials.

    Parameters
    ----------
    config : mapping
        The resolved RunConfig; its own parameters are not read.
    params : mapping of name to a value or an array (n_trials,)
        All parameters of the strategy.
    n_trials : int

    Notes
    -----
    Each parameter's name and value are mixed by the finaliser of splitmix64, and the sum of all
    is one number of 64 bits: of a million trials two collide by chance once in 37 million cases.

    References
    ----------
    .. [1] Steele, Lea & Flood (2014), "Fast splittable pseudorandom number generators", OOPSLA.
    """
    rules = {name: value for name, value in config.items() if name not in NOT_TRADED}
    strategy = {name: value for name, value in config["strategy"].items() if name != "params"}
    total = np.full(n_trials, _digest(_canonical(rules | {"strategy": strategy})), dtype=np.uint64)
    for name, value in params.items():
        total += _mixed(np.uint64(_digest(name.encode())) ^ _bits(value))
    return total


def _bits(value: Any) -> HashArray:
    """Return 64 bits for each value: those of its float64, or the hash of a text."""
    if isinstance(value, Mapping):
        return np.array([_digest(_canonical(value))], dtype=np.uint64)
    values = np.atleast_1d(np.asarray(value))
    if values.dtype.kind in "US":
        texts, places = np.unique(values, return_inverse=True)
        return np.array([_digest(str(text).encode()) for text in texts], dtype=np.uint64)[places]
    # −0 and 0 are one value.
    return (values.astype(np.float64) + 0.0).view(np.uint64)


def _mixed(z: HashArray) -> HashArray:
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def _digest(data: bytes) -> int:
    return int.from_bytes(hashlib.sha256(data).digest()[:8], "little")


def _canonical(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def _state(database: peewee.Database, is_this: peewee.Node) -> tuple[int, int]:
    """Return what changes with every change: how many sources there are, and trials in all."""
    fn = peewee.fn
    query = TrialSet.select(fn.COUNT(TrialSet.id), fn.COALESCE(fn.SUM(TrialSet.n_trials), 0))
    ((n_sources, n_trials),) = query.where(is_this).tuples().execute(database)
    return int(n_sources), int(n_trials)


def _entry(family: str, data: str, blobs: list[bytes]) -> LedgerEntry:
    sets = [frames.decode(blob) for blob in blobs]
    if not sets:
        return LedgerEntry(family=family, data=data, n_trials=0, variance=0.0)
    hashes = np.concatenate([one["hash"] for one in sets])
    sharpe = np.concatenate([one["sharpe"] for one in sets])
    # A number before none, and of several the first: they may differ in the last digits.
    order = np.argsort(~np.isfinite(sharpe), kind="stable")
    _, first = np.unique(hashes[order], return_index=True)
    chosen = sharpe[order][first]
    known = chosen[np.isfinite(chosen)]
    variance = float(known.var(ddof=1)) if known.size > 1 else 0.0
    return LedgerEntry(family=family, data=data, n_trials=int(first.size), variance=variance)
