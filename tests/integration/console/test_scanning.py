"""Attachments before a real clamd: what it says is their state, and who may have them follows from that."""

from __future__ import annotations

import io
import zipfile
from collections.abc import AsyncIterator, Iterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from prometheus_client import REGISTRY
from temporalio.testing import ActivityEnvironment

from activities.scanner import Scanner
from activities.upkeep import Upkeep
from console.strings import text
from domain.scanning import Verdict
from mail.pool import ParserPool
from storage import deletions, mail_keys
from storage.database import Database
from storage.objects import part_key
from tests.integration.console.site import Site, open_site
from tests.letters import letter
from tests.mails.mime.case import file, mixed
from tests.mails.mime.case import text as words
from tests.people import enveloped, person
from tests.simulators import clamd
from tests.simulators.clamd import MARKER, MAX_BYTES, SIGNATURE, Clamd
from workers.rereading import reread

INFECTED = b"MZ" + MARKER


@pytest.fixture(scope="session")
def daemon() -> Iterator[Clamd]:
    with clamd.clamd() as running:
        yield running


@pytest.fixture(scope="module")
def scanner(daemon: Clamd) -> Scanner:
    return Scanner(daemon.url, MAX_BYTES)


@pytest_asyncio.fixture(scope="module")
async def scanning_site(
    shared_url: str, parser: ParserPool, tmp_path_factory: pytest.TempPathFactory, scanner: Scanner
) -> AsyncIterator[Site]:
    db = await Database.connect(shared_url)
    async with open_site(db, parser, tmp_path_factory.mktemp("objects"), scanner=scanner) as opened:
        yield opened
    await db.close()


@pytest_asyncio.fixture
async def site(scanning_site: Site, scanner: Scanner, daemon: Clamd) -> Site:
    """With a tenant of the test's own, and a scanner that runs."""
    daemon.start()
    scanning_site.tenant, scanning_site.scanner = await scanning_site.other_tenant(), scanner
    return scanning_site


def zipped(content: bytes) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("inside.exe", content)
    return archive.getvalue()


def with_files(*files: tuple[str, bytes], subject: str = "Files") -> EmailMessage:
    return letter("alice@example.com", subject, attachments=files)


async def parts(site: Site) -> dict[str, Any]:
    """The rows of the attachments, by file name."""
    async with site.db.tenant(site.tenant.tenant_id) as session:
        rows = await session.fetch("select * from attachments where tenant_id = $1", site.tenant.tenant_id)
    return {row["filename"]: row for row in rows}


async def states(site: Site) -> dict[str, tuple[str, str]]:
    return {name: (row["state"], row["reason"]) for name, row in (await parts(site)).items()}


async def upkeep(site: Site) -> None:
    await ActivityEnvironment().run(Upkeep(site.activity_services()).look_after_mailboxes)


def counted(verdict: str) -> float:
    return REGISTRY.get_sample_value("postroom_scanned_parts_total", {"verdict": verdict}) or 0.0


# Verdicts -------------------------------------------------------------------------------------------------------


async def test_every_part_of_a_mail_has_the_scanners_verdict(site: Site) -> None:
    before = {word: counted(word) for word in ("clean", "infected", "unscanned")}
    files = [("notes.txt", b"12345"), ("tool.exe", INFECTED), ("tools.zip", zipped(INFECTED))]
    email = await site.receive(with_files(*files, ("film.bin", bytes(MAX_BYTES + 1))))
    assert email["state"] == "done"
    assert await states(site) == {
        "notes.txt": ("stored", ""),
        "tool.exe": ("infected", SIGNATURE),
        "tools.zip": ("infected", SIGNATURE),
        "film.bin": ("unscanned", "too_large"),
    }
    rows = await parts(site)
    assert all(row["scanned_at"] is not None for row in rows.values())
    # Locked away, not thrown away.
    assert await site.objects.get(part_key(site.tenant.tenant_id, rows["tool.exe"]["sha256"])) == INFECTED
    assert {word: counted(word) - n for word, n in before.items()} == {"clean": 1, "infected": 2, "unscanned": 1}


async def test_a_unix_socket_leads_to_the_scanner_too(daemon: Clamd, scanner: Scanner, tmp_path: Path) -> None:
    daemon.start()
    (tmp_path / "bad").write_bytes(INFECTED)
    local = Scanner(daemon.socket_url, MAX_BYTES)
    assert await local.files({"bad": tmp_path / "bad"}) == {"bad": Verdict("infected", SIGNATURE)}
    assert await local.version() == await scanner.version()


