"""`sweep`: one run at every combination of its parameters' values, without a server."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any, get_args

from pydantic import ValidationError

from config.settings import Settings
from config.sweep import Objective, SweepConfig
from dataapi.cli import CommandError, UsageError
from dataapi.cli.commands import add_command
from dataapi.cli.opening import opened_runs
from dataapi.cli.options import add_run_options, run_config
from dataapi.cli.printing import Document, metric_text, print_json

if TYPE_CHECKING:
    from dataapi.services.runs import Runs

N_SHOWN = 10
TOP_METRICS = (
    ("sharpe", "Sharpe"),
    ("total_return", "total return"),
    ("max_drawdown", "max DD"),
    ("trades", "trades"),
)


def add_commands(subparsers: Any) -> None:
    """Add `sweep` to the command line."""
    sweep = add_command(subparsers, "sweep", _sweep, "a strategy at many parameters")
    add_sweep_options(sweep)


def add_sweep_options(parser: argparse.ArgumentParser) -> None:
    """Add what everything that tries many combinations can be asked for."""
    add_run_options(parser)
    parser.add_argument(
        "--objective", choices=get_args(Objective), default="sharpe", help="what makes one best"
    )
    parser.add_argument(
        "--constraint",
        action="append",
        default=[],
        metavar="'fast < slow'",
        help="leave others out",
    )
    parser.add_argument("--random", type=int, metavar="N", help="try so many, drawn at random")
    parser.add_argument("--seed", type=int, default=0, help="of the drawing (0)")
    parser.add_argument("--executor", choices=("local", "dask"), help="where it is computed")
    parser.add_argument("--threads", type=int, metavar="N", help="of this machine (all)")


def sweep_values(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the SweepConfig that the options ask for, as a mapping.

    Raises
    ------
    UsageError
        If no parameter is an axis, or an option is wrong.
    """
    if arguments.threads is not None and arguments.threads < 1:
        raise UsageError(f"Expected --threads of at least 1, was {arguments.threads}.")
    axes, fixed = _axes(arguments.param)
    if not axes:
        raise UsageError("Which parameters vary? Give one as an axis, for example -p fast=2..60.")
    arguments.param = fixed
    return {
        "run": run_config(arguments),
        "axes": axes,
        "constraints": arguments.constraint,
        "objective": arguments.objective,
        "random": arguments.random,
        "seed": arguments.seed,
    }


def validated(model: type[Any], values: dict[str, Any]) -> Any:
    """Return the configuration of some values, or refuse them."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        from dataapi.problems import from_validation

        raise UsageError(from_validation(error).detail) from None


def carried_out(
    runs: Runs, settings: Settings, arguments: argparse.Namespace, document: Document
) -> None:
    """Do the job of a sweep or walk-forward that is not done yet.

    Raises
    ------
    CommandError
        If it was cancelled or failed.
    """
    from dataapi.cli.watching import do_job

    if document["status"] == "done":
        return
    job = do_job(runs, settings, document["job"]["id"], threads=arguments.threads)
    if job.state == "failed":
        raise CommandError(job.error or "The job failed.")
    if job.state == "cancelled":
        raise CommandError(
            f"Cancelled at {job.progress:.0%}: what is finished is kept, and the same command goes "
            "on from there."
        )


def _axes(given: list[str]) -> tuple[dict[str, str], list[str]]:
    """Return the axes among `-p name=value`, and the parameters that stay as they are."""
    axes, fixed = {}, []
    for text in given:
        name, _, value = text.partition("=")
        # Weights such as AAPL:0.6,MSFT:0.4 are one value.
        if ".." in value or ("," in value and ":" not in value):
            axes[name] = value
        else:
            fixed.append(text)
    return axes, fixed


def _sweep(arguments: argparse.Namespace, settings: Settings) -> int:
    config = validated(SweepConfig, sweep_values(arguments))
    with opened_runs(settings) as runs:
        from dataapi.services.sweeps import Sweeps

        sweeps = Sweeps(runs)
        found = sweeps.estimate(config)
        print(estimate_text(found, settings, arguments.executor), file=sys.stderr)
        submitted = sweeps.submit(config, executor=arguments.executor)
        carried_out(runs, settings, arguments, submitted.document)
        document = sweeps.document(submitted.document["id"])
        if arguments.json:
            from dataapi.wire import json_columns

            points = json_columns(sweeps.points(document["id"], is_final=True))
            print_json({**document, "points": points})
            return 0
    _print_sweep(document)
    is_stored = submitted.document["status"] == "done"
    print("Stored already: answered from there." if is_stored else "Computed and stored.")
    return 0


def estimate_text(found: Document, settings: Settings, executor: str | None) -> str:
    """Return what something will take, in a line, and what is to be said of its axes."""
    from dataapi.executors import threads_of
    from dataapi.services.studies import on_threads

    found = on_threads(found, threads_of(executor, settings.worker))
    n_cores = found["threads"] or 1
    cores = "one core" if n_cores == 1 else f"{n_cores} cores"
    duration = seconds_text(found["wall_seconds"] or found["seconds"])
    combinations = f"{found['n_points']:,} combinations"
    if found["n_points"] != found["n_product"]:
        combinations = f"{found['n_points']:,} of {found['n_product']:,} combinations"
    engine = f"by the event engine ({found['reason']})" if found["reason"] else ""
    text = (
        f"{combinations}, about {duration} on {cores}, "
        f"{found['memory_bytes'] / 1e6:,.0f} MB {engine}".rstrip()
    )
    lines = [f"{text}; {found['distinct_trials_before']:,} tried before."]
    return "\n".join([*lines, *found["notes"]])


def seconds_text(seconds: float) -> str:
    """Return a duration as a person says it."""
    if seconds < 1.0:
        return "a second"
    return f"{seconds:,.0f} s" if seconds < 120.0 else f"{seconds / 60.0:,.0f} min"


def _print_sweep(document: Document) -> None:
    names = list(document["axes"])
    best = document["best"]
    if best is None:
        print(f"No combination has a {document['objective']}: none traded.")
    else:
        print(f"Best {document['objective']}: {params_text(best['params'])}\n")
        _print_top(document["top"][:N_SHOWN], names)
    print()
    print(f"PBO     {share_text(document['pbo'])}")
    print(f"DSR     {share_text(document['dsr'])} at {document['trials']:,} trials")
    suggestion = document["plateau"]["suggestion"]
    if suggestion is not None:
        score = metric_text(document["objective"], suggestion["score"])
        print(f"Plateau {params_text(suggestion['params'])} (median around it {score})")
    for edge in document["edges"]:
        print(f"Edge    {edge['detail']}")
    print(f"\nid      {document['id']}\nurl     {document['url']}")
    if best is not None and best["run_url"]:
        print(f"run     {best['run_url']}")


def _print_top(top: list[Document], names: list[str]) -> None:
    header = [f"{name:>{_width(name)}}" for name in names]
    print("  ".join([*header, *(f"{label:>14}" for _, label in TOP_METRICS)]))
    for point in top:
        params = [f"{point['params'][name]!s:>{_width(name)}}" for name in names]
        metrics = [f"{metric_text(name, point['metrics'][name]):>14}" for name, _ in TOP_METRICS]
        print("  ".join([*params, *metrics]))


def _width(name: str) -> int:
    return max(len(name), 10)


def params_text(params: Document) -> str:
    """Return the parameters of a combination in a line."""
    return " ".join(f"{name}={value}" for name, value in params.items())


def share_text(value: float | None) -> str:
    """Return a probability in percent."""
    return "–" if value is None else f"{100.0 * value:.1f} %"
