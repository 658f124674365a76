"""What an operator hands to the playbooks, refused before any change: releases and certificates."""

import pytest

from tests.deploy.playbooks import NAMED, ONE, inventory, play, release
from tests.lab.certificates import Authority

UNTESTED = {"tested": None}
OTHER_PYTHON = {"python": "2.7"}
BAD_RELEASES = {
    "no version": ({}, {"version": ""}, "Say which release: -e version=1.2.3"),
    "a version that is not there": ({}, {"version": "1.2.4", "release_dir": ""}, "There is no "),
    "another version": ({}, {"version": "1.2.4"}, "holds 1.2.3, not 1.2.4"),
    "untested": (UNTESTED, {}, "No green tests are on record for 1.2.3"),
    "for another Python": (OTHER_PYTHON, {}, "the release was built for 2.7"),
    "not signed": (
        {},
        {"hindcast_release_signers": "ann ssh-ed25519 AAAA"},
        ".tar.sig is no signature by one of hindcast_release_signers",
    ),
    "not the installed one": (
        {},
        {"release_stays": True, "hindcast_current": "installed"},
        "Installed is 1.2.2, and site.yml leaves it there: run deploy.yml -e version=1.2.3",
    ),
}


@pytest.mark.parametrize("case", BAD_RELEASES, ids=str)
def test_a_release_that_cannot_be_installed_is_refused_before_any_change(tmp_path, case):
    facts, variables, message = BAD_RELEASES[case]
    (tmp_path / "installed").symlink_to("releases/1.2.2")
    given = {**release(tmp_path, **facts), "hindcast_current": "none", **variables}
    given["hindcast_current"] = str(tmp_path / given["hindcast_current"])

    done = play("preflight.yml", inventory(tmp_path, ONE, **NAMED), **given)

    assert done.returncode == 2, done.stdout
    assert message in " ".join(done.stdout.split())
    assert "changed=0" in done.stdout


def test_a_deploy_without_a_version_is_refused_before_any_change(tmp_path):
    (tmp_path / "installed").symlink_to("releases/1.2.2")
    installed = {"hindcast_current": str(tmp_path / "installed")}

    done = play("deploy.yml", inventory(tmp_path, ONE, **NAMED), "--check", **installed)

    assert done.returncode == 2, done.stdout
    assert "Say which release: -e version=1.2.3" in " ".join(done.stdout.split())
    assert "changed=0" in done.stdout


def test_a_release_whose_files_changed_is_refused(tmp_path):
    made = release(tmp_path)
    (tmp_path / "hindcast-1.2.3" / "requirements.lock").write_text("evil==6.6.6\n")

    done = play("preflight.yml", inventory(tmp_path, ONE, **NAMED), **made)

    assert done.returncode == 2, done.stdout
    assert "requirements.lock: FAILED" in done.stdout


def test_settings_change_without_the_release_at_hand(tmp_path):
    (tmp_path / "installed").symlink_to("releases/1.2.2")
    file = inventory(tmp_path, ONE, **NAMED)

    done = play(
        "preflight.yml", file, release_stays=True, hindcast_current=str(tmp_path / "installed")
    )

    assert done.returncode == 0, done.stdout


NAME = NAMED["hindcast_public_name"]
BAD_CERTIFICATES = {
    "has ended": (NAME, True, NAME, "haproxy_certificate ended: notAfter="),
    "of another name": ("other.example.org", False, "other.example.org", f"is not for {NAME}"),
    "with another key": (NAME, False, "other.example.org", "does not fit its private key"),
}


def certificate(folder, name=NAME, *, has_expired=False, key_of=NAME):
    """Return a certificate of that name, with the key of one or the other."""
    authority = Authority(folder / "authority")
    authority.create()
    for each in {name, key_of}:
        authority.sign(each, [f"DNS:{each}"], has_expired=has_expired)
    files = (f"{name}.crt", f"{key_of}.key")
    return "".join((authority.directory / file).read_text() for file in files)


@pytest.mark.parametrize("case", BAD_CERTIFICATES, ids=str)
def test_a_certificate_that_cannot_be_used_is_refused(tmp_path, case):
    name, has_expired, key_of, message = BAD_CERTIFICATES[case]
    given = certificate(tmp_path, name, has_expired=has_expired, key_of=key_of)

    done = play("preflight.yml", inventory(tmp_path, ONE, **NAMED), haproxy_certificate=given)

    assert done.returncode == 2, done.stdout
    assert message in " ".join(done.stdout.split())
    assert "PRIVATE KEY" not in done.stdout


def test_a_restore_that_the_store_cannot_do_is_refused_while_everything_runs(tmp_path):
    one = play("restore.yml", inventory(tmp_path, ONE, **NAMED), "--check", until="2026-01-31")
    several = inventory(tmp_path, {**ONE, "postgres": ["h1"]}, **NAMED)
    many = play("restore.yml", several, "--check", backup="/srv/hindcast.db")

    for done, message in ((one, "The store is SQLite: "), (many, "it takes no -e backup")):
        assert done.returncode == 2, done.stdout
        assert message in " ".join(done.stdout.split())
        assert "changed=0" in done.stdout


def test_a_certificate_that_fits_is_taken(tmp_path):
    variables = {**release(tmp_path), "haproxy_certificate": certificate(tmp_path)}

    done = play("preflight.yml", inventory(tmp_path, ONE, **NAMED), **variables)

    assert done.returncode == 0, done.stdout
