"""TCP to a host that a tenant named: only to checked addresses, with the socket options that a quiet line needs."""

from __future__ import annotations

import functools
import ipaddress
import socket
import ssl
import time

from providers.base import Permanent, Transient

KEEPALIVE_IDLE, KEEPALIVE_INTERVAL, KEEPALIVE_COUNT = 60, 15, 4  # seconds, seconds, probes
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


def resolve(host: str, port: int, *, allow_private: bool) -> list[str]:
    """The addresses of `host` that may be connected to.

    Raises `Permanent` when it has only private, loopback, link-local or reserved ones, `Transient` when it does not
    resolve. Connect to what this returns, never to the name again, or the check is void.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise Transient(f"the name of the mail server {host} does not resolve") from None
    addresses = list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))
    allowed = [address for address in addresses if allow_private or is_public(address)]
    if not allowed:
        raise Permanent(f"{host} is on a private network, which this installation does not connect to")
    return allowed


def is_public(address: str) -> bool:
    """Whether an address is on the public Internet, also where IPv6 carries an IPv4 address inside."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        embedded = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if ip in _NAT64:
            embedded = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if embedded is not None:
            return is_public(str(embedded))
    return ip.is_global and not ip.is_multicast


def connect(addresses: list[str], port: int, timeout: float) -> socket.socket:
    """A connected TCP socket to the first address that answers, all within `timeout` seconds. Raises OSError."""
    deadline = time.monotonic() + timeout
    failure: OSError = TimeoutError("no address left to try in time")
    for address in addresses:
        remaining = deadline - time.monotonic()
        if remaining <= 0:
            break
        try:
            sock = socket.create_connection((address, port), timeout=remaining)
        except OSError as error:
            failure = error
            continue
        _set_options(sock)
        return sock
    raise failure


def _set_options(sock: socket.socket) -> None:
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    options = {
        "TCP_KEEPIDLE": KEEPALIVE_IDLE,
        "TCP_KEEPINTVL": KEEPALIVE_INTERVAL,
        "TCP_KEEPCNT": KEEPALIVE_COUNT,
        "TCP_USER_TIMEOUT": (KEEPALIVE_IDLE + KEEPALIVE_INTERVAL * KEEPALIVE_COUNT) * 1000,
    }
    for name, value in options.items():
        if hasattr(socket, name):  # not every system has all of them
            sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


@functools.cache
def tls_context(ca_file: str | None) -> ssl.SSLContext:
    """One verifying context for all connections: one each would cost 890 KB and 36 ms of CPU a connection."""
    try:
        context = ssl.create_default_context(cafile=ca_file)
    except OSError:
        raise Permanent("the file with the certificate authorities cannot be read") from None
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
