"""Gmail, Pub/Sub push, and Google's OAuth, as one HTTP server on loopback.

Its answers are checked in tests/integration/push/test_google_simulator.py against the official discovery document, and
by the official client libraries, which nobody here wrote.
"""

from __future__ import annotations

import base64
import json
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from domain.endpoints import Endpoints
from tests.simulators.faults import Faults
from tests.simulators.google_account import Account
from tests.simulators.google_oauth import GoogleOAuth
from tests.simulators.pubsub import PubSub, Subscription

TOPIC = "projects/postroom-test/topics/mail"
SUBSCRIPTION = "projects/postroom-test/subscriptions/mail-pull"
PUSH_ACCOUNT = "pusher@postroom-test.iam.gserviceaccount.example"
WATCH_SECONDS = 7 * 86_400
_AFTER = re.compile(r"\bafter:(\d+)\b")


class GoogleSimulator:
    """`accounts` by address; `faults` answer requests, `pubsub` has those of notifications, `oauth` those of grants."""

    def __init__(self, *, seed: int = 1) -> None:
        self.accounts: dict[str, Account] = {}
        self.faults = Faults()
        self.oauth = GoogleOAuth()
        self.pubsub = PubSub(self.oauth.push_token, seed)
        self.watch_seconds = WATCH_SECONDS
        self.url = ""

    def account(self, address: str) -> Account:
        if address not in self.accounts:
            self.accounts[address] = Account(address, self._changed)
        return self.accounts[address]

    def endpoints(self, webhooks_url: str = "") -> Endpoints:
        return Endpoints(
            google_api=self.url,
            google_oauth=self.url,
            google_consent=f"{self.url}/o/oauth2/v2/auth",
            google_jwks=f"{self.url}/oauth2/v3/certs",
            google_pubsub=self.url,
            webhooks_url=webhooks_url,
        )

    def subscribe(self, endpoint: str, *, wrapped: bool = True) -> None:
        self.pubsub.subscriptions.setdefault(TOPIC, []).append(Subscription(endpoint, PUSH_ACCOUNT, endpoint, wrapped))

    def application(self) -> web.Application:
        application = web.Application(middlewares=[self.faults.middleware])
        user = "/gmail/v1/users/{user}"
        application.add_routes(
            [
                *self.oauth.routes(),
                web.get(f"{user}/profile", self._profile),
                web.get(f"{user}/labels", self._labels),
                web.get(f"{user}/history", self._history),
                web.get(f"{user}/messages", self._messages),
                web.get(f"{user}/messages/{{id}}", self._message),
                web.post(f"{user}/messages/send", self._send),
                web.post(f"{user}/watch", self._watch),
                web.post(f"{user}/stop", self._stop),
                web.post("/v1/{target:projects/[^/]+/subscriptions/[^/]+}", self._pull),
            ]
        )
        return application

    def started(self, url: str) -> None:
        self.url = self.oauth.base_url = url

    def _changed(self, account: Account) -> None:
        if account.watch_topic is not None:
            # On the wire the history id is a number, whatever the guide's sample shows.
            data = {"emailAddress": account.address, "historyId": account.history_id}
            self.pubsub.publish(account.watch_topic, json.dumps(data).encode())

    def _account(self, request: web.Request) -> Account:
        user = self.oauth.user_of(request.headers.get("Authorization", ""))
        if user is None:
            raise error(401, "authError", "Invalid Credentials", "UNAUTHENTICATED")
        name = request.match_info["user"]
        if name not in ("me", user):
            raise error(403, "forbidden", f"Delegation denied for {user}", "PERMISSION_DENIED")
        account = self.account(user)
        if not account.enabled:
            raise error(400, "failedPrecondition", "Mail service not enabled", "FAILED_PRECONDITION")
        return account

    async def _profile(self, request: web.Request) -> web.Response:
        account = self._account(request)
        counts = {"messagesTotal": len(account.messages), "threadsTotal": len(account.messages)}
        return answer(request, {"emailAddress": account.address, **counts, "historyId": str(account.history_id)})

    async def _labels(self, request: web.Request) -> web.Response:
        self._account(request)
        names = ["INBOX", "SENT", "DRAFT", "SPAM", "TRASH", "UNREAD"]
        return answer(request, {"labels": [{"id": name, "name": name, "type": "system"} for name in names]})

    async def _history(self, request: web.Request) -> web.Response:
        account, query = self._account(request), request.query
        offset, limit = _offset(query.get("pageToken", "0")), int(query.get("maxResults", "100"))
        page = account.history(int(query["startHistoryId"]), query.getall("historyTypes", []), limit, offset)
        if page is None:
            raise error(404, "notFound", "Requested entity was not found.", "NOT_FOUND")
        return answer(request, page)

    async def _messages(self, request: web.Request) -> web.Response:
        account, query = self._account(request), request.query
        after = _AFTER.search(query.get("q", ""))
        page = account.listing(
            int(after[1]) if after else 0,
            query.getall("labelIds", []),
            query.get("includeSpamTrash") == "true",
            int(query.get("maxResults", "100")),
            _offset(query.get("pageToken", "0")),
        )
        return answer(request, page)

    async def _message(self, request: web.Request) -> web.Response:
        message = self._account(request).messages.get(request.match_info["id"])
        if message is None:
            raise error(404, "notFound", "Requested entity was not found.", "NOT_FOUND")
        return answer(request, message.document(request.query.get("format", "full")))

    async def _send(self, request: web.Request) -> web.Response:
        """What one sends to oneself is one message, in the inbox and in sent mail."""
        account, body = self._account(request), await request.json()
        if not self.oauth.may_send(request.headers.get("Authorization", "")):
            detail = "Request had insufficient authentication scopes."
            raise error(403, "insufficientPermissions", detail, "PERMISSION_DENIED")
        message_id = account.deliver(base64.urlsafe_b64decode(body["raw"] + "=="), ("INBOX", "SENT", "UNREAD"))
        return answer(request, {"id": message_id, "threadId": message_id, "labelIds": ["INBOX", "SENT", "UNREAD"]})

    async def _watch(self, request: web.Request) -> web.Response:
        account, body = self._account(request), await request.json()
        if body.get("labelFilterBehavior", "include").lower() not in ("include", "exclude"):
            raise error(400, "badRequest", "Invalid labelFilterBehavior", "INVALID_ARGUMENT")
        if account.watched_elsewhere:
            message = "Only one user push notification client allowed per developer (call /stop then try again)"
            raise error(400, "failedPrecondition", message, "FAILED_PRECONDITION")
        account.watch_topic = body["topicName"]
        account.watches += 1
        self._changed(account)  # a successful watch notifies at once
        expiration = int((time.time() + self.watch_seconds) * 1000)
        return answer(request, {"historyId": str(account.history_id), "expiration": str(expiration)})

    async def _pull(self, request: web.Request) -> web.Response:
        if not self.oauth.may_pull(request.headers.get("Authorization", "")):
            raise error(403, "forbidden", "User not authorized to perform this action.", "PERMISSION_DENIED")
        return await self.pubsub.handle(request)

    async def _stop(self, request: web.Request) -> web.Response:
        account = self._account(request)
        account.watch_topic, account.watched_elsewhere = None, False
        return web.Response(status=204)


