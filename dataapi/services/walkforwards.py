"""Walk-forwards and cross-validations: asked for, watched window by window, kept."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from config.sweep import WalkForwardConfig
from dataapi.services.curves import Columns, part, thinned
from dataapi.services.documents import Document
from dataapi.services.ledger import ledger_of
from dataapi.services.runs import Runs
from dataapi.services.studies import Studies, asked_part
from dataapi.services.sweep_inputs import SweepInputs, gather_sweep
from dataapi.services.window_blocks import decode_window
from dataapi.store import NewTrials, Store, StoredStudy, data_of, family_of, trial_hashes
from engine.sweeps.axes import resolve_points
from engine.walkforward import WindowResult, estimate_walkforward, prepare_walkforward

WINDOW_FIELDS = ("method", "in_sample", "out_of_sample", "anchored")
FOLD_FIELDS = ("method", "n_folds", "n_test_folds", "purge", "embargo")
CURVES = ("equity", "benchmark")
RESULTS = ("stitched", "efficiency", "efficiency_detail", "stability")
FOLD_RESULTS = (
    "paths",
    "distribution",
    "probability_of_loss",
    "in_sample_sharpe",
    "out_of_sample_sharpe",
)
"""What a document has only when it is done, of windows and of folds."""


class WalkForwards(Studies[WalkForwardConfig]):
    """Everything that can be asked about walk-forwards and cross-validations."""

    def __init__(self, runs: Runs) -> None:
        super().__init__(runs, "walkforward")

    def estimate(self, config: WalkForwardConfig) -> Document:
        """Return what all windows will take, and how many trials were made before."""
        inputs = self.gather(config)
        found = estimate_walkforward(inputs.run.bars, inputs.config)
        return {
            "n_windows": found.n_windows,
            "seconds": found.seconds,
            "memory_bytes": found.memory_bytes,
            "engine": found.engine,
            "reason": found.reason,
            **self.before(inputs),
        }

    def gather(self, config: WalkForwardConfig) -> SweepInputs[WalkForwardConfig]:
        """Return what it is made from; what its method does not use is as by default."""
        used = WINDOW_FIELDS if config.method == "walk_forward" else FOLD_FIELDS
        defaults = WalkForwardConfig.model_fields
        unused = {*WINDOW_FIELDS, *FOLD_FIELDS} - set(used)
        plain = {name: defaults[name].default for name in unused}
        return gather_sweep(self.runs, config.model_copy(update=plain))

    def _asked(self, inputs: SweepInputs[WalkForwardConfig]) -> Document:
        # The windows, not yet chosen in.
        prepared = prepare_walkforward(inputs.run.bars, inputs.config)
        estimated = estimate_walkforward(inputs.run.bars, inputs.config)
        empty = dict.fromkeys(("params", "in_sample_metrics", "out_of_sample_metrics"))
        windows = [{"i": split.i, **prepared.told(split), **empty} for split in prepared.windows]
        return {
            **asked_part(inputs, estimated.engine, estimated.reason),
            "method": inputs.config.method,
            "windows": windows,
        }

    def _document(self, stored: StoredStudy) -> Document:
        stored, job = self.settled(stored)
        head = self.head(stored, job)
        entry = ledger_of(self.store, stored.document["config"]["run"])
        links = {name: f"/api/v1/walkforwards/{stored.id}/{name}" for name in ("equity", "trades")}
        common = {**head, "n_windows": len(head["windows"]), "trials": entry.n_trials}
        if stored.result is not None:
            n_done = len(head["windows"])
            return {**common, "n_done": n_done, **stored.result, "links": links}
        done = {} if job is None else finished_windows(self.store, job.id)
        windows = [
            done[i].document if i in done else window for i, window in enumerate(head["windows"])
        ]
        return {
            **common,
            "n_done": len(done),
            "windows": windows,
            **dict.fromkeys((*results_of(stored), "timing")),
            "links": links,
        }

    def equity(
        self, study_id: str, from_ms: int | None, to_ms: int | None, points: int | None
    ) -> Columns:
        """Return the stitched out-of-sample account, or the paths of folds.

        The paths have at most 120 rows, whatever is asked for.

        Raises
        ------
        NotStoredError
            If there is no such study.
        Conflict
            If it is not done.
        """
        selected = part(self._table(study_id, "equity"), from_ms, to_ms)
        return thinned(selected, points, CURVES) if "equity" in selected else selected

    def trades(self, study_id: str) -> Columns:
        """Return the out-of-sample trades of all windows; errors are those of `equity`."""
        return self._table(study_id, "trades")

    def _table(self, study_id: str, kind: str) -> Columns:
        stored = self.studies.get(study_id)
        if stored.result is None:
            raise self.unfinished(stored, "Its document shows the windows that are.")
        return dict(self.studies.table(study_id, kind))

    def count_tried(self, stored: StoredStudy) -> None:
        """Put what the finished windows of an unfinished walk-forward tried into the ledger."""
        job = self.job_of(stored)
        done = {} if job is None else finished_windows(self.store, job.id)
        if done:
            self.store.trials.put(window_trials(stored, list(done.values())))


def results_of(stored: StoredStudy) -> tuple[str, ...]:
    """Return the names of what a study's result has."""
    return RESULTS if stored.document["method"] == "walk_forward" else FOLD_RESULTS


def finished_windows(store: Store, job_id: int) -> dict[int, WindowResult]:
    """Return the windows that a job has finished so far."""
    return {i: decode_window(data) for i, data in store.jobs.blocks(job_id).items()}


def window_trials(stored: StoredStudy, results: Sequence[WindowResult]) -> NewTrials:
    """Return the combinations of a walk-forward as trials of the ledger.

    Each counts once, however many windows it was tried in, with the mean of its in-sample Sharpe
    ratios; a run or a sweep over the whole period knows better.
    """
    points = resolve_points(WalkForwardConfig.model_validate(stored.document["config"]))
    run = stored.document["config"]["run"]
    params = {**run["strategy"]["params"], **points.columns}
    total, count = np.zeros(points.n_points), np.zeros(points.n_points)
    for result in results:
        if result.trial_sharpe is not None:
            is_known = np.isfinite(result.trial_sharpe)
            total[is_known] += result.trial_sharpe[is_known]
            count += is_known
    mean = np.full(points.n_points, np.nan)
    np.divide(total, count, out=mean, where=count > 0)
    return NewTrials(
        family=family_of(run),
        data=data_of(run),
        source_kind="walkforward",
        source_id=stored.id,
        hashes=trial_hashes(run, params, points.n_points),
        sharpe=mean,
    )
