"""Settings: default < TOML file < environment; nothing unknown or mistyped gets through."""

import tomllib

import pytest

from config.settings import DEFAULTS, Settings, SettingsError, load_settings


def test_defaults_come_from_the_documented_file():
    settings = load_settings({})

    assert settings == Settings.model_validate(tomllib.loads(DEFAULTS.read_text()))
    assert settings.database_url == f"sqlite:///{settings.data_dir / 'hindcast.db'}"


def test_file_wins_over_default_and_environment_over_file(tmp_path):
    file = tmp_path / "own.toml"
    file.write_text("[dataapi]\nport = 7001\nthreads = 3\n")

    settings = load_settings({"HINDCAST_CONFIG": str(file), "HINDCAST_DATAAPI_PORT": "7002"})

    assert (settings.dataapi.port, settings.dataapi.threads) == (7002, 3)
    assert settings.dataapi.host == load_settings({}).dataapi.host


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"HINDCAST_DATAAPI_PROT": "1"}, ["dataapi.prot", "known there", "port"]),
        ({"HINDCAST_DATAPI_PORT": "1"}, ["'datapi'", "known", "dataapi"]),
        ({"HINDCAST_DATAAPI_PORT": "eighty"}, ["HINDCAST_DATAAPI_PORT", "int", "'eighty'"]),
        ({"HINDCAST_DATAAPI_PORT": "70000"}, ["dataapi.port", "65535", "70000"]),
        ({"HINDCAST_SERVER_LOG_LEVEL": "LOUD"}, ["server.log_level", "'LOUD'"]),
        ({"HINDCAST_CONFIG": "/nowhere/own.toml"}, ["/nowhere/own.toml", "No such file"]),
    ],
)
def test_a_wrong_setting_stops_the_start_by_name(environment, words):
    with pytest.raises(SettingsError) as refused:
        load_settings(environment)

    for word in words:
        assert word in str(refused.value)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("[dataapi]\nporrt = 1\n", "dataapi.porrt"),
        ("dataapi = 3\n", "[dataapi]"),
        ("[dataapi\n", "not valid TOML"),
    ],
)
def test_a_wrong_file_stops_the_start_by_name(tmp_path, text, word):
    file = tmp_path / "own.toml"
    file.write_text(text)

    with pytest.raises(SettingsError, match=r"own\.toml") as refused:
        load_settings({"HINDCAST_CONFIG": str(file)})

    assert word in str(refused.value)


def test_a_data_directory_of_its_own_replaces_a_set_database(tmp_path):
    settings = load_settings({"HINDCAST_STORE_URL": "postgresql://db/hindcast"})

    own = settings.with_data_dir(tmp_path)

    assert own.database_url == f"sqlite:///{tmp_path / 'hindcast.db'}"
    assert settings.database_url == "postgresql://db/hindcast"
