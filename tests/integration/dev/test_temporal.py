"""The Temporal server is set up as postroom needs it, on a new database file and on an old one."""

import io
import os
import signal
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.integration.dev.programs import free_ports, until
from workers.dev import temporal
from workers.dev.output import Console
from workers.dev.ports import HOST, Ports
from workers.dev.supervisor import Supervisor


@pytest.fixture
async def supervisor(tmp_path: Path) -> AsyncIterator[Supervisor]:
    made = Supervisor(Console(io.StringIO()), tmp_path)
    yield made
    await made.stop()


def ask(ports: Ports, *arguments: str) -> str:
    answer = subprocess.run(
        [temporal.temporal_program(), *arguments, "--address", f"{HOST}:{ports.temporal}"],
        check=True,
        capture_output=True,
        text=True,
        timeout=30,
    )
    return answer.stdout


async def test_attributes_and_retention_are_there_also_when_an_older_release_made_the_database(
    tmp_path: Path, supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    ports = free_ports()
    folder = tmp_path / "50% #1 what?x=1 'is' it"
    folder.mkdir()
    service = temporal.temporal_service(folder / "temporal.db", ports, dict(os.environ))
    with monkeypatch.context() as older:
        older.setattr(temporal, "SEARCH_ATTRIBUTES", ("TenantId",))
        await supervisor.start(service)
        await temporal.prepare_namespace(ports)
    await supervisor.stop()

    await supervisor.start(service)
    await temporal.prepare_namespace(ports)
    await temporal.prepare_namespace(ports)

    assert (folder / "temporal.db").exists()
    listed = ask(ports, "operator", "search-attribute", "list")
    assert all(name in listed for name in temporal.SEARCH_ATTRIBUTES)
    assert "720h" in ask(ports, "operator", "namespace", "describe", "-n", "default")


async def test_an_open_workflow_outlives_a_killed_server(tmp_path: Path, supervisor: Supervisor) -> None:
    ports = free_ports()
    await supervisor.start(temporal.temporal_service(tmp_path / "temporal.db", ports, dict(os.environ)))
    ask(ports, "workflow", "start", "--type", "Waiting", "--task-queue", "nobody", "--workflow-id", "kept")
    killed = supervisor.pids["temporal"]

    os.kill(killed, signal.SIGKILL)
    await until(lambda: supervisor.pids["temporal"] != killed, "a new server")
    service_ready = temporal.temporal_service(tmp_path / "temporal.db", ports, dict(os.environ)).ready
    while not await service_ready():
        pass

    assert "kept" in ask(ports, "workflow", "describe", "--workflow-id", "kept")
