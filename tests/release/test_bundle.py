"""The whole of `./run release` on a scratch repository, in its real environment."""

import hashlib
import json
import subprocess
import sys
import tarfile
import zipfile

import pytest

from tests.components import require_environment
from tests.release import tested
from tests.release.conftest import git, scratch_repository

pytestmark = pytest.mark.slow


def release(repository, *arguments):
    return subprocess.run(
        [require_environment(".venv-release"), "-m", "tests.release", *arguments],
        cwd=repository,
        env={"PYTHONPATH": str(repository), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    repository = scratch_repository(tmp_path_factory.mktemp("release") / "checkout")
    tested.remember(repository, git(repository, "rev-parse", "HEAD"))
    done = release(repository)
    assert done.returncode == 0, done.stderr
    return repository / "dist" / "hindcast-1.2.0"


def test_a_release_is_whole_and_says_what_it_is(made):
    repository = made.parent.parent
    facts = json.loads((made / "release.json").read_text())

    assert facts["version"] == "1.2.0"
    assert facts["commit"] == facts["tested"]["commit"] == git(repository, "rev-parse", "HEAD")
    assert facts["engine_version"] == "1.2.0+0123abcd"
    assert facts["schema"] == "0002_second"
    assert facts["python"] == f"{sys.version_info.major}.{sys.version_info.minor}"
    for name in ("haproxy/haproxy.cfg.j2", "docs/operations.md", "CHANGELOG.md"):
        assert (made / name).read_bytes() == (repository / name).read_bytes()
    assert [p.name for p in (repository / "dist").iterdir() if p.name.startswith(".")] == []


def test_the_checksums_cover_every_file_and_hold(made):
    checked = subprocess.run(
        ["sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS"], cwd=made, text=True
    )
    listed = {line.split("  ", 1)[1] for line in (made / "SHA256SUMS").read_text().splitlines()}
    files = {p.relative_to(made).as_posix() for p in made.rglob("*") if p.is_file()}

    assert checked.returncode == 0
    assert listed == files - {"SHA256SUMS"}


def test_the_archive_holds_the_same_under_one_folder(made):
    with tarfile.open(f"{made}.tar") as tar:
        members = {m.name: m for m in tar if m.isfile()}
        sums = tar.extractfile("hindcast-1.2.0/SHA256SUMS").read()

    assert sums == (made / "SHA256SUMS").read_bytes()
    assert {m.uname for m in members.values()} == {"root"}
    assert len(members) == sum(1 for p in made.rglob("*") if p.is_file())


def test_the_bill_of_materials_names_what_is_inside(made):
    bom = json.loads((made / "sbom.cdx.json").read_text())
    top = bom["metadata"]["component"]
    wheel = made / "wheelhouse" / "hindcast-1.2.0-py3-none-any.whl"

    assert (bom["bomFormat"], bom["specVersion"]) == ("CycloneDX", "1.6")
    assert top["purl"] == "pkg:pypi/hindcast@1.2.0"
    assert top["licenses"] == [{"license": {"id": "Apache-2.0"}}]
    assert top["hashes"] == [
        {"alg": "SHA-256", "content": hashlib.sha256(wheel.read_bytes()).hexdigest()}
    ]


def test_the_lock_installs_our_wheel_by_its_hash(made):
    lock = (made / "requirements.lock").read_text()
    wheel = made / "hindcast-1.2.0-py3-none-any.whl"

    assert f"--hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}" in lock
    with zipfile.ZipFile(wheel) as archive:
        assert "dataapi/store/migrations/0002_second.py" in archive.namelist()


def test_the_same_commit_gives_the_same_wheel_and_materials(made):
    def fingerprints():
        names = ("hindcast-1.2.0-py3-none-any.whl", "sbom.cdx.json", "requirements.lock")
        return [hashlib.sha256((made / name).read_bytes()).hexdigest() for name in names]

    first = fingerprints()

    assert release(made.parent.parent).returncode == 0
    assert fingerprints() == first


def test_a_laboratory_gets_several_versions_of_one_commit(repository):
    done = release(repository, "--untested", "--suffix", "lab1")
    made = repository / "dist" / "hindcast-1.2.0+lab1"
    facts = json.loads((made / "release.json").read_text())

    assert done.returncode == 0, done.stderr
    assert "NOT tested" in done.stdout
    assert (facts["version"], facts["tested"]) == ("1.2.0+lab1", None)


def test_a_refusal_is_one_line_and_leaves_nothing(repository):
    refused = release(repository)

    assert refused.returncode == 1
    assert refused.stderr.count("\n") == 1
    assert "No green `./run test` is on record" in refused.stderr
    assert not (repository / "dist").exists()


def test_a_product_that_does_not_work_is_no_release(repository):
    (repository / "engine" / "version.py").write_text('RELEASE = "1.2.0"\n1 / 0\n')
    git(repository, "commit", "-q", "-a", "-m", "Break it.")

    failed = release(repository, "--untested")

    assert failed.returncode == 1
    assert "The installed release does not work" in failed.stderr
    assert list((repository / "dist").iterdir()) == []
