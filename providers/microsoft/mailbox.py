"""One Microsoft 365 mailbox as a `PushProvider`."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from providers.base import AuthFailed, Changes, Gone, Listed, Permanent, Transient, Watch
from providers.microsoft.client import IMMUTABLE_IDS, GraphClient
from providers.microsoft.cursor import Cursor, FolderCursor
from providers.microsoft.errors import SyncStateLost
from providers.microsoft.settings import MicrosoftSettings

# How much of the time before the last complete listing is listed again when the delta link is lost.
OVERLAP = timedelta(days=1)
# The longest life of a subscription on messages, less what clocks may differ.
LIFETIME = timedelta(minutes=10_080 - 15)
# A message that was announced and is not there (yet): seconds until it is asked for again, then it is gone.
MISSING_RETRIES = (2.0, 10.0)
# A first delta round gives 5,000 messages at most, and may end early: after one with this many the rest is listed.
MAY_BE_CUT = 2_000
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
        now: Callable[[], float] = time.time,
    ) -> None:
        """`since` (aware): where a first listing begins. `notification_url`: of our webhooks, "" to be polled."""
        self._client = client
        self._settings = settings
        self._since = since
        self._notification_url = notification_url if settings.notify else ""
        self._now = now
        self._user = f"users/{quote(settings.user, safe='@')}"

    async def changes(self, cursor: str | None, limit: int) -> Changes:
        """One page of each folder; of one that is missing, nothing, and its position stays."""
        before = Cursor.parse(cursor)
        after: dict[str, FolderCursor] = {}
        missing: dict[str, Gone] = {}
        messages: list[Listed] = []
        more = False
        for folder in self._settings.folders:
            position = before.folders.get(folder)
            try:
                begun = position or self._begin(folder, int(self._since.timestamp()))
                listed, position, unfinished = await self._read(folder, begun, limit)
            except Gone as error:
                missing[folder] = error
                listed, unfinished = [], False
            messages += listed
            if position is not None:
                after[folder] = position
            more = more or unfinished
        if len(missing) == len(self._settings.folders):
            raise next(iter(missing.values()))
        note = f"there is no folder {', '.join(missing)}" if missing else ""
        return Changes(messages, Cursor(folders=after).model_dump_json(), more, note)

    async def fetch(self, locator: str) -> AsyncIterator[bytes]:
        """The MIME that Exchange makes of the message; it is not byte for byte what was received."""
        if not _MESSAGE_ID.fullmatch(locator):
            raise Permanent("not a Graph message id")
        url = self._client.url(f"{self._user}/messages/{quote(locator, safe='')}/$value")
        for pause in (*MISSING_RETRIES, None):
            try:
                async with self._client.open(url) as response:
                    async for chunk in response.content.iter_chunked(1 << 18):
                        yield chunk
                    return
            except Gone:
                if pause is None:
                    raise
            except AuthFailed:
                # An immutable id whose item is gone may answer 403 (msgraph-sdk-dotnet #3047): not so the mailbox.
                await self.folder_name(self._settings.folders[0])
                if pause is None:
                    raise Gone("the message is not there any more") from None
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
        return _confirmed(await self._client.call("POST", self._client.url("subscriptions"), json=body))

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
        url = self._client.url(
            f"{self._user}/mailFolders/{quote(folder, safe='')}/messages/delta",
            **{"changeType": "created", "$select": _SELECT, "$filter": f"receivedDateTime ge {_text(since)}"},
        )
        return FolderCursor(link=url, since=since)

    async def _read(self, folder: str, position: FolderCursor, limit: int) -> tuple[list[Listed], FolderCursor, bool]:
        """A page, and one of the plain listing where delta left something out. Raises Gone for a missing folder."""
        try:
            listed, position, unfinished = await self._page(position, limit)
        except SyncStateLost:
            again = position.caught_up_at - int(OVERLAP.total_seconds()) if position.caught_up_at else position.since
            left = {"rest": position.rest, "rest_since": position.rest_since}
            listed, position, unfinished = [], self._begin(folder, again).model_copy(update=left), True
        if position.rest_since is not None and not unfinished:
            # After the end of delta, so that what arrives now does not wait for it.
            rest, position = await self._rest(folder, position, position.rest_since, limit)
            listed, unfinished = listed + rest, position.rest_since is not None
        return listed, position, unfinished

    async def _page(self, position: FolderCursor, limit: int) -> tuple[list[Listed], FolderCursor, bool]:
        """A page may be empty and have a next one all the same; items may come twice, and with `@removed`."""
        prefer = f"{IMMUTABLE_IDS}, odata.maxpagesize={limit}"
        page = await self._client.call("GET", position.link, prefer=prefer)
        listed = _messages(page)
        following, end = page.get("@odata.nextLink"), page.get("@odata.deltaLink")
        shown = 0 if position.caught_up_at else position.shown + len(listed)
        if isinstance(following, str):
            return listed, position.model_copy(update={"link": following, "shown": shown}), True
        if isinstance(end, str):
            update: dict[str, Any] = {"link": end, "caught_up_at": int(self._now()), "shown": 0}
            if shown >= MAY_BE_CUT:
                update |= {"rest": None, "rest_since": min(position.since, position.rest_since or position.since)}
            return listed, position.model_copy(update=update), False
        raise Transient("Graph's page had no link to go on with")

    async def _rest(
        self, folder: str, position: FolderCursor, since: int, limit: int
    ) -> tuple[list[Listed], FolderCursor]:
        """A page of everything received since, oldest first; what is known already does no harm."""
        url = position.rest or self._listing(folder, since)
        try:
            page = await self._client.call("GET", url, prefer=f"{IMMUTABLE_IDS}, odata.maxpagesize={limit}")
        except (Gone, Permanent):
            if position.rest is None:
                raise
            # The link has expired: on from what was listed last.
            return [], position.model_copy(update={"rest": None})
        listed = _messages(page)
        following = page.get("@odata.nextLink")
        if not isinstance(following, str):
            return listed, position.model_copy(update={"rest": None, "rest_since": None})
        reached = max([since, *(int(m.received_at.timestamp()) for m in listed if m.received_at is not None)])
        return listed, position.model_copy(update={"rest": following, "rest_since": reached})

    def _listing(self, folder: str, since: int) -> str:
        return self._client.url(
            f"{self._user}/mailFolders/{quote(folder, safe='')}/messages",
            **{"$select": _SELECT, "$filter": f"receivedDateTime ge {_text(since)}", "$orderby": "receivedDateTime"},
        )

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
        return _text(self._now() + LIFETIME.total_seconds())


def _text(moment: float) -> str:
    """Epoch seconds as OData writes a time."""
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _messages(page: dict[str, Any]) -> list[Listed]:
    items = page.get("value")
    return [m for item in items or [] if isinstance(item, dict) and (m := _listed(item)) is not None]


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
