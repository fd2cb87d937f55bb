"""`postroom mailbox key …`: add, list, remove."""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path
from uuid import UUID

from mail.pool import ParserPool
from storage import mail_keys
from storage.database import Database
from storage.objects import Objects
from storage.secrets import KeyRing
from workers import mail_keys as files
from workers.admin import CLI
from workers.command import Refused, locate
from workers.rereading import reread
from workers.settings import Settings

_MAX_FILE = 1 << 20
_KINDS = {
    "smime_key": "S/MIME key",
    "smime_certificate": "S/MIME certificate",
    "openpgp_key": "OpenPGP key",
    "openpgp_certificate": "OpenPGP certificate",
}


async def add(args: argparse.Namespace, settings: Settings, db: Database) -> int:
    located = await locate(db, args.mailbox)
    content = await asyncio.to_thread(_content, args.file)
    passphrase = await asyncio.to_thread(_content, args.passphrase_file) if args.passphrase_file else None
    try:
        named = files.read(content, passphrase.rstrip(b"\r\n") if passphrase is not None else None)
    except (ValueError, TypeError) as error:
        raise Refused(
            f"{args.file} holds no key that can be used: {error}. "
            "Wanted: PKCS#12, PEM or OpenPGP armor; for one with a passphrase give --passphrase-file."
        ) from None
    keyring = KeyRing(settings.master_keys.get_secret_value())
    async with db.tenant(located.tenant_id) as session:
        key_id = await mail_keys.add(
            session, keyring, located.tenant_id, located.mailbox_id, named.key, named.label, actor=CLI
        )
    print(f"{key_id or 'stored already'}  {_KINDS[named.key.kind]}  {named.label}")
    if named.key.kind in ("smime_key", "openpgp_key"):
        await _read_anew(settings, db, keyring, located.tenant_id, located.mailbox_id)
    return 0


async def _read_anew(settings: Settings, db: Database, keyring: KeyRing, tenant_id: UUID, mailbox_id: UUID) -> None:
    parser = ParserPool(processes=1)
    await parser.start()
    try:
        objects, scanning = Objects(settings.objects_url), settings.scanner is not None
        done = await reread(db, keyring, objects, parser, tenant_id, mailbox_id, scanning=scanning)
    finally:
        await parser.close()
    if done.found:
        print(f"encrypted mail that was kept: {done.found}, opened now: {done.opened}")


async def show(args: argparse.Namespace, settings: Settings, db: Database) -> int:
    located = await locate(db, args.mailbox)
    async with db.tenant(located.tenant_id) as session:
        rows = await mail_keys.listed(session, located.tenant_id, located.mailbox_id)
    for row in rows:
        print(f"{row['key_id']}  {_KINDS[row['kind']]:19}  {row['created_at']:%Y-%m-%d}  {row['label']}")
    return 0


async def remove(args: argparse.Namespace, settings: Settings, db: Database) -> int:
    located = await locate(db, args.mailbox)
    try:
        key_id = UUID(args.key)
    except ValueError:
        raise Refused(f"{args.key} is no key id: `postroom mailbox key list {args.mailbox}` shows them.") from None
    async with db.tenant(located.tenant_id) as session:
        if not await mail_keys.remove(session, located.tenant_id, located.mailbox_id, key_id, actor=CLI):
            raise Refused(f"There is no key {key_id}: `postroom mailbox key list {args.mailbox}` shows them.")
    print("removed")
    return 0


def _content(file: str) -> bytes:
    """Raises Refused where the file is larger than any key."""
    if file == "-":
        content = sys.stdin.buffer.read(_MAX_FILE + 1)
    else:
        with Path(file).open("rb") as opened:
            content = opened.read(_MAX_FILE + 1)
    if len(content) > _MAX_FILE:
        raise Refused(f"{file} is too large for a key.")
    return content
