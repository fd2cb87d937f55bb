"""What the operations about users, tokens and the audit log take and answer."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from console.api.paging import PageQuery
from console.fields import EMAIL, MAX_NAME
from storage.access import Role
from storage.api_tokens import Scope


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class User(BaseModel):
    """Somebody who signs in; `active` false: may no longer."""

    id: UUID
    email: str
    name: str
    role: Role
    active: bool
    has_password: bool
    has_oidc: bool
    created_at: datetime
    last_sign_in_at: datetime | None


class NewUser(_Body):
    email: str = Field(pattern=EMAIL, max_length=320)
    name: str = Field(default="", max_length=MAX_NAME, description="the address, when left out")
    role: Role = "agent"


class UserChange(_Body):
    """What is left out stays as it is."""

    name: str | None = Field(default=None, min_length=1, max_length=MAX_NAME)
    role: Role | None = None
    active: bool | None = None


class PasswordLink(BaseModel):
    """A page at which the user sets a password, once. It is shown this once."""

    url: str
    hours: int = Field(description="how long it works")


class Ended(BaseModel):
    """How many sessions have ended."""

    ended: int


class UserSession(BaseModel):
    """Where somebody is signed in."""

    id: UUID
    user_agent: str
    address: str
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime


class Token(BaseModel):
    """An API token; `prefix` is its beginning. One that has `ended` lets nobody in."""

    id: UUID
    name: str
    scope: Scope
    prefix: str
    created_by: str
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None
    ended: bool


class TokenRequest(_Body):
    name: str = Field(min_length=1, max_length=MAX_NAME, description="the system that will use it")
    scope: Scope = "read"
    days: int | None = Field(default=None, ge=1, le=3650, description="until it ends; null: when it is revoked")


class NewToken(Token):
    """`token` is shown this once."""

    token: str


class AuditEntry(BaseModel):
    """Who did what to which thing; `object` is kind/id."""

    id: int
    at: datetime
    actor: str
    action: str
    object: str
    detail: dict[str, Any]


class AuditQuery(PageQuery):
    actor: str = Field(default="", max_length=200)
    action: str = Field(default="", max_length=100)
    object: str = Field(default="", max_length=200, description="kind/id, or the kind alone")
    since: datetime | None = None
    until: datetime | None = None


class AuditChain(BaseModel):
    """What checking every link of the log's hash chain gave. `broken`: the first link that does not hold."""

    entries: int
    broken: int | None
    head_position: int
    head_hash: str = Field(description="hexadecimal; keep it elsewhere to see later whether the end was cut off")
    retained_from: int
