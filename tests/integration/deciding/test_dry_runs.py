"""`postroom explain` and `postroom rules replay`: what would be, and nothing of it happens."""

from __future__ import annotations

import argparse
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from domain.rules import RuleSet
from storage import rules
from tests.house import MASTER_KEYS, SUPPORT, House
from tests.letters import letter
from workers import explain_command
from workers.command import Refused
from workers.settings import Settings, load


@pytest.fixture
def settings(db_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("POSTROOM_DATABASE_URL", db_url)
    monkeypatch.setenv("POSTROOM_OBJECTS_URL", (tmp_path / "objects").as_uri())
    monkeypatch.setenv("POSTROOM_MASTER_KEYS", MASTER_KEYS)
    return load()


async def _use(house: House, rule_set: object) -> None:
    async with house.db.tenant(house.tenant_id) as session:
        version, _ = await rules.current(session, house.tenant_id)
        await rules.save(session, house.tenant_id, RuleSet.model_validate(rule_set), based_on=version, actor="test")


async def test_explain_says_why_and_changes_nothing(
    house: House, settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    await house.send(letter("alice@example.com", "Private", message_id="secret@example.com"))
    await house.settled(1)
    file = tmp_path / "mail.eml"
    file.write_bytes(letter("mallory@example.net", "Re: Private", in_reply_to="secret@example.com").as_bytes())
    arguments = argparse.Namespace(file=file, mailbox=SUPPORT, json=False)
    assert await explain_command.run(arguments, settings, house.db) == 0
    said = capsys.readouterr().out
    assert said.startswith("Outcome: a question for a person\n")
    assert "In-Reply-To: names a mail on #1" in said
    assert "Sender: is no part of #1" in said
    assert len(await house.emails()) == 1
    assert not await house.open_tasks()


async def test_explain_knows_what_a_repeated_message_is(
    house: House, settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mail = letter("alice@example.com", "Twice").as_bytes()
    await house.send(mail)
    await house.settled(1)
    file = tmp_path / "mail.eml"
    file.write_bytes(b"Received: from elsewhere.example\r\n" + mail)
    await explain_command.run(argparse.Namespace(file=file, mailbox=SUPPORT, json=True), settings, house.db)
    assert json.loads(capsys.readouterr().out)["action"] == "duplicate"


async def test_explain_names_a_mailbox_that_is_not_there(house: House, settings: Settings, tmp_path: Path) -> None:
    arguments = argparse.Namespace(file=tmp_path / "none", mailbox="nobody@example.com", json=False)
    with pytest.raises(Refused, match=r"no mailbox nobody@example\.com"):
        await explain_command.run(arguments, settings, house.db)


async def test_replay_shows_which_past_mail_the_rules_would_send_elsewhere(
    house: House, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    spam = letter("shop@example.org", "Buy now", message_id="spam@example.org")
    spam["X-Spam-Flag"] = "YES"
    await house.send(letter("alice@example.com", "A question"), spam)
    await house.settled(2)
    replay = argparse.Namespace(since=datetime.now(UTC) - timedelta(days=1), json=False)
    assert await explain_command.replay(replay, settings, house.db) == 0
    assert capsys.readouterr().out == "Every message would land where it did.\n"

    header = {"field": "header", "name": "X-Spam-Flag", "is": "equals", "value": "yes"}
    await _use(house, {"rules": [{"id": "spam", "name": "Spam", "when": header, "then": {"skip": True}}]})
    await explain_command.replay(replay, settings, house.db)
    said = capsys.readouterr().out
    assert "spam@example.org" in said
    assert "was:      a ticket in Standard" in said
    assert "would be: exclude (rule)" in said
    assert said.endswith("1 message(s) would land elsewhere.\n")
    assert [e["outcome"] for e in await house.emails()] == ["ticket", "ticket"]

    later = argparse.Namespace(since=datetime.now(UTC) + timedelta(days=1), json=True)
    await explain_command.replay(later, settings, house.db)
    assert capsys.readouterr().out == ""
