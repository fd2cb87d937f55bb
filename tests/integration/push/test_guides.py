"""docs/gmail.md and docs/microsoft365.md followed word by word: every way they tell, from its command to a ticket."""

from __future__ import annotations

import json
import re
import shlex
from contextlib import AsyncExitStack
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from uuid import UUID

import pytest

from tests.integration.push.processes import ROOT
from tests.integration.push.stand import NEVER, SOON, Stand
from tests.integration.push.test_microsoft_simulator import certificate
from tests.integration.push.test_pull import hurry, pulling
from tests.integration.push.test_setup import Shell, shell
from tests.letters import letter
from tests.simulators.microsoft_login import DIRECTORY
from tests.simulators.pubsub import Subscription

__all__ = ["hurry", "shell"]

ADDRESS = "help@your-domain.example"


def commands(guide: str, beginning: str) -> list[str]:
    """The commands of a guide that begin like this, each on one line; optional parts are left in their brackets."""
    text = (ROOT / "docs" / guide).read_text("utf-8")
    blocks = re.findall(r"^ *```\n(.*?)^ *```$", text, re.DOTALL | re.MULTILINE)
    lines = re.sub(r" \\\n\s*", " ", "".join(blocks)).splitlines()
    return [line.strip() for line in lines if line.strip().startswith(beginning)]


def ways(guide: str, provider: str) -> list[str]:
    """Every command that connects, with and without what is optional in it."""
    found = commands(guide, f"postroom mailbox add {provider} ")
    variants = [variant for way in found for variant in (re.sub(r" \[.*?\]", "", way), re.sub(r"[\[\]]", "", way))]
    return list(dict.fromkeys(variants))


def options(command: str) -> dict[str, str]:
    words = shlex.split(command)
    return {name: value for name, value in pairwise(words) if name.startswith("--")}


async def run(shell: Shell, command: str, *, agreeing: bool = False) -> str:
    program, *arguments = shlex.split(command)
    assert program == "postroom"
    code, output = await (shell.agree(*arguments) if agreeing else shell.postroom(*arguments))
    assert code == 0, output
    return output


async def first_ticket(stand: Stand, mailbox_id: UUID, provider: str, *, notified: bool) -> None:
    """As the worker does for a mailbox that was added."""
    await stand.start(mailbox_id, "gmail" if provider == "gmail" else "microsoft", NEVER if notified else SOON)
    await stand.status(mailbox_id, "connected: notified" if notified else "connected: polling")
    mailbox = stand.google.account(ADDRESS) if provider == "gmail" else stand.graph.mailbox(ADDRESS)
    mailbox.deliver(letter("alice@example.com").as_bytes())
    (email,) = await stand.house.settled(1)
    assert (email["mailbox_id"], email["outcome"]) == (mailbox_id, "ticket")


def test_the_guides_tell_these_ways() -> None:
    assert len(ways("gmail.md", "gmail")) == 4
    assert len(ways("microsoft365.md", "microsoft")) == 4


@pytest.mark.parametrize("way", ways("gmail.md", "gmail"))
async def test_gmail(stand: Stand, shell: Shell, tmp_path: Path, way: str) -> None:
    oauth, pubsub = stand.google.oauth, stand.google.pubsub
    client = {"installed": {"client_id": oauth.client_id, "client_secret": oauth.client_secret}}
    (tmp_path / "reader.json").write_text(json.dumps(oauth.service_account_key()))
    (tmp_path / "client.json").write_text(json.dumps(client))
    shell = replace(shell, directory=tmp_path)
    way = way.replace("PROJECT", "postroom-test")
    chosen = options(way)
    output = await run(shell, way, agreeing="--client-file" in chosen)
    mailbox_id = UUID(output.split()[-1])
    (subscribing,) = commands("gmail.md", "gcloud pubsub subscriptions create postroom-MAILBOX_ID")
    (looking,) = commands("gmail.md", "postroom mailbox test")
    async with AsyncExitStack() as stack:
        if "--push-service-account" in chosen:
            made = options(subscribing.replace("PROJECT", "postroom-test").replace("MAILBOX_ID", str(mailbox_id)))
            endpoint = made["--push-endpoint"].replace("https://hooks.your-domain.example", stand.webhooks_url)
            pushes = Subscription(endpoint, made["--push-auth-service-account"], endpoint)
            pubsub.subscriptions[chosen["--topic"]] = [pushes]
        elif "--subscription" in chosen:
            pubsub.pull_subscription(chosen["--topic"], chosen["--subscription"])
            await stack.enter_async_context(pulling(stand))
        assert "FAILED" not in await run(shell, looking)
        await first_ticket(stand, mailbox_id, "gmail", notified="--topic" in chosen)


@pytest.mark.parametrize("way", ways("microsoft365.md", "microsoft"))
async def test_microsoft(stand: Stand, shell: Shell, tmp_path: Path, way: str) -> None:
    login, pem = stand.graph.login, certificate()
    stand.graph.mailbox(ADDRESS)
    (tmp_path / "secret.txt").write_text(login.client_secret + "\n")
    (tmp_path / "postroom.pem").write_text(pem)
    login.certificate = pem
    shell = replace(shell, directory=tmp_path)
    way = way.replace("TENANT_ID", DIRECTORY).replace("CLIENT_ID", login.client_id)
    # "Allow public client flows", for an application without a secret.
    login.public = "-file" not in way
    output = await run(shell, way, agreeing="--consent" in way)
    (looking,) = commands("microsoft365.md", "postroom mailbox test")
    assert "FAILED" not in await run(shell, looking)
    await first_ticket(stand, UUID(output.split()[-1]), "microsoft", notified=True)
