"""`--demo-providers`: the simulated sources as a process, connected to a house, make tickets without any account."""

from __future__ import annotations

import asyncio
import socket
from contextlib import AsyncExitStack
from pathlib import Path

from domain.endpoints import Endpoints
from domain.mailbox import MailboxRef
from storage.database import Database
from tests.house import open_house, working_in
from tests.integration.push.processes import ROOT
from tests.integration.push.stand import NEVER, serve_webhooks
from tests.temporal_server import TemporalServer
from workers.dev.providers_demo import Simulators


async def test_both_demo_mailboxes_make_a_ticket_each(db: Database, temporal: TemporalServer, tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        house = await stack.enter_async_context(open_house(db, temporal.address, tmp_path / "objects", working=False))
        ports = [_free_port(), _free_port()]
        nowhere = Simulators(*ports, "")
        house.endpoints = Endpoints(
            google_api=nowhere.google_url,
            google_oauth=nowhere.google_url,
            google_jwks=nowhere.environment()["POSTROOM_GOOGLE_JWKS_URL"],
            graph=nowhere.microsoft_url,
            microsoft_login=nowhere.microsoft_url,
        )
        simulators = Simulators(*ports, await stack.enter_async_context(serve_webhooks(house)))
        await stack.enter_async_context(working_in(house))
        service = simulators.service({"PYTHONPATH": str(ROOT)})
        process = await asyncio.create_subprocess_exec(*service.command, env=service.environment, cwd=ROOT)
        stack.callback(process.kill)
        while not await service.ready():
            assert process.returncode is None
            await asyncio.sleep(0.05)
        for mailbox_id, provider in zip(
            await simulators.connect(db, house.keyring, house.tenant_id), ("gmail", "microsoft"), strict=True
        ):
            await house.runs.start_mailbox(_reference(house.tenant_id, mailbox_id, provider))
        assert {email["outcome"] for email in await house.settled(2)} == {"ticket"}
        # Again, as on the next start of `postroom dev`: the same mailboxes.
        assert len(await simulators.connect(db, house.keyring, house.tenant_id)) == 2
        assert len(await house.rows("select 1 from mailboxes where tenant_id = $1 and provider <> 'smtp'")) == 2


def _reference(tenant_id: object, mailbox_id: object, provider: str) -> MailboxRef:
    return MailboxRef.model_validate(
        {"tenant_id": tenant_id, "mailbox_id": mailbox_id, "provider": provider, "reconcile_every": NEVER}
    )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
