"""Every port of a development set-up, derived from one base."""

import socket
from dataclasses import dataclass, fields

from workers.dev.errors import DevError

HOST = "127.0.0.1"
DEFAULT_BASE = 8400
# Ports below are privileged.
LOWEST_BASE = 1024


@dataclass(frozen=True)
class Ports:
    """TCP ports on the loopback address, in the order of their offset from the base."""

    console: int
    webhooks: int
    smtp: int
    temporal: int
    temporal_ui: int
    postgres: int
    demo_imap: int
    worker_health: int
    listener_health: int
    temporal_http: int
    temporal_metrics: int
    demo_google: int
    demo_microsoft: int

    @classmethod
    def from_base(cls, base: int) -> "Ports":
        """Numbers the ports upwards from `base`. Raises ValueError when some would be privileged or above 65535."""
        count = len(fields(cls))
        if not LOWEST_BASE <= base <= 65536 - count:
            raise ValueError(f"the port base must be between {LOWEST_BASE} and {65536 - count}")
        return cls(*range(base, base + count))

    def require_free(self) -> None:
        """Raises DevError naming the first port that another program listens on."""
        for field in fields(self):
            port = getattr(self, field.name)
            if not is_free(port):
                use = field.name.replace("_", " ")
                raise DevError(
                    f"Port {port} ({use}) is in use by another program; choose other ports with --port-base N."
                )


def is_free(port: int) -> bool:
    """Whether a server could bind `port` on the loopback address now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As servers do: connections that linger in TIME_WAIT do not count as use.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True
