from __future__ import annotations

import pytest
from pydantic import ValidationError

from providers.imap.settings import ImapSettings, Password, Secret


def test_defaults_are_the_safe_ones() -> None:
    settings = ImapSettings(host="imap.example.com", username="a@example.com")
    assert (settings.port, settings.security, settings.folders, settings.since) == (993, "tls", ["INBOX"], None)


@pytest.mark.parametrize("changes", [{"username": "a\r\nA1 DELETE INBOX"}, {"folders": ["a\nb"]}, {"host": "a\0b"}])
def test_line_breaks_that_would_start_another_command_are_refused(changes: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        ImapSettings.model_validate({"host": "imap.example.com", "username": "a"} | changes)


@pytest.mark.parametrize("changes", [{"folders": []}, {"port": 0}, {"security": "none"}, {"auth": "cram-md5"}])
def test_values_that_make_no_sense_are_refused(changes: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        ImapSettings.model_validate({"host": "imap.example.com", "username": "a"} | changes)


def test_secrets_do_not_show_in_logs() -> None:
    assert "s3cret" not in repr(Password("s3cret")) + repr(Secret("s3cret"))
