"""Settings come from the environment; what is wrong with them is said by name and never by value."""

from __future__ import annotations

import pytest

from workers.settings import ConfigurationError, load

GOOD = {
    "POSTROOM_DATABASE_URL": "postgresql://app:hunter2@db.example/postroom",
    "POSTROOM_OBJECTS_URL": "file:///var/lib/postroom",
    "POSTROOM_MASTER_KEYS": "k1:AAAA",
}


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name, value in GOOD.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def test_three_variables_are_enough() -> None:
    settings = load()
    assert settings.database_url.get_secret_value() == GOOD["POSTROOM_DATABASE_URL"]
    assert (settings.host, settings.allow_private_hosts) == ("127.0.0.1", False)


def test_secrets_do_not_show_when_settings_are_printed() -> None:
    assert "hunter2" not in repr(load())
    assert "AAAA" not in repr(load())


@pytest.mark.parametrize("missing", [*GOOD])
def test_a_missing_variable_is_named(environment: pytest.MonkeyPatch, missing: str) -> None:
    environment.delenv(missing)
    with pytest.raises(ConfigurationError, match=rf"{missing} \(is missing\)"):
        load()


def test_everything_that_is_missing_is_named_at_once(environment: pytest.MonkeyPatch) -> None:
    for name in GOOD:
        environment.delenv(name)
    with pytest.raises(ConfigurationError) as refusal:
        load()
    assert all(name in str(refusal.value) for name in GOOD)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("POSTROOM_LISTENER_SHARDS", "0"),
        ("POSTROOM_WEB_PORT", "hunter2"),
        ("POSTROOM_MAX_MESSAGE_BYTES", "-1"),
        ("POSTROOM_LOG_LEVEL", "hunter2"),
        ("POSTROOM_ALLOW_PRIVATE_HOSTS", "hunter2"),
    ],
)
def test_a_wrong_value_is_refused_by_its_variables_name(environment: pytest.MonkeyPatch, name: str, value: str) -> None:
    environment.setenv(name, value)
    with pytest.raises(ConfigurationError, match=rf"{name} \(is not valid\)") as refusal:
        load()
    assert "hunter2" not in str(refusal.value)


@pytest.mark.parametrize("url", ["tcp://scanner.example:3310", "tcp://[::1]:3310", "unix:///run/clamd.sock"])
def test_a_scanner_is_reached_over_tcp_or_a_unix_socket(environment: pytest.MonkeyPatch, url: str) -> None:
    assert load().scanner is None
    environment.setenv("POSTROOM_CLAMD", url)
    assert load().scanner is not None


@pytest.mark.parametrize(
    "url",
    ["scanner.example:3310", "tcp://scanner.example", "tcp://h:hunter2", "tcp://h:1/x", "unix://run", "http://h:1"],
)
def test_another_address_of_a_scanner_is_refused_in_one_sentence(environment: pytest.MonkeyPatch, url: str) -> None:
    environment.setenv("POSTROOM_CLAMD", url)
    with pytest.raises(ConfigurationError) as refusal:
        load()
    said = "Set these environment variables: POSTROOM_CLAMD (must be tcp://HOST:PORT or unix:///PATH)."
    assert str(refusal.value) == said
