"""Errors as RFC 9457 problem+json; each `detail` says what to do next."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any

from aiohttp import web


class Problem(Exception):
    """An answer other than the one asked for. `members` are further members of the problem object."""

    def __init__(self, status: int, detail: str, **members: Any) -> None:
        super().__init__(detail)
        self.status, self.detail, self.members = status, detail, members
        self.headers = {"WWW-Authenticate": 'Bearer realm="postroom"'} if status == 401 else {}

    def response(self) -> web.Response:
        body = {
            "type": "about:blank",
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
