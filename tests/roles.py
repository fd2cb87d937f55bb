"""postroom's roles as processes of their own, as an operator runs them."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Mapping
from pathlib import Path

import aiohttp

ROOT = Path(__file__).resolve().parents[1]
_PATIENCE = 180.0


class Role:
    """One process; `port` has its health, and the console or the webhooks; `smtp_port` the SMTP inbox of webhooks."""

    def __init__(self, name: str, process: asyncio.subprocess.Process, port: int, smtp_port: int, log: Path) -> None:
        self.name = name
        self.process = process
        self.port = port
        self.smtp_port = smtp_port
        self._log = log

    @classmethod
    async def start(cls, name: str, environment: Mapping[str, str], directory: Path) -> Role:
        """Starts it; `ready` waits for it."""
        port, smtp_port = free_port(), free_port()
        log = directory / f"{name}-{port}.log"
        settings = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            **dict.fromkeys(("POSTROOM_HEALTH_PORT", "POSTROOM_WEB_PORT", "POSTROOM_WEBHOOKS_PORT"), str(port)),
            "POSTROOM_SMTP_PORT": str(smtp_port),
            **environment,
        }
        with log.open("wb") as output:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "workers.cli", name, env=settings, cwd=ROOT, stdout=output, stderr=output
            )
        return cls(name, process, port, smtp_port, log)

    async def ready(self) -> None:
        deadline = asyncio.get_running_loop().time() + _PATIENCE
        async with aiohttp.ClientSession() as http:
            while True:
                try:
                    async with http.get(f"http://127.0.0.1:{self.port}/health/ready") as response:
                        if response.status == 200:
                            return
                except (aiohttp.ClientError, OSError):
                    pass
                assert self.process.returncode is None, f"{self.name} ended: {self.log()[-2000:]}"
                assert asyncio.get_running_loop().time() < deadline, f"{self.name} is not ready: {self.log()[-2000:]}"
                await asyncio.sleep(0.1)

    async def stop(self) -> int:
        """SIGTERM, as every supervisor sends it; the exit status."""
        self.process.send_signal(signal.SIGTERM)
        return await asyncio.wait_for(self.process.wait(), 60)

    async def kill(self) -> None:
        if self.process.returncode is None:
            self.process.kill()
        await self.process.wait()

    def log(self) -> str:
        return self._log.read_text("utf-8", "replace")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
