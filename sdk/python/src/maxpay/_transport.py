"""One request over HTTP/1.1 by the standard library, within one deadline for all of it."""

from __future__ import annotations

import contextlib
import functools
import http.client
import io
import queue
import socket
import ssl
import threading
import time
from dataclasses import dataclass, field
from typing import Any, Callable, Mapping, Union
from urllib.parse import SplitResult, urlsplit

from .errors import ConnectionFailed

# A hundred records with the longest extras are a tenth of it.
ANSWER_BYTES_MAX = 8 * 1024 * 1024


@dataclass(frozen=True)
class Answer:
    """What came back; the names of `headers` are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


Transport = Callable[[str, Mapping[str, str], bytes, float], Answer]
"""Posts `(url, headers, body, timeout)`, follows no redirect, and raises `ConnectionFailed` where no answer came in time."""


def post(url: str, headers: Mapping[str, str], body: bytes, timeout: float) -> Answer:
    parts = urlsplit(url)
    try:
        return _exchange(parts, headers, body, time.monotonic() + timeout)
    except socket.timeout:
        problem = f"{parts.hostname} did not answer within {round(timeout, 3):g} s"
    except (OSError, http.client.HTTPException, UnicodeError) as found:
        problem = f"{parts.hostname} could not be reached: {found}"
    # Out here, so that the error does not carry the frames of `http.client`, whose variables hold the key.
    raise ConnectionFailed(problem)


def _exchange(parts: SplitResult, headers: Mapping[str, str], body: bytes, deadline: float) -> Answer:
    connection = _connection(parts)
    with contextlib.closing(_connect(connection.host, connection.port, deadline)) as plain:
        plain.settimeout(_left(deadline))
        with contextlib.closing(_tls().wrap_socket(plain, server_hostname=connection.host) if parts.scheme == "https" else plain) as inner:
            connection.sock = _BoundedSocket(inner, deadline)
            connection.request("POST", parts.path, body, headers)
            return _read(connection.getresponse())


def _connection(parts: SplitResult) -> http.client.HTTPConnection:
    host = parts.hostname or ""
    if parts.scheme == "https":
        return http.client.HTTPSConnection(host, parts.port or 443, context=_tls())
    return http.client.HTTPConnection(host, parts.port or 80)


def _connect(host: str, port: int, deadline: float) -> socket.socket:
    """Tries each address of the host for its share of the time, so that a dead one leaves some for the next."""
    addresses = _addresses(host, port, deadline)
    problem = OSError("it has no address")
    for place, (family, kind, protocol, _, address) in enumerate(addresses):
        try:
            with contextlib.ExitStack() as unless_connected:
                plain = unless_connected.enter_context(socket.socket(family, kind, protocol))
                plain.settimeout(_left(deadline) / (len(addresses) - place))
                plain.connect(address)
                plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                unless_connected.pop_all()
                return plain
        except OSError as found:
            problem = found
    raise problem


def _addresses(host: str, port: int, deadline: float) -> list[Any]:
    """The system's resolver takes no timeout. So it works in a thread of its own, which ends by the system's bound, and nobody waits for it
    beyond the deadline."""
    found: queue.SimpleQueue[Union[list[Any], Exception]] = queue.SimpleQueue()

    def resolve() -> None:
        try:
            found.put(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError) as problem:
            found.put(problem)

    threading.Thread(target=resolve, name="maxpay-resolve", daemon=True).start()
    try:
        answer = found.get(timeout=_left(deadline))
    except queue.Empty:
        raise socket.timeout() from None
    if isinstance(answer, Exception):
        raise answer
    return answer


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise socket.timeout()
    return left


def _read(response: http.client.HTTPResponse) -> Answer:
    body = response.read(ANSWER_BYTES_MAX + 1)
    if len(body) > ANSWER_BYTES_MAX:
        raise ConnectionFailed(f"the answer is longer than {ANSWER_BYTES_MAX} bytes")
    if response.length:
        raise ConnectionFailed("the answer was cut off")
    return Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, body)


@functools.lru_cache(maxsize=None)
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()


class _BoundedSocket:
    """A socket whose reads and writes end together at one deadline; a timeout of a plain socket begins anew with each byte."""

    def __init__(self, inner: socket.socket, deadline: float) -> None:
        self._inner = inner
        self._deadline = deadline

    def _bound(self) -> socket.socket:
        self._inner.settimeout(_left(self._deadline))
        return self._inner

    def sendall(self, data: Union[bytes, bytearray]) -> None:
        self._bound().sendall(data)

    def recv_into(self, buffer: Union[bytearray, memoryview]) -> int:
        return self._bound().recv_into(buffer)

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Reader(self))

    def close(self) -> None:
        """`http.client` closes before it has read the answer; `post` closes the inner one at its end."""


class _Reader(io.RawIOBase):
    def __init__(self, source: _BoundedSocket) -> None:
        self._source = source

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        return self._source.recv_into(buffer)
