"""`postroom events tail`."""

from __future__ import annotations

import json
import re
from argparse import Namespace
from typing import Any

import pytest

from domain.events import EVENT_KINDS
from storage import mailboxes
from storage.database import Database
from workers import admin, arguments, events_command
from workers.settings import Settings


async def printed(db: Database, capsys: pytest.CaptureFixture[str], **wanted: Any) -> list[str]:
    args = Namespace(**{"kind": None, "last": 10, "no_follow": True, "json": False} | wanted)
    assert await events_command.tail(args, Settings.model_construct(), db) == 0
    return capsys.readouterr().out.splitlines()


async def test_last_events_are_printed_in_order(db: Database, capsys: pytest.CaptureFixture[str]) -> None:
    tenant = await admin.ensure_default_tenant(db, address="support@postroom.test")
    for state in ("paused", "active", "paused"):
        async with db.tenant(tenant.tenant_id) as session:
            await mailboxes.set_state(session, tenant.tenant_id, tenant.mailbox_id, state)
    lines = await printed(db, capsys)
    assert [word for line in lines for word in re.findall(r"state=(\w+)", line)] == [
        "active",
        "paused",
        "active",
        "paused",
    ]
    (newest,) = await printed(db, capsys, last=1, json=True)
    assert json.loads(newest)["data"]["state"] == "paused"
    assert await printed(db, capsys, kind=["ticket.created"]) == []


def test_command_line_knows_every_kind() -> None:
    assert arguments.EVENT_KINDS == EVENT_KINDS
