"""Hours of random IMAP faults at accelerated timers, into a real ledger: what was delivered is listed, every time.

A renewal takes 5 ms instead of 4.5 minutes, and an access token lives for 67 ms instead of an hour.
"""

from __future__ import annotations

import asyncio
import random
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from providers.base import AuthFailed, Transient
from providers.imap.listener import Listener
from providers.imap.oauth import AccessTokens
from providers.imap.settings import ImapSettings
from providers.imap.sync import FolderState
from providers.oauth import AccessToken, Refreshed
from storage import mailboxes
from storage.database import Database
from tests.integration.imap.shelf import Shelf, new_shelf
from tests.integration.imap.test_random_faults import ACCELERATED, Faults
from tests.simulators.imap_script import ScriptedImap, scripted_imap
from tests.unit.providers.test_oauth import Drawer

FASTER = 54_000
TOKEN_SECONDS = 3600 / FASTER
FEW = 5  # messages over which the server breaks: after each new numbering all of them have to be found again
TIMERS = replace(ACCELERATED, token_margin=120 / FASTER)


@dataclass
class Tokens:
    """A token server with faults: it is away, refuses a good grant, issues what the mail server does not take."""

    script: ScriptedImap
    chance: random.Random
    good: set[str] = field(default_factory=set)
    issued: int = 0
    faulty: bool = True

    def consent(self) -> dict[str, Any]:
        refresh = secrets.token_hex(8)
        self.good.add(refresh)
        return {"refresh_token": refresh}

    async def grant(self, secret: Mapping[str, Any]) -> AccessToken:
        fault = self.chance.choices(["none", "away", "refused", "useless"], [80, 10, 3, 7])[0] if self.faulty else ""
        if fault == "away":
            raise Transient("the token server is away")
        if fault == "refused" or secret["refresh_token"] not in self.good:
            raise AuthFailed("the grant is refused")
        self.good.remove(str(secret["refresh_token"]))
        self.issued += 1
        access = AccessToken(
            secrets.token_hex(8), datetime.now(UTC) + timedelta(seconds=TOKEN_SECONDS), self.consent()["refresh_token"]
        )
        if fault != "useless":
            self.script.tokens[access.value] = asyncio.get_running_loop().time() + TOKEN_SECONDS
        return access


class Installation:
    """A listener on a ledger, which crashes and is started again, and an operator who answers."""

    def __init__(self, shelf: Shelf, tokens: Tokens, settings: ImapSettings) -> None:
        self._shelf = shelf
        self._tokens = tokens
        self._settings = settings
        self._drawer = Drawer(tokens.consent())
        self._listener: Listener | None = None

    async def restart(self) -> None:
        """Nothing but the database is left."""
        await self.stop()
        await self._shelf.look()
        async with self._shelf.db.tenant(self._shelf.tenant_id) as session:
            cursors = await mailboxes.cursors(session, self._shelf.tenant_id, [self._shelf.mailbox_id])
        states = [FolderState.model_validate(cursor) for cursor in cursors[self._shelf.mailbox_id]]
        self._listener = Listener(self._shelf.sink, allow_private=True, timers=TIMERS, batch=50)
        credentials = AccessTokens(Refreshed(self._drawer, self._tokens.grant))
        await self._listener.add(str(self._shelf.mailbox_id), self._settings, credentials, states)

    async def stop(self) -> None:
        if self._listener is not None:
            await self._listener.close()

    async def operate(self) -> int:
        """Answers whatever the mailbox asks; how often it did is the result when cancelled.

        What was listed is processed meanwhile, or there would be no room for more of the older mail.
        """
        asked = 0
        try:
            while True:
                (row,) = await self._shelf.rows("select state from mailboxes where tenant_id = $1 and mailbox_id = $2")
                if row["state"] == "needs_reauth":
                    asked += 1
                    self._drawer.kept = self._tokens.consent()
                    async with self._shelf.db.tenant(self._shelf.tenant_id) as session:
                        await mailboxes.set_state(session, self._shelf.tenant_id, self._shelf.mailbox_id, "active")
                    await self.restart()
                cursor = await self._shelf.cursor()
                if cursor is not None and cursor.held:
                    asked += 1
                    await self._shelf.answer("take_in")
                    await self.restart()
                await self._shelf.process()
                await asyncio.sleep(0.01)
        except asyncio.CancelledError:
            return asked


@pytest_asyncio.fixture
async def shelf(db: Database, tmp_path: Path) -> Shelf:
    return await new_shelf(db, tmp_path)


async def until(condition: Callable[[], Any], seconds: float = 30) -> None:
    async with asyncio.timeout(seconds):
        while not await condition():
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("numbered_anew", [False, True])
@pytest.mark.parametrize("seed", range(2))
async def test_faults_of_every_kind_lose_no_mail_and_double_none(
    shelf: Shelf, request: pytest.FixtureRequest, seed: int, numbered_anew: bool
) -> None:
    hours = float(request.config.getoption("--imap-hours"))
    async with scripted_imap() as script:
        faults = Faults(script, seed)
        chance = faults.random
        tokens = Tokens(script, chance)
        settings = script.settings.model_copy(update={"auth": "xoauth2"})
        installation = Installation(shelf, tokens, settings)
        await installation.restart()
        operator = asyncio.create_task(installation.operate())

        async def begun() -> bool:
            return await shelf.cursor() is not None

        await until(begun)
        over = asyncio.get_running_loop().time() + hours * 3600 / FASTER
        delivered: list[str] = []
        while asyncio.get_running_loop().time() < over:
            delivered.append(deliver(script, chance, len(delivered)))
            await asyncio.sleep(chance.random() * 0.02)
            match chance.randrange(40):
                case 0:
                    await installation.restart()
                case 1:
                    await script.disconnect()
                case 2 if numbered_anew:
                    script.uidvalidity += 1
                    script.messages = dict(enumerate(script.messages.values(), 1))
        faults.end()
        tokens.faulty = False
        readable = [message_id for message_id in delivered if message_id not in script.poison]

        async def all_listed() -> bool:
            keys = [e["message_key"] for e in await shelf.emails()]
            derived = sum(key.startswith("<") for key in keys)
            return set(readable) <= set(keys) and derived >= len(script.poison)

        await until(all_listed, 30 + hours / 4)
        operator.cancel()
        asked = await operator
        await installation.stop()
    keys = [e["message_key"] for e in await shelf.emails()]
    print(f"{hours:.0f} simulated hours, {tokens.issued} tokens, a person was asked {asked} times")
    print(f"{len(delivered)} delivered, {len(keys)} sightings listed; faults: {dict(faults.injected)}")
    if not numbered_anew:
        assert sorted(key for key in keys if not key.startswith("<")) == sorted(readable)
        assert sum(key.startswith("<") for key in keys) == len(script.poison)


def deliver(script: ScriptedImap, chance: random.Random, number: int) -> str:
    """One more message: often at the next number, at times after a gap or late in one, at times one that is poison."""
    message_id = f"{number}@example.org"
    if len(script.poison) < FEW and chance.randrange(30) == 0:
        script.poison.add(message_id)
    last = script.uidnext - 1
    gaps = [uid for uid in range(max(1, last - 20), last) if uid not in script.messages]
    if gaps and chance.randrange(4) == 0:
        script.add(message_id, uid=chance.choice(gaps))
    else:
        script.add(message_id, uid=script.uidnext + chance.choice([0, 0, 0, 7, 20_000]))
    return message_id
