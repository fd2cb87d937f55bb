"""The embedded Postgres survives being killed, whatever the killed server left behind."""

import asyncio
import io
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from tests.integration.dev.programs import free_ports, runs, until
from workers.dev import leftovers
from workers.dev.output import Console
from workers.dev.ports import HOST
from workers.dev.postgres import Postgres
from workers.dev.supervisor import Supervisor

PASSWORD = "p:w/d@ %"


@pytest.fixture
async def supervisor(tmp_path: Path) -> AsyncIterator[Supervisor]:
    made = Supervisor(Console(io.StringIO()), tmp_path)
    yield made
    await made.stop()


@pytest.fixture
async def postgres(tmp_path: Path, supervisor: Supervisor) -> Postgres:
    server = Postgres(tmp_path / "postgres", free_ports().postgres, PASSWORD, dict(os.environ))
    await server.ensure_cluster(supervisor)
    await supervisor.start(server.service())
    await server.ensure_database()
    return server


async def answers(server: Postgres) -> bool:
    try:
        connection = await asyncpg.connect(server.url(), timeout=2)
    except (OSError, TimeoutError, asyncpg.PostgresError):
        return False
    await connection.close()
    return True


async def test_it_asks_for_the_password(postgres: Postgres) -> None:
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(f"postgresql://postgres:wrong@{HOST}:{postgres.port}/postroom")


async def test_what_was_committed_survives_a_kill_while_a_backend_is_busy(
    postgres: Postgres, supervisor: Supervisor
) -> None:
    writer = await asyncpg.connect(postgres.url())
    await writer.execute("create table kept (word text); insert into kept values ('mail')")
    busy = await asyncpg.connect(postgres.url())
    # A backend notices the death of its server only when it waits for its client, and this one does not.
    loop_forever = "do $$ begin loop perform 1; end loop; end $$"
    query = asyncio.create_task(busy.execute(loop_forever))
    backend = busy.get_server_pid()
    killed = supervisor.pids["postgres"]

    os.kill(killed, signal.SIGKILL)

    with pytest.raises((asyncpg.PostgresError, OSError)):
        await query
    await until(lambda: supervisor.pids["postgres"] != killed, "a new server")
    assert not runs(backend)
    while not await answers(postgres):
        await asyncio.sleep(0.05)
    reader = await asyncpg.connect(postgres.url())
    assert await reader.fetchval("select word from kept") == "mail"
    await reader.close()
    writer.terminate()


async def test_a_pid_file_that_names_a_stranger_does_not_keep_it_from_starting(
    postgres: Postgres, supervisor: Supervisor
) -> None:
    """After a restart of the machine (or container) the recorded pid belongs to somebody else."""
    await supervisor.stop()
    stale = f"{os.getppid()}\n{postgres.data}\n1700000000\n{postgres.port}\n\n{HOST}\n0 0\nready\n"
    (postgres.data / "postmaster.pid").write_text(stale)

    await supervisor.start(postgres.service())

    assert await answers(postgres)


async def test_it_stops_with_nothing_left_working_in_its_directory(postgres: Postgres, supervisor: Supervisor) -> None:
    connection = await asyncpg.connect(postgres.url())
    assert leftovers.working_in(postgres.data)

    await supervisor.stop()

    assert leftovers.working_in(postgres.data) == []
    assert not (postgres.data / "postmaster.pid").exists()
    connection.terminate()


async def test_an_interrupted_first_start_is_begun_anew(tmp_path: Path, supervisor: Supervisor) -> None:
    half_made = tmp_path / "postgres.new"
    half_made.mkdir()
    (half_made / "PG_VERSION").write_text("18\n")
    server = Postgres(tmp_path / "postgres", free_ports().postgres, PASSWORD, dict(os.environ))

    await server.ensure_cluster(supervisor)
    await supervisor.start(server.service())

    assert not half_made.exists()
    assert sorted(path.name for path in tmp_path.glob("*.password")) == []
