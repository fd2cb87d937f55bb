"""Encrypted mail is kept until its key is there, then read anew; with the key it is a ticket like any other."""

from __future__ import annotations

from mail.pool import ParserPool
from storage import mail_keys
from storage.objects import part_key, raw_key
from tests.house import House
from tests.mails.mime.case import PDF, file, mixed, text
from tests.people import Person, enveloped, person
from workers.rereading import Reread, reread


def _secret(desk: Person, words: str, message_id: str) -> bytes:
    whole = mixed(text(words), file("offer.pdf", PDF))
    raw = enveloped(whole[whole.index(b"Content-Type: multipart") :], desk)
    return raw.replace(b"<case@example.com>", f"<{message_id}@example.com>".encode())


async def _comments(house: House) -> list[str]:
    rows = await house.rows("select text from comments where tenant_id = $1 order by seq")
    return [row["text"].strip() for row in rows]


async def test_a_key_that_comes_later_opens_what_was_kept(house: House) -> None:
    desk = person("help@example.org")
    await house.send(_secret(desk, "Secret words", "early"))
    await house.settled(1)
    assert await _comments(house) == [""]

    async with house.db.tenant(house.tenant_id) as session:
        key = desk.opening()
        await mail_keys.add(
            session, house.keyring, house.tenant_id, house.mailbox_id, key, "help@example.org", actor="ann"
        )
        assert (
            await mail_keys.add(session, house.keyring, house.tenant_id, house.mailbox_id, key, "again", actor="ann")
            is None
        )
    parser = ParserPool(1)
    await parser.start()
    try:
        arguments = (house.db, house.keyring, house.objects, parser, house.tenant_id, house.mailbox_id)
        assert await reread(*arguments, scanning=False) == Reread(found=1, opened=1)
        assert await reread(*arguments, scanning=False) == Reread(found=0, opened=0)
    finally:
        await parser.close()
    assert await _comments(house) == ["Secret words"]
    files = await house.rows("select filename, sha256, state from attachments where tenant_id = $1 order by position")
    assert [(row["filename"], row["state"]) for row in files] == [("smime.p7m", "stored"), ("offer.pdf", "stored")]
    assert await house.objects.get(part_key(house.tenant_id, files[1]["sha256"])) == PDF

    await house.send(_secret(desk, "More of it", "late"))
    await house.settled(2)
    assert await _comments(house) == ["Secret words", "More of it"]
    sealed = await house.rows("select sealed_key from mailbox_keys where tenant_id = $1")
    assert "PRIVATE" not in sealed[0]["sealed_key"]


async def test_mail_whose_raw_form_is_gone_keeps_no_later_one_locked(house: House) -> None:
    desk = person("help@example.org")
    for number, name in enumerate(("old", "new"), start=1):
        await house.send(_secret(desk, f"Secret {name}", name))
        await house.settled(number)
    old = (await house.emails())[0]
    await house.objects.delete(raw_key(house.tenant_id, old["raw_sha256"]))
    await house.rows("update emails set raw_deleted_at = now() where tenant_id = $1 and email_id = $2", old["email_id"])
    async with house.db.tenant(house.tenant_id) as session:
        await mail_keys.add(
            session, house.keyring, house.tenant_id, house.mailbox_id, desk.opening(), "help@example.org", actor="ann"
        )
    parser = ParserPool(1)
    await parser.start()
    try:
        done = await reread(
            house.db, house.keyring, house.objects, parser, house.tenant_id, house.mailbox_id, scanning=False
        )
    finally:
        await parser.close()
    assert done == Reread(found=1, opened=1)
    assert await _comments(house) == ["", "Secret new"]
