"""Errors as RFC 9457 problem+json; each `detail` says what to do next."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any, Final

from aiohttp import web

from console.calls import NotFound

# The kind of every problem, by which programs tell them apart; a kind is never renamed. docs/api.md explains them.
KINDS: Final[dict[str, int]] = {
    "invalid-parameters": 400,
    "unauthenticated": 401,
    "forbidden": 403,
    "infected": 403,
    "not-scanned": 403,
    "not-found": 404,
    "no-such-path": 404,
    "method-not-allowed": 405,
    "conflict": 409,
    "already-resolved": 409,
    "version-conflict": 409,
    "not-stored": 409,
    "request-in-progress": 409,
    "outcome-unknown": 409,
    "too-large": 413,
    "unsupported-media-type": 415,
    "expectation-failed": 417,
    "invalid-body": 422,
    "invalid-choice": 422,
    "key-reused": 422,
    "too-many-requests": 429,
    "internal-error": 500,
    "unavailable": 503,
}
# The kind of a status where nothing says it more precisely: the first one that has it.
_USUAL = {status: kind for kind, status in reversed(KINDS.items())}


class Problem(Exception):
    """An answer other than the one asked for. `members` are further members of the problem object.

    `kind` is one of KINDS, by default the usual one of the status.
    """

    def __init__(self, status: int, detail: str, *, kind: str = "", **members: Any) -> None:
        super().__init__(detail)
        self.status, self.detail, self.members = status, detail, members
        self.kind = kind or _USUAL.get(status, "")
        self.headers = {"WWW-Authenticate": 'Bearer realm="postroom"'} if status == 401 else {}

    def response(self) -> web.Response:
        body = {
            "type": f"urn:postroom:problem:{self.kind}" if self.kind else "about:blank",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
            **self.members,
        }
        return web.Response(
            text=json.dumps(body), status=self.status, content_type="application/problem+json", headers=self.headers
        )


def not_found() -> Problem:
    """The one answer for what does not exist and for what is another tenant's."""
    return Problem(404, "There is nothing with this id. Ids come from the lists, such as /api/v1/tickets.")


@contextmanager
def refusing(refused: type[Exception]) -> Iterator[None]:
    """What storage raises, as answers: 404 for LookupError, 409 for what it refuses, in its words."""
    try:
        yield
    except LookupError:
        raise NotFound from None
    except refused as error:
        raise Problem(409, str(error)) from None
