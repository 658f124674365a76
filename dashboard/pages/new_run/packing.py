"""A draft in an address: a run that nobody made yet, carried from page to page."""

from __future__ import annotations

import base64
import binascii
import json
import zlib
from collections.abc import Mapping
from typing import Any

from config.run import RunConfig
from dashboard.pages.new_run import form as forms

MAX_BYTES = 100_000


def pack(config: Mapping[str, Any]) -> str:
    """Return a run's configuration, without defaults, as text for an address."""
    document = forms.changed(config)
    text = json.dumps(document, separators=(",", ":"), ensure_ascii=False, sort_keys=True)
    packed = zlib.compress(text.encode(), 9)
    return base64.urlsafe_b64encode(packed).decode().rstrip("=")


def unpack(text: str) -> forms.Config | None:
    """Return the configuration that `pack` made; None for anything else."""
    try:
        packed = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        found = zlib.decompressobj().decompress(packed, MAX_BYTES)
        return RunConfig.model_validate(json.loads(found)).model_dump()
    except (binascii.Error, zlib.error, ValueError):
        return None
