"""`postroom web` as a process, and answers that reach real runs."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
from temporalio.client import Client

from tests.house import MASTER_KEYS, House, open_house
from tests.letters import letter
from tests.temporal_server import TemporalServer
from workers import admin


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@asynccontextmanager
async def web_process(
    db_url: str, objects: Path, temporal: str
) -> AsyncIterator[tuple[str, asyncio.subprocess.Process]]:
    """The process, once it is ready, and its URL; killed in the end."""
    port = free_port()
    environment = {
        **os.environ,
        "POSTROOM_DATABASE_URL": db_url,
        "POSTROOM_OBJECTS_URL": objects.as_uri(),
        "POSTROOM_MASTER_KEYS": MASTER_KEYS,
        "POSTROOM_WEB_PORT": str(port),
        "POSTROOM_PUBLIC_URL": f"http://127.0.0.1:{port}",
        "TEMPORAL_ADDRESS": temporal,
        "TEMPORAL_NAMESPACE": "default",
    }
    command = (sys.executable, "-m", "workers.cli", "web")
    process = await asyncio.create_subprocess_exec(*command, env=environment, stderr=asyncio.subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    try:
        await ready(url, process)
        yield url, process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def ready(url: str, process: asyncio.subprocess.Process) -> None:
    async with aiohttp.ClientSession() as http:
        while process.returncode is None:
            try:
                async with http.get(f"{url}/health/ready") as response:
                    if response.status == 200:
                        return
            except aiohttp.ClientConnectionError:
                pass
            await asyncio.sleep(0.1)
    raise AssertionError(f"postroom web ended with {process.returncode}")


async def ask(house: House) -> Any:
    """A mail whose sender belongs to two clients, and its task."""
    for name in ("Bakery", "Books"):
        client_id = await admin.add_client(house.db, house.tenant_id, name)
        await admin.add_contact(house.db, house.tenant_id, "ines@example.org", "Ines", client_id)
    await house.send(letter("ines@example.org", "One report is missing"))
    return await house.task()


async def test_it_serves_without_temporal_and_ends_on_sigterm(db: Any, db_url: str, tmp_path: Path) -> None:
    tenant = await admin.ensure_default_tenant(db)
    token = await admin.create_api_token(db, tenant.tenant_id, "tests", "read")
    nobody = f"127.0.0.1:{free_port()}"
    async with web_process(db_url, tmp_path / "objects", nobody) as (url, process), aiohttp.ClientSession() as http:
        headers = {"Authorization": f"Bearer {token}"}
        async with http.get(f"{url}/api/v1/mailboxes", headers=headers) as response:
            assert response.status == 200
        async with http.get(f"{url}/metrics") as response:
            assert 'postroom_http_request_seconds_count{method="GET",route="/api/v1/mailboxes"' in await response.text()
        process.send_signal(signal.SIGTERM)
        assert await process.wait() == 0


async def test_an_answer_in_the_console_lets_the_run_go_on(house: House, db_url: str, tmp_path: Path) -> None:
    task = await ask(house)
    token = await admin.create_api_token(house.db, house.tenant_id, "tests")
    address = house.client.service_client.config.target_host
    async with web_process(db_url, tmp_path / "objects", address) as (url, _), aiohttp.ClientSession() as http:
        path, headers = f"{url}/api/v1/tasks/{task['task_id']}/resolution", {"Authorization": f"Bearer {token}"}
        async with http.post(path, json={"choice": task["options"][0]["id"]}, headers=headers) as response:
            assert response.status == 200
        await house.settled(1)
        (ticket,) = await house.tickets()
        assert f"client:{ticket['client_id']}" == task["options"][0]["id"]
        async with http.post(path, json={"choice": "discard"}, headers=headers) as response:
            assert response.status == 409


async def test_an_answer_outlives_temporals_absence_and_the_process_that_took_it(
    db: Any, db_url: str, tmp_path: Path
) -> None:
    (tmp_path / "temporal").mkdir()
    temporal = TemporalServer(tmp_path / "temporal")
    temporal.start()
    try:
        async with open_house(db, temporal.address, tmp_path / "objects") as house:
            task = await ask(house)
            token = await admin.create_api_token(db, house.tenant_id, "tests")
            temporal.kill()
            async with web_process(db_url, tmp_path / "objects", temporal.address) as (url, process):
                async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {token}"}) as http:
                    path = f"{url}/api/v1/tasks/{task['task_id']}/resolution"
                    async with http.post(path, json={"choice": "no_client"}) as response:
                        assert response.status == 200
                process.kill()
                await process.wait()
            await asyncio.to_thread(temporal.start)
            await Client.connect(temporal.address)
            async with web_process(db_url, tmp_path / "objects", temporal.address):
                await house.settled(1, timeout=120)
            (ticket,) = await house.tickets()
            assert ticket["client_id"] is None
    finally:
        temporal.kill()
