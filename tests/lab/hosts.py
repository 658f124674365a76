"""Hosts that boot with systemd, each on an overlay over the image, in a namespace of its own.

systemd-nspawn needs a cgroup2 tree, which some machines do not have where it looks for it: each
host gets a mount namespace with one. A guest is ended through its own PID 1; ending systemd-nspawn
would leave the guest behind.
"""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

from tests.lab import network

BOOT_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 40.0
POLL_S = 0.1
# What systemd takes for "power off" as PID 1 of a container.
POWER_OFF = signal.SIGRTMIN + 4
CAPABILITIES = "CAP_NET_ADMIN,CAP_NET_RAW"


class HostError(Exception):
    """A host did not boot, answer or stop; the message has its last words."""


@dataclass
class Host:
    """One machine of the lab.

    Attributes
    ----------
    name, address : str
        As in the inventory.
    directory : pathlib.Path
        Its overlay and the log of its console.
    key, known_hosts : pathlib.Path
        By which it is reached.
    """

    name: str
    address: str
    directory: Path
    key: Path
    known_hosts: Path
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def machine(self) -> str:
        """Return the name of the container, by which a forgotten one is found."""
        return network.namespace_of(self.name)

    @property
    def console(self) -> Path:
        """Return the file with what the host says while it boots and ends."""
        return self.directory / "console.log"

    def prepare(self) -> None:
        """Give the host its name and its ssh keys, as an installer does."""
        etc = self.directory / "upper" / "etc"
        (etc / "ssh").mkdir(parents=True)
        for folder in ("work", "root"):
            (self.directory / folder).mkdir()
        (etc / "hostname").write_text(f"{self.name}\n")
        (etc / "hosts").write_text(f"127.0.0.1 localhost\n127.0.1.1 {self.name}\n")
        host_key = etc / "ssh" / "ssh_host_ed25519_key"
        make_key(host_key)
        public = host_key.with_suffix(".pub").read_text().split()[:2]
        with self.known_hosts.open("a") as known:
            known.write(f"{self.address} {' '.join(public)}\n")
        ssh = self.directory / "upper" / "root" / ".ssh"
        ssh.mkdir(parents=True, mode=0o700)
        ssh.parent.chmod(0o700)
        (ssh / "authorized_keys").write_text(self.key.with_suffix(".pub").read_text())

    def boot(self, image: Path) -> None:
        """Start the host; `wait` until it answers."""
        script = _boot_script(image, self.directory, self.name, self.machine)
        with self.console.open("ab") as console:
            self.process = subprocess.Popen(
                ["unshare", "--mount", "--propagation", "private", "sh", "-ec", script],
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
                start_new_session=True,
            )

    def wait(self) -> None:
        """Wait until the host answers ssh and has started everything.

        Raises
        ------
        HostError
            If it ends or does not answer in time.
        """
        deadline = time.monotonic() + BOOT_TIMEOUT_S
        while True:
            if self.process is not None and self.process.poll() is not None:
                raise HostError(f"{self.name} ended while it booted:\n{self.last_words()}")
            state = self.ssh("systemctl is-system-running", check=False).stdout.strip()
            if state in {"running", "degraded"}:
                return
            if time.monotonic() > deadline:
                raise HostError(f"{self.name} did not boot (state {state}):\n{self.last_words()}")
            time.sleep(POLL_S)

    def last_words(self) -> str:
        """Return the end of what the console said."""
        return self.console.read_text(errors="replace")[-3000:]

    def ssh(
        self, command: str, *, check: bool = True, timeout_s: float = 120.0
    ) -> subprocess.CompletedProcess[str]:
        """Run a shell command on the host as root.

        Raises
        ------
        HostError
            If it fails and `check` is set.
        """
        done = subprocess.run(
            network.inside([*ssh_command(self.key, self.known_hosts), self.address, command]),
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=timeout_s,
        )
        if check and done.returncode != 0:
            raise HostError(
                f"{self.name}: {command!r} ended with {done.returncode}:\n"
                f"{done.stdout}{done.stderr}"
            )
        return done

    def stop(self) -> None:
        """Power the host off."""
        end_guests(self.machine)
        if self.process is not None:
            self.process.wait(timeout=STOP_TIMEOUT_S)


