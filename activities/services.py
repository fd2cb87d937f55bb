"""What the activities work with: one object per process, made in `workers`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from activities.scanner import Scanner
from domain.runs import Runs
from mail.pool import ParserPool
from storage.database import Database
from storage.objects import Objects
from storage.secrets import KeyRing


@dataclass(frozen=True, slots=True)
class Services:
    """`keyring` opens a mailbox's keys; `token_keys` sign reply tokens; `public_url` is the console's.

    `max_message_bytes` bounds any source's mail. Without a `scanner` no part is scanned.
    """

    db: Database
    objects: Objects
    parser: ParserPool
    runs: Runs
    keyring: KeyRing
    token_keys: Mapping[str, bytes]
    public_url: str
    max_message_bytes: int
    scanner: Scanner | None = None
