"""The supervisor, with real small processes: order, restarts, and nothing left running."""

import asyncio
import io
import os
import signal
import sys
import textwrap
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.integration.dev.programs import WELL_BEHAVED, Workshop, runs, until
from workers.dev.child import LAUNCHER, Account, Child
from workers.dev.errors import DevError
from workers.dev.output import Console
from workers.dev.supervisor import Supervisor

WITH_A_CHILD = """
    import pathlib, subprocess, sys
    folder = pathlib.Path(sys.argv[2])
    child = subprocess.Popen([sys.executable, folder / "grandchild.py", "grandchild", folder])
    (folder / f"{sys.argv[1]}.pid").write_text(str(child.pid))
    child.wait()
"""

DEAF = """
    import os, pathlib, signal, sys
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    (pathlib.Path(sys.argv[2]) / f"{sys.argv[1]}.pid").write_text(str(os.getpid()))
    while True:
        signal.pause()
"""


@pytest.fixture
def workshop(tmp_path: Path) -> Workshop:
    return Workshop(tmp_path)


@pytest.fixture
def screen() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
async def supervisor(tmp_path: Path, screen: io.StringIO) -> AsyncIterator[Supervisor]:
    logs = tmp_path / "logs"
    logs.mkdir()
    made = Supervisor(Console(screen), logs)
    yield made
    await made.stop()


async def test_a_service_starts_only_once_the_one_before_is_ready(supervisor: Supervisor, workshop: Workshop) -> None:
    await supervisor.start(workshop.service("database"))
    await supervisor.start(workshop.service("worker"))

    assert workshop.events() == ["started database", "started worker"]
    assert supervisor.pids == {"database": workshop.pid("database"), "worker": workshop.pid("worker")}


async def test_services_stop_in_reverse_order(supervisor: Supervisor, workshop: Workshop) -> None:
    names = ["database", "worker", "web"]
    for name in names:
        await supervisor.start(workshop.service(name))
    pids = [workshop.pid(name) for name in names]

    await supervisor.stop()

    assert workshop.events()[3:] == ["stopped web", "stopped worker", "stopped database"]
    assert not any(map(runs, pids))


async def test_a_killed_service_is_started_again(
    supervisor: Supervisor, workshop: Workshop, screen: io.StringIO
) -> None:
    await supervisor.start(workshop.service("worker"))
    killed = workshop.pid("worker")

    os.kill(killed, signal.SIGKILL)
    await until(lambda: workshop.pid("worker") not in (0, killed), "a new worker")
    await until(lambda: "back: Worker" in screen.getvalue(), "the word that it is back")

    assert supervisor.pids == {"worker": workshop.pid("worker")}
    assert "Worker died (killed by SIGKILL), starting it again in 0.2 s" in screen.getvalue()


async def test_a_service_that_keeps_dying_is_started_again_after_longer_and_longer_waits(
    supervisor: Supervisor, workshop: Workshop, screen: io.StringIO
) -> None:
    await supervisor.start(workshop.service("worker"))
    for round_ in range(1, 4):
        os.kill(workshop.pid("worker"), signal.SIGKILL)
        await until(lambda count=round_: screen.getvalue().count("back: Worker") == count, "the worker is back")

    waits = [line.split(" in ")[1] for line in screen.getvalue().splitlines() if "starting it again" in line]
    assert waits == ["0.2 s", "0.4 s", "0.8 s"]


async def test_the_current_pids_are_announced_after_a_restart(tmp_path: Path, workshop: Workshop) -> None:
    announced: list[dict[str, int]] = []
    supervisor = Supervisor(Console(io.StringIO()), tmp_path, lambda: announced.append(supervisor.pids))
    await supervisor.start(workshop.service("worker"))
    try:
        os.kill(workshop.pid("worker"), signal.SIGKILL)
        await until(lambda: announced, "an announcement")
        assert announced == [{"worker": workshop.pid("worker")}]
    finally:
        await supervisor.stop()


async def test_what_a_killed_service_had_started_is_cleared_away(supervisor: Supervisor, workshop: Workshop) -> None:
    (workshop.folder / "grandchild.py").write_text(textwrap.dedent(WELL_BEHAVED))
    await supervisor.start(workshop.service("worker", WITH_A_CHILD))
    grandchild = workshop.pid("worker")

    os.kill(supervisor.pids["worker"], signal.SIGKILL)

    await until(lambda: not runs(grandchild), "the end of the grandchild")


