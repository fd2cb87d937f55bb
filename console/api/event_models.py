"""What the operations about outgoing events take and answer."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, HttpUrl

from console.api.paging import PageQuery
from domain.events import EVENT_KINDS, EventKind


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Event(BaseModel):
    """Something that happened. `about` is `ticket/<id>`, `email/<id>` or `mailbox/<id>`; `data` has no content."""

    id: UUID
    seq: int
    kind: EventKind
    about: str
    created_at: datetime
    data: dict[str, Any]


class EventQuery(PageQuery):
    kind: EventKind | None = Field(default=None, description="only events of this kind")


class EventEndpointRequest(_Body):
    """Where events are to be sent, as Standard Webhooks (standardwebhooks.com)."""

    url: Annotated[HttpUrl, Field(max_length=2000)]
    kinds: list[EventKind] = Field(default=list(EVENT_KINDS), min_length=1, max_length=len(EVENT_KINDS))
    description: str = Field(default="", max_length=200)


class EventEndpoint(BaseModel):
    """A subscriber. `pending` deliveries are owed to it; `dead` ones were given up after ten attempts."""

    id: UUID
    url: str
    description: str
    kinds: list[EventKind]
    state: Literal["active", "paused"]
    reason: str
    created_at: datetime
    pending: int
    dead: int


class NewEventEndpoint(BaseModel):
    """`secret` verifies the signatures; it is shown this once."""

    id: UUID
    secret: str


class EventEndpointState(_Body):
    """Paused, an endpoint gets nothing; what happens meanwhile stays owed."""

    state: Literal["active", "paused"]


class DeadLetter(BaseModel):
    """An event that was given up; `last_error` is an HTTP status, or a sort of failure."""

    id: UUID
    seq: int
    kind: EventKind
    about: str
    created_at: datetime
    attempts: int
    last_error: str


class EventRetry(_Body):
    """Which dead letter is to be sent again; without `seq`, all."""

    seq: int | None = Field(default=None, ge=1, lt=1 << 63)


class EventsRetried(BaseModel):
    """How many are owed anew."""

    retried: int
