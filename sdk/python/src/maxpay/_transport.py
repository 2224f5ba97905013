"""One request over HTTP/1.1 by the standard library, within one deadline for all of it."""

from __future__ import annotations

import contextlib
import functools
import http.client
import io
import socket
import ssl
import time
from dataclasses import dataclass, field
from typing import Callable, Mapping, Union
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
    deadline = time.monotonic() + timeout
    parts = urlsplit(url)
    connection = _connection(parts, timeout)
    try:
        connection.connect()
        with contextlib.closing(connection.sock) as inner:
            connection.sock = _BoundedSocket(inner, deadline)
            connection.request("POST", parts.path, body, dict(headers))
            return _read(connection.getresponse())
    except socket.timeout:
        raise ConnectionFailed(f"{parts.hostname} did not answer within {timeout:g} s") from None
    except (OSError, http.client.HTTPException) as problem:
        raise ConnectionFailed(f"{parts.hostname} could not be reached: {problem}") from problem


def _read(response: http.client.HTTPResponse) -> Answer:
    body = response.read(ANSWER_BYTES_MAX + 1)
    if len(body) > ANSWER_BYTES_MAX:
        raise ConnectionFailed(f"the answer is longer than {ANSWER_BYTES_MAX} bytes")
    if response.length:
        raise ConnectionFailed("the answer was cut off")
    return Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, body)


def _connection(parts: SplitResult, timeout: float) -> http.client.HTTPConnection:
    host = parts.hostname or ""
    if parts.scheme == "https":
        return http.client.HTTPSConnection(host, parts.port, timeout=timeout, context=_tls())
    return http.client.HTTPConnection(host, parts.port, timeout=timeout)


@functools.lru_cache(maxsize=None)
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()


class _BoundedSocket:
    """A socket whose reads and writes end together at one deadline; a timeout of a plain socket begins anew with each byte."""

    def __init__(self, inner: socket.socket, deadline: float) -> None:
        self._inner = inner
        self._deadline = deadline

    def _bound(self) -> socket.socket:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise socket.timeout()
        self._inner.settimeout(left)
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