async def test_more_than_the_scanner_takes_is_never_clean(daemon: Clamd, tmp_path: Path) -> None:
    """Our limit is above clamd's: it says so, or hangs up."""
    daemon.start()
    (tmp_path / "large").write_bytes(bytes(50 * MAX_BYTES))
    (tmp_path / "small").write_bytes(b"12345")
    found = await Scanner(daemon.url, 100 * MAX_BYTES).files({p.name: p for p in sorted(tmp_path.iterdir())})
    assert (found["large"].word, found["small"].word) == ("unscanned", "clean")


async def test_an_archive_that_is_not_looked_through_is_not_clean(
    daemon: Clamd, scanner: Scanner, tmp_path: Path
) -> None:
    daemon.start()
    content = MARKER
    for _ in range(25):
        content = zipped(content)
    (tmp_path / "deep").write_bytes(content)
    assert await scanner.files({"deep": tmp_path / "deep"}) == {"deep": Verdict("unscanned", "too_large")}


async def test_without_a_scanner_a_part_is_stored_and_nobody_says_it_was_scanned(site: Site) -> None:
    site.scanner = None
    email = await site.receive(with_files(("tool.exe", INFECTED)))
    assert await states(site) == {"tool.exe": ("stored", "")}
    _, page = await (await site.person("viewer")).get("/tickets/1")
    assert text("attachment.clean") not in page
    assert "scanned" not in [step["step"] for step in email["timeline"]]


async def test_what_came_while_the_scanner_was_down_is_scanned_once_it_is_back(site: Site, daemon: Clamd) -> None:
    daemon.kill()
    email = await site.receive(with_files(("notes.txt", b"12345"), ("tool.exe", INFECTED)))
    assert email["state"] == "done"
    waiting = ("unscanned", "no_scanner")
    assert await states(site) == {"notes.txt": waiting, "tool.exe": waiting}
    await upkeep(site)
    assert await states(site) == {"notes.txt": waiting, "tool.exe": waiting}
    daemon.start()
    await upkeep(site)
    assert await states(site) == {"notes.txt": ("stored", ""), "tool.exe": ("infected", SIGNATURE)}


async def test_a_scanner_that_dies_midway_has_said_nothing(daemon: Clamd, scanner: Scanner) -> None:
    daemon.start()

    async def content() -> AsyncIterator[bytes]:
        yield b"12345"
        daemon.kill()
        yield b"67890"

    assert await scanner.scan(content(), 10) == Verdict("unscanned", "scan_failed")
    assert await scanner.scan(content(), 10) == Verdict("unscanned", "no_scanner")


async def test_what_the_scanner_cannot_read_is_tried_again_the_next_day(site: Site) -> None:
    await site.receive(with_files(("tool.exe", INFECTED)))
    async with site.db.tenant(site.tenant.tenant_id) as session:
        await session.execute("update attachments set state = 'unscanned', reason = 'scan_failed'")
    await upkeep(site)
    assert (await states(site))["tool.exe"] == ("unscanned", "scan_failed")
    async with site.db.tenant(site.tenant.tenant_id) as session:
        await session.execute("update attachments set scanned_at = scanned_at - interval '25 hours'")
    await upkeep(site)
    assert (await states(site))["tool.exe"] == ("infected", SIGNATURE)


async def test_what_is_found_in_one_mail_locks_the_same_bytes_in_all(site: Site, scanner: Scanner) -> None:
    site.scanner = None
    await site.receive(with_files(("before.exe", INFECTED)))
    site.scanner = scanner
    await site.receive(with_files(("after.exe", INFECTED)))
    assert await states(site) == dict.fromkeys(("before.exe", "after.exe"), ("infected", SIGNATURE))


async def test_bytes_that_are_locked_away_are_not_deleted_as_unused(site: Site) -> None:
    await site.receive(with_files(("tool.exe", INFECTED)))
    sha256, tenant_id = (await parts(site))["tool.exe"]["sha256"], site.tenant.tenant_id
    async with site.db.tenant(tenant_id) as session:
        await deletions.owe(session, tenant_id, [], [sha256])
    await deletions.work_off(site.db, site.objects, tenant_id)
    assert await site.objects.exists(part_key(tenant_id, sha256))


# Who may have it ------------------------------------------------------------------------------------------------


