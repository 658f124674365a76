"""Jobs of the tests' own: counted blocks, and workers that do them."""

from __future__ import annotations

import threading
import time

from config.settings import load_settings
from dataapi.services.bundled_runs import service
from dataapi.services.job_context import Services
from dataapi.services.working import Worker
from dataapi.store.database import Connections
from dataapi.store.jobs import add_job

N_BLOCKS = 5
PATIENCE_S = 20.0


def queue(store, subject="s1", kind="count", **terms):
    """Queue a job as a service does, in a transaction of its own."""
    connections = Connections(store.url, max_connections=2)
    with connections.transaction() as database:
        job_id = add_job(database, kind, subject=subject, **terms)
    connections.close()
    return job_id


def worker_of(store, handlers, **changes):
    settings = load_settings({})
    terms = settings.worker.model_copy(update={"lease_s": 0.6, "poll_s": 0.01, **changes})
    settings = settings.model_copy(update={"worker": terms})
    return Worker(Services(runs=service(store, settings), settings=settings), handlers)


class Count:
    """A handler of N_BLOCKS blocks that notes which ones it did; `pause` runs before each."""

    def __init__(self, pause=lambda i_block, context: None):
        self.did = []
        self.found = None
        self.pause = pause

    def __call__(self, context):
        finished = context.blocks()
        self.found = sorted(finished)
        for i_block in range(N_BLOCKS):
            context.report(i_block, N_BLOCKS, "blocks", f"block {i_block}")
            if i_block not in finished:
                self.pause(i_block, context)
                self.did.append(i_block)
                context.put_block(i_block, b"%d" % i_block)
        return context.finish(lambda database: None)


def wait_for(condition, patience_s=PATIENCE_S):
    deadline = time.monotonic() + patience_s
    while not condition():
        assert time.monotonic() < deadline, "It did not happen."
        time.sleep(0.01)


def in_thread(work):
    thread = threading.Thread(target=work)
    thread.start()
    return thread
