"""Bytes both ways over a real socket, and EdgePrune's own choice of links."""

import socket
import threading

import pytest
from my_link import TcpLink

from edgeprune.device.links.kind import link_to
from edgeprune.errors import DeviceError


@pytest.fixture
def port():
    """Of a server that sends everything back, and closes at an empty line."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def echo() -> None:
            with server.accept()[0] as peer:
                while (data := peer.recv(4096)) not in (b"", b"\n"):
                    peer.sendall(data)

        thread = threading.Thread(target=echo, daemon=True)
        thread.start()
        yield server.getsockname()[1]


def test_edgeprune_knows_it(port: int) -> None:
    link = link_to(f"tcp://127.0.0.1:{port}", 115_200)
    assert type(link).__name__ == "TcpLink"
    link.open()
    assert link.read(0.01) == b""
    link.write(b"name%")
    assert link.read(5.0) == b"name%"
    link.write(b"\n")
    with pytest.raises(DeviceError, match="closed"):
        link.read(5.0)
    link.close()
    link.close()


@pytest.mark.parametrize("address", ["nowhere", ":1", "host:99999", "host:x"])
def test_what_is_no_address_is_said(address: str) -> None:
    with pytest.raises(DeviceError, match="no address"):
        TcpLink(address, 115_200).open()
