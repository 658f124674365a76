"""`python -m dashboard`: one dashboard process."""

from __future__ import annotations

import logging
import sys

from config.logs import configure_logging
from config.serving import serve
from config.settings import SettingsError, load_settings
from config.startup import (
    EX_CONFIG,
    ConfigurationError,
    introduction,
    require_free,
    require_sound,
)
from dashboard.app import create_app
from dashboard.client import keep_in_touch

logger = logging.getLogger(__name__)


def main() -> int:
    """Serve until a signal; 78 when the settings are wrong, 1 when the address is taken."""
    try:
        settings = load_settings()
        require_sound(settings, "dashboard")
    except (SettingsError, ConfigurationError) as error:
        sys.stderr.write(f"{error}\n")
        return EX_CONFIG
    configure_logging(settings.server.log_level)
    mine = settings.dashboard
    try:
        require_free(mine.host, mine.port, setting="dashboard.port")
    except OSError as error:
        sys.stderr.write(f"{error.strerror}\n")
        return 1
    logger.info("%s", introduction(settings, "dashboard"))
    app = create_app(settings)
    # Dash registers its files while it answers the first page: before threads share the registry.
    app.server.test_client().get("/")
    keep_in_touch(mine)
    try:
        serve(
            app.server,
            host=mine.host,
            port=mine.port,
            threads=mine.threads,
            connection_limit=mine.connection_limit,
            drain_delay_s=settings.server.drain_delay_s,
            drain_timeout_s=settings.server.drain_timeout_s,
            name="dashboard",
        )
    except OSError as error:
        sys.stderr.write(f"Cannot listen on {mine.host}:{mine.port}: {error.strerror}.\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
