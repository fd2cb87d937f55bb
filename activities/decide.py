"""`find_thread` and the commits: evidence to decision, decision to outcome."""

from __future__ import annotations

from uuid import UUID

from temporalio import activity

from activities import counting
from activities.services import Services
from domain.decision import Decide, Decided
from domain.inbound import Committed, Conclude, InboundEmail, ParentWait
from mail.fields import header_fields
from storage import commit, deciding, ledger, tasks
from storage.evidence import Headers
from storage.objects import raw_key


class _Stale(Exception):
    """Rolls the transaction back: the evidence moved while this was being committed."""


class DecideMessage:
    def __init__(self, services: Services) -> None:
        self._services = services

    @activity.defn
    async def find_thread(self, request: Decide) -> Decided:
        email = request.email

        async def headers() -> Headers:
            return await self._headers(email.tenant_id, email.email_id)

        async with self._services.db.tenant(email.tenant_id) as session:
            decision = await deciding.find_thread(
                session,
                self._services.token_keys,
                email.tenant_id,
                email.email_id,
                request.answers,
                frozenset(request.waited),
                headers,
            )
        wait = ParentWait(email_id=decision.wait_for, patience=decision.patience) if decision.wait_for else None
        return Decided(action=decision.action, wait=wait)

    @activity.defn
    async def create_ticket(self, email: InboundEmail) -> Committed:
        return await self._commit(email)

    @activity.defn
    async def append_comment(self, email: InboundEmail) -> Committed:
        return await self._commit(email)

    @activity.defn
    async def record_outcome(self, email: InboundEmail) -> Committed:
        return await self._commit(email)

    @activity.defn
    async def conclude(self, conclusion: Conclude) -> Committed:
        email = conclusion.email
        async with self._services.db.tenant(email.tenant_id) as session:
            committed = await commit.conclude(
                session, email.tenant_id, email.email_id, conclusion.outcome, conclusion.reason
            )
            waiting = await deciding.waiters(session, email.tenant_id, email.email_id)
            asked = await tasks.was_asked(session, email.tenant_id, email.email_id)
        counting.outcome(email, committed, asked=asked)
        await self._wake(waiting, email)
        return committed

    async def _commit(self, email: InboundEmail) -> Committed:
        """Commits the recorded decision, whichever it is; each kind runs under its own name in the history."""
        try:
            async with self._services.db.tenant(email.tenant_id) as session:
                committed = await commit.commit(session, email.tenant_id, email.email_id)
                if committed.stale:
                    raise _Stale
                # The row is locked until the commit: nobody can begin to wait for it unseen meanwhile.
                waiting = await deciding.waiters(session, email.tenant_id, email.email_id)
                asked = await tasks.was_asked(session, email.tenant_id, email.email_id)
        except _Stale:
            return Committed(stale=True)
        counting.outcome(email, committed, asked=asked)
        await self._wake(waiting, email)
        return committed

    async def _wake(self, waiting: list[str], email: InboundEmail) -> None:
        # After the commit, and again on every attempt: a signal lost in a crash is sent by the retry.
        for workflow_id in waiting:
            await self._services.runs.parent_done(workflow_id, email.email_id)

    async def _headers(self, tenant_id: UUID, email_id: UUID) -> Headers:
        """The header fields of the raw message, for rules that look at them."""
        async with self._services.db.tenant(tenant_id) as session:
            row = await ledger.get(session, tenant_id, email_id)
        return header_fields(await self._services.objects.get(raw_key(tenant_id, row["raw_sha256"])))