def ssh_command(key: Path, known_hosts: Path) -> list[str]:
    """Return ssh with the lab's key and its own list of hosts, and nothing of the user's.

    Connections are shared for some seconds, so that looking at a host costs no handshake.
    """
    options = (
        *("BatchMode=yes", "ConnectTimeout=3", "ServerAliveInterval=2", "ServerAliveCountMax=2"),
        *("ControlMaster=auto", "ControlPersist=10", f"ControlPath={key.parent}/ssh-%h"),
        f"UserKnownHostsFile={known_hosts}",
    )
    flags = [part for option in options for part in ("-o", option)]
    return ["ssh", "-F", "none", "-i", str(key), "-l", "root", *flags]


def make_key(file: Path) -> None:
    """Make an ssh key without a passphrase."""
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "lab", "-f", str(file)], check=True
    )


def _boot_script(image: Path, directory: Path, name: str, machine: str) -> str:
    root, layers = directory / "root", f"lowerdir={image}"
    layers += f",upperdir={directory / 'upper'},workdir={directory / 'work'}"
    nspawn = [
        *("systemd-nspawn", "--quiet", f"--directory={root}", "--boot", f"--machine={machine}"),
        *(f"--hostname={name}", "--register=no", "--keep-unit", f"--capability={CAPABILITIES}"),
        f"--network-namespace-path=/run/netns/{network.namespace_of(name)}",
        *("--resolv-conf=off", "--timezone=off", "--link-journal=no", "--console=pipe"),
    ]
    return f"""
        mount -t overlay overlay -o {shlex.quote(layers)} {shlex.quote(str(root))}
        umount -R /sys/fs/cgroup
        mount -t cgroup2 cgroup2 /sys/fs/cgroup
        mkdir -p /sys/fs/cgroup/{machine}
        echo $$ > /sys/fs/cgroup/{machine}/cgroup.procs
        exec {shlex.join(nspawn)}
    """


def end_guests(machine: str = f"{network.PREFIX}-") -> None:
    """End every guest whose container's name begins so, through its own PID 1.

    Raises
    ------
    HostError
        If one is still there after it was killed.
    """
    deadline = time.monotonic() + STOP_TIMEOUT_S
    asked: set[int] = set()
    while guests := _guests(machine):
        is_late = time.monotonic() > deadline - STOP_TIMEOUT_S / 2
        for pid in guests:
            if pid not in asked or is_late:
                _signal(pid, signal.SIGKILL if is_late else POWER_OFF)
                asked.add(pid)
        if time.monotonic() > deadline:
            raise HostError(f"These guests do not end: processes {sorted(guests)}.")
        time.sleep(POLL_S)


def _guests(machine: str) -> list[int]:
    """Return PID 1 of each guest, as seen from here."""
    processes = [entry for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    outside = {entry.name for entry in processes if _is_nspawn(entry, machine)}
    return [int(entry.name) for entry in processes if _parent(entry) in outside]


def _parent(process: Path) -> str:
    """Return the process number of a process's parent; nothing when it has just ended."""
    # Behind the name, which stands in parentheses and may hold anything: state, parent, …
    behind = _read(process / "stat").rpartition(")")[2].split()
    return behind[1] if behind else ""


def _is_nspawn(process: Path, machine: str) -> bool:
    words = _read(process / "cmdline").split("\0")
    exact = f"--machine={machine}"
    is_ours = any(w == exact or (machine.endswith("-") and w.startswith(exact)) for w in words)
    return is_ours and words[0].endswith("systemd-nspawn")


def _read(file: Path) -> str:
    """Return what a file of /proc holds; nothing when its process has just ended."""
    try:
        return file.read_text(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return ""


def _signal(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return
