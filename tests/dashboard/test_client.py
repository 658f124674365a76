"""The dashboard's caches over the API's client, and what it answers when the API is down."""

from typing import Any

import pytest
from flask import Flask
from flask_caching import Cache

from dashboard.client import Api, ApiRejected, ApiUnavailable, answered


class FakeClient:
    """Counts the calls; `down` makes every one fail."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.down = False

    def __getattr__(self, name: str) -> Any:
        def call(*args: Any, **query: Any) -> Any:
            if self.down:
                raise ApiUnavailable("The data API does not answer.")
            self.calls.append(name)
            return {"n": len(self.calls), "args": list(args)}

        return call


@pytest.fixture
def parts() -> Any:
    server = Flask("test")
    cache = Cache(server, config={"CACHE_TYPE": "SimpleCache", "CACHE_DEFAULT_TIMEOUT": 3600})
    client = FakeClient()
    with server.test_request_context():
        yield client, Api(client, cache, brief_s=60.0)  # type: ignore[arg-type]


def test_a_finished_run_is_asked_for_once(parts: Any) -> None:
    client, api = parts

    assert api.statistics("a") == api.statistics("a")
    assert client.calls == ["statistics"]
    assert answered().layers == ["dashboard-cache"]


def test_other_arguments_are_another_answer(parts: Any) -> None:
    client, api = parts

    api.statistics("a")
    api.statistics("a", "2005-01-01")
    api.equity("a", points=500)
    api.equity("a", points=600)

    assert len(client.calls) == 4


def test_a_change_makes_lists_be_asked_for_again(parts: Any) -> None:
    client, api = parts

    api.runs(limit=5)
    api.runs(limit=5)
    api.patch_run("a", starred=True)
    api.runs(limit=5)

    assert client.calls == ["runs", "patch_run", "runs"]


def test_a_fresh_list_is_never_from_the_cache(parts: Any) -> None:
    client, api = parts

    api.runs(limit=5)
    api.runs(limit=5, fresh=True)

    assert client.calls == ["runs", "runs"]


def test_an_old_list_is_better_than_none(parts: Any) -> None:
    client, api = parts
    first = api.runs(limit=5)
    assert answered().stale_since is None

    client.down = True

    assert api.runs(limit=5, fresh=True) == first
    assert answered().stale_since is not None


def test_without_an_old_answer_the_failure_is_said(parts: Any) -> None:
    client, api = parts
    client.down = True

    with pytest.raises(ApiUnavailable):
        api.runs(limit=5)


def test_a_refusal_is_not_papered_over_by_an_old_answer(parts: Any) -> None:
    client, api = parts
    api.runs(limit=5)

    def refuse(**query: Any) -> Any:
        raise ApiRejected({"status": 422, "detail": "Expected a limit ≥ 1."})

    client.runs = refuse
    with pytest.raises(ApiRejected):
        api.runs(limit=5, fresh=True)


def test_the_slowest_layer_is_the_one_that_is_named() -> None:
    record = answered()
    record.layers += ["dashboard-cache", "store", "api-cache", ""]

    assert record.layer == "store"
