"""The data directory: who uses it, where things lie in it, and the secrets made once for it."""

import base64
import fcntl
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from workers.dev.errors import DevError


@dataclass(frozen=True)
class Secrets:
    """Made on the first start; a second start needs the same ones to read what the first one wrote."""

    master_keys: str
    database_password: str
    demo_imap_password: str


@dataclass(frozen=True)
class DataDir:
    """Paths below one absolute directory."""

    root: Path

    @property
    def postgres(self) -> Path:
        return self.root / "postgres"

    @property
    def objects(self) -> Path:
        return self.root / "objects"

    @property
    def temporal_database(self) -> Path:
        return self.root / "temporal" / "temporal.db"

    @property
    def demo_imap(self) -> Path:
        return self.root / "demo-imap"

    @property
    def shell_file(self) -> Path:
        return self.root / "env"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    def create(self) -> None:
        """Makes the directories that are missing. Raises DevError when the place cannot be written."""
        try:
            self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
            for folder in (self.objects, self.temporal_database.parent, self.demo_imap, self.logs):
                folder.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise DevError(f"The data directory {self.root} cannot be used: {error.strerror}.") from error

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Holds the directory for this process; the kernel lets go of it however the process ends.

        Raises DevError when another process holds it.
        """
        try:
            descriptor = os.open(self.root / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise DevError(f"The data directory {self.root} cannot be used: {error.strerror}.") from error
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                holder = os.pread(descriptor, 20, 0).decode("ascii", "replace").strip() or "unknown"
                raise DevError(
                    f"Another postroom dev (process {holder}) is using {self.root}; "
                    "stop it, or choose another place with --data-dir D."
                ) from None
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
            yield
        finally:
            os.close(descriptor)

    def secrets(self) -> Secrets:
        """The secrets of this directory, made on first use. Raises DevError when their file is damaged or lost."""
        path = self.root / "secrets.json"
        try:
            if not path.exists() and not self.postgres.exists():
                write_private(path, json.dumps(asdict(_new_secrets()), indent=2))
            return Secrets(**json.loads(path.read_text()))
        except (OSError, ValueError, TypeError) as error:
            raise DevError(
                f"{path} cannot be read, and without its keys the data beside it is lost: restore that file."
            ) from error

    def remembered(self, name: str) -> str | None:
        """What `remember` kept under `name`."""
        path = self.root / name
        return path.read_text().strip() if path.exists() else None

    def remember(self, name: str, value: str) -> None:
        """Keeps `value`, readable by the owner only."""
        write_private(self.root / name, value + "\n")


def _new_secrets() -> Secrets:
    return Secrets(
        master_keys="k1:" + base64.b64encode(secrets.token_bytes(32)).decode(),
        database_password=secrets.token_urlsafe(24),
        demo_imap_password=secrets.token_urlsafe(24),
    )


def write_private(path: Path, text: str) -> None:
    """Replaces `path` in one step with a file of mode 0600: a reader sees the old text or all of the new one."""
    partial = path.with_name(path.name + ".new")
    partial.unlink(missing_ok=True)
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
