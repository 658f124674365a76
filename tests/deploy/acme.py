"""A real ACME authority on this machine, and balancers whose certificates it gives out."""

from __future__ import annotations

import json
import os
import signal
import ssl
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.components import require_program
from tests.deploy.balancers import configuration
from tests.deploy.playbooks import templates
from tests.lab.certificates import Authority
from tests.ports import free_port

NAME = "hindcast.example.org"
SCRIPTS = ("acme-obtain", "acme-deploy")
CERTBOT_TIMEOUT_S = 60
SERVED_TIMEOUT_S = 20
QUIET = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}


class Acme:
    """Pebble: it looks every name up at a server that knows this machine alone.

    Attributes
    ----------
    url : str
        Its directory.
    http_port : int
        Where it looks for the answer to its challenge, in place of port 80.
    trust : pathlib.Path
        The certificate by which its directory is trusted.
    """

    def __init__(self, folder: Path) -> None:
        own = Authority(folder / "directory")
        own.create()
        own.sign("localhost", ["DNS:localhost"])
        self.trust = own.certificate
        self.http_port = free_port()
        port, management, names = (free_port() for _ in range(3))
        self.url = f"https://localhost:{port}/dir"
        self._roots = f"https://localhost:{management}/roots/0"
        file = folder / "pebble.json"
        settings = {
            "listenAddress": f"127.0.0.1:{port}",
            "managementListenAddress": f"127.0.0.1:{management}",
            "certificate": str(own.directory / "localhost.crt"),
            "privateKey": str(own.directory / "localhost.key"),
            "httpPort": self.http_port,
            "tlsPort": free_port(),
        }
        file.write_text(json.dumps({"pebble": settings}))
        # Every validation is made, at once and with no nonce refused for exercise.
        calm = {**os.environ, "PEBBLE_VA_NOSLEEP": "1", "PEBBLE_WFE_NONCEREJECT": "0"}
        pebble = [require_program("pebble", "pebble"), "-config", file]
        resolver = [require_program("pebble-challtestsrv", "pebble"), "-defaultIPv6", ""]
        for other in ("http01", "https01", "tlsalpn01"):
            resolver += [f"-{other}", ""]
        resolver += ["-dns01", f"127.0.0.1:{names}", "-management", f"127.0.0.1:{free_port()}"]
        commands = ([*pebble, "-dnsserver", f"127.0.0.1:{names}"], resolver)
        self._processes = [subprocess.Popen(c, env=calm, **QUIET) for c in commands]

    def root(self) -> ssl.SSLContext:
        """Return what trusts the certificates that it gives out, and nothing else."""
        transport = httpx.HTTPTransport(
            retries=8, verify=ssl.create_default_context(cafile=self.trust)
        )
        with httpx.Client(transport=transport) as client:
            return ssl.create_default_context(cadata=client.get(self._roots).text)

    def end(self) -> None:
        """End its processes."""
        for process in self._processes:
            process.kill()
            process.wait()


@dataclass(frozen=True)
class Place:
    """A balancer's folder and ports.

    Attributes
    ----------
    folder : pathlib.Path
        Everything that a host has in /etc.
    public, redirect, client : int
        Ports of https, of http, and of its certbot.
    """

    folder: Path
    public: int
    redirect: int
    client: int


