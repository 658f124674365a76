"""The lab's own authority, and the certificates that it signs, made on the spot with openssl."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

CURVE = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


@dataclass(frozen=True)
class Authority:
    """A certificate authority in a folder."""

    directory: Path

    @property
    def certificate(self) -> Path:
        """Return the file by which its signatures are checked."""
        return self.directory / "authority.pem"

    @property
    def key(self) -> Path:
        """Return the file by which it signs."""
        return self.directory / "authority-key.pem"

    def create(self) -> None:
        """Make the authority."""
        self.directory.mkdir(mode=0o700, parents=True)
        _openssl(
            *("req", "-x509", *CURVE, "-days", "30", "-subj", "/CN=authority of the lab"),
            *("-keyout", self.key, "-out", self.certificate),
        )

    def sign(self, name: str, alternatives: Sequence[str], *, has_expired: bool = False) -> Path:
        """Return a file with a certificate of that name, followed by its key.

        Parameters
        ----------
        name : str
            Common name, and name of the file.
        alternatives : sequence of str
            Such as `DNS:hindcast.lab` and `IP:10.77.0.20`.
        has_expired : bool
            Whether it ran out yesterday.
        """
        key, request, certificate, names = (
            self.directory / f"{name}.{end}" for end in ("key", "csr", "crt", "names")
        )
        _openssl("req", *CURVE, "-subj", f"/CN={name}", "-keyout", key, "-out", request)
        names.write_text(f"subjectAltName={','.join(alternatives)}\n")
        signing = (
            "-CA",
            self.certificate,
            "-CAkey",
            self.key,
            "-days",
            "-1" if has_expired else "30",
        )
        _openssl("x509", "-req", "-in", request, *signing, "-extfile", names, "-out", certificate)
        both = self.directory / f"{name}.pem"
        both.touch(mode=0o600)
        both.write_text(certificate.read_text() + key.read_text())
        return both


def _openssl(*arguments: str | Path) -> None:
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)
