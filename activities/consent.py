"""A user's consent by way of the console: where they agree, and what is made of the code that comes back.

The request's state and verifier stay sealed in the job that made it; they are of no use without its mailbox.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any
from uuid import UUID

from activities.sources import Sources
from domain.mailbox_jobs import MailboxJob
from providers import web
from providers.base import AuthFailed
from providers.gmail import auth as gmail_auth
from providers.microsoft import auth as microsoft_auth
from providers.oauth import Consent
from storage import mailbox_jobs, mailboxes, push
from storage.database import Database
from storage.mailboxes import Mailbox


class Consents:
    def __init__(self, db: Database, sources: Sources, public_url: str) -> None:
        self._db = db
        self._sources = sources
        self._redirect_uri = f"{public_url.rstrip('/')}/oauth/callback"

    async def ask(self, job: MailboxJob) -> dict[str, Any]:
        """The page on which the mailbox's user agrees, as the job's result. Raises AuthFailed."""
        mailbox, secret = await self._mailbox(job)
        endpoints = self._sources.endpoints
        if not secret.get("client_id"):
            raise AuthFailed("There is no OAuth client yet: enter it first.")
        if mailbox.provider == "gmail":
            asked = gmail_auth.consent(endpoints, secret["client_id"], self._redirect_uri, mailbox.address)
        else:
            asked = microsoft_auth.consent(
                endpoints, mailbox.settings["directory"], secret["client_id"], self._redirect_uri, mailbox.address
            )
        kept = {"state": asked.state, "verifier": asked.verifier}
        async with self._db.tenant(job.tenant_id) as session:
            await mailbox_jobs.keep_sealed(session, job.tenant_id, job.job_id, self._sealed(job.tenant_id, job, kept))
        return {"url": asked.url, "state_sha256": hashlib.sha256(asked.state.encode()).hexdigest()}

    async def redeem(self, job: MailboxJob) -> dict[str, Any]:
        """Exchanges the code for the mailbox's own token, and keeps it. Raises AuthFailed."""
        mailbox, secret = await self._mailbox(job)
        answer = await self._opened(job.tenant_id, job.job_id)
        asking = await self._opened(job.tenant_id, UUID(answer["asked_by_job"]))
        consent = Consent("", asking["state"], asking["verifier"], self._redirect_uri)
        async with web.new_session() as http:
            if mailbox.provider == "gmail":
                token = await gmail_auth.redeem(
                    http, self._sources.endpoints, secret["client_id"], secret["client_secret"], consent, answer["code"]
                )
                await gmail_auth.check_owner(http, self._sources.endpoints, token.value, mailbox.address)
            else:
                token = await microsoft_auth.redeem(
                    http, self._sources.endpoints, mailbox.settings["directory"], secret, consent, answer["code"]
                )
                user = mailbox.settings.get("user") or mailbox.address
                await microsoft_auth.check_owner(http, self._sources.endpoints, token, user)
        whole = {**secret, "kind": "user", "refresh_token": token.refresh_token}
        sealed = self._sources.keyring.seal(
            json.dumps(whole).encode(), tenant_id=job.tenant_id, table="mailboxes", row=str(job.mailbox_id)
        )
        async with self._db.tenant(job.tenant_id) as session:
            await push.store_secret(session, job.tenant_id, job.mailbox_id, sealed)
            if mailbox.state == "needs_reauth":
                await mailboxes.set_state(session, job.tenant_id, job.mailbox_id, "active")
            await mailbox_jobs.keep_sealed(session, job.tenant_id, UUID(answer["asked_by_job"]), None)
        return {"agreed": True}

    async def _mailbox(self, job: MailboxJob) -> tuple[Mailbox, dict[str, Any]]:
        async with self._db.tenant(job.tenant_id) as session:
            mailbox = await mailboxes.get(session, job.tenant_id, job.mailbox_id)
        if mailbox is None or mailbox.provider not in ("gmail", "microsoft"):
            raise AuthFailed("This mailbox asks nobody for consent.")
        return mailbox, mailbox.secret(self._sources.keyring)

    async def _opened(self, tenant_id: UUID, job_id: UUID) -> dict[str, Any]:
        async with self._db.tenant(tenant_id) as session:
            row = await mailbox_jobs.get(session, tenant_id, job_id)
        if row is None or row["sealed"] is None:
            raise AuthFailed("This consent was used already, or is too old: ask for it again.")
        plain: dict[str, Any] = json.loads(
            self._sources.keyring.open(row["sealed"], tenant_id=tenant_id, table="mailbox_jobs", row=str(job_id))
        )
        return plain

    def _sealed(self, tenant_id: UUID, job: MailboxJob, plain: dict[str, Any]) -> str:
        return self._sources.keyring.seal(
            json.dumps(plain).encode(), tenant_id=tenant_id, table="mailbox_jobs", row=str(job.job_id)
        )
