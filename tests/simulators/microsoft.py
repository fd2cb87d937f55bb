"""Microsoft Graph for mail, its subscriptions, and Microsoft's login, as one HTTP server on loopback.

Its answers are checked in tests/integration/push/test_microsoft_simulator.py by the official client libraries, which
nobody here wrote.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote
from uuid import uuid4

from aiohttp import web
from yarl import URL

from domain.endpoints import Endpoints
from tests.simulators.faults import Faults
from tests.simulators.graph_notifier import Notifier, Subscription, lifecycle
from tests.simulators.microsoft_login import DIRECTORY, MicrosoftLogin
from tests.simulators.microsoft_mailbox import Item, Mailbox

LONGEST_LIFE = timedelta(minutes=10_080)
AT_ONCE = 4
_FOLDER = r"mailFolders(?:\('(?P<quoted>[^']+)'\)|/(?P<plain>[^/]+))"
_ROUTES = [
    (re.compile(rf"users/(?P<user>[^/]+)/{_FOLDER}/messages/delta(?:\(\))?"), "_delta"),
    (re.compile(rf"users/(?P<user>[^/]+)/{_FOLDER}/messages"), "_listing"),
    (re.compile(r"users/(?P<user>[^/]+)/messages/(?P<id>[^/]+)/\$value"), "_value"),
    (re.compile(r"users/(?P<user>[^/]+)/messages/(?P<id>[^/]+)"), "_message"),
    (re.compile(rf"users/(?P<user>[^/]+)/{_FOLDER}"), "_folder"),
    (re.compile(r"users/(?P<user>[^/]+)/sendMail"), "_send"),
    (re.compile(r"me"), "_me"),
    (re.compile(r"subscriptions/(?P<id>[^/]+)"), "_subscription"),
    (re.compile(r"subscriptions"), "_subscriptions"),
]
_WATCHED = re.compile(rf"/?users/(?P<user>[^/]+)/{_FOLDER}/messages", re.IGNORECASE)
_SINCE = re.compile(r"receivedDateTime (?:ge|gt) (\S+)")
Handler = Callable[[web.Request, dict[str, str]], Awaitable[web.Response]]


class MicrosoftSimulator:
    """`mailboxes` by user; `faults` answer requests, `notifier` has those of notifications, `login` those of grants."""

    def __init__(self) -> None:
        self.mailboxes: dict[str, Mailbox] = {}
        self.subscriptions: dict[str, Subscription] = {}
        self.faults = Faults()
        self.login = MicrosoftLogin()
        self.notifier = Notifier()
        self.life = LONGEST_LIFE
        # Links in answers, which lead elsewhere when Graph is impersonated.
        self.link_base = ""
        self.url = ""
        self.most_at_once = 0
        self._running: dict[str, int] = {}

    def mailbox(self, user: str) -> Mailbox:
        if user not in self.mailboxes:
            self.mailboxes[user] = Mailbox(user, self._created)
        return self.mailboxes[user]

    def endpoints(self, webhooks_url: str = "") -> Endpoints:
        return Endpoints(graph=self.url, microsoft_login=self.url, webhooks_url=webhooks_url)

    def secret(self) -> dict[str, str]:
        """The application's own credentials, as a mailbox keeps them."""
        return {"kind": "app", "client_id": self.login.client_id, "client_secret": self.login.client_secret}

    def tell(self, event: str) -> None:
        """A lifecycle notification for every subscription."""
        for subscription in self.subscriptions.values():
            self.notifier.send(subscription.lifecycle_url, lifecycle(subscription, event, DIRECTORY))

    def application(self) -> web.Application:
        application = web.Application(middlewares=[self.faults.middleware])
        application.add_routes([*self.login.routes(), web.route("*", "/v1.0/{path:.*}", self._dispatch)])
        return application

    def started(self, url: str) -> None:
        self.url = self.link_base = self.login.base_url = url

    def _created(self, mailbox: Mailbox, item: Item) -> None:
        for subscription in self.subscriptions.values():
            watched = _WATCHED.fullmatch(subscription.resource)
            assert watched is not None
            if watched["user"] == mailbox.user and (watched["quoted"] or watched["plain"]) == item.folder:
                self.notifier.send(subscription.notification_url, self._notification(subscription, mailbox, item))

    def _notification(self, subscription: Subscription, mailbox: Mailbox, item: Item) -> dict[str, Any]:
        message_id = item.identity(mailbox.user, immutable=subscription.immutable)
        resource = f"Users/{mailbox.user}/Messages/{message_id}"
        return {
            "subscriptionId": subscription.subscription_id,
            "subscriptionExpirationDateTime": subscription.expires.isoformat(),
            "changeType": "created",
            "resource": resource,
            "resourceData": {
                "@odata.type": "#Microsoft.Graph.Message",
                "@odata.id": resource,
                "@odata.etag": f'W/"{item.moves}"',
                "id": message_id,
            },
            "clientState": subscription.client_state,
            "tenantId": DIRECTORY,
        }

    async def _dispatch(self, request: web.Request) -> web.Response:
        holder = self.login.holder(request.headers.get("Authorization", ""))
        if holder is None:
            return failure(401, "InvalidAuthenticationToken")
        path = request.raw_path.partition("?")[0].removeprefix("/v1.0/")
        for pattern, name in _ROUTES:
            if match := pattern.fullmatch(path):
                found = {key: unquote(value) for key, value in match.groupdict().items() if value}
                user = found.get("user", "")
                if user and (user not in self.mailboxes or holder not in ("", user)):
                    return failure(404 if holder == "" else 403, "ErrorInvalidUser")
                handler: Handler = getattr(self, name)
                return await self._counted(user, handler(request, found))
        return failure(400, "BadRequest")

    async def _counted(self, user: str, handling: Awaitable[web.Response]) -> web.Response:
        running = self._running.get(user, 0) + 1
        self._running[user] = running
        self.most_at_once = max(self.most_at_once, running if user else 0)
        try:
            response = await handling
        finally:
            self._running[user] -= 1
        if user and running > AT_ONCE:
            return failure(429, "ApplicationThrottled")
        return response

    async def _delta(self, request: web.Request, found: dict[str, str]) -> web.Response:
        mailbox, folder = self.mailboxes[found["user"]], found.get("quoted") or found["plain"]
        if folder not in mailbox.folders:
            return failure(404, "ErrorItemNotFound")
        token = request.query.get("$skiptoken") or request.query.get("$deltatoken")
        prefer = request.headers.get("Prefer", "")
        limit = re.search(r"odata\.maxpagesize=(\d+)", prefer)
        if token is None:
            epoch, start, floor = mailbox.epoch, 0, _SINCE.search(request.query.get("$filter", ""))
            since = datetime.fromisoformat(floor[1].replace("Z", "+00:00")) if floor else None
            shown: int | None = 0
        else:
            numbers = [int(part) for part in token.split("-")]
            epoch, start = numbers[:2]
            since = datetime.fromtimestamp(numbers[2], UTC) if len(numbers) >= 3 else None
            shown = numbers[3] if len(numbers) == 4 else None
        if epoch != mailbox.epoch:
            return failure(410, "SyncStateNotFound")
        values, end = mailbox.delta(
            folder, start, since, int(limit[1]) if limit else 10, immutable='IdType="ImmutableId"' in prefer
        )
        if since is not None and shown is not None:
            values = values[: mailbox.filtered_limit - shown]
            shown += len(values)
            if shown >= mailbox.filtered_limit:
                end = len(mailbox.log)
        link = f"{self.link_base}/v1.0/users/{found['user']}/mailFolders('{folder}')/messages/delta"
        more = end < len(mailbox.log)
        state = f"{epoch}-{end}" + (f"-{int(since.timestamp())}" if since else "")
        state += f"-{shown}" if since and more and shown is not None else ""
        name, parameter = ("@odata.nextLink", "$skiptoken") if more else ("@odata.deltaLink", "$deltatoken")
        return web.json_response(
            {"@odata.context": "#Collection(message)", "value": values, name: f"{link}?{parameter}={state}"}
        )

    async def _listing(self, request: web.Request, found: dict[str, str]) -> web.Response:
        folder, query = found.get("quoted") or found["plain"], request.query
        floor = _SINCE.search(query.get("$filter", ""))
        assert floor is not None
        if query.get("$orderby") != "receivedDateTime":
            return failure(400, "InefficientFilter")
        limit = re.search(r"odata\.maxpagesize=(\d+)", prefer := request.headers.get("Prefer", ""))
        size, skip = int(limit[1]) if limit else 10, int(query.get("$skip", "0"))
        mailbox = self.mailboxes[found["user"]]
        if skip and mailbox.lost_links:
            mailbox.lost_links -= 1
            return failure(400, "ErrorInvalidUrlQuery")
        values, more = mailbox.listing(
            folder, datetime.fromisoformat(floor[1].replace("Z", "+00:00")), skip, size,
            immutable='IdType="ImmutableId"' in prefer,
        )  # fmt: skip
        page: dict[str, Any] = {"value": values}
        if more:
            page["@odata.nextLink"] = str(
                (URL(self.link_base) / request.path[1:]).with_query({**query, "$skip": skip + size})
            )
        return web.json_response(page)

    async def _value(self, request: web.Request, found: dict[str, str]) -> web.Response:
        item = self.mailboxes[found["user"]].find(found["id"])
        if item is None:
            return failure(404, "ErrorItemNotFound")
        return web.Response(body=item.raw, content_type="text/plain")

    async def _message(self, request: web.Request, found: dict[str, str]) -> web.Response:
        mailbox = self.mailboxes[found["user"]]
        item = mailbox.find(found["id"])
        if item is None:
            return failure(404, "ErrorItemNotFound")
        return web.json_response(mailbox.document(item, immutable="ImmutableId" in request.headers.get("Prefer", "")))

    async def _me(self, request: web.Request, found: dict[str, str]) -> web.Response:
        """Object ids are names here."""
        user = self.login.holder(request.headers.get("Authorization", ""))
        if not user:
            return failure(400, "BadRequest", "/me request is only valid with delegated authentication flow.")
        return web.json_response({"id": user, "mail": user.title(), "userPrincipalName": user})

    async def _send(self, request: web.Request, found: dict[str, str]) -> web.Response:
        """MIME content, which the mailbox sends to itself."""
        if not self.login.may_send:
            return failure(403, "ErrorAccessDenied")
        if request.content_type != "text/plain":
            return failure(400, "ErrorInvalidRequest")
        self.mailboxes[found["user"]].deliver(base64.b64decode(await request.read(), validate=True))
        return web.Response(status=202)

    async def _folder(self, request: web.Request, found: dict[str, str]) -> web.Response:
        mailbox, folder = self.mailboxes[found["user"]], found.get("quoted") or found["plain"]
        if folder not in mailbox.folders:
            return failure(404, "ErrorItemNotFound")
        count = sum(item.folder == folder for item in mailbox.items.values())
        return web.json_response({"id": folder, "displayName": folder.title(), "totalItemCount": count})

    async def _subscriptions(self, request: web.Request, found: dict[str, str]) -> web.Response:
        if request.method == "GET":
            return web.json_response({"value": [s.document() for s in self.subscriptions.values()]})
        body = await request.json()
        expires = datetime.fromisoformat(body["expirationDateTime"].replace("Z", "+00:00"))
        if expires > datetime.now(UTC) + LONGEST_LIFE:
            return failure(400, "ValidationError", "Subscription expiration can only be 10080 minutes in the future.")
        if len(body["clientState"]) > 128 or _WATCHED.fullmatch(body["resource"]) is None:
            return failure(400, "ValidationError", "The request is not valid.")
        watched = _WATCHED.fullmatch(body["resource"])
        if watched and (watched["quoted"] or watched["plain"]) not in self.mailboxes[watched["user"]].folders:
            return failure(404, "ErrorItemNotFound")
        for subscription in self.subscriptions.values():
            if subscription.resource == body["resource"] and subscription.notification_url == body["notificationUrl"]:
                return failure(409, "Conflict", f"Subscription Id {subscription.subscription_id} already exists")
        for url in (body["notificationUrl"], body["lifecycleNotificationUrl"]):
            if not await self.notifier.validates(url):
                return failure(400, "ValidationError", "Subscription validation request timed out.")
        made = Subscription(
            subscription_id=str(uuid4()),
            resource=body["resource"],
            change_type=body["changeType"],
            notification_url=body["notificationUrl"],
            lifecycle_url=body["lifecycleNotificationUrl"],
            client_state=body["clientState"],
            expires=min(expires, datetime.now(UTC) + self.life),
            immutable='IdType="ImmutableId"' in request.headers.get("Prefer", ""),
            application=self.login.client_id,
        )
        self.subscriptions[made.subscription_id] = made
        return web.json_response(made.document(), status=201)

    async def _subscription(self, request: web.Request, found: dict[str, str]) -> web.Response:
        subscription = self.subscriptions.get(found["id"])
        if subscription is None:
            return failure(404, "ResourceNotFound")
        if request.method == "DELETE":
            del self.subscriptions[found["id"]]
            return web.Response(status=204)
        if request.method == "PATCH":
            wanted = datetime.fromisoformat((await request.json())["expirationDateTime"].replace("Z", "+00:00"))
            subscription.expires = min(wanted, datetime.now(UTC) + self.life)
        return web.json_response(subscription.document())


def failure(status: int, code: str, message: str = "A text about someone@example.com.") -> web.Response:
    body = {"error": {"code": code, "message": message, "innerError": {"request-id": str(uuid4())}}}
    return web.Response(text=json.dumps(body), status=status, content_type="application/json")


@asynccontextmanager
async def microsoft() -> AsyncIterator[MicrosoftSimulator]:
    """A running simulator on a port of its own."""
    simulator = MicrosoftSimulator()
    runner = web.AppRunner(simulator.application(), access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    simulator.started(f"http://127.0.0.1:{runner.addresses[0][1]}")
    try:
        yield simulator
    finally:
        await simulator.notifier.close()
        await runner.cleanup()
