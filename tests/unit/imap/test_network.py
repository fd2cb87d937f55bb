from __future__ import annotations

import socket

import pytest

from providers.base import Permanent, Transient
from providers.imap import network


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",  # the metadata service of clouds
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "fe80::1%eth0",
        "fd00::1",
        "ff02::1",
        "::ffff:127.0.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
    ],
)
def test_addresses_of_private_networks(address: str) -> None:
    assert not network.is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "2001:4860:4860::8888", "::ffff:8.8.8.8", "64:ff9b::808:808"])
def test_addresses_of_the_internet(address: str) -> None:
    assert network.is_public(address)


def _resolving_to(*addresses: str) -> object:
    def getaddrinfo(host: str, port: int, **_: object) -> list[object]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

    return getaddrinfo


def test_name_of_a_private_address_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", _resolving_to("10.0.0.5"))
    with pytest.raises(Permanent, match="private network"):
        network.resolve("imap.example.com", 993, allow_private=False)
    assert network.resolve("imap.example.com", 993, allow_private=True) == ["10.0.0.5"]


def test_private_addresses_among_public_ones_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", _resolving_to("127.0.0.1", "8.8.8.8"))
    assert network.resolve("imap.example.com", 993, allow_private=False) == ["8.8.8.8"]


def test_name_that_does_not_resolve_may_do_so_later() -> None:
    with pytest.raises(Transient, match="does not resolve"):
        network.resolve("imap.invalid", 993, allow_private=False)


def test_the_next_address_is_tried_when_one_does_not_answer() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with network.connect(["127.0.0.2", "127.0.0.1"], port, timeout=5) as connected:
            assert connected.getpeername() == ("127.0.0.1", port)
            assert connected.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
            assert connected.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)


def test_tls_context_is_shared_and_verifies() -> None:
    assert network.tls_context(None) is network.tls_context(None)
    assert network.tls_context(None).check_hostname


def test_missing_authority_file_is_for_a_person() -> None:
    with pytest.raises(Permanent, match="authorities"):
        network.tls_context("/nonexistent/ca.pem")
