"""Typed settings of a process: default < TOML file < credentials < environment.

The credentials are a second such file, `settings.toml` in the directory that systemd hands to a
service (`LoadCredential=`): what nobody else shall read, such as the database with its password.

Built once, in `__main__`, and passed down; nobody else reads the environment. Unknown or mistyped
keys stop the start with the key's name.
"""

from __future__ import annotations

import os
import stat
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

ROOT = Path(__file__).resolve().parent.parent
IS_CHECKOUT = (ROOT / "pyproject.toml").is_file()
COMMAND = "./run" if IS_CHECKOUT else "hindcast"
"""How users of this installation type its command line."""
DEFAULTS = Path(__file__).with_name("default.toml")
PREFIX = "HINDCAST_"
# Names with the prefix that are not settings: the file above, and what the tests run against.
NOT_SETTINGS = {"HINDCAST_CONFIG", "HINDCAST_TEST_DATABASE_URL"}


class SettingsError(ValueError):
    """A settings file or variable that is unknown, mistyped or out of range."""


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class StoreSettings(_Section):
    """Where the data lives."""

    data_dir: str
    cache_dir: str
    strategies_dir: str
    url: str
    max_connections: int = Field(ge=1, le=1000)


class ServerSettings(_Section):
    """What every serving process shares."""

    public_url: str
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"]
    drain_delay_s: float = Field(ge=0.0, le=300.0)
    drain_timeout_s: float = Field(ge=0.0, le=3600.0)


class DataapiSettings(_Section):
    """The data API's address and limits."""

    host: str
    port: int = Field(ge=1, le=65535)
    threads: int = Field(ge=1, le=256)
    connection_limit: int = Field(ge=1, le=100_000)
    max_body_bytes: int = Field(ge=1024)
    max_import_bytes: int = Field(ge=1024)
    max_run_bars: int = Field(ge=1)
    max_concurrent_runs: int = Field(ge=1, le=256)
    cache_bytes: int = Field(ge=0)


class WorkerSettings(_Section):
    """Who does the jobs that wait, and how a dead worker is noticed."""

    count: int = Field(ge=0, le=64)
    lease_s: float = Field(ge=0.2, le=3600.0)
    poll_s: float = Field(gt=0.0, le=60.0)
    max_attempts: int = Field(ge=1, le=1000)
    slice_s: float = Field(ge=0.0, le=86_400.0)
    threads: int = Field(ge=0, le=1024)
    executor: Literal["local", "dask"]
    dask_address: str
    dask_ca: str
    dask_cert: str
    dask_key: str
    host: str
    port: int = Field(ge=0, le=65535)


class DashboardSettings(_Section):
    """The dashboard's address, and how it reaches the API."""

    host: str
    port: int = Field(ge=1, le=65535)
    threads: int = Field(ge=1, le=256)
    connection_limit: int = Field(ge=1, le=100_000)
    api_url: str
    api_timeout_s: float = Field(gt=0.0, le=300.0)
    cache_items: int = Field(ge=0)
    cache_brief_s: float = Field(ge=0.0, le=3600.0)


class Settings(_Section):
    """All settings of one process."""

    store: StoreSettings
    server: ServerSettings
    dataapi: DataapiSettings
    worker: WorkerSettings
    dashboard: DashboardSettings

    @property
    def data_dir(self) -> Path:
        """Return the directory of the store, of logs and of process records."""
        if self.store.data_dir:
            return Path(self.store.data_dir).expanduser().resolve()
        if IS_CHECKOUT:
            return ROOT / ".hindcast"
        return Path("~/.local/share/hindcast").expanduser()

    @property
    def cache_dir(self) -> Path:
        """Return the directory of compiled kernels, one for all stores of this code."""
        if self.store.cache_dir:
            return Path(self.store.cache_dir).expanduser().resolve()
        if IS_CHECKOUT:
            return ROOT / ".cache"
        return Path("~/.cache/hindcast").expanduser()

    @property
    def strategies_dir(self) -> Path:
        """Return the directory of the strategies in Python files."""
        if self.store.strategies_dir:
            return Path(self.store.strategies_dir).expanduser().resolve()
        return self.data_dir / "strategies"

    @property
    def database_url(self) -> str:
        """Return the store's address, SQLite in `data_dir` unless another is set."""
        return self.store.url or f"sqlite:///{self.data_dir / 'hindcast.db'}"

    def with_data_dir(self, data_dir: str | Path) -> Settings:
        """Return these settings with a store of its own in `data_dir`."""
        store = self.store.model_copy(update={"data_dir": str(data_dir), "url": ""})
        return self.model_copy(update={"store": store})


