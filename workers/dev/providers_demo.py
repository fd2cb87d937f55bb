"""`postroom dev --demo-providers`: a simulated Gmail and a simulated Microsoft 365, each with a mailbox that gets mail.

A newcomer sees both work without an account. The simulators are those of the tests, so this needs a checkout.

`service` is the process that runs them, `environment` what postroom's own processes need to talk to it, and `connect`
adds the two mailboxes; each then gets a mail at once and one more every minute.
"""

import argparse
import asyncio
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from itertools import count
from typing import Any
from uuid import UUID

import aiohttp
from aiohttp import web

from storage import people
from storage.database import Database
from storage.secrets import KeyRing
from workers.dev.ports import HOST
from workers.dev.readiness import http_ok
from workers.dev.supervisor import Service

GMAIL, MICROSOFT = "sales@gmail.test", "billing@outlook.test"
EVERY = 60.0
_STORY = (
    ("Vera Lind <vera@lind-garden.example>", "Delivery of the greenhouse", "Can you deliver in week 14 instead?"),
    ("Omar Said <omar@said-print.example>", "Paper for the spring catalogue", "Which paper is in stock at the moment?"),
    ("Ines Roca <ines@roca-bikes.example>", "A bell that rings by itself", "It started after the last inspection."),
)


@dataclass(frozen=True)
class Simulators:
    """Where the two listen, on loopback; `webhooks_url` is of this set-up."""

    google_port: int
    microsoft_port: int
    webhooks_url: str

    @property
    def google_url(self) -> str:
        return f"http://{HOST}:{self.google_port}"

    @property
    def microsoft_url(self) -> str:
        return f"http://{HOST}:{self.microsoft_port}"

    def environment(self) -> dict[str, str]:
        """For worker and webhooks."""
        return {
            "POSTROOM_WEBHOOKS_URL": self.webhooks_url,
            "POSTROOM_GOOGLE_API_URL": self.google_url,
            "POSTROOM_GOOGLE_OAUTH_URL": self.google_url,
            "POSTROOM_GOOGLE_CONSENT_URL": f"{self.google_url}/o/oauth2/v2/auth",
            "POSTROOM_GOOGLE_JWKS_URL": f"{self.google_url}/oauth2/v3/certs",
            "POSTROOM_GOOGLE_PUBSUB_URL": self.google_url,
            "POSTROOM_GRAPH_URL": self.microsoft_url,
            "POSTROOM_MICROSOFT_LOGIN_URL": self.microsoft_url,
        }

    def service(self, environment: Mapping[str, str]) -> Service:
        return Service(
            name="providers",
            title=f"Simulated Gmail on port {self.google_port} and Microsoft 365 on port {self.microsoft_port}",
            command=(
                *(sys.executable, "-m", "workers.dev.providers_demo"),
                *("--google-port", str(self.google_port), "--microsoft-port", str(self.microsoft_port)),
            ),
            environment=environment,
            ready=http_ok(self.google_port, "/demo/access"),
        )

    async def connect(self, db: Database, keyring: KeyRing, tenant_id: UUID) -> list[UUID]:
        """Adds both mailboxes, or connects them again, and lets their mail begin. The service must be running."""
        async with aiohttp.ClientSession() as http:
            async with http.get(f"{self.google_url}/demo/access", raise_for_status=True) as answer:
                access = await answer.json()
            added = []
            for provider in ("gmail", "microsoft"):
                settings, secret = access[provider]["settings"], access[provider]["secret"]
                address = access[provider]["address"]
                added.append(await _add(db, keyring, tenant_id, address, provider, settings, secret))
            endpoint = f"{self.webhooks_url}/webhooks/google/{added[0]}"
            await http.post(f"{self.google_url}/demo/begin", json={"endpoint": endpoint}, raise_for_status=True)
        return added


async def _add(
    db: Database,
    keyring: KeyRing,
    tenant_id: UUID,
    address: str,
    provider: Any,
    settings: dict[str, Any],
    secret: dict[str, Any],
) -> UUID:
    async with db.tenant(tenant_id) as session:
        mailbox_id = (await people.add_mailbox(session, tenant_id, address, provider)).mailbox_id
        sealed = keyring.seal(json.dumps(secret).encode(), tenant_id=tenant_id, table="mailboxes", row=str(mailbox_id))
        await people.set_mailbox_access(session, tenant_id, mailbox_id, settings, sealed)
    return mailbox_id


class _Demo:
    """What runs in the service: both simulators, and two requests of our own to the first."""

    def __init__(self) -> None:
        from tests.simulators.google import GoogleSimulator
        from tests.simulators.microsoft import MicrosoftSimulator

        self.google, self.microsoft = GoogleSimulator(), MicrosoftSimulator()
        self.google.account(GMAIL)
        self.microsoft.mailbox(MICROSOFT)
        self._writing: asyncio.Task[None] | None = None

    async def run(self, google_port: int, microsoft_port: int) -> None:
        application = self.google.application()
        application.add_routes([web.get("/demo/access", self._access), web.post("/demo/begin", self._begin)])
        # Microsoft first: the service counts as ready once Google's side answers.
        for simulator, port, served in (
            (self.microsoft, microsoft_port, self.microsoft.application()),
            (self.google, google_port, application),
        ):
            runner = web.AppRunner(served, access_log=None, shutdown_timeout=1)
            await runner.setup()
            await web.TCPSite(runner, HOST, port).start()
            simulator.started(f"http://{HOST}:{port}")
        await asyncio.Event().wait()

    async def _access(self, request: web.Request) -> web.Response:
        from tests.simulators.google import PUSH_ACCOUNT, TOPIC
        from tests.simulators.microsoft_login import DIRECTORY

        return web.json_response(
            {
                "gmail": {
                    "address": GMAIL,
                    "settings": {"topic": TOPIC, "push_service_account": PUSH_ACCOUNT},
                    "secret": {"kind": "service_account", **self.google.oauth.service_account_key()},
                },
                "microsoft": {
                    "address": MICROSOFT,
                    "settings": {"directory": DIRECTORY, "user": MICROSOFT},
                    "secret": self.microsoft.secret(),
                },
            }
        )

    async def _begin(self, request: web.Request) -> web.Response:
        self.google.pubsub.subscriptions.clear()
        self.google.subscribe((await request.json())["endpoint"])
        if self._writing is None:
            self._writing = asyncio.create_task(self._write())
        return web.Response(status=204)

    async def _write(self) -> None:
        for number in count():
            sender, subject, text = _STORY[number % len(_STORY)]
            self.google.account(GMAIL).deliver(_mail(sender, GMAIL, subject, text))
            self.microsoft.mailbox(MICROSOFT).deliver(_mail(sender, MICROSOFT, f"Invoice: {subject.lower()}", text))
            await asyncio.sleep(EVERY)


def _mail(sender: str, to: str, subject: str, text: str) -> bytes:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = sender, to, subject
    mail["Date"], mail["Message-ID"] = formatdate(), make_msgid(domain="demo.example")
    mail.set_content(text)
    return mail.as_bytes()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--google-port", type=int, required=True)
    parser.add_argument("--microsoft-port", type=int, required=True)
    args = parser.parse_args()
    asyncio.run(_Demo().run(args.google_port, args.microsoft_port))


if __name__ == "__main__":
    main()
