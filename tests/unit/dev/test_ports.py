"""Every port comes from one base, and a port in use is named."""

import socket

import pytest

from workers.dev.errors import DevError
from workers.dev.ports import HOST, Ports, is_free


def test_every_port_is_derived_from_the_base_and_none_is_shared() -> None:
    ports = list(vars(Ports.from_base(9000)).values())

    assert ports == list(range(9000, 9000 + len(ports)))


@pytest.mark.parametrize("base", [0, 80, 1023, 65530, 70000, -1])
def test_a_base_that_would_leave_the_unprivileged_ports_is_refused(base: int) -> None:
    with pytest.raises(ValueError, match="between 1024 and"):
        Ports.from_base(base)


def test_a_port_in_use_is_named_together_with_the_option_that_helps() -> None:
    with socket.create_server((HOST, 0)) as server:
        taken = server.getsockname()[1]
        ports = Ports(**dict.fromkeys(vars(Ports.from_base(9000)), taken))

        with pytest.raises(DevError, match=rf"Port {taken} \(console\) is in use .* --port-base N"):
            ports.require_free()

    assert is_free(taken)
