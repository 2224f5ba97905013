"""Verifies a webhook: both of its signatures, its age and its app, before anything of it is used."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import math
import re
import time
from typing import Any, Iterable, Optional, Protocol, Sequence, Tuple, Union

from .errors import InvalidArgument, WebhookError
from .models import Event, Malformed, Raw

_SECRET = re.compile(r"whsec_((?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{4}|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{2}==))")
_SECONDS = re.compile(r"[0-9]{1,12}")


class Headers(Protocol):
    """A mapping, or the headers of `http.server`, Django, Flask, Starlette and the like."""

    def items(self) -> Iterable[Tuple[str, str]]: ...


def verify(
    body: bytes,
    headers: Headers,
    *,
    secrets: Union[str, Sequence[str]],
    master_keys: Union[str, Sequence[str]] = (),
    app_id: Optional[str] = None,
    tolerance: float = 300,
    now: Optional[float] = None,
) -> Event:
    """Reads a webhook, or raises `WebhookError`.

    `body` are the bytes as they came, before any parser; the names of `headers` may be in any case. Several `secrets` are for the time of
    a rotation: one of them has to fit. With `master_keys` the body's `sign` is checked, too. `tolerance` and `now` are seconds.
    """
    if not isinstance(body, (bytes, bytearray)):
        raise InvalidArgument(f"body must be the bytes as they came, found {type(body).__name__}")
    now = time.time() if now is None else now
    if not _is_number(tolerance) or tolerance < 0 or not _is_number(now):
        raise InvalidArgument("tolerance must be a number of seconds from 0, and now one of seconds since 1970")
    keys = [_key(secret) for secret in _list(secrets)]
    master_keys = _list(master_keys)
    if not keys or "" in master_keys:
        raise WebhookError("bad-secret", "at least one secret is needed, and no master key may be empty")
    message_id = _header(headers, "webhook-id")
    seconds = _header(headers, "webhook-timestamp")
    signatures = _header(headers, "webhook-signature")
    _check_age(seconds, int(now), tolerance)
    signed = f"{message_id}.{seconds}.".encode("utf-8", "surrogatepass") + body
    if not _fits([_signature(key, signed) for key in keys], signatures.split(" ")):
        raise WebhookError("wrong-signature", "no v1 signature fits the secret; is the body as it came?")
    event = _parse(bytes(body))
    if app_id is not None and event.get("appid") != app_id:
        raise WebhookError("wrong-app", "the webhook is of another app")
    if master_keys and not _sign_fits(event, master_keys):
        raise WebhookError("wrong-sign", "the sign in the body fits no master key")
    try:
        return Event.of(message_id, event)
    except Malformed as problem:
        raise WebhookError("bad-body", str(problem)) from None


def _is_number(value: object) -> bool:
    """Nothing is too old by a tolerance that is no number."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _list(one_or_more: object) -> Sequence[str]:
    if isinstance(one_or_more, str):
        return [one_or_more]
    texts = list(one_or_more) if isinstance(one_or_more, Iterable) else [one_or_more]
    if not all(isinstance(one, str) for one in texts):
        raise WebhookError("bad-secret", "secrets and master keys are texts, one or a list of them; is a variable of the environment missing?")
    return texts


def _key(secret: str) -> bytes:
    written = _SECRET.fullmatch(secret)
    if not written:
        raise WebhookError("bad-secret", "a secret is `whsec_` and base64 after it, as the gateway gave it")
    return base64.b64decode(written.group(1))


def _header(headers: Headers, name: str) -> str:
    if not hasattr(headers, "items"):
        raise InvalidArgument(f"headers must be a mapping, found {type(headers).__name__}")
    for key, value in headers.items():
        if isinstance(key, str) and key.lower() == name and isinstance(value, str) and value:
            return value
    raise WebhookError("missing-header", f"{name} is absent, empty or no text")


def _check_age(seconds: str, now: int, tolerance: float) -> None:
    if not _SECONDS.fullmatch(seconds):
        raise WebhookError("bad-timestamp", "webhook-timestamp is not a number of seconds")
    age = now - int(seconds)
    if age > tolerance:
        raise WebhookError("too-old", f"sent {age} seconds ago, and {tolerance} are allowed")
    if age < -tolerance:
        raise WebhookError("too-new", f"sent {-age} seconds in the future, and {tolerance} are allowed; is the clock right?")


def _signature(key: bytes, signed: bytes) -> bytes:
    return b"v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest())


def _fits(expected: Sequence[bytes], found: Sequence[str]) -> bool:
    """Every pair is compared, each in constant time."""
    return any([hmac.compare_digest(one, other.encode("utf-8", "surrogatepass")) for one in expected for other in found])


def _parse(body: bytes) -> Raw:
    try:
        event = json.loads(body.decode("utf-8"), parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise WebhookError("bad-body", "the body is no JSON in UTF-8") from None
    if not isinstance(event, dict):
        raise WebhookError("bad-body", "the body is no JSON object")
    return event


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no JSON")


def _sign_fits(event: Raw, master_keys: Sequence[str]) -> bool:
    app_id, timestamp, sign = event.get("appid"), event.get("timestamp"), event.get("sign")
    if not isinstance(app_id, str) or type(timestamp) is not int or not isinstance(sign, str):
        return False
    # The contract's own checksum. It is MD5, and covers neither amount nor order: the v1 signature does.
    expected = [hashlib.md5(f"{app_id}{key}{timestamp}".encode("utf-8", "surrogatepass")).hexdigest().encode() for key in master_keys]
    return _fits(expected, [sign])