@pytest.fixture(params=["infected", "unscanned"])
def locked(request: pytest.FixtureRequest) -> tuple[str, tuple[str, bytes]]:
    """A state, and a file that gets it."""
    return request.param, ("it.bin", INFECTED if request.param == "infected" else bytes(MAX_BYTES + 1))


async def noted(site: Site, action: str) -> list[Any]:
    async with site.db.tenant(site.tenant.tenant_id) as session:
        sql = "select actor, object, detail from audit where tenant_id = $1 and action = $2"
        return list(await session.fetch(sql, site.tenant.tenant_id, action))


async def test_a_locked_part_is_for_administrators_and_the_audit_log(
    site: Site, locked: tuple[str, tuple[str, bytes]]
) -> None:
    state, file = locked
    await site.receive(with_files(file))
    row = (await parts(site))["it.bin"]
    path = f"/attachments/{row['attachment_id']}"
    for role in ("viewer", "agent"):
        someone = await site.person(role)  # type: ignore[arg-type]
        status, page = await someone.get(path)
        assert (status, text(f"locked.{state}") in page) == (403, True)
        assert f"{path}/locked" not in page
        assert (await someone.get(f"{path}/locked"))[0] == 403
    assert await noted(site, "read_locked_attachment") == []
    for role in ("admin", "owner"):
        someone = await site.person(role)  # type: ignore[arg-type]
        status, page = await someone.get(path)
        assert (status, f'href="{path}/locked"' in page) == (403, True)
        async with someone.http.get(f"{path}/locked") as response:
            assert await response.read() == file[1]
            assert response.headers["Content-Type"] == "application/octet-stream"
        entry = (await noted(site, "read_locked_attachment"))[-1]
        assert (entry["actor"], entry["object"]) == (someone.email, f"attachment/{row['attachment_id']}")
        assert entry["detail"] == {"state": state, "found": row["reason"]}


async def test_a_mail_with_a_locked_part_is_for_administrators_too(
    site: Site, locked: tuple[str, tuple[str, bytes]]
) -> None:
    state, file = locked
    email = await site.receive(with_files(file))
    path = f"/emails/{email['email_id']}/raw"
    status, page = await (await site.person("agent")).get(path)
    assert (status, text(f"locked.{state}") in page) == (403, True)
    assert (await (await site.person("admin")).get(path))[0] == 200
    (entry,) = await noted(site, "read_raw_mail")
    assert entry["detail"] == {"state": state}


async def test_a_clean_mail_is_as_open_as_ever(site: Site) -> None:
    email = await site.receive(with_files(("notes.txt", b"12345")))
    plain = await site.receive(letter("alice@example.com", "Only words"))
    viewer, agent = await site.person("viewer"), await site.person("agent")
    attachment = (await parts(site))["notes.txt"]["attachment_id"]
    assert await viewer.get(f"/attachments/{attachment}") == (200, "12345")
    for mail in (email, plain):
        assert (await agent.get(f"/emails/{mail['email_id']}/raw"))[0] == 200


async def test_a_mail_that_became_no_ticket_was_not_scanned(site: Site) -> None:
    """Its parts never went into the store, so nobody has looked at them. Words alone need no scanner."""
    files, words_only = (
        await site.receive(with_files(("tool.exe", INFECTED))),
        await site.receive(letter("bob@example.com")),
    )
    async with site.db.tenant(site.tenant.tenant_id) as session:
        await session.execute("delete from attachments")
        await session.execute("update emails set outcome = 'discarded', reason = 'rule'")
    agent = await site.person("agent")
    status, page = await agent.get(f"/emails/{files['email_id']}/raw")
    assert (status, text("locked.unscanned") in page) == (403, True)
    assert (await agent.get(f"/emails/{words_only['email_id']}/raw"))[0] == 200


async def test_an_infected_image_is_not_in_the_mails_frame(site: Site) -> None:
    mail = letter("alice@example.com", text="plain")
    mail.add_alternative('<p>Hi</p><img src="cid:bad"><img src="cid:good">', subtype="html")
    html: Any = mail.get_payload()[1]  # type: ignore[index]
    html.add_related(b"\x89PNG\r\n\x1a\n" + MARKER, "image", "png", cid="<bad>", filename="bad.png")
    html.add_related(b"\x89PNG\r\n\x1a\n0000", "image", "png", cid="<good>", filename="good.png")
    email = await site.receive(mail)
    assert (await states(site))["bad.png"] == ("infected", SIGNATURE)
    _, frame = await (await site.person("admin")).get(f"/emails/{email['email_id']}/html")
    assert frame.count("data:image/png") == 1


