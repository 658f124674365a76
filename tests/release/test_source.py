"""Only a clean, tested commit with the changelog's version becomes a release."""

import json

import pytest

from tests.release import source, tested
from tests.release.conftest import commit, git
from tests.release.errors import ReleaseError


def test_a_clean_tested_commit_is_taken_as_it_is(repository):
    head = git(repository, "rev-parse", "HEAD")
    tested.remember(repository, head)

    found = source.read(repository)

    assert (found.version, found.commit) == ("1.2.0", head)
    assert found.commit_s == int(git(repository, "show", "-s", "--format=%ct"))
    assert found.tested["commit"] == head
    assert found.tested["command"] == "./run test"
    assert found.tested["passed"] is True
    assert found.tested["at"].endswith("Z")


def test_an_untested_commit_is_refused_and_taken_for_a_laboratory(repository):
    with pytest.raises(ReleaseError, match=r"No green `\./run test` is on record"):
        source.read(repository)

    found = source.read(repository, allow_untested=True, suffix="lab2")

    assert (found.version, found.tested) == ("1.2.0+lab2", None)


def test_the_record_is_of_one_commit(repository):
    tested.remember(repository, git(repository, "rev-parse", "HEAD"))
    commit(repository, README="more\n")

    with pytest.raises(ReleaseError, match="No green"):
        source.read(repository)


def test_a_record_of_another_commit_under_its_name_proves_nothing(repository):
    head = git(repository, "rev-parse", "HEAD")
    place = tested.remember(repository, head)
    place.write_text(json.dumps({"commit": "0" * 40, "passed": True}))

    assert tested.recall(repository, head) is None


def test_worktrees_share_the_record(repository, tmp_path):
    head = git(repository, "rev-parse", "HEAD")
    git(repository, "worktree", "add", "-q", str(tmp_path / "other"), "--detach", head)
    tested.remember(repository, head)

    assert source.read(tmp_path / "other").tested["commit"] == head


@pytest.mark.parametrize("name", ["CHANGELOG.md", "not_known_yet.py"])
def test_files_that_differ_from_the_commit_are_refused(repository, name):
    tested.remember(repository, git(repository, "rev-parse", "HEAD"))
    (repository / name).write_text("## 1.2.0 (2026-02-03)\n")

    assert tested.clean_commit(repository) is None
    with pytest.raises(ReleaseError, match="git status"):
        source.read(repository, allow_untested=True)


def test_no_checkout_is_refused(tmp_path):
    with pytest.raises(ReleaseError, match="no git checkout"):
        source.read(tmp_path)


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"CHANGELOG.md": "## 1.3.0 (2026-03-01)\n## 1.2.0 (2026-02-03)\n"}, ["1.3.0", "leads"]),
        ({"engine__version.py": 'RELEASE = "1.1.0"\n'}, ["engine/version.py 1.1.0"]),
        ({"CHANGELOG.md": "# Changelog\n"}, ["no heading like"]),
        ({"CHANGELOG.md": "## 1.2.0 (unreleased)\n"}, ["does not say when", "## 1.2.0 (<date"]),
        ({"CHANGELOG.md": "## 1.2.0\n"}, ["does not say when"]),
    ],
)
def test_versions_that_disagree_are_refused_with_how_to_mend(repository, files, words):
    tested.remember(repository, commit(repository, **files))

    with pytest.raises(ReleaseError) as refused:
        source.read(repository)

    for word in words:
        assert word in str(refused.value)


def test_a_version_is_released_from_one_commit(repository):
    head = git(repository, "rev-parse", "HEAD")
    git(repository, "tag", "v1.2.0")
    tested.remember(repository, head)
    assert source.read(repository).version == "1.2.0"

    tested.remember(repository, commit(repository, README="more\n"))
    with pytest.raises(ReleaseError, match=rf"released from commit {head[:12]} \(tag v1\.2\.0\)"):
        source.read(repository)


@pytest.mark.parametrize(("untested", "suffix"), [(False, "lab1"), (True, "Lab_1"), (True, "a/b")])
def test_a_suffix_is_for_laboratories_and_plain(repository, untested, suffix):
    with pytest.raises(ReleaseError, match="--suffix"):
        source.read(repository, allow_untested=untested, suffix=suffix)
