"""Which engine made a run: the release and the hash of its sources."""

from __future__ import annotations

from config.kernels import engine_sources_hash

RELEASE = "0.1.0"
ENGINE_VERSION = f"{RELEASE}+{engine_sources_hash()[:8]}"