async def test_a_service_deaf_to_the_stop_signal_is_killed(
    supervisor: Supervisor, workshop: Workshop, screen: io.StringIO
) -> None:
    await supervisor.start(workshop.service("deaf", DEAF, stop_timeout=0.2))
    pid = workshop.pid("deaf")

    await supervisor.stop()

    assert not runs(pid)
    assert "Deaf did not stop within 0.2 s: killed" in screen.getvalue()


async def test_a_service_that_ends_while_starting_ends_the_start_with_its_last_word(
    supervisor: Supervisor, workshop: Workshop
) -> None:
    broken = workshop.service("worker", "print('the key is missing', flush=True)\nraise SystemExit(3)")

    with pytest.raises(DevError, match=r"^Worker ended while starting \(exit status 3\): the key is missing \(whole"):
        await supervisor.start(broken)


async def test_a_service_that_never_gets_ready_ends_the_start(supervisor: Supervisor, workshop: Workshop) -> None:
    silent = workshop.service("worker", "import signal\nwhile True: signal.pause()", patience=0.5)

    with pytest.raises(DevError, match=r"Worker was not ready after 0\.5 s"):
        await supervisor.start(silent)
    pid = supervisor.pids["worker"]
    await supervisor.stop()

    assert not runs(pid)


async def test_one_service_that_fails_ends_the_start_of_its_companions(
    supervisor: Supervisor, workshop: Workshop
) -> None:
    never_ready = workshop.service("slow", "import signal\nwhile True: signal.pause()")
    broken = workshop.service("broken", "raise SystemExit(1)")

    with pytest.raises(DevError, match="Broken ended while starting"):
        await supervisor.start(never_ready, broken)
    pid = supervisor.pids["slow"]
    await supervisor.stop()

    assert not runs(pid)


async def test_what_a_service_prints_is_shown_with_its_name_and_kept_in_its_log(
    supervisor: Supervisor, workshop: Workshop, screen: io.StringIO
) -> None:
    await supervisor.start(workshop.service("worker"))
    await until(lambda: "worker   | worker says hello\n" in screen.getvalue(), "the worker's line")

    assert (workshop.folder / "logs" / "worker.log").read_text() == "worker says hello\n"


async def test_a_program_that_fails_is_quoted(supervisor: Supervisor) -> None:
    with pytest.raises(DevError, match=r"^Migrating failed \(exit status 1\): the schema is newer$"):
        await supervisor.run("migrate", "Migrating", (sys.executable, "-c", "exit('the schema is newer')"), {})


async def test_services_die_with_a_supervisor_that_is_killed(workshop: Workshop) -> None:
    supervising = workshop.folder / "supervising.py"
    supervising.write_text(
        textwrap.dedent("""
        import asyncio, pathlib, sys
        from tests.integration.dev.programs import Workshop
        from workers.dev.output import Console
        from workers.dev.supervisor import Supervisor

        async def main(folder):
            supervisor = Supervisor(Console(), folder)
            await supervisor.start(Workshop(folder).service("worker"))
            await asyncio.Event().wait()

        asyncio.run(main(pathlib.Path(sys.argv[1])))
        """)
    )
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, str(supervising), str(workshop.folder)),
        stdout=asyncio.subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
    )
    await until(lambda: workshop.pid("worker"), "the worker")
    worker = workshop.pid("worker")
    assert runs(worker)

    process.kill()
    await process.wait()

    await until(lambda: not runs(worker), "the end of the worker")


async def test_a_program_whose_parent_is_gone_already_does_not_start(tmp_path: Path) -> None:
    """The parent may die between fork and the kernel's promise; the launcher then sees a stranger as its parent."""
    not_our_pid = 1
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-I", "-S", str(LAUNCHER), str(not_our_pid), "9", "-", "--", "/bin/touch", tmp_path / "ran")
    )

    assert await process.wait() == 125
    assert not (tmp_path / "ran").exists()


async def test_a_program_that_does_not_exist_is_named() -> None:
    said = bytearray()
    child = await Child.launch(("/nonexistent/program",), {}, said.extend)

    assert await child.ended() == 126
    assert said.decode() == "cannot start /nonexistent/program: No such file or directory\n"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
@pytest.mark.parametrize(("passage", "status"), [(True, 0), (False, 1)])
async def test_another_user_passes_through_a_closed_folder_only_with_passage(
    tmp_path: Path, passage: bool, status: int
) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    (closed / "file").write_text("read me")
    nobody = Account(65534, 65534, passage=passage)
    said = bytearray()

    child = await Child.launch(("/bin/cat", str(closed / "file")), {}, said.extend, nobody)

    assert await child.ended() == status
    assert (b"read me" in said) == passage
