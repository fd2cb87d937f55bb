"""Work on one mailbox that a person, or the clock, asked for: tried, compared with its source, connected."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from domain.inbound import Provider, Reference

JobKind = Literal["diagnose", "reconcile", "count", "consent", "redeem", "disconnect"]


class MailboxJob(Reference):
    """The input of `MailboxJobWorkflow`.

    `since` (aware) is for `reconcile`, where None stands for "as far back as the last complete one asks for", and
    for `count`. `repair`: what `reconcile` finds missing is listed, what is stuck is started again.
    """

    tenant_id: UUID
    job_id: UUID
    mailbox_id: UUID
    provider: Provider
    kind: JobKind
    since: datetime | None = None
    repair: bool = False


class FormerAccess(BaseModel):
    """How a mailbox that was removed was reached, without its secret; `watch_ids`: its notifications at the source."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    address: str
    provider: Provider
    settings: dict[str, Any]
    watch_ids: list[str]


class Finding(BaseModel):
    """One step of a diagnosis; `advice` says what to do where it does not work."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    name: str
    works: bool
    detail: str
    advice: str = ""


class Comparison(BaseModel):
    """A mailbox's ledger against its source, and against Temporal.

    `listed`: messages at the source since `since`. Of these `missing` are not in the ledger though they should be;
    `arriving` came within the last minutes and are the next sync's. `done` and `open` are the ledger's own counts;
    `stuck` are open without a run that could end them. `repaired`: of missing and stuck, those that go on now.
    `error`: what kept the source from being read to its end, for people.
    """

    model_config = ConfigDict(extra="ignore")

    since: datetime | None = None
    listed: int = 0
    missing: int = 0
    arriving: int = 0
    done: int = 0
    open: int = 0
    stuck: int = 0
    repaired: int = 0
    error: str = ""
    # Some of them, to look at: locators at the source, ids of workflows.
    some_missing: list[str] = Field(default_factory=list)
    some_stuck: list[str] = Field(default_factory=list)

    @property
    def sound(self) -> bool:
        """Nothing is missing or stuck that was not repaired, and the source was read to its end."""
        return not self.error and self.missing + self.stuck <= self.repaired
