"""One Microsoft 365 mailbox as a `PushProvider`."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from providers.base import Changes, Gone, Listed, Permanent, Transient, Watch
from providers.microsoft.client import IMMUTABLE_IDS, GraphClient
from providers.microsoft.cursor import Cursor, FolderCursor
from providers.microsoft.errors import Conflict, SyncStateLost
from providers.microsoft.settings import MicrosoftSettings

# How much of the time before the last complete listing is listed again when the delta link is lost.
OVERLAP = timedelta(days=1)
# The longest life of a subscription on messages, less what clocks may differ.
LIFETIME = timedelta(minutes=10_080 - 15)
# A message that was announced and is not there (yet): seconds until it is asked for again, then it is gone.
MISSING_RETRIES = (2.0, 10.0)
_SELECT = "id,internetMessageId,conversationId,receivedDateTime,parentFolderId,isDraft"
_MESSAGE_ID = re.compile(r"[A-Za-z0-9_=+/-]{1,600}")
_SUBSCRIPTION_ID = re.compile(r"[A-Za-z0-9-]{1,100}")


class MicrosoftMailbox:
    def __init__(
        self,
        client: GraphClient,
        settings: MicrosoftSettings,
        *,
        since: datetime,
        notification_url: str,
        missing_retries: Sequence[float] = MISSING_RETRIES,
        now: Callable[[], float] = time.time,
    ) -> None:
        """`since` (aware): where a first listing begins. `notification_url`: of our webhooks, "" to be polled."""
        self._client = client
        self._settings = settings
        self._since = since
        self._notification_url = notification_url if settings.notify else ""
        self._missing_retries = missing_retries
        self._now = now
        self._user = f"users/{quote(settings.user, safe='@')}"

    async def changes(self, cursor: str | None, limit: int) -> Changes:
        """One page of each folder. `$filter` limits a first listing to the 5,000 messages since `since`."""
        before = Cursor.parse(cursor)
        after: dict[str, FolderCursor] = {}
        messages: list[Listed] = []
        more = False
        for folder in self._settings.folders:
            position = before.folders.get(folder) or self._begin(folder, int(self._since.timestamp()))
            try:
                listed, position, unfinished = await self._page(position, limit)
            except SyncStateLost:
                again = (
                    position.caught_up_at - int(OVERLAP.total_seconds()) if position.caught_up_at else position.since
                )
                listed, position, unfinished = [], self._begin(folder, again), True
            messages += listed
            after[folder] = position
            more = more or unfinished
        return Changes(messages, Cursor(folders=after).model_dump_json(), more)

    async def fetch(self, locator: str) -> AsyncIterator[bytes]:
        """The MIME that Exchange makes of the message; it is not byte for byte what was received."""
        if not _MESSAGE_ID.fullmatch(locator):
            raise Permanent("not a Graph message id")
        url = self._client.url(f"{self._user}/messages/{quote(locator, safe='')}/$value")
        for pause in (*self._missing_retries, None):
            try:
                async with self._client.open(url) as response:
                    async for chunk in response.content.iter_chunked(1 << 18):
                        yield chunk
                    return
            except Gone:
                if pause is None:
                    raise
            await asyncio.sleep(pause)

    async def close(self) -> None:
        """The connection is shared by all mailboxes; there is none of our own."""

    @property
    def watchable(self) -> Sequence[str]:
        return self._settings.folders if self._notification_url else []

    async def watch(self, what: str, secret: str) -> Watch:
        body = {
            "changeType": "created",
            "notificationUrl": self._notification_url,
            "lifecycleNotificationUrl": self._notification_url,
            "resource": f"{self._user}/mailFolders('{what}')/messages",
            "expirationDateTime": self._expiration(),
            "clientState": secret,
            "latestSupportedTlsVersion": "v1_2",
        }
        url = self._client.url("subscriptions")
        try:
            answer = await self._client.call("POST", url, json=body)
        except Conflict:
            # One that we do not know, and so whose clientState we do not know either.
            for subscription in await self._subscriptions():
                if _same_resource(subscription.get("resource"), body["resource"]):
                    await self.unwatch(str(subscription["id"]))
            answer = await self._client.call("POST", url, json=body)
        return _confirmed(answer)

    async def renew(self, what: str, watch_id: str) -> Watch:
        """A PATCH also gives the authorization anew, so that /reauthorize is never needed."""
        body = {"expirationDateTime": self._expiration()}
        return _confirmed(await self._client.call("PATCH", self._subscription(watch_id), json=body))

    async def unwatch(self, watch_id: str) -> None:
        try:
            await self._client.call("DELETE", self._subscription(watch_id))
        except Gone:
            return

    async def standing(self) -> set[str]:
        mine = f"{self._user}/".lower()
        return {
            str(subscription["id"])
            for subscription in await self._subscriptions()
            if str(subscription.get("resource", "")).lower().lstrip("/").startswith(mine)
        }

    async def folder_name(self, folder: str) -> str:
        """A folder's name as people see it. Raises Gone when it does not exist."""
        url = self._client.url(f"{self._user}/mailFolders/{quote(folder, safe='')}", **{"$select": "id,displayName"})
        return str((await self._client.call("GET", url)).get("displayName", ""))

    def _begin(self, folder: str, since: int) -> FolderCursor:
        moment = datetime.fromtimestamp(since, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        url = self._client.url(
            f"{self._user}/mailFolders/{quote(folder, safe='')}/messages/delta",
            **{"changeType": "created", "$select": _SELECT, "$filter": f"receivedDateTime ge {moment}"},
        )
        return FolderCursor(link=url, since=since)

    async def _page(self, position: FolderCursor, limit: int) -> tuple[list[Listed], FolderCursor, bool]:
        """A page may be empty and have a next one all the same; items may come twice, and with `@removed`."""
        prefer = f"{IMMUTABLE_IDS}, odata.maxpagesize={limit}"
        page = await self._client.call("GET", position.link, prefer=prefer)
        items = page.get("value")
        listed = [m for item in items or [] if isinstance(item, dict) and (m := _listed(item)) is not None]
        following, end = page.get("@odata.nextLink"), page.get("@odata.deltaLink")
        if isinstance(following, str):
            return listed, position.model_copy(update={"link": following}), True
        if isinstance(end, str):
            caught_up = position.model_copy(update={"link": end, "caught_up_at": int(self._now())})
            return listed, caught_up, False
        raise Transient("Graph's page had no link to go on with")

    async def _subscriptions(self) -> list[dict[str, Any]]:
        """Those that notify our URL, of every mailbox of the application."""
        found: list[dict[str, Any]] = []
        url: Any = self._client.url("subscriptions")
        while isinstance(url, str):
            page = await self._client.call("GET", url)
            found += [s for s in page.get("value", []) if s.get("notificationUrl") == self._notification_url]
            url = page.get("@odata.nextLink")
        return found

    def _subscription(self, watch_id: str) -> str:
        if not _SUBSCRIPTION_ID.fullmatch(watch_id):
            raise Permanent("not a subscription id")
        return self._client.url(f"subscriptions/{watch_id}")

    def _expiration(self) -> str:
        return (datetime.fromtimestamp(self._now(), UTC) + LIFETIME).strftime("%Y-%m-%dT%H:%M:%SZ")


def _listed(item: dict[str, Any]) -> Listed | None:
    """None for what is no new mail: something removed, or a draft."""
    locator, message_id = item.get("id"), item.get("internetMessageId")
    if "@removed" in item or item.get("isDraft") or not isinstance(locator, str) or not _MESSAGE_ID.fullmatch(locator):
        return None
    thread = item.get("conversationId")
    return Listed(
        locator,
        message_id if isinstance(message_id, str) else None,
        received_at=_moment(item.get("receivedDateTime")),
        thread_id=thread if isinstance(thread, str) and _MESSAGE_ID.fullmatch(thread) else None,
    )


def _confirmed(answer: dict[str, Any]) -> Watch:
    watch_id, expires_at = answer.get("id"), _moment(answer.get("expirationDateTime"))
    if not isinstance(watch_id, str) or expires_at is None:
        raise Transient("Graph's answer was no subscription")
    return Watch(watch_id, expires_at)


def _moment(value: Any) -> datetime | None:
    """An OData timestamp in UTC, which may have seven decimals."""
    match = re.fullmatch(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.\d+)?(?:Z|\+00:00)", str(value))
    return datetime.fromisoformat(match[1]).replace(tzinfo=UTC) if match else None


def _same_resource(one: Any, other: str) -> bool:
    return str(one).lower().lstrip("/") == other.lower()
