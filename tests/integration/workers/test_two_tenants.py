"""Two tenants in one installation, made by commands: what belongs to one, the other never sees."""

from __future__ import annotations

import asyncio
import smtplib
from typing import Any
from uuid import UUID

import pytest

from storage import api_tokens, tenants
from storage.database import Database
from tests.house import SUPPORT, House
from tests.integration.workers.test_tenant_commands import column
from tests.letters import letter
from tests.operator import operate
from workers.admin import AdminError
from workers.command import Refused


async def test_a_tenant_is_added_listed_and_named(db: Database, capsys: pytest.CaptureFixture[str]) -> None:
    await operate(db, "tenant add North")
    north = capsys.readouterr().out.strip()
    await operate(db, "user add ada@example.com --role owner")
    await operate(db, "tenant add 'South Inc'")
    await operate(db, f"user add ben@example.com --tenant {north}")
    await operate(db, "user add ben@example.com --tenant 'South Inc'")
    capsys.readouterr()
    await operate(db, "tenant list")
    first, second = capsys.readouterr().out.splitlines()
    assert first.split() == [north, "North", "users:", "2,", "mailboxes:", "0"]
    assert second.split()[1:] == ["South", "Inc", "users:", "1,", "mailboxes:", "0"]
    await operate(db, "user list --tenant North")
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ["ada@example.com", "ben@example.com"]
    assert await column(db, "select name from inbound_defaults") == ["Standard", "Standard"]
    assert await column(db, "select actor from audit where action = 'add_tenant'") == ["postroom command"] * 2
    for line, why in (("tenant add NORTH", "tenant named NORTH already"), ("tenant add ''", "1 to 100 characters")):
        with pytest.raises(Refused, match=why):
            await operate(db, line)


@pytest.mark.parametrize(
    "line",
    [
        "user add ada@example.com",
        "user link ada@example.com",
        "user list",
        "user stop ada@example.com",
        "user allow ada@example.com",
        "token add Shop",
        "token list",
        "token revoke 00000000-0000-0000-0000-000000000000",
        "client add North",
        "client list",
        "mailbox add smtp in@example.com",
        "erase person ada@example.com --reason asked --dry-run",
    ],
)
async def test_with_several_tenants_a_command_asks_for_one_and_does_nothing(db: Database, line: str) -> None:
    for name in ("North", "South"):
        await operate(db, f"tenant add {name}")
    before = await column(db, "select count(*) from audit")
    with pytest.raises(
        Refused, match=r"Say which tenant with --tenant, by its id or name: North \(.*\), South \(.*\)\."
    ):
        await operate(db, line)
    with pytest.raises(Refused, match="Say which tenant"):
        await operate(db, f"{line} --tenant East")
    assert await column(db, "select count(*) from audit") == before


async def test_mail_of_two_tenants_becomes_the_tickets_of_each(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    """One SMTP inbox, one transaction for both, the same Message-ID, the same workers."""
    await operate(house.db, "tenant add South")
    south = UUID(capsys.readouterr().out.strip())
    await operate(house.db, "mailbox add smtp help@south.example --tenant South")
    with pytest.raises(AdminError, match="another SMTP mailbox"):
        await operate(house.db, f"mailbox add smtp {SUPPORT} --tenant South")
    for name, domain in (("Default", "Bakery"), ("South", "Books")):
        await operate(house.db, f"client add {domain} --domain example.com --tenant {name}")
    capsys.readouterr()
    tokens: dict[str, Any] = {}
    for name in ("Default", "South"):
        await operate(house.db, f"token add Shop --tenant {name}")
        tokens[name] = await api_tokens.find(house.db, capsys.readouterr().out.strip())
    assert [tokens[name].tenant_id for name in ("Default", "South")] == [house.tenant_id, south]

    mail = letter("ann@example.com", "Both", to=f"{SUPPORT}, help@south.example", message_id="both@example.com")

    def send() -> None:
        with smtplib.SMTP("127.0.0.1", house.smtp_port, timeout=60) as connection:
            connection.sendmail("ann@example.com", [SUPPORT, "help@south.example"], mail.as_bytes())

    await asyncio.to_thread(send)
    await house.settled(1)

    async def tickets(tenant_id: UUID) -> list[tuple[int, str, str]]:
        async with house.db.tenant(tenant_id) as session:
            rows = await session.fetch(
                "select t.number, t.subject, c.name from tickets t join clients c using (tenant_id, client_id)"
            )
        return [(row["number"], row["subject"], row["name"]) for row in rows]

    async def both() -> bool:
        return len(await tickets(south)) == 1

    await house.until(both, "ticket of the second tenant")
    assert await tickets(house.tenant_id) == [(1, "Both", "Bakery")]
    assert await tickets(south) == [(1, "Both", "Books")]
    assert set(await tenants.names(house.db)) == {house.tenant_id, south}
