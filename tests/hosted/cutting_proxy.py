"""A TCP proxy that cuts a connection once so many bytes went to the server."""

from __future__ import annotations

import contextlib
import socket
import threading

_PIECE_BYTES = 4096


class CuttingProxy:
    """cut_after: bytes from the client, per connection; None lets all through."""

    def __init__(self, to_port: int):
        self.cut_after: int | None = None
        self._to_port = to_port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self._to_port))
                for source, sink, limit in ((client, server, self.cut_after), (server, client, None)):
                    threading.Thread(target=_pump, args=(source, sink, limit), daemon=True).start()


def _pump(source: socket.socket, sink: socket.socket, limit: int | None) -> None:
    passed = 0
    with contextlib.suppress(OSError):
        while piece := source.recv(_PIECE_BYTES):
            passed += len(piece)
            if limit is not None and passed > limit:
                break
            sink.sendall(piece)
    for end in (source, sink):
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
