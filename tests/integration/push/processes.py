"""`postroom webhooks` or `worker` as a process of its own, which can be killed at any moment and started again."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import socket
import sys
from pathlib import Path

import aiohttp

from tests.house import MASTER_KEYS, House

ROOT = Path(__file__).resolve().parents[3]


class PostroomProcess:
    """`url` stays the same over kill and start."""

    def __init__(
        self, house: House, database_url: str, temporal_address: str, objects: Path, *, role: str = "webhooks",
        otlp: str = "",
    ) -> None:  # fmt: skip
        """`otlp`: where its traces go, "" for nowhere."""
        self._house = house
        self._database_url = database_url
        self._temporal_address = temporal_address
        self._objects = objects
        self.port, self._smtp_port = _free_port(), _free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._process: asyncio.subprocess.Process | None = None
        self._role, self._otlp = role, otlp
        self.log = objects.parent / f"{role}.log"

    async def start(self) -> None:
        endpoints = self._house.endpoints
        environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "POSTROOM_DATABASE_URL": self._database_url,
            "POSTROOM_OBJECTS_URL": self._objects.as_uri(),
            "POSTROOM_MASTER_KEYS": MASTER_KEYS,
            "POSTROOM_WEBHOOKS_PORT": str(self.port),
            "POSTROOM_SMTP_PORT": str(self._smtp_port),
            "POSTROOM_HEALTH_PORT": str(self.port),
            "POSTROOM_WEBHOOKS_URL": endpoints.webhooks_url or self.url,
            "POSTROOM_GOOGLE_API_URL": endpoints.google_api,
            "POSTROOM_GOOGLE_JWKS_URL": endpoints.google_jwks,
            "POSTROOM_GOOGLE_OAUTH_URL": endpoints.google_oauth,
            "POSTROOM_GOOGLE_PUBSUB_URL": endpoints.google_pubsub,
            "POSTROOM_GRAPH_URL": endpoints.graph,
            "POSTROOM_MICROSOFT_LOGIN_URL": endpoints.microsoft_login,
            "POSTROOM_LOG_LEVEL": "DEBUG",
            **({"OTEL_EXPORTER_OTLP_ENDPOINT": self._otlp, "OTEL_BSP_SCHEDULE_DELAY": "200"} if self._otlp else {}),
            "TEMPORAL_ADDRESS": self._temporal_address,
        }
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "workers.cli", self._role, env=environment, cwd=ROOT, stdout=log, stderr=log
            )
        async with aiohttp.ClientSession() as http:
            while not await self._ready(http):
                if self._process.returncode is not None:
                    raise AssertionError(f"{self._role} ended: {self.log.read_text()[-2000:]}")
                await asyncio.sleep(0.05)

    def cpu_seconds(self) -> float:
        """What the process has used of a core so far (proc(5): utime and stime)."""
        assert self._process is not None
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    async def kill(self) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(signal.SIGKILL)
            await self._process.wait()

    async def _ready(self, http: aiohttp.ClientSession) -> bool:
        try:
            async with http.get(f"{self.url}/health/ready") as response:
                return response.status == 200
        except aiohttp.ClientError:
            return False


def _free_port() -> int:
    """Below the ports that outgoing connections get: between a kill and the next start nobody takes it."""
    while True:
        port = random.randrange(10_000, 30_000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
