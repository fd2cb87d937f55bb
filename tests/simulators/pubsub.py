"""Pub/Sub's push: at least once, in any order, again until it is acknowledged."""

from __future__ import annotations

import asyncio
import base64
import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import aiohttp

ACKNOWLEDGED = {102, 200, 201, 202, 204}
FIRST_RETRY, LONGEST_RETRY = 0.05, 1.0


@dataclass
class Subscription:
    """Pushes to `endpoint` with the tokens of `service_account`; unwrapped is Pub/Sub's payload unwrapping."""

    endpoint: str
    service_account: str
    audience: str
    wrapped: bool = True


class PubSub:
    """`lost` and `doubled` are shares of the messages; `shuffled` holds each back for up to that many seconds."""

    def __init__(self, sign: Callable[..., str], seed: int = 1) -> None:
        self.lost = self.doubled = self.shuffled = 0.0
        self.subscriptions: dict[str, list[Subscription]] = {}
        self.answers: list[int] = []
        self._sign = sign
        self._random = random.Random(seed)
        self._tasks: set[asyncio.Task[None]] = set()
        self._number = 0
        self._http: aiohttp.ClientSession | None = None

    def publish(self, topic: str, data: bytes) -> None:
        self._number += 1
        for subscription in self.subscriptions.get(topic, []):
            if self._random.random() < self.lost:
                continue
            for _ in range(2 if self._random.random() < self.doubled else 1):
                task = asyncio.create_task(self._deliver(topic, subscription, data, self._number))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    async def idle(self) -> None:
        """Waits until everything published so far is acknowledged."""
        while self._tasks:
            await asyncio.wait(set(self._tasks))

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        if self._http is not None:
            await self._http.close()

    async def _deliver(self, topic: str, to: Subscription, data: bytes, number: int) -> None:
        if self.shuffled:
            await asyncio.sleep(self._random.uniform(0, self.shuffled))
        token = self._sign(aud=to.audience, email=to.service_account, sub="1001")
        pause = FIRST_RETRY
        while await self._push(to, self._body(topic, to, data, number), token) not in ACKNOWLEDGED:
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_RETRY)

    async def _push(self, to: Subscription, body: bytes, token: str) -> int:
        if self._http is None:
            self._http = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10))
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        try:
            async with self._http.post(to.endpoint, data=body, headers=headers) as response:
                status = response.status
        except (aiohttp.ClientError, TimeoutError):
            status = 0
        self.answers.append(status)
        return status

    @staticmethod
    def _body(topic: str, to: Subscription, data: bytes, number: int) -> bytes:
        if not to.wrapped:
            return data
        published = datetime.now(UTC).isoformat()
        message: dict[str, Any] = {
            "data": base64.b64encode(data).decode(),
            "messageId": str(number),
            "message_id": str(number),
            "publishTime": published,
            "publish_time": published,
        }
        return json.dumps({"message": message, "subscription": f"{topic}-push"}).encode()
