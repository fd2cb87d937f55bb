"""postroom's own processes as services."""

import sys
from collections.abc import Mapping

from workers.dev.data_dir import DataDir, Secrets
from workers.dev.demo_mails import ORDERS
from workers.dev.ports import Ports
from workers.dev.readiness import greets, http_ok
from workers.dev.supervisor import Service


def postroom_command(*arguments: str) -> tuple[str, ...]:
    """The `postroom` command of this checkout, whether or not it is installed."""
    return (sys.executable, "-m", "workers.cli", *arguments)


def application_services(ports: Ports, environment: Mapping[str, str]) -> list[Service]:
    """Worker, listener, webhooks with the SMTP inbox, and console with the API."""

    def service(name: str, title: str, ready_port: int, **more: str) -> Service:
        return Service(
            name=name,
            title=title,
            command=postroom_command(name),
            environment={**environment, **more},
            ready=http_ok(ready_port),
        )

    def headless(name: str, title: str, health_port: int) -> Service:
        """A process that serves nothing but its health."""
        return service(name, title, health_port, POSTROOM_HEALTH_PORT=str(health_port))

    return [
        headless("worker", "Worker", ports.worker_health),
        headless("listener", "IMAP listener", ports.listener_health),
        service("webhooks", f"Webhooks on port {ports.webhooks} and SMTP inbox on port {ports.smtp}", ports.webhooks),
        service("web", f"Console and API on port {ports.console}", ports.console),
    ]


def demo_imap_service(data: DataDir, ports: Ports, secrets: Secrets, environment: Mapping[str, str]) -> Service:
    """The IMAP server that holds the demo's second mailbox."""
    return Service(
        name="imap",
        title=f"Demo IMAP server on port {ports.demo_imap}",
        command=(
            *(sys.executable, "-m", "workers.demo_imap", "--port", str(ports.demo_imap)),
            *("--dir", str(data.demo_imap), "--user", ORDERS, "--password", secrets.demo_imap_password),
        ),
        environment=environment,
        ready=greets(ports.demo_imap, b"* OK"),
    )
