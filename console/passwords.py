"""Passwords: argon2id, in threads of its own, two at a time."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

T = TypeVar("T")

# OWASP Password Storage Cheat Sheet, argon2id: 19 MiB, two passes, one lane.
HASHER: Final = PasswordHasher(time_cost=2, memory_cost=19456, parallelism=1)

# NIST SP 800-63B-4, 3.1.1: length is what counts, and no rules about characters.
SHORTEST, LONGEST = 12, 256
_DIFFERENT = 5
# Each waits some 50 ms for those before it: more at a time would only make everybody wait.
_WAITING = 40


class Busy(Exception):
    """Too many passwords are being checked already; try again in a moment."""


@dataclass(frozen=True, slots=True)
class Checked:
    """`rehashed` replaces a right password's hash that has other parameters than today's."""

    right: bool
    rehashed: str | None = None


class Passwords:
    """Hashes and checks passwords; a check of an account that does not exist takes as long as one that does."""

    def __init__(self, hasher: PasswordHasher = HASHER) -> None:
        self._hasher = hasher
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="argon2")
        self._waiting = 0
        self._nobodys = hasher.hash(secrets.token_urlsafe(32))

    async def hash(self, password: str) -> str:
        """Raises Busy."""
        return await self._run(lambda: self._hasher.hash(password))

    async def check(self, stored: str | None, password: str) -> Checked:
        """Raises Busy."""
        return await self._run(lambda: self._check(stored, password))

    def _check(self, stored: str | None, password: str) -> Checked:
        try:
            self._hasher.verify(stored or self._nobodys, password)
        except (VerificationError, InvalidHashError):
            return Checked(False)
        if stored is None:
            return Checked(False)
        return Checked(True, self._hasher.hash(password) if self._hasher.check_needs_rehash(stored) else None)

    async def _run(self, work: Callable[[], T]) -> T:
        if self._waiting >= _WAITING:
            raise Busy
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._waiting -= 1


def fault(password: str, email: str) -> str | None:
    """Why this is no password for this account, as a word of the catalogue; None when it is one."""
    if len(password) < SHORTEST:
        return "short"
    if len(password) > LONGEST:
        return "long"
    if len(set(password)) < _DIFFERENT or email.partition("@")[0].lower() in password.lower():
        return "easy"
    return None
