"""The image of a bare Debian 12 host, built once and kept outside the checkout.

The hosts have no way out of their network, as production hosts need none: the packages that the
roles would install are in the image, their services disabled, so that a host is as bare as one that
has just been installed.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import shutil
import subprocess
from pathlib import Path

CACHE = Path("~/.cache/hindcast-lab").expanduser()
SUITE = "bookworm"
BASE = (
    "systemd systemd-sysv dbus sudo procps iproute2 iputils-ping openssh-server ca-certificates "
    "openssl curl acl zstd rsync logrotate nftables chrony unattended-upgrades "
    "python3 python3-venv python3-apt libgomp1"
)
SERVICES = (
    "certbot haproxy keepalived postgresql postgresql-client prometheus prometheus-alertmanager "
    "prometheus-node-exporter prometheus-postgres-exporter"
)
# To set a process's clock wrong: guests may not set their own.
INSTRUMENTS = "libfaketime"
PACKAGES = tuple(sorted(f"{BASE} {SERVICES} {INSTRUMENTS}".split()))
DISABLED = (
    "certbot.timer haproxy keepalived postgresql prometheus prometheus-alertmanager "
    "prometheus-node-exporter prometheus-postgres-exporter nftables"
)


class ImageError(Exception):
    """The image could not be built; the message has mmdebstrap's own words."""


def recipe(packages: tuple[str, ...] = PACKAGES) -> dict[str, object]:
    """Return everything that decides what is in the image."""
    return {
        "suite": SUITE,
        "packages": sorted(packages),
        "disabled": DISABLED,
        "hooks": _hooks(),
    }


def name_of(recipe: dict[str, object]) -> str:
    """Return the name of the image that a recipe makes: the same for the same recipe."""
    text = json.dumps(recipe, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def ready_image(cache: Path = CACHE) -> Path:
    """Return the image's root directory, built when there is none of this recipe.

    Raises
    ------
    ImageError
        If mmdebstrap fails.
    """
    wanted = recipe()
    place = cache / name_of(wanted)
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "building.lock").open("w") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        if not place.exists():
            _build(place, wanted)
    return place


def _build(place: Path, wanted: dict[str, object]) -> None:
    """Build beside the place and rename at the end, so that half an image is never used."""
    unfinished = place.with_suffix(".unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    packages = ",".join(PACKAGES)
    hooks = [f"--customize-hook={hook}" for hook in _hooks()]
    built = subprocess.run(
        ["mmdebstrap", "--variant=minbase", f"--include={packages}", *hooks, SUITE, unfinished],
        capture_output=True,
        text=True,
    )
    if built.returncode != 0:
        raise ImageError(f"mmdebstrap failed with {built.returncode}:\n{built.stderr[-4000:]}")
    unfinished.rename(place)
    (place.with_suffix(".json")).write_text(json.dumps(wanted, indent=2) + "\n")


def _hooks() -> list[str]:
    """Return what is done in the finished root (`$1`); each host gets keys and a name later."""
    return [
        f'systemctl --quiet --root="$1" disable {DISABLED}',
        'rm -f "$1"/etc/ssh/ssh_host_*_key*',
        ': > "$1/etc/machine-id"',
        'echo bare > "$1/etc/hostname"',
    ]
