"""An authority and certificates of its own, made on the spot with openssl."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest


def make_certificates(directory: Path) -> dict[str, Path]:
    """Return the files of an authority (`ca`) and of a certificate it signed (`cert`, `key`).

    The certificate is one for servers and clients at 127.0.0.1, as all parts of a cluster are both.
    """
    if shutil.which("openssl") is None:
        pytest.skip("no openssl here: apt-get install openssl")
    files = {name: directory / f"{name}.pem" for name in ("ca", "ca_key", "cert", "key", "request")}
    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    _openssl(
        *("req", "-x509", *curve, "-days", "2", "-subj", "/CN=authority of the tests"),
        *("-keyout", files["ca_key"], "-out", files["ca"]),
    )
    _openssl(
        *("req", *curve, "-subj", "/CN=127.0.0.1"),
        *("-keyout", files["key"], "-out", files["request"]),
    )
    names = directory / "names.txt"
    names.write_text("subjectAltName=IP:127.0.0.1\n")
    _openssl(
        *("x509", "-req", "-in", files["request"], "-CA", files["ca"], "-CAkey", files["ca_key"]),
        *("-days", "2", "-extfile", names, "-out", files["cert"]),
    )
    return files


def _openssl(*arguments: str | Path) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)
