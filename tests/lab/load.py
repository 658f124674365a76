"""Visitors: so many at a time, each asking, reading the whole answer, and pausing; none retries.

`python -m tests.lab.load PLAN RECORDS` visits until SIGTERM or the plan's limit and writes one JSON
line a request. Run it beside the lab's bridge. Half of the visitors keep their connection, the
others open a new one for each request, as crowds of browsers and of scripts do. Each has an
address of its own, so that the balancer's limits hold as in production.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import signal
import ssl
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO

import httpx

from tests.lab.accounting import Record

ANSWER_TIMEOUT_S = 15.0
# Shorter than the balancer waits, so that it is not met closing.
KEEP_ALIVE_S = 5.0


@dataclass(frozen=True)
class Kind:
    """What one kind of visitor does: how many there are, and how long they pause."""

    name: str
    visitors: int
    pause_s: float


KINDS = (
    Kind("page", visitors=4, pause_s=0.5),
    Kind("callback", visitors=4, pause_s=0.8),
    Kind("api", visitors=6, pause_s=0.4),
    Kind("post new", visitors=4, pause_s=5.0),
    Kind("post same", visitors=2, pause_s=1.0),
)


@dataclass(frozen=True)
class Plan:
    """Whom to visit.

    Attributes
    ----------
    url : str
        The site.
    authority : str
        File with the certificate of the authority that signed the site's.
    runs : list of str
        Runs that are there.
    sources : list of str
        Addresses of ours, one a visitor.
    limit_s : float
        When to stop without being told.
    mark : int
        Makes the new runs of this load different from those of any other.
    """

    url: str
    authority: str
    runs: list[str]
    sources: list[str]
    limit_s: float
    mark: int
    kinds: list[Kind] = field(default_factory=lambda: list(KINDS))


@dataclass(frozen=True)
class Visit:
    """One request, and how its answer is judged."""

    method: str
    path: str
    judge: Callable[[httpx.Response], str]
    body: dict[str, object] | None = None


def visits(kind: str, plan: Plan, visitor: int) -> Iterator[Visit]:
    """Return what a visitor asks for, one after the other, without end."""
    runs = itertools.cycle(plan.runs[visitor % len(plan.runs) :] + plan.runs)
    if kind == "page":
        paths = ("/", "/runs/{run}", "/new", "/sweeps")
        return (Visit("GET", p.format(run=next(runs)), judge_page) for p in itertools.cycle(paths))
    if kind == "callback":
        paths = ("/", "/runs/{run}")
        return (show_page(p.format(run=next(runs))) for p in itertools.cycle(paths))
    if kind == "api":
        paths = ("/runs?limit=20", "/runs/{run}", "/series", "/runs/{run}/statistics")
        return (
            Visit("GET", f"/api/v1{p.format(run=next(runs))}", judge_json)
            for p in itertools.cycle(paths)
        )
    if kind == "post new":
        numbers = itertools.count(plan.mark * 1_000_000 + visitor * 10_000)
        return (Visit("POST", "/api/v1/runs", judge_run, configuration(n)) for n in numbers)
    same = configuration(plan.mark * 1_000_000 + 999_999)
    return (Visit("POST", "/api/v1/runs", judge_run, same) for _ in itertools.count())


def configuration(number: int) -> dict[str, object]:
    """Return a small run that is another one for each number: its cash says which."""
    strategy = {"name": "sma_cross", "params": {"fast": 10, "slow": 30}}
    return {"symbols": ["AAPL"], "strategy": strategy, "cash": 10_000.0 + number / 100.0}


def show_page(path: str) -> Visit:
    """Return the callback by which a browser fills a page."""
    route = {"id": "route", "property": "data", "value": {"path": path, "search": ""}}
    body = {
        "output": "..page.children...title.data..",
        "outputs": [
            {"id": "page", "property": "children"},
            {"id": "title", "property": "data"},
        ],
        "inputs": [route],
        "changedPropIds": ["route.data"],
    }
    return Visit("POST", "/_dash-update-component", judge_callback, body)


def judge_page(answer: httpx.Response) -> str:
    """Return what is wrong with a page; nothing when it is whole."""
    if answer.status_code != 200:
        return f"status {answer.status_code}"
    return "" if answer.text.rstrip().endswith("</html>") else "not a whole page"


def judge_callback(answer: httpx.Response) -> str:
    """Return what is wrong with a filled page, such as that it shows an error."""
    if answer.status_code != 200:
        return f"status {answer.status_code}"
    if "did not load" in answer.text:
        return "the page says that it did not load"
    return "" if "response" in answer.json() else "not a callback's answer"


def judge_json(answer: httpx.Response) -> str:
    """Return what is wrong with a document."""
    if answer.status_code != 200:
        return f"status {answer.status_code}"
    return "" if answer.json() else "an empty document"


def judge_run(answer: httpx.Response) -> str:
    """Return what is wrong with the answer to a submission."""
    if answer.status_code not in {200, 201}:
        return f"status {answer.status_code}"
    return "" if answer.json().get("id") else "a run without its id"


class Visitor:
    """Asks one thing after the other."""

    def __init__(self, plan: Plan, kind: Kind, number: int, records: IO[str]) -> None:
        self.plan = plan
        self.kind = kind
        self.number = number
        self.records = records
        self.trusted = ssl.create_default_context(cafile=plan.authority)
        self.kept = self._client() if number % 2 else None

    def _client(self) -> httpx.AsyncClient:
        source = self.plan.sources[self.number % len(self.plan.sources)]
        limits = httpx.Limits(keepalive_expiry=KEEP_ALIVE_S)
        transport = httpx.AsyncHTTPTransport(
            verify=self.trusted, local_address=source, limits=limits
        )
        return httpx.AsyncClient(
            base_url=self.plan.url, transport=transport, timeout=ANSWER_TIMEOUT_S, trust_env=False
        )

    async def visit(self, stopped: asyncio.Event) -> None:
        """Ask until told to stop; the request at hand is finished."""
        await pause(stopped, self.kind.pause_s * self.number / 10.0 % self.kind.pause_s)
        for asked in visits(self.kind.name, self.plan, self.number):
            if stopped.is_set():
                break
            record = await self._ask(asked)
            self.records.write(json.dumps(asdict(record)) + "\n")
            await pause(stopped, self.kind.pause_s)
        if self.kept is not None:
            await self.kept.aclose()

    async def _ask(self, asked: Visit) -> Record:
        started = time.monotonic()
        status, error, run = 0, "", ""
        try:
            answer = await self._answer(asked)
            status, error = answer.status_code, asked.judge(answer)
            if asked.judge is judge_run and not error:
                run = answer.json()["id"]
        except (httpx.HTTPError, ValueError) as failure:
            error = type(failure).__name__
        ended = time.monotonic()
        return Record(self.kind.name, asked.method, started, ended, status, error, run)

    async def _answer(self, asked: Visit) -> httpx.Response:
        if self.kept is not None:
            return await self.kept.request(asked.method, asked.path, json=asked.body)
        async with self._client() as once:
            return await once.request(asked.method, asked.path, json=asked.body)


async def pause(stopped: asyncio.Event, seconds: float) -> None:
    """Wait, unless told to stop before."""
    ended: Awaitable[bool] = stopped.wait()
    try:
        await asyncio.wait_for(ended, seconds)
    except TimeoutError:
        return


async def visit_all(plan: Plan, records: IO[str]) -> None:
    """Let all visitors in until SIGTERM or the plan's limit."""
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    asyncio.get_running_loop().call_later(plan.limit_s, stopped.set)
    kinds = [kind for kind in plan.kinds for _ in range(kind.visitors)]
    visitors = [Visitor(plan, kind, i, records) for i, kind in enumerate(kinds)]
    async with asyncio.TaskGroup() as group:
        for visitor in visitors:
            group.create_task(visitor.visit(stopped))


def read_plan(file: Path) -> Plan:
    """Return the plan that `write_plan` has written."""
    document = json.loads(file.read_text())
    return Plan(**{**document, "kinds": [Kind(**kind) for kind in document["kinds"]]})


def write_plan(plan: Plan, file: Path) -> None:
    """Write a plan for the process that visits."""
    file.write_text(json.dumps(asdict(plan)))


def main(plan: str, records: str) -> None:
    """Visit as planned."""
    with Path(records).open("w", buffering=1) as out:
        asyncio.run(visit_all(read_plan(Path(plan)), out))


if __name__ == "__main__":
    main(*sys.argv[1:])
