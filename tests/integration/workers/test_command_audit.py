"""What an operator does on the command line is in the audit log, in the transaction that does it."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from domain.runs import NotRunning
from storage import tenants
from storage.database import Database
from tests.operator import operate
from tests.people import person
from workers import mailbox_setup
from workers.command import Refused


class Runs:
    """Stands for Temporal, with or without the mailbox's workflow."""

    running = True
    told: list[tuple[Any, ...]]

    def __init__(self, _client: object = None) -> None:
        Runs.told = []

    async def change_mailbox(self, mailbox_id: UUID, signal: str, *arguments: object) -> None:
        if not Runs.running:
            raise NotRunning(str(mailbox_id))
        Runs.told.append((signal, *arguments))


@pytest.fixture(autouse=True)
def runs(monkeypatch: pytest.MonkeyPatch) -> type[Runs]:
    async def connect() -> None:
        return None

    Runs.running = True
    for place in ("workers.temporal.connect", "workers.temporal.lazy_client", "workers.mailbox_setup.lazy_client"):
        monkeypatch.setattr(place, connect)
    monkeypatch.setattr("workers.temporal.TemporalRuns", Runs)
    monkeypatch.setattr(mailbox_setup, "TemporalRuns", Runs)
    return Runs


async def written(db: Database) -> list[tuple[str, str, dict[str, Any]]]:
    """Action, thing (its kind) and detail of what was written down since the first command made its tenant."""
    (tenant_id,) = await tenants.names(db)
    async with db.tenant(tenant_id) as session:
        rows = await session.fetch("select * from audit where actor = 'postroom command' order by audit_id")
    first, *others = [(row["action"], row["object"].partition("/")[0], row["detail"]) for row in rows]
    assert first == ("add_tenant", "tenant", {"name": "Default"})
    return others


async def test_who_got_a_way_in(db: Database) -> None:
    await operate(db, "user add ada@example.com --role owner")
    # For somebody who exists: it prints a link that is as good as their password.
    await operate(db, "user add ada@example.com")
    await operate(db, "user link ada@example.com --once")
    await operate(db, "user link ada@example.com")
    assert await written(db) == [
        ("add_user", "user", {"email": "ada@example.com", "role": "owner"}),
        ("make_sign_in_link", "user", {}),
        ("make_sign_in_link", "user", {}),
        ("make_sign_in_link", "user", {}),
        ("make_password_link", "user", {}),
    ]
    (tenant_id,) = await tenants.names(db)
    async with db.tenant(tenant_id) as session:
        assert await session.fetchval("select count(distinct object) from audit where object like 'user/%'") == 1


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("smtp in@example.com", [("add_mailbox", {"address": "in@example.com", "provider": "smtp"})]),
        (
            "raw in@example.com",
            [("add_mailbox", {"address": "in@example.com", "provider": "raw"}), ("connect_mailbox", {"changed": []})],
        ),
    ],
)
async def test_a_mailbox_that_is_added(db: Database, line: str, expected: list[tuple[str, Any]]) -> None:
    await operate(db, f"mailbox add {line}")
    await operate(db, f"mailbox add {line}")
    assert await written(db) == [(action, "mailbox", detail) for action, detail in expected]


async def test_new_credentials_of_a_known_mailbox(db: Database, tmp_path: Path) -> None:
    password = tmp_path / "password"
    password.write_text("secret")
    line = f"mailbox add imap in@example.com --password-file {password} --host"
    await operate(db, f"{line} imap.example.com")
    await operate(db, f"{line} imap.example.net --canary-minutes 30 --submission-host smtp.example.net")
    (added, first, second, canary) = await written(db)
    assert added == ("add_mailbox", "mailbox", {"address": "in@example.com", "provider": "imap"})
    assert first[:2] == second[:2] == ("connect_mailbox", "mailbox")
    assert second[2] == {"changed": ["host"]}
    assert canary == ("connect_mailbox", "mailbox", {"changed": ["canary_minutes", "submission"]})


async def test_a_mailbox_that_is_paused_resumed_and_read_again(db: Database, runs: type[Runs]) -> None:
    await operate(db, "mailbox add smtp in@example.com")
    for line, detail in (("pause", {}), ("resume", {}), ("resync --since 2026-01-02", {"since": "2026-01-02"})):
        word = line.partition(" ")[0]
        await operate(db, f"mailbox {word} in@example.com{line.removeprefix(word)}")
        assert (await written(db))[-1] == (f"{word}_mailbox", "mailbox", detail)
        assert runs.told[0][0] == word
    runs.running = False
    before = await written(db)
    with pytest.raises(Refused, match="no workflow yet"):
        await operate(db, "mailbox pause in@example.com")
    assert await written(db) == before


async def test_keys_of_a_mailbox(db: Database, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    certificate = tmp_path / "ada.pem"
    certificate.write_text(person("ada@example.com").trusted().content)
    await operate(db, "mailbox add smtp in@example.com")
    capsys.readouterr()
    await operate(db, f"mailbox key add in@example.com {certificate}")
    key, kind, label = capsys.readouterr().out.strip().split("  ", 2)
    await operate(db, f"mailbox key add in@example.com {certificate}")
    await operate(db, f"mailbox key remove in@example.com {key}")
    assert kind == "S/MIME certificate"
    detail = {"key": key, "kind": "smime_certificate", "label": label}
    assert (await written(db))[1:] == [
        ("add_mailbox_key", "mailbox", detail), ("remove_mailbox_key", "mailbox", detail),
    ]  # fmt: skip
