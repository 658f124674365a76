"""Free ports and waiting for servers, for every test that starts a process."""

import socket
import subprocess
import time
import urllib.error
import urllib.request


def free_port() -> int:
    """Return a port of the loopback address that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(url: str, process: subprocess.Popen[str], timeout_s: float = 60.0) -> None:
    """Wait until `url` answers 200; a process that died shows its stderr."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise AssertionError(
                f"The server ended with {process.returncode}:\n{process.stderr.read()}"
            )
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
    raise AssertionError(f"{url} did not answer within {timeout_s} s.")