def load_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Return the settings of this process.

    Raises
    ------
    SettingsError
        If a file is missing or unreadable, one with a secret is readable by everybody, or a key is
        unknown, mistyped or out of range.
    """
    environ = os.environ if environ is None else environ
    values = read_toml(DEFAULTS)
    file_name = environ.get("HINDCAST_CONFIG")
    if file_name:
        own = read_toml(Path(file_name))
        if _holds_password(own):
            _refuse_readable_by_all(Path(file_name))
        _merge(values, own, source=file_name)
    credentials = environ.get("CREDENTIALS_DIRECTORY")
    secret = Path(credentials) / "settings.toml" if credentials else None
    if secret is not None and secret.exists():
        _refuse_readable_by_all(secret)
        _merge(values, read_toml(secret), source=str(secret))
    _merge(values, _from_environment(environ, values), source="environment")
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise SettingsError(
            f"Setting {key}: {first['msg'].lower()}, was {first['input']!r}."
        ) from None


def _holds_password(values: dict[str, Any]) -> bool:
    """Return whether the database's address has a password in it."""
    store = values.get("store")
    url = store.get("url") if isinstance(store, dict) else None
    return isinstance(url, str) and ":" in url.partition("://")[2].rpartition("@")[0]


def _refuse_readable_by_all(path: Path) -> None:
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise SettingsError(f"Cannot read the settings file {path}: {error.strerror}.") from None
    if mode & stat.S_IROTH:
        raise SettingsError(
            f"The settings file {path} holds a secret and everybody can read it: chmod o= {path}."
        )


def read_toml(path: Path) -> dict[str, Any]:
    """Return the tables of a settings file.

    Raises
    ------
    SettingsError
        If it cannot be read.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"Cannot read the settings file {path}: {error.strerror}.") from None
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"The settings file {path} is not valid TOML: {error}.") from None


def _from_environment(environ: Mapping[str, str], known: dict[str, Any]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, text in environ.items():
        if not name.startswith(PREFIX) or name in NOT_SETTINGS:
            continue
        section, _, key = name.removeprefix(PREFIX).lower().partition("_")
        default = known.get(section, {}).get(key)
        values.setdefault(section, {})[key] = _parse(name, text, default)
    return values


def _parse(name: str, text: str, default: object) -> object:
    """Return `text` in the type of the setting's default; pydantic judges ranges."""
    if isinstance(default, int | float):
        try:
            return type(default)(text)
        except ValueError:
            raise SettingsError(
                f"{name}: expected a {type(default).__name__}, was {text!r}."
            ) from None
    return text


def _merge(values: dict[str, Any], new: dict[str, Any], *, source: str) -> None:
    for section, keys in new.items():
        if section not in values:
            raise SettingsError(
                f"Unknown section {section!r} in {source}; known: {', '.join(values)}."
            )
        if not isinstance(keys, dict):
            raise SettingsError(f"Expected a table [{section}] in {source}, was {keys!r}.")
        for key, value in keys.items():
            if key not in values[section]:
                known = ", ".join(values[section])
                raise SettingsError(
                    f"Unknown setting {section}.{key} in {source}; known there: {known}."
                )
            values[section][key] = value
