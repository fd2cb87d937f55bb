"""Graph's change notifications: the handshake, and delivery that is tried again for a while."""

from __future__ import annotations

import asyncio
import random
import secrets
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import aiohttp

# Graph waits ten seconds for a handshake and three for a notification; tests are less patient.
HANDSHAKE_SECONDS = 3.0
NOTIFY_SECONDS = 3.0
FIRST_RETRY, LONGEST_RETRY = 0.05, 1.0


@dataclass
class Subscription:
    subscription_id: str
    resource: str
    change_type: str
    notification_url: str
    lifecycle_url: str
    client_state: str
    expires: datetime
    immutable: bool
    application: str

    def document(self) -> dict[str, Any]:
        return {
            "@odata.context": "https://graph.microsoft.com/v1.0/$metadata#subscriptions/$entity",
            "id": self.subscription_id,
            "resource": self.resource,
            "applicationId": self.application,
            "changeType": self.change_type,
            "clientState": None,
            "notificationUrl": self.notification_url,
            "lifecycleNotificationUrl": self.lifecycle_url,
            "expirationDateTime": self.expires.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "creatorId": self.application,
            "latestSupportedTlsVersion": "v1_2",
        }


@dataclass
class Notifier:
    """`lost` and `doubled` are shares of the notifications; `shuffled` holds each back for up to that many seconds."""

    lost: float = 0.0
    doubled: float = 0.0
    shuffled: float = 0.0
    # A firewall before the endpoint refuses Graph.
    reachable: bool = True
    answers: list[int] = field(default_factory=list)
    handshakes: int = 0
    dice: random.Random = field(default_factory=lambda: random.Random(1))
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _http: aiohttp.ClientSession | None = None

    async def validates(self, url: str) -> bool:
        """Whether the endpoint answers the handshake: 200, text/plain, and the token as it is."""
        self.handshakes += 1
        if not self.reachable:
            return False
        token = f"Validation: Testing client application reachability+{secrets.token_hex(8)} & <more>"
        try:
            async with self._session.post(
                url,
                params={"validationToken": token},
                headers={"Content-Type": "text/plain; charset=utf-8"},
                timeout=aiohttp.ClientTimeout(total=HANDSHAKE_SECONDS),
            ) as response:
                text = await response.text()
                return response.status == 200 and response.content_type == "text/plain" and text == token
        except (aiohttp.ClientError, TimeoutError):
            return False

    def send(self, url: str, item: dict[str, Any]) -> None:
        if self.dice.random() < self.lost:
            return
        for _ in range(2 if self.dice.random() < self.doubled else 1):
            task = asyncio.create_task(self._deliver(url, {"value": [item]}))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def idle(self) -> None:
        """Waits until everything sent so far is accepted."""
        while self._tasks:
            await asyncio.wait(set(self._tasks))

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        if self._http is not None:
            await self._http.close()

    @property
    def _session(self) -> aiohttp.ClientSession:
        if self._http is None:
            self._http = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=NOTIFY_SECONDS))
        return self._http

    async def _deliver(self, url: str, body: dict[str, Any]) -> None:
        if self.shuffled:
            await asyncio.sleep(self.dice.uniform(0, self.shuffled))
        pause = FIRST_RETRY
        while not 200 <= await self._post(url, body) < 300:
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_RETRY)

    async def _post(self, url: str, body: dict[str, Any]) -> int:
        try:
            async with self._session.post(url, json=body) as response:
                status = response.status
        except (aiohttp.ClientError, TimeoutError):
            status = 0
        self.answers.append(status)
        return status


def lifecycle(subscription: Subscription, event: str, directory: str) -> dict[str, Any]:
    """A lifecycle notification: no resource, no resourceData, no changeType."""
    return {
        "subscriptionId": subscription.subscription_id,
        "subscriptionExpirationDateTime": subscription.expires.isoformat(),
        "tenantId": directory,
        "clientState": subscription.client_state,
        "lifecycleEvent": event,
    }
