"""Pub/Sub: pushed or pulled, at least once, in any order, again until it is acknowledged."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import aiohttp
from aiohttp import web

ACKNOWLEDGED = {102, 200, 201, 202, 204}
FIRST_RETRY, LONGEST_RETRY = 0.05, 1.0


@dataclass
class Subscription:
    """Pushes to `endpoint` with the tokens of `service_account`; unwrapped is Pub/Sub's payload unwrapping."""

    endpoint: str
    service_account: str
    audience: str
    wrapped: bool = True


class PullQueue:
    """Messages of a pull subscription; one that is handed out and not acknowledged comes again."""

    def __init__(self) -> None:
        self.deadline = 10.0
        self.acknowledged: list[str] = []
        self._messages: dict[str, tuple[dict[str, Any], float]] = {}
        self._some = asyncio.Event()

    def add(self, message: dict[str, Any]) -> None:
        self._messages[f"ack-{len(self._messages)}-{message['messageId']}"] = message, 0.0
        self._some.set()

    async def pull(self, most: int, patience: float) -> list[dict[str, Any]]:
        until = time.monotonic() + patience
        while not (ready := self._ready()[:most]) and time.monotonic() < until:
            self._some.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._some.wait(), 0.1)
        for ack_id in ready:
            self._messages[ack_id] = self._messages[ack_id][0], time.monotonic() + self.deadline
        return [{"ackId": ack_id, "message": self._messages[ack_id][0]} for ack_id in ready]

    def acknowledge(self, ack_ids: list[str]) -> None:
        for ack_id in ack_ids:
            if self._messages.pop(ack_id, None) is not None:
                self.acknowledged.append(ack_id)

    @property
    def waiting(self) -> int:
        return len(self._messages)

    def _ready(self) -> list[str]:
        return [ack_id for ack_id, (_, hidden_until) in self._messages.items() if hidden_until < time.monotonic()]


class PubSub:
    """`lost` and `doubled` are shares of the messages; `shuffled` holds each back for up to that many seconds."""

    def __init__(self, sign: Callable[..., str], seed: int = 1) -> None:
        self.lost = self.doubled = self.shuffled = 0.0
        self.subscriptions: dict[str, list[Subscription]] = {}
        # By topic, then by the subscription's name.
        self.pulls: dict[str, dict[str, PullQueue]] = {}
        self.patience = 2.0
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

        for queue in self.pulls.get(topic, {}).values():
            if self._random.random() < self.lost:
                continue
            for _ in range(2 if self._random.random() < self.doubled else 1):
                queue.add(self._message(data, self._number))

    def pull_subscription(self, topic: str, name: str) -> PullQueue:
        return self.pulls.setdefault(topic, {}).setdefault(name, PullQueue())

    async def handle(self, request: web.Request) -> web.Response:
        """`POST /v1/{name}:pull` and `:acknowledge`."""
        name, _, verb = request.match_info["target"].rpartition(":")
        queue = next((queues[name] for queues in self.pulls.values() if name in queues), None)
        if queue is None:
            detail = {"code": 404, "message": f"Resource not found (resource={name}).", "status": "NOT_FOUND"}
            return web.json_response({"error": detail}, status=404)
        body = await request.json()
        if verb == "acknowledge":
            queue.acknowledge(body["ackIds"])
            return web.json_response({})
        messages = await queue.pull(body["maxMessages"], self.patience)
        return web.json_response({"receivedMessages": messages} if messages else {})

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
        message = PubSub._message(data, number)
        # Pushes have both spellings.
        message |= {"message_id": message["messageId"], "publish_time": message["publishTime"]}
        return json.dumps({"message": message, "subscription": f"{topic}-push"}).encode()

    @staticmethod
    def _message(data: bytes, number: int) -> dict[str, Any]:
        published = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        return {"data": base64.b64encode(data).decode(), "messageId": str(number), "publishTime": published}
