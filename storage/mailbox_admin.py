"""What administrators do to mailboxes, each with its row in the audit log."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from domain.inbound import Provider
from domain.mailbox_jobs import FormerAccess, MailboxJob
from storage import audit, mailbox_jobs, mailboxes, people, push

if TYPE_CHECKING:
    from storage.database import Session
    from storage.mailboxes import Mailbox


class Taken(Exception):
    """The address has a mailbox already."""


async def find(session: Session, tenant_id: UUID, mailbox_id: UUID) -> Mailbox:
    """Raises LookupError for a mailbox that is none, or was removed."""
    mailbox = await mailboxes.get(session, tenant_id, mailbox_id)
    if mailbox is None or mailbox.state == "removed":
        raise LookupError(f"no mailbox {mailbox_id}")
    return mailbox


async def has_secret(session: Session, tenant_id: UUID, mailbox_id: UUID) -> bool:
    """Whether credentials are kept for it."""
    return (await find(session, tenant_id, mailbox_id)).sealed_secret is not None


async def add(
    session: Session, tenant_id: UUID, address: str, provider: Provider, *, actor: str, again: bool = True
) -> people.AddedMailbox:
    """As `people.add_mailbox`: one that is there already is left as it is."""
    added = await people.add_mailbox(session, tenant_id, address, provider, again=again)
    if added.created:
        await _record(session, tenant_id, added.mailbox_id, actor, "add_mailbox", address=address, provider=provider)
    return added


async def begin(session: Session, tenant_id: UUID, address: str, provider: Provider, *, actor: str) -> UUID:
    """A mailbox that is being set up: nobody reads it yet. One that was removed is set up anew.

    Raises Taken, and AddressInUse for an SMTP mailbox.
    """
    added = await add(session, tenant_id, address, provider, actor=actor)
    if not added.created:
        raise Taken(address)
    await mailboxes.set_state(session, tenant_id, added.mailbox_id, "draft")
    return added.mailbox_id


async def connect(
    session: Session, tenant_id: UUID, mailbox_id: UUID, settings: dict[str, Any], sealed: str, *, actor: str
) -> None:
    """How it is reached from now on, and its sealed secret. Raises LookupError."""
    mailbox = await find(session, tenant_id, mailbox_id)
    await people.set_mailbox_access(session, tenant_id, mailbox_id, settings, sealed)
    await mailboxes.set_state(session, tenant_id, mailbox_id, "active", only_from="needs_reauth")
    changed = sorted(name for name in settings if settings[name] != mailbox.settings.get(name))
    await _record(session, tenant_id, mailbox_id, actor, "connect_mailbox", changed=changed)


async def add_settings(
    session: Session, tenant_id: UUID, mailbox_id: UUID, settings: dict[str, Any], *, actor: str
) -> None:
    """Some settings over those that are there."""
    await mailboxes.add_settings(session, tenant_id, mailbox_id, settings)
    await _record(session, tenant_id, mailbox_id, actor, "connect_mailbox", changed=sorted(settings))


async def go_live(
    session: Session, tenant_id: UUID, mailbox_id: UUID, since: str | None, defaults_id: UUID | None, *, actor: str
) -> None:
    """From here on it is read: mail from now on, and that since a day (ISO 8601) where one is given.

    Raises LookupError for a mailbox that is none, or is not being set up, and AddressInUse for an SMTP mailbox.
    """
    mailbox = await find(session, tenant_id, mailbox_id)
    if mailbox.state != "draft":
        raise LookupError("this mailbox has been set up")
    if mailbox.provider == "smtp":
        await mailboxes.claim_smtp(session, mailbox.address, mailbox_id)
    await session.execute(
        """update mailboxes set state = 'active', created_at = now(), settings = settings || $3,
                  defaults_id = coalesce($4, defaults_id)
            where tenant_id = $1 and mailbox_id = $2""",
        tenant_id,
        mailbox_id,
        {"since": since} if since else {},
        defaults_id,
    )
    await _record(session, tenant_id, mailbox_id, actor, "start_mailbox", since=since)


async def pause(session: Session, tenant_id: UUID, mailbox_id: UUID, *, actor: str) -> None:
    await find(session, tenant_id, mailbox_id)
    await mailboxes.set_state(session, tenant_id, mailbox_id, "paused")
    await _record(session, tenant_id, mailbox_id, actor, "pause_mailbox")


async def resume(session: Session, tenant_id: UUID, mailbox_id: UUID, *, actor: str) -> None:
    await find(session, tenant_id, mailbox_id)
    await mailboxes.set_state(session, tenant_id, mailbox_id, "active")
    await _record(session, tenant_id, mailbox_id, actor, "resume_mailbox")


async def resync(session: Session, tenant_id: UUID, mailbox_id: UUID, since: datetime, *, actor: str) -> None:
    """Notes the wish; the mailbox's own workflow rewinds it."""
    await find(session, tenant_id, mailbox_id)
    await _record(session, tenant_id, mailbox_id, actor, "resync_mailbox", since=since.date().isoformat())


async def remove(session: Session, tenant_id: UUID, mailbox_id: UUID, *, actor: str) -> MailboxJob | None:
    """Disconnects it and forgets its credentials; its mail and tickets stay.

    Where its source notifies of it, returns the job that ends this, which alone keeps the credentials until it is over.
    It is to be started after the commit.
    """
    mailbox = await find(session, tenant_id, mailbox_id)
    watch_ids = [watch.watch_id for watch in (await push.watches(session, tenant_id, mailbox_id)).values()]
    await session.execute(
        """update mailboxes set state = 'removed', sealed_secret = null, settings = '{}', status = ''
            where tenant_id = $1 and mailbox_id = $2""",
        tenant_id,
        mailbox_id,
    )
    for table in (
        "folder_cursors",
        "mailbox_syncs",
        "mailbox_watches",
        "mailbox_checks",
        "mailbox_jobs",
        "mailbox_keys",
    ):
        await session.execute(
            f"delete from {table} where tenant_id = $1 and mailbox_id = $2",  # noqa: S608 (constants only)
            tenant_id,
            mailbox_id,
        )
    await session.execute(
        """update tasks set state = 'resolved', resolved_by = $3, resolved_at = now(), delivered_at = now(),
                  resolution = jsonb_build_object('choice', default_option, 'by', $3::text)
            where tenant_id = $1 and mailbox_id = $2 and email_id is null and state = 'open'""",
        tenant_id,
        mailbox_id,
        actor,
    )
    await _record(session, tenant_id, mailbox_id, actor, "remove_mailbox", address=mailbox.address)
    if not watch_ids or mailbox.sealed_secret is None:
        return None
    former = FormerAccess(
        address=mailbox.address, provider=mailbox.provider, settings=mailbox.settings, watch_ids=watch_ids
    )
    job_id = await mailbox_jobs.create(session, tenant_id, mailbox_id, "disconnect", actor)
    await mailbox_jobs.keep_sealed(session, tenant_id, job_id, mailbox.sealed_secret)
    await mailbox_jobs.progress(session, tenant_id, job_id, former.model_dump(mode="json"))
    return MailboxJob(
        tenant_id=tenant_id, job_id=job_id, mailbox_id=mailbox_id, provider=mailbox.provider, kind="disconnect"
    )


async def _record(
    session: Session, tenant_id: UUID, mailbox_id: UUID, actor: str, action: str, **detail: object
) -> None:
    await audit.record(session, tenant_id, actor, action, f"mailbox/{mailbox_id}", detail)