class EdgeBalancer:
    """HAProxy with a certificate for a start, and beside it the scripts of the role."""

    def __init__(self, place: Place, acme: Acme, pages: dict[str, str], *others: Place) -> None:
        self.place, self.acme = place, acme
        own = Authority(place.folder / "own")
        own.create()
        signed = own.sign(NAME, [f"DNS:{NAME}"])
        self.pem = place.folder / "public.pem"
        self.pem.write_text(signed.read_text())
        self.file = place.folder / "haproxy.cfg"
        challenged = [("certbot", place.client)]
        challenged += [(f"other-{i}", other.redirect) for i, other in enumerate(others)]
        ports = {"inner": free_port(), "operations": free_port()}
        self.file.write_text(
            configuration(
                {**ports, "public": place.public, "socket": place.folder / "admin.sock"},
                certificate=self.pem,
                edge={
                    "redirect": f"127.0.0.1:{place.redirect}",
                    "acme": [{"name": n, "address": f"127.0.0.1:{p}"} for n, p in challenged],
                },
                dashboards=[pages],
            )
        )
        self._render()
        # As systemd starts it: a reload is another worker of the same master.
        command = [require_program("haproxy", "haproxy"), "-W", "-db", "-f", self.file]
        self.process = subprocess.Popen(command, **QUIET)
        reload = f"#!/bin/sh\nexec kill -{signal.SIGUSR2.value} {self.process.pid}\n"
        shim = place.folder / "bin" / "systemctl"
        shim.parent.mkdir()
        shim.write_text(reload)
        shim.chmod(0o755)

    @property
    def url(self) -> str:
        """Return where visitors arrive, by `named`, since its certificate has no address."""
        return f"https://127.0.0.1:{self.place.public}/"

    @property
    def named(self) -> dict[str, str]:
        """Return the extension of a request that asks for the certificate by its name."""
        return {"sni_hostname": NAME}

    def any_certificate(self) -> ssl.SSLContext:
        """Return what takes any certificate: which one it is, `wait_until_served` says."""
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context

    def wait_until_served(self) -> None:
        """Wait until the certificate in the file is the one that visitors see."""
        end = "-----END CERTIFICATE-----\n"
        wanted = self.pem.read_text().partition(end)[0] + end
        deadline = time.monotonic() + SERVED_TIMEOUT_S
        while self._served() != wanted:
            assert time.monotonic() < deadline, self.process.poll()
            time.sleep(0.05)

    def _served(self) -> str:
        try:
            return ssl.get_server_certificate(("127.0.0.1", self.place.public), timeout=5)
        except OSError:
            return ""

    def _render(self) -> None:
        scripts = templates("haproxy")
        values = {
            "haproxy_acme_directory": self.acme.url,
            "haproxy_acme_email": "ann@example.org",
            "haproxy_acme_folder": self.place.folder / "letsencrypt",
            "haproxy_acme_trust": "given",
            "haproxy_acme_trusted": self.acme.trust,
            "haproxy_configuration": self.file,
            "haproxy_public_pem": self.pem,
            "hindcast_acme_port": self.place.client,
            "hindcast_lib": self.place.folder,
            "hindcast_public_name": NAME,
        }
        for name in SCRIPTS:
            file = self.place.folder / name
            file.write_text(scripts.get_template(f"{name}.j2").render(values))
            file.chmod(0o755)

    def start(self, script: str, *options: str) -> subprocess.Popen[str]:
        """Start a script of the role, or certbot."""
        folders = ()
        if script != "acme-deploy":
            folders = (
                "--work-dir",
                self.place.folder / "work",
                "--logs-dir",
                self.place.folder / "logs",
            )
        program = (
            self.place.folder / script if script in SCRIPTS else require_program(script, script)
        )
        environment = {
            **os.environ,
            "PATH": f"{self.place.folder / 'bin'}:{os.environ['PATH']}",
            "REQUESTS_CA_BUNDLE": str(self.acme.trust),
        }
        return subprocess.Popen(
            [program, *folders, *options],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, script: str, *options: str) -> str:
        """Run a script of the role, or certbot, to its good end and return what it said."""
        return finished(self.start(script, *options))

    def renew(self) -> str:
        """Renew by force, as the timer of Debian renews."""
        options = ("--config-dir", str(self.place.folder / "letsencrypt"))
        return self.run(
            "certbot", "renew", "-q", "--no-random-sleep-on-renew", "--force-renewal", *options
        )

    def end(self) -> None:
        """End it with its workers."""
        self.process.terminate()
        self.process.wait()


def finished(process: subprocess.Popen[str]) -> str:
    """Return what a process said, once it has ended well."""
    said, _ = process.communicate(timeout=CERTBOT_TIMEOUT_S)
    assert process.returncode == 0, said
    return said