def answer(request: web.Request, document: dict[str, Any]) -> web.Response:
    """A partial response where `fields` asks for one, indented as Google's are."""
    if fields := request.query.get("fields"):
        names = {name.partition("/")[0] for name in fields.split(",")}
        document = {name: value for name, value in document.items() if name in names}
    return web.json_response(document, dumps=lambda value: json.dumps(value, indent=2))


def error(status: int, reason: str, message: str, name: str) -> web.HTTPException:
    detail = {"message": message, "domain": "global", "reason": reason}
    body = {"error": {"code": status, "message": message, "errors": [detail], "status": name}}
    classes = {400: web.HTTPBadRequest, 401: web.HTTPUnauthorized, 403: web.HTTPForbidden, 404: web.HTTPNotFound}
    return classes[status](text=json.dumps(body), content_type="application/json")


def _offset(token: str) -> int:
    if not token.isdecimal():
        raise error(400, "invalidArgument", "Invalid pageToken", "INVALID_ARGUMENT")
    return int(token)


@asynccontextmanager
async def google(*, seed: int = 1) -> AsyncIterator[GoogleSimulator]:
    """A running simulator on a port of its own."""
    simulator = GoogleSimulator(seed=seed)
    runner = web.AppRunner(simulator.application(), access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    simulator.started(f"http://127.0.0.1:{runner.addresses[0][1]}")
    try:
        yield simulator
    finally:
        await simulator.pubsub.close()
        await runner.cleanup()
