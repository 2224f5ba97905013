"""The calls, apart from how they travel: what each sends, how its answer is read, and when it may be made again.

`Client` and `AsyncClient` both stand on this, so that they cannot differ.
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, replace
from typing import Any, Callable, Dict, Generic, List, Mapping, Optional, Sequence, TypeVar, Union
from urllib.parse import urlsplit

from ._transport import Answer, Transport, post
from ._version import __version__
from .errors import BY_CODE, ApiError, ConnectionFailed, InvalidArgument, UnexpectedAnswer
from .models import Charged, Checkout, Malformed, Raw, Record, Refund, Session

T = TypeVar("T")
REQUEST_IDS = ("apigw-requestid", "x-amzn-requestid", "x-request-id")
PAUSE_SECONDS, PAUSE_SECONDS_MAX = 0.25, 5.0
# A day: a socket does not take every number.
TIMEOUT_MAX = 86_400


class Secret:
    """A key that neither `repr` nor `vars` shows."""

    def __init__(self, value: str) -> None:
        self.reveal: Callable[[], str] = lambda: value

    def __repr__(self) -> str:
        return "***"

    def __reduce__(self) -> str:
        raise TypeError("a key is not pickled")


class Headers(Dict[str, str]):
    """They hold the key; a traceback that shows variables shows their names alone."""

    def __repr__(self) -> str:
        return f"<headers {', '.join(self)}>"


@dataclass(frozen=True)
class Settings:
    """Where and as whom; checked once."""

    base_url: str
    app_id: str
    key_header: str
    key: Secret
    timeout: float
    retries: int
    transport: Transport

    def url(self, verb: str) -> str:
        return f"{self.base_url}/2.0/maxpay/{verb}"

    def headers(self) -> Dict[str, str]:
        return Headers({
            "X-ML-AppId": self.app_id,
            self.key_header: self.key.reveal(),
            "Content-Type": "application/json",
            "User-Agent": f"maxpay-python/{__version__}",
        })


def settings(
    base_url: str,
    app_id: str,
    client_key: Optional[str],
    master_key: Optional[str],
    session_token: Optional[str],
    timeout: float,
    retries: int,
    transport: Optional[Transport],
) -> Settings:
    given = {"client_key": client_key, "master_key": master_key, "session_token": session_token}
    keys = {name: value for name, value in given.items() if value is not None}
    if len(keys) != 1:
        raise InvalidArgument("give exactly one of client_key, master_key and session_token")
    for name, value in {"app_id": app_id, **keys}.items():
        # A line end at the end of a key is a common mistake, and HTTP would say so with the key in its words.
        if not _is_visible(value):
            raise InvalidArgument(f"{name} must be of visible ASCII characters, without blanks and line ends")
    if type(timeout) not in (int, float) or not 0 < timeout <= TIMEOUT_MAX:
        raise InvalidArgument(f"timeout must be above 0 seconds and at most {TIMEOUT_MAX}")
    if type(retries) is not int or retries < 0:
        raise InvalidArgument("retries must be an int from 0")
    name, key = keys.popitem()
    header = {"client_key": "X-ML-APIKey", "master_key": "X-ML-MasterKey", "session_token": "X-ML-Session-Token"}[name]
    return Settings(_base(base_url), app_id, header, Secret(key), timeout, retries, transport or post)


def _is_visible(value: object) -> bool:
    return isinstance(value, str) and value != "" and all("!" <= sign <= "~" for sign in value)


def _base(base_url: str) -> str:
    problem = "base_url must be http:// or https:// with a host, without user, query and fragment"
    if not _is_visible(base_url):
        raise InvalidArgument(problem)
    try:
        parts = urlsplit(base_url)
        parts.port
    except ValueError:
        raise InvalidArgument(problem) from None
    # An empty query or fragment counts, too: the path of a call would become its text.
    is_plain = not ("?" in base_url or "#" in base_url or "@" in parts.netloc)
    if parts.scheme not in ("http", "https") or not parts.hostname or not is_plain:
        raise InvalidArgument(problem)
    return base_url.rstrip("/")


@dataclass(frozen=True)
class Call(Generic[T]):
    verb: str
    members: Dict[str, Any]
    read: Callable[[Raw], T]

    def body(self) -> bytes:
        try:
            written = json.dumps({name: value for name, value in self.members.items() if value is not None},
                                 ensure_ascii=False, allow_nan=False, separators=(",", ":"))
            return written.encode("utf-8")
        except (TypeError, ValueError, RecursionError) as problem:
            raise InvalidArgument(f"this cannot be written as JSON: {problem}") from None

    def result(self, answer: Answer) -> T:
        """Reads the answer, or raises what it says."""
        request_id = next((answer.headers[name] for name in REQUEST_IDS if name in answer.headers), None)
        raw = _object(answer.body)
        code = raw.get("code")
        if type(code) is not int:
            raise UnexpectedAnswer("this is no answer of MaxPay; is the base URL right?", answer.status, request_id)
        if code != 0:
            kind = BY_CODE.get(code, ApiError)
            raise kind(code, str(raw.get("msg", "")), str(raw.get("err", "")), answer.status, request_id)
        try:
            return self.read(raw)
        except Malformed as problem:
            raise UnexpectedAnswer(f"an answer to {self.verb} in which {problem}", answer.status, request_id) from None


def _object(body: bytes) -> Raw:
    try:
        raw = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return raw if isinstance(raw, dict) else {}


def pause(outcome: Union[Answer, ConnectionFailed], tries: int, retries: int) -> Optional[float]:
    """How many seconds to wait before the next try; None says that this outcome stands.

    Every verb may be made again: the same charge is the same bill, the same refund number moves money once, and the rest changes nothing.
    """
    is_passing = isinstance(outcome, ConnectionFailed) or outcome.status == 429 or outcome.status >= 500
    if not is_passing or tries > retries:
        return None
    longest: float = min(PAUSE_SECONDS * 2 ** (tries - 1), PAUSE_SECONDS_MAX)
    return random.uniform(0.5, 1) * longest


def fen(name: str, value: object) -> int:
    if type(value) is not int:
        raise InvalidArgument(f"{name} must be an int, in fen (1/100 CNY); found {type(value).__name__}")
    return value


def charge(
    channel: str, bill_num: str, total_fee: int, subject: str, extras: Optional[Mapping[str, Any]], return_url: Optional[str],
    show_url: Optional[str], bill_timeout: Optional[int], qr_pay_mode: Union[int, str, None], openid: Optional[str],
    client_ip: Optional[str],
) -> Call[Charged]:
    members = {
        "channel": channel, "billNum": bill_num, "totalFee": fen("total_fee", total_fee), "subject": subject, "extras": extras,
        "returnUrl": return_url, "showUrl": show_url, "billTimeout": bill_timeout, "qrPayMode": qr_pay_mode, "openid": openid,
        "clientIp": client_ip,
    }
    return Call("bill", members, lambda raw: Charged.of(channel, bill_num, raw))


def checkout(
    bill_num: str, total_fee: int, subject: str, return_url: str, cancel_url: Optional[str], extras: Optional[Mapping[str, Any]],
    channels: Optional[Sequence[str]], expires_in: Optional[int], locale: Optional[str],
) -> Call[Checkout]:
    members = {
        "billNum": bill_num, "totalFee": fen("total_fee", total_fee), "subject": subject, "returnUrl": return_url, "cancelUrl": cancel_url,
        "extras": extras, "channels": None if channels is None else list(channels), "expiresIn": expires_in, "locale": locale,
    }
    return Call("checkout", members, Checkout.of)


@dataclass(frozen=True)
class Query:
    channel: Optional[str]
    bill_num: Optional[str]
    status: Optional[str]
    start_time: Optional[int]
    end_time: Optional[int]
    skip: Optional[int]
    limit: Optional[int]
    order: Optional[str]

    def call(self) -> Call[List[Record]]:
        members = {
            "channel": self.channel, "billNum": self.bill_num, "status": self.status, "startTime": self.start_time, "endTime": self.end_time,
            "skip": self.skip, "limit": self.limit, "order": self.order,
        }
        return Call("records", members, lambda raw: [Record.of(one) for one in _results(raw)])

    def after(self, page: List[Record]) -> Optional[Query]:
        """The query of the next page, or None after the last one.

        It goes on from the time of the last record, not by an ever longer `skip`: that would end at 10,000 records, and show one twice
        whenever a bill is made in between.
        """
        if self.limit is None or len(page) < self.limit:
            return None
        last = page[-1].created_time
        is_rising = (self.order or "").startswith("created")
        is_same_time = last == (self.start_time if is_rising else self.end_time)
        skip = sum(one.created_time == last for one in page) + ((self.skip or 0) if is_same_time else 0)
        if is_rising:
            return replace(self, start_time=last, skip=skip)
        return replace(self, end_time=last, skip=skip)


def _results(raw: Raw) -> List[Raw]:
    results = raw.get("results")
    if not isinstance(results, list) or not all(isinstance(one, dict) for one in results):
        raise Malformed("results is not a list of objects")
    return results


def sync(bill_num: str, channel: Optional[str]) -> Call[List[Record]]:
    return Call("sync", {"billNum": bill_num, "channel": channel}, lambda raw: [Record.of(one) for one in _results(raw)])


def refund(
    bill_num: str, refund_num: str, refund_fee: int, reason: Optional[str], channel: Optional[str], id: Optional[str]
) -> Call[Refund]:
    members = {
        "billNum": bill_num, "refundNum": refund_num, "refundFee": fen("refund_fee", refund_fee), "reason": reason, "channel": channel,
        "id": id,
    }
    return Call("refund", members, Refund.of)


def refunds(bill_num: Optional[str], refund_num: Optional[str]) -> Call[List[Refund]]:
    members = {"billNum": bill_num, "refundNum": refund_num}
    return Call("refunds", members, lambda raw: [Refund.of(one) for one in _results(raw)])


def close(bill_num: str, channel: str) -> Call[Record]:
    return Call("close", {"billNum": bill_num, "channel": channel}, Record.of)


def session(ttl_seconds: int, user_id: Optional[str]) -> Call[Session]:
    return Call("sessions", {"ttlSeconds": ttl_seconds, "userId": user_id}, Session.of)
