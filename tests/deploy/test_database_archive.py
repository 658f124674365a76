"""The archive of the database's changes: it never loses one, and never passes one for another."""

import subprocess

import pytest

from tests.deploy.playbooks import templates

NAME = "000000010000000000000003"


@pytest.fixture
def archive(tmp_path):
    """Return what runs the tool of the database's host on an archive of its own."""
    (tmp_path / "archive").mkdir()
    tool = tmp_path / "postgres-archive"
    template = templates("postgres").get_template("postgres-archive.j2")
    tool.write_text(template.render(postgres_archive=tmp_path / "archive"))

    def run(*arguments):
        return subprocess.run(
            ["bash", tool, *map(str, arguments)], capture_output=True, text=True, timeout=30
        )

    return run


@pytest.fixture
def changes(tmp_path):
    """A file of changes, as large and as empty as the database makes them."""
    file = tmp_path / "changes"
    file.write_bytes(b"changes" + bytes(16 * 2**20 - 7))
    return file


def test_what_is_put_away_comes_back(archive, changes, tmp_path):
    assert archive("put", changes, NAME).returncode == 0
    assert archive("get", NAME, tmp_path / "back").returncode == 0

    assert (tmp_path / "back").read_bytes() == changes.read_bytes()


def test_the_same_changes_may_be_put_away_again(archive, changes):
    assert archive("put", changes, NAME).returncode == 0
    assert archive("put", changes, NAME).returncode == 0


def test_other_changes_of_the_same_name_are_refused_and_replace_nothing(archive, changes, tmp_path):
    other = tmp_path / "other"
    other.write_bytes(b"another database's")
    archive("put", changes, NAME)

    refused = archive("put", other, NAME)

    assert refused.returncode != 0
    assert f"{NAME}.gz holds other changes" in refused.stderr
    archive("get", NAME, tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == changes.read_bytes()


def test_what_was_never_put_away_is_read_where_it_was_written(archive, changes, tmp_path):
    log = tmp_path / "pg_wal"
    log.mkdir()
    changes.rename(log / NAME)

    assert archive("get", NAME, tmp_path / "back", log).returncode == 0
    assert (tmp_path / "back").read_bytes() == (log / NAME).read_bytes()
    assert not list((tmp_path / "archive").iterdir())


@pytest.mark.parametrize("folders", [(), (".",)])
def test_what_is_nowhere_is_said_to_be_nowhere(archive, tmp_path, folders):
    assert archive("get", NAME, tmp_path / "back", *folders).returncode != 0
    assert not (tmp_path / "back").exists()