async def test_the_api_says_why_and_serves_locked_parts_to_scope_admin(
    site: Site, locked: tuple[str, tuple[str, bytes]]
) -> None:
    state, file = locked
    await site.receive(with_files(file, ("notes.txt", b"12345")))
    write, administrator = await site.api("write"), await site.api("admin")
    async with write.get("tickets/1") as response:
        listed = {part["filename"]: part for part in (await response.json())["comments"][0]["attachments"]}
    assert (listed["it.bin"]["state"], listed["notes.txt"]["state"]) == (state, "stored")
    assert listed["notes.txt"]["scanned_at"] is not None
    path = f"attachments/{listed['it.bin']['id']}"
    for token in (write, administrator):
        async with token.get(path) as response:
            problem = await response.json()
        kind = {"infected": "infected", "unscanned": "not-scanned"}[state]
        assert (response.status, problem["type"]) == (403, f"urn:postroom:problem:{kind}")
        assert problem["reason"] == listed["it.bin"]["reason"]
    async with write.get(f"{path}/locked") as response:
        assert (response.status, (await response.json())["type"]) == (403, "urn:postroom:problem:forbidden")
    assert await noted(site, "read_locked_attachment") == []
    async with administrator.get(f"{path}/locked") as response:
        assert await response.read() == file[1]
    (entry,) = await noted(site, "read_locked_attachment")
    assert entry["actor"].startswith("api:")


async def test_the_api_serves_a_mail_with_a_locked_part_to_scope_admin(
    site: Site, locked: tuple[str, tuple[str, bytes]]
) -> None:
    state, file = locked
    mail = with_files(file)
    path = f"emails/{(await site.receive(mail))['email_id']}/raw"
    async with (await site.api("write")).get(path) as response:
        problem = await response.json()
    kind = {"infected": "infected", "unscanned": "not-scanned"}[state]
    assert (response.status, problem["type"]) == (403, f"urn:postroom:problem:{kind}")
    assert await noted(site, "read_raw_mail") == []
    async with (await site.api("admin")).get(path) as response:
        assert await response.read() == mail.as_bytes()
    (entry,) = await noted(site, "read_raw_mail")
    assert (entry["actor"], entry["detail"]) == ("api:tests", {"state": state})


# What people see ------------------------------------------------------------------------------------------------


async def test_pages_say_what_the_scanner_found(site: Site) -> None:
    files = [("notes.txt", b"12345"), ("tool.exe", INFECTED), ("film.bin", bytes(MAX_BYTES + 1))]
    email = await site.receive(with_files(*files, subject="Three files"))
    viewer = await site.person("viewer")
    _, page = await viewer.get("/tickets/1")
    assert text("attachment.clean") in page
    assert f"{text('attachment.infected')}: {SIGNATURE}" in page
    assert f"{text('attachment.unscanned')}: {text('reason.too_large')}" in page
    _, page = await viewer.get(f"/emails/{email['email_id']}")
    assert text("step.scanned", verdict=text("verdict.infected")) in page
    _, page = await viewer.get("/quarantine?group=infected")
    assert "Three files" in page


async def test_the_system_page_looks_whether_the_scanner_answers(site: Site, daemon: Clamd) -> None:
    someone = await site.person("admin")
    _, page = await someone.get("/system")
    assert "ClamAV" in page
    daemon.kill()
    _, page = await someone.get("/system")
    assert text("system.scanner.away") in page


async def test_what_a_late_key_opens_waits_for_the_scanner(site: Site) -> None:
    desk, tenant = person("help@example.org"), site.tenant
    whole = mixed(words("Secret words"), file("tool.exe", INFECTED))
    await site.receive(enveloped(whole[whole.index(b"Content-Type: multipart") :], desk))
    async with site.db.tenant(tenant.tenant_id) as session:
        await mail_keys.add(
            session, site.keyring, tenant.tenant_id, tenant.mailbox_id, desk.opening(), "help", actor="ann"
        )
    await reread(site.db, site.keyring, site.objects, site.parser, tenant.tenant_id, tenant.mailbox_id, scanning=True)
    assert (await states(site))["tool.exe"] == ("unscanned", "no_scanner")
    await upkeep(site)
    assert (await states(site))["tool.exe"] == ("infected", SIGNATURE)
