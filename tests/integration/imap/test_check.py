"""The step-by-step check of a mailbox: the step that fails is named, with what to do."""

from __future__ import annotations

import pytest

from providers.imap.check import Step, check
from providers.imap.settings import Credentials, ImapSettings, Password
from tests.simulators.dovecot import PASSWORD, Dovecot, free_port, running_dovecot


async def steps(settings: ImapSettings, credentials: Credentials = Password(PASSWORD)) -> list[Step]:  # noqa: B008
    return [step async for step in check(settings, credentials, allow_private=True)]


async def test_mailbox_that_works(dovecot: Dovecot, user: str) -> None:
    done = await steps(dovecot.settings(user))
    assert [step.name for step in done] == ["address", "connection", "login", "capabilities", "folder", "idle"]
    assert all(step.works and not step.advice for step in done)


async def test_name_that_does_not_resolve(dovecot: Dovecot, user: str) -> None:
    (step,) = await steps(dovecot.settings(user, host="imap.invalid"))
    assert (step.name, step.works) == ("address", False)
    assert step.advice


@pytest.mark.parametrize(
    ("changes", "advice"), [({"port": free_port()}, "port"), ({"ca_file": None}, "certificate authority")]
)
async def test_connection_that_fails(dovecot: Dovecot, user: str, changes: dict[str, object], advice: str) -> None:
    *_, last = await steps(dovecot.settings(user, **changes))
    assert (last.name, last.works) == ("connection", False)
    assert advice in last.advice


async def test_wrong_password(dovecot: Dovecot, user: str) -> None:
    *_, last = await steps(dovecot.settings(user), Password("wrong"))
    assert (last.name, last.works) == ("login", False)
    assert "app password" in last.advice


async def test_missing_folder_shows_those_there_are(dovecot: Dovecot, user: str) -> None:
    with dovecot.client(user) as client:
        client.create("Support")
    done = await steps(dovecot.settings(user, folders=["Suport", "INBOX"]))
    (wrong,) = [step for step in done if not step.works]
    assert wrong.name == "folder"
    assert "Support" in wrong.advice
    assert done[-1].name == "idle"


async def test_server_without_idle() -> None:
    with running_dovecot(idle=False) as dovecot:
        *_, last = await steps(dovecot.settings("u@example.com"))
    assert (last.name, last.works) == ("idle", False)
    assert "polled" in last.advice
