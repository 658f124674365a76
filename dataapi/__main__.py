"""Serve the data API: `python -m dataapi`."""

from __future__ import annotations

import logging
import sys

from config.kernels import prepare_kernels
from config.logs import configure_logging
from config.serving import serve
from config.settings import Settings, SettingsError, load_settings
from config.startup import (
    EX_CONFIG,
    ConfigurationError,
    introduction,
    require_free,
    require_sound,
)

logger = logging.getLogger(__name__)

# Beyond the largest import: boundaries and fields of the form around the file.
FORM_BYTES = 65_536


def main() -> int:
    """Serve until a signal; return the exit code."""
    try:
        settings = load_settings()
        require_sound(settings, "dataapi")
    except (SettingsError, ConfigurationError) as error:
        print(error, file=sys.stderr)  # noqa: T201 - there is no log before the settings
        return EX_CONFIG
    configure_logging(settings.server.log_level)
    api = settings.dataapi
    try:
        require_free(api.host, api.port, setting="dataapi.port")
    except OSError as error:
        logger.error("cannot serve reason=%s", error.strerror)
        return 1
    logger.info("%s", introduction(settings, "dataapi"))
    # Before anything imports numba.
    prepare_kernels(settings.cache_dir)
    return _serve(settings)


def _serve(settings: Settings) -> int:
    from dataapi.app import create_app
    from dataapi.services.warming import warm_kernels
    from dataapi.store import StoreError, open_store

    try:
        store = open_store(
            settings.database_url,
            max_connections=settings.store.max_connections,
            cache_bytes=settings.dataapi.cache_bytes,
        )
    except StoreError as error:
        logger.error("cannot start reason=%s", error)
        return 1
    app = create_app(settings, store)
    warm_kernels()
    files = app.extensions["hindcast"].runs.files
    files.compile_all()
    files.watch()
    app.extensions["hindcast"].is_warm.set()
    presence = app.extensions["hindcast"].presence
    presence.start()
    api = settings.dataapi
    try:
        serve(
            app,
            host=api.host,
            port=api.port,
            threads=api.threads,
            connection_limit=api.connection_limit,
            drain_delay_s=settings.server.drain_delay_s,
            drain_timeout_s=settings.server.drain_timeout_s,
            name="dataapi",
            max_body_bytes=api.max_import_bytes + FORM_BYTES,
        )
    except OSError as error:
        logger.error("cannot serve address=%s:%d reason=%s", api.host, api.port, error.strerror)
        return 1
    finally:
        presence.leave()
        store.close()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
