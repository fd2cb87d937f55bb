"""How a mailbox stands, over the API: what its page in the console shows beside its counts."""

from __future__ import annotations

from datetime import datetime

from aiohttp import web
from pydantic import BaseModel, Field

from console import charts
from console.api.answers import json_answer
from console.api.figures import Hour
from console.calls import ApiCall, NotFound
from console.mailbox_health import Step, Tone, health
from console.strings import text
from storage import mail_hours, mailbox_jobs, mailbox_views

HOURS = 24


class Watch(BaseModel):
    """Notifications of new mail that the source has promised, and until when."""

    what: str
    expires_at: datetime
    renew_at: datetime


class Canary(BaseModel):
    """A mail that the mailbox sent to itself; `failure` says why it could not. Null and null: on its way, or lost."""

    sent_at: datetime
    arrived_at: datetime | None
    failure: str | None


class MailboxCheck(BaseModel):
    """The last comparison with the source; `error` is what kept it from being read to its end."""

    since: datetime | None
    started_at: datetime
    finished_at: datetime
    complete_at: datetime | None = Field(description="when the last one that went through to its end began")
    error: str
    listed: int
    missing: int
    stuck: int
    repaired: int


class MailboxHealth(BaseModel):
    """`says` and `advice` are for people; `step` is what to do, empty when nothing is. `hours`: the last 24 in which
    mail was done, with its lag (from received to listed). The last 12 canaries."""

    tone: Tone
    says: str
    advice: str
    step: Step
    hinted_at: datetime | None = Field(description="when the source last announced new mail")
    watches: list[Watch]
    canaries: list[Canary]
    check: MailboxCheck | None
    hours: list[Hour]


async def get_mailbox_health(call: ApiCall) -> web.Response:
    mailbox_id = call.id("id")
    async with call.session() as session:
        mailbox = await mailbox_views.get(session, call.tenant_id, mailbox_id)
        if mailbox is None:
            raise NotFound
        watches = await mailbox_views.watches(session, call.tenant_id, mailbox_id)
        canaries = await mailbox_views.canaries(session, call.tenant_id, mailbox_id)
        check = await mailbox_jobs.check(session, call.tenant_id, mailbox_id)
        hours = await mail_hours.since(session, call.tenant_id, charts.last_hours(HOURS)[0], mailbox_id)
    stands = health(mailbox)
    return json_answer(
        MailboxHealth(
            tone=stands.tone,
            says=text(stands.word),
            advice=text(stands.why) if stands.why else "",
            step=stands.step,
            hinted_at=mailbox["hinted_at"],
            watches=[Watch.model_validate(dict(row)) for row in watches],
            canaries=[Canary.model_validate(dict(row)) for row in canaries],
            check=MailboxCheck.model_validate(dict(check)) if check else None,
            hours=[Hour.model_validate(dict(row)) for row in hours],
        )
    )
