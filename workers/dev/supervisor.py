"""Starts services in order, keeps them running, and stops them in reverse order."""

import asyncio
import signal
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from workers.dev.child import Account, Child, ending
from workers.dev.errors import DevError
from workers.dev.output import Console, LogFile

FIRST_DELAY = 0.2
LONGEST_DELAY = 10.0
# A service that ran this long had recovered: its next death starts again with the shortest delay.
RECOVERED_AFTER = 30.0
READY_POLL = 0.1


async def _nothing() -> None:
    return None


@dataclass(frozen=True)
class Service:
    """One program to keep running. Times are in seconds.

    `ready` is asked again and again until it says True, and must not raise. `before_start` runs before every start,
    the first as well as those after a death. `environment` is the whole environment of the program.
    """

    name: str
    title: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    ready: Callable[[], Awaitable[bool]]
    before_start: Callable[[], Awaitable[None]] = field(default=_nothing)
    # Its working directory; ours when None.
    folder: Path | None = None
    account: Account | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    death_signal: signal.Signals = signal.SIGKILL
    stop_timeout: float = 10.0
    ready_timeout: float = 60.0
    # Whether what it prints is shown on the console besides going to the log file.
    shown: bool = True


class Supervisor:
    """Owns the running services. `changed` is called whenever a service became ready again after a death."""

    def __init__(self, console: Console, logs: Path, changed: Callable[[], None] = lambda: None) -> None:
        self._console = console
        self._logs = logs
        self._changed = changed
        self._running: list[_Running] = []

    @property
    def pids(self) -> dict[str, int]:
        """The current pid of each service, by name."""
        return {running.service.name: running.pid for running in self._running}

    async def start(self, *services: Service) -> None:
        """Starts `services` together and returns once all are ready.

        Raises DevError when one ends or stays unready the first time; later deaths are restarts.
        """
        started = [_Running(service, self._console, self._logs, self._changed) for service in services]
        self._running.extend(started)
        try:
            async with asyncio.TaskGroup() as group:
                for running in started:
                    group.create_task(running.start())
        except BaseExceptionGroup as several:
            raise several.exceptions[0] from None

    async def run(
        self,
        name: str,
        title: str,
        command: tuple[str, ...],
        environment: Mapping[str, str],
        account: Account | None = None,
    ) -> None:
        """Runs a program to its end; `title` says what it does. Raises DevError when it fails."""
        log = LogFile(self._logs / f"{name}.log")
        try:
            child = await Child.launch(command, environment, log.write, account)
            try:
                status = await child.ended()
            finally:
                child.kill()
            if status != 0:
                raise DevError(f"{title} failed ({ending(status)}): {log.last_line() or 'it said nothing'}")
        finally:
            log.close()

    async def stop(self) -> None:
        """Stops everything in reverse order of its start; returns when nothing runs any more."""
        while self._running:
            await self._running[-1].stop()
            self._running.pop()

    def kill(self) -> None:
        """Ends everything at once, without manners."""
        for running in reversed(self._running):
            running.kill()


class _Running:
    """One service and the task that keeps it alive."""

    def __init__(self, service: Service, console: Console, logs: Path, changed: Callable[[], None]) -> None:
        self.service = service
        self._console = console
        self._changed = changed
        self._log = LogFile(logs / f"{service.name}.log")
        self._unfinished_line = b""
        self._child: Child | None = None
        self._keeper: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int:
        return self._child.pid if self._child else 0

    async def start(self) -> None:
        """Starts the service and waits until it is ready, then leaves a task behind that restarts it."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        child = await self._launch()
        try:
            async with asyncio.timeout(self.service.ready_timeout):
                became_ready = await self._is_ready(child)
        except TimeoutError:
            raise self._failure(f"was not ready after {self.service.ready_timeout:g} s") from None
        if not became_ready:
            raise self._failure(f"ended while starting ({ending(await child.ended())})")
        self._console.say(f"ready: {self.service.title} ({loop.time() - began:.1f} s)")
        self._keeper = asyncio.create_task(self._keep(child), name=f"keep {self.service.name}")

    async def stop(self) -> None:
        """Asks the service to stop, and insists after `stop_timeout`."""
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.wait([self._keeper])
        if self._child is not None:
            self._child.signal(self.service.stop_signal)
            try:
                async with asyncio.timeout(self.service.stop_timeout):
                    await self._child.ended()
            except TimeoutError:
                self._console.say(f"{self.service.title} did not stop within {self.service.stop_timeout:g} s: killed")
                self._child.kill()
                await self._child.ended()
        self._log.close()

    def kill(self) -> None:
        if self._child is not None:
            self._child.kill()

    async def _keep(self, child: Child) -> None:
        loop = asyncio.get_running_loop()
        ready_since = loop.time()
        delay = FIRST_DELAY
        while True:
            status = await child.ended()
            if loop.time() - ready_since > RECOVERED_AFTER:
                delay = FIRST_DELAY
            self._console.say(f"{self.service.title} died ({ending(status)}), starting it again in {delay:.1f} s")
            child, delay = await self._launch_again(delay)
            if await self._is_ready(child):
                ready_since = loop.time()
                self._console.say(f"back: {self.service.title}")
                self._changed()

    async def _launch_again(self, delay: float) -> tuple[Child, float]:
        """Waits `delay` seconds and launches, until that works; also returns the delay for the next time."""
        while True:
            await asyncio.sleep(delay)
            delay = min(2 * delay, LONGEST_DELAY)
            try:
                return await self._launch(), delay
            except OSError as error:
                # No process or descriptor to be had just now: that may pass.
                self._console.say(f"{self.service.title} could not be started: {error.strerror}")

    async def _launch(self) -> Child:
        service = self.service
        await service.before_start()
        self._child = await Child.launch(
            service.command,
            service.environment,
            self._output,
            service.account,
            service.death_signal,
            service.folder,
        )
        return self._child

    async def _is_ready(self, child: Child) -> bool:
        """Waits until the service is ready; False when it ended first."""
        while child.is_alive:
            if await self.service.ready():
                return True
            await asyncio.sleep(READY_POLL)
        return False

    def _output(self, chunk: bytes) -> None:
        self._log.write(chunk)
        if self.service.shown:
            *lines, rest = (self._unfinished_line + chunk).split(b"\n")
            self._unfinished_line = rest[-65536:]
            for line in lines:
                self._console.line(self.service.name, line.decode("utf-8", "replace"))

    def _failure(self, what: str) -> DevError:
        said = self._log.last_line()
        return DevError(f"{self.service.title} {what}{': ' + said if said else ''} (whole log: {self._log.path})")
