"""What a handler is given: a request whose caller is known and may do this."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from aiohttp import web

from console.delivery import Delivery
from console.live import Live
from console.reach import Reach
from console.replays import Replays
from console.roles import may
from console.services import Services
from console.visits import visit
from storage.access import Role, User, Visit
from storage.api_tokens import ApiToken
from storage.pulse import Pulse

if TYPE_CHECKING:
    from storage.database import Session

SERVICES = web.AppKey("services", Services)
DELIVERY = web.AppKey("delivery", Delivery)
LIVE = web.AppKey("live", Live)
REACH = web.AppKey("reach", Reach)
REPLAYS = web.AppKey("replays", Replays)


class NotFound(Exception):
    """There is no such thing, or it is another tenant's: nobody can tell which."""


@dataclass(frozen=True, slots=True)
class _Call:
    request: web.Request

    @property
    def services(self) -> Services:
        return self.request.app[SERVICES]

    @property
    def delivery(self) -> Delivery:
        return self.request.app[DELIVERY]

    @property
    def visit(self) -> Visit:
        """From where this comes, for a session that it may begin."""
        return visit(self.request, self.services)

    def id(self, name: str) -> UUID:
        """The uuid in the path. Raises NotFound when it is none."""
        try:
            return UUID(self.request.match_info[name])
        except ValueError:
            raise NotFound from None


@dataclass(frozen=True, slots=True)
class PublicCall(_Call):
    """A page that is shown to anybody."""


@dataclass(frozen=True, slots=True)
class PageCall(_Call):
    """A page for a signed-in person. `csrf` is their session's form token, `pulse` is of the moment before the page."""

    user: User
    csrf: str
    pulse: Pulse

    @property
    def tenant_id(self) -> UUID:
        return self.user.tenant_id

    @property
    def actor(self) -> str:
        """Who did it, as the audit log names them."""
        return self.user.email

    @property
    def away_since(self) -> datetime | None:
        """Since when Temporal cannot be reached; None while it answers."""
        return self.request.app[REACH].lost_at

    def may(self, needed: Role) -> bool:
        """Whether this person may do what needs this role."""
        return may(self.user.role, needed)

    def session(self) -> AbstractAsyncContextManager[Session]:
        """One transaction over the caller's tenant."""
        return self.services.db.tenant(self.tenant_id)


@dataclass(frozen=True, slots=True)
class ApiCall(_Call):
    """An API request by another system. `body` was read whole, within the operation's limit."""

    token: ApiToken
    body: bytes

    @property
    def tenant_id(self) -> UUID:
        return self.token.tenant_id

    @property
    def actor(self) -> str:
        """Which system did it, as the audit log names it."""
        return f"api:{self.token.name}"[:200]

    def session(self) -> AbstractAsyncContextManager[Session]:
        """One transaction over the caller's tenant."""
        return self.services.db.tenant(self.tenant_id)


# What works the same for people and for systems.
Call = PageCall | ApiCall

PublicHandler = Callable[[PublicCall], Awaitable[web.StreamResponse]]
PageHandler = Callable[[PageCall], Awaitable[web.StreamResponse]]
ApiHandler = Callable[[ApiCall], Awaitable[web.StreamResponse]]
