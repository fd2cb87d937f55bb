"""`postroom doctor` on a whole installation, and on one with each thing broken in turn."""

from __future__ import annotations

import base64
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio
from aiohttp import web

from storage.database import Database
from tests.house import MASTER_KEYS, SUPPORT, House
from tests.integration.push.test_setup import Shell
from tests.integration.storage.tenants import tenant
from tests.temporal_server import TemporalServer
from webhooks.hints import Hints
from webhooks.microsoft import MicrosoftWebhook
from workers import admin, doctor, entities, health
from workers.doctor import Finding, examine
from workers.settings import Settings
from workflows import names

ALL = [name for name, _, _ in doctor.CHECKS]
OTHER_KEYS = "k9:" + base64.b64encode(bytes(32)).decode()
IMAP = {"host": "mail.example.com", "username": "box@example.com"}


@pytest_asyncio.fixture
async def url(db: Database, house: House) -> AsyncIterator[str]:
    """Where console and webhooks answer, both of them on one port."""
    application = web.Application()
    application.add_routes(health.routes({"postgres": health.postgres(db)}))
    application.add_routes([web.post("/webhooks/microsoft", MicrosoftWebhook(db, Hints(db, house.runs)).post)])
    with socket.create_server(("127.0.0.1", 0)) as listener:
        runner = web.AppRunner(application, access_log=None)
        await runner.setup()
        await web.SockSite(runner, listener).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        await runner.cleanup()


