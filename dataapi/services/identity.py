"""What makes two runs the same run: configuration, engine, bars (interfaces.md, "Identity")."""

from __future__ import annotations

import hashlib
import json
from typing import Any

ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
ID_LENGTH = 12


def run_key(config: dict[str, Any], engine_version: str, fingerprint: str) -> str:
    """Return the key of a run: sha256 (hex) of everything that determines its content.

    Parameters
    ----------
    config : dict
        The resolved RunConfig.
    engine_version : str
        Release and hash of the engine's sources.
    fingerprint : str
        Of the bars and actions used, warm-up bars included.
    """
    parts = (canonical_json(config), engine_version, fingerprint)
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def run_id(key: str) -> str:
    """Return the first 12 base58 characters of a key."""
    number = int(key, 16)
    digits = []
    while number:
        number, digit = divmod(number, 58)
        digits.append(ALPHABET[digit])
    # Every leading zero byte is a '1', as base58 has it.
    zeros = (len(key) - len(key.lstrip("0"))) // 2
    return ("1" * zeros + "".join(reversed(digits)))[:ID_LENGTH]


def canonical_json(config: dict[str, Any]) -> str:
    """Return the one text of a configuration: sorted keys, no spaces, floats by `repr`."""
    return json.dumps(config, sort_keys=True, separators=(",", ":"), allow_nan=False)