@pytest_asyncio.fixture
async def environment(
    house: House,
    url: str,
    db_url: str,
    temporal: TemporalServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[dict[str, str]]:
    """Of an installation in which everything works, and whose mailbox has just been read."""
    environment = {
        "POSTROOM_DATABASE_URL": db_url,
        "POSTROOM_OBJECTS_URL": (tmp_path / "objects").as_uri(),
        "POSTROOM_MASTER_KEYS": MASTER_KEYS,
        "POSTROOM_PUBLIC_URL": url,
        "POSTROOM_WEBHOOKS_URL": url,
        "TEMPORAL_ADDRESS": temporal.address,
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    # The dev server keeps closed runs for a day.
    monkeypatch.setattr(doctor, "SHORTEST_RETENTION", timedelta(hours=1))
    await entities.schedule_upkeep(house.runs)
    yield environment
    await house.client.get_schedule_handle(names.UPKEEP_ID).delete()


async def examined(environment: dict[str, str] | None = None) -> dict[str, Finding]:
    return {finding.name: finding async for finding in examine(Settings())}


async def test_an_installation_in_order_has_nothing_but_ok(environment: dict[str, str]) -> None:
    findings = await examined()
    assert [f for f in findings.values() if f.state != "ok"] == []
    assert list(findings) == [*ALL, f"mailbox {SUPPORT}"]


@pytest.mark.parametrize(
    ("variable", "value", "broken", "word"),
    [
        ("POSTROOM_MASTER_KEYS", "k1:short", "master keys", "each key 32 bytes"),
        ("POSTROOM_DATABASE_URL", "postgresql://nobody@127.0.0.1:9/none", "Postgres", "Start it, or correct the URL"),
        ("POSTROOM_OBJECTS_URL", "file:///proc/postroom", "object store", "POSTROOM_OBJECTS_URL"),
        ("POSTROOM_CLAMD", "tcp://127.0.0.1:9", "scanner", "POSTROOM_CLAMD"),
        ("TEMPORAL_ADDRESS", "127.0.0.1:9", "Temporal", "TEMPORAL_ADDRESS"),
        ("TEMPORAL_NAMESPACE", "nobodys", "namespace", "TEMPORAL_NAMESPACE"),
        ("POSTROOM_PUBLIC_URL", "http://127.0.0.1:9", "console", "postroom web"),
        ("POSTROOM_WEBHOOKS_URL", "http://127.0.0.1:9", "webhooks", "postroom webhooks"),
    ],
)
async def test_a_wrong_setting_is_found_and_only_what_needs_it_is_skipped(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, variable: str, value: str, broken: str, word: str
) -> None:
    monkeypatch.setenv(variable, value)
    findings = await examined()
    assert [name for name, f in findings.items() if f.state == "failed"] == [broken]
    assert word in f"{findings[broken].detail} {findings[broken].advice}"
    assert findings[broken].advice
    skipped = {name for name, f in findings.items() if f.state == "skipped"}
    assert all(f"needs {broken}" in findings[name].detail or findings[name].detail.removeprefix("needs ") in skipped
               for name in skipped)  # fmt: skip


Break = Callable[[House, str, pytest.MonkeyPatch], Awaitable[object]]


async def _sql(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute(statement)
    await connection.close()


async def _sealed_otherwise(house: House, url: str, patch: pytest.MonkeyPatch) -> None:
    await admin.add_raw_mailbox(house.db, house.keyring, house.tenant_id, "raw@postroom.test")
    await _sql(url, "update mailboxes set last_sync_at = now()")
    patch.setenv("POSTROOM_MASTER_KEYS", OTHER_KEYS)


async def _imap_without_listener(house: House, url: str, patch: pytest.MonkeyPatch) -> None:
    await admin.add_imap_mailbox(house.db, house.keyring, house.tenant_id, "box@example.com", IMAP, "secret")
    patch.setattr(names, "LISTENER_QUEUE", "nobodys")


async def _paused(house: House, url: str, patch: pytest.MonkeyPatch) -> None:
    await house.client.get_schedule_handle(names.UPKEEP_ID).pause()


def _patched(target: object, name: str, value: object) -> Break:
    async def apply(house: House, url: str, patch: pytest.MonkeyPatch) -> None:
        patch.setattr(target, name, value)

    return apply


def _executed(statement: str) -> Break:
    return lambda house, url, patch: _sql(url, statement)


@pytest.mark.parametrize(
    ("breaking", "broken", "word"),
    [
        (_executed("delete from schema_migrations where version = 3"), "schema", "postroom migrate"),
        (_executed("alter table tickets no force row level security"), "row-level security", "tickets"),
        (_patched(doctor, "LARGEST_SKEW", timedelta(seconds=-1)), "clock", "NTP"),
        (_sealed_otherwise, "secrets", "raw@postroom.test"),
        (_patched(doctor, "SHORTEST_RETENTION", timedelta(days=400)), "namespace", "temporal-setup"),
        (_patched(names, "SEARCH_ATTRIBUTES", ("TenantId", "Lost")), "search attributes", "Lost"),
        (_patched(doctor, "WORKER_QUEUES", ("mail", "nobodys")), "workers", "postroom worker"),
        (_imap_without_listener, "listener", "postroom listener"),
        (_paused, "schedule", "unpause"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_a_part_that_is_broken_is_found(
    house: House,
    environment: dict[str, str],
    db_url: str,
    monkeypatch: pytest.MonkeyPatch,
    breaking: Break,
    broken: str,
    word: str,
) -> None:
    await breaking(house, db_url, monkeypatch)
    findings = await examined()
    assert [name for name, f in findings.items() if f.state == "failed"] == [broken]
    assert word in f"{findings[broken].detail} {findings[broken].advice}"


@pytest.mark.parametrize(
    ("values", "word"),
    [
        ("state = 'needs_reauth', status = 'needs_reauth: refused'", "Reconnect"),
        ("state = 'active', last_sync_at = now() - interval '1 hour'", "not read for 60 minutes"),
    ],
)
async def test_a_mailbox_that_is_not_read_is_found(
    house: House, environment: dict[str, str], db_url: str, values: str, word: str
) -> None:
    smtp = await admin.add_smtp_mailbox(house.db, house.tenant_id, "second@postroom.test")
    await _sql(db_url, f"update mailboxes set {values} where mailbox_id = '{smtp}'")
    findings = await examined()
    (failed,) = [f for f in findings.values() if f.state == "failed"]
    assert failed.name == "mailbox second@postroom.test"
    assert word in f"{failed.detail} {failed.advice}"


async def test_an_address_of_two_tenants_is_found_and_commands_want_to_know_which(
    house: House, environment: dict[str, str], db_url: str
) -> None:
    other = await tenant(house.db, "other")
    await _sql(db_url, "update mailboxes set last_sync_at = now()")
    shell, taken = Shell(environment), "support@other.example"
    status, output = await shell.postroom("mailbox", "add", "smtp", taken, "--tenant", "Default")
    assert (status, output) == (
        1, f"postroom: Mail for {taken} goes to another SMTP mailbox of this installation already.\n",
    )  # fmt: skip
    # As earlier versions let it in.
    raw = await admin.add_raw_mailbox(house.db, house.keyring, house.tenant_id, taken)
    await _sql(db_url, f"update mailboxes set provider = 'smtp' where mailbox_id = '{raw.mailbox_id}'")
    (failed,) = [finding async for finding in examine(Settings()) if finding.state == "failed"]
    assert failed.name == f"mailbox {taken}"
    assert "the one that was registered first receives" in failed.advice
    status, output = await shell.postroom("mailbox", "test", taken)
    assert status == 1
    assert str(raw.mailbox_id) in output
    assert str(other.mailbox_id) in output


async def test_the_command_says_what_to_do_and_its_status_whether_all_is_well(environment: dict[str, str]) -> None:
    """A process of its own, where the dev server's short retention is a finding."""
    status, output = await Shell(environment).postroom("doctor")
    assert status == 1
    assert "ok      Postgres: Postgres" in output
    assert "FAILED  namespace: default forgets closed runs after 1 day" in output
    status, output = await Shell({**environment, "POSTROOM_MASTER_KEYS": ""}).postroom("doctor", "--json")
    assert status == 1
    assert "master keys" in {json.loads(line)["name"] for line in output.splitlines()}
    status, output = await Shell({**environment, "POSTROOM_LOG_FORMAT": "loud"}).postroom("doctor")
    assert (status, "POSTROOM_LOG_FORMAT" in output) == (1, True)
