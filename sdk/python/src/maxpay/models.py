"""What the gateway answers and sends, typed. Members that this version does not know are in `raw`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Dict, Literal, Mapping, Optional, Union

Channel = Literal[
    "ali_app", "ali_web", "ali_wap", "ali_qrcode", "wx_app", "wx_jsapi", "wx_native", "wx_h5", "wx_lite", "unipay_app", "unipay_web", "applepay_upacp"
]
ChannelOrFamily = Union[Channel, Literal["ali", "wx", "unipay"]]
Raw = Mapping[str, Any]


class Malformed(Exception):
    """A member is absent or of another type."""


def text(raw: Raw, name: str) -> str:
    value = raw.get(name)
    if not isinstance(value, str):
        raise Malformed(f"{name} is not a text")
    return value


def integer(raw: Raw, name: str) -> int:
    value = raw.get(name)
    if type(value) is not int:
        raise Malformed(f"{name} is not an integer")
    return value


def text_if_there(raw: Raw, name: str) -> Optional[str]:
    return None if raw.get(name) is None else text(raw, name)


def integer_if_there(raw: Raw, name: str) -> Optional[int]:
    return None if raw.get(name) is None else integer(raw, name)


def extras_of(raw: Raw) -> Dict[str, Any]:
    value = raw.get("extras")
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Malformed("extras is not an object")
    return value


@dataclass(frozen=True)
class Charged:
    """A bill that waits to be paid. `params` is all that the payer's app or page is handed; the named members are parts of it."""

    id: str
    params: Dict[str, Any]
    ali_app: Optional[str]
    ali_web: Optional[str]
    ali_wap: Optional[str]
    code_url: Optional[str]
    wx_h5: Optional[str]
    tn: Optional[str]
    html: Optional[str]
    raw: Raw = field(repr=False)

    @classmethod
    def of(cls, channel: str, bill_num: str, raw: Raw) -> Charged:
        told = {name: value for name, value in raw.items() if name not in ("code", "msg")}
        return cls(
            id=text(raw, "id"),
            params={**told, "channel": channel, "billNum": bill_num},
            ali_app=text_if_there(raw, "ali_app"),
            ali_web=text_if_there(raw, "ali_web"),
            ali_wap=text_if_there(raw, "ali_wap"),
            code_url=text_if_there(raw, "codeUrl"),
            wx_h5=text_if_there(raw, "wx_h5"),
            tn=text_if_there(raw, "tn"),
            html=text_if_there(raw, "html"),
            raw=raw,
        )


@dataclass(frozen=True)
class Checkout:
    """A page by which a bill is paid with any wallet: `url`, its address as the SVG picture `qr`, and its end in milliseconds."""

    url: str
    qr: str = field(repr=False)
    expires_at: int
    raw: Raw = field(repr=False)

    @classmethod
    def of(cls, raw: Raw) -> Checkout:
        return cls(url=text(raw, "url"), qr=text(raw, "qr"), expires_at=integer(raw, "expiresAt"), raw=raw)


@dataclass(frozen=True)
class CheckoutResult:
    """How a payer came back from a checkout. `status` is `success`, `cancel`, or `unknown`: the bill may still be paid.

    `id`, `channel` and `total_fee` are there where it is paid. `time` is when the result was made, in milliseconds.
    """

    app_id: str
    mode: str
    bill_num: str
    status: str
    time: int
    id: Optional[str]
    channel: Optional[str]
    total_fee: Optional[int]


@dataclass(frozen=True)
class Record:
    """A transaction. `status` is `created`, `success`, `refund` (all of it went back) or `closed`."""

    id: str
    bill_num: str
    channel: str
    status: str
    total_fee: int
    refunded_fee: int
    currency: str
    money: str
    created_time: int
    end_time: Optional[int]
    extras: Dict[str, Any]
    raw: Raw = field(repr=False)

    @classmethod
    def of(cls, raw: Raw) -> Record:
        return cls(
            id=text(raw, "id"),
            bill_num=text(raw, "billNum"),
            channel=text(raw, "channel"),
            status=text(raw, "status"),
            total_fee=integer(raw, "totalFee"),
            refunded_fee=integer_if_there(raw, "refundedFee") or 0,
            currency=text(raw, "currency"),
            money=text(raw, "money"),
            created_time=integer(raw, "createdTime"),
            end_time=integer_if_there(raw, "endTime"),
            extras=extras_of(raw),
            raw=raw,
        )


@dataclass(frozen=True)
class Refund:
    """Money on its way back. `status` is `pending`, `stuck` (a person must act), `success` or `failed`."""

    refund_num: str
    bill_num: str
    id: str
    channel: str
    refund_fee: int
    status: str
    created_time: int
    end_time: Optional[int]
    reason: Optional[str]
    failure: Optional[str]
    raw: Raw = field(repr=False)

    @classmethod
    def of(cls, raw: Raw) -> Refund:
        return cls(
            refund_num=text(raw, "refundNum"),
            bill_num=text(raw, "billNum"),
            id=text(raw, "id"),
            channel=text(raw, "channel"),
            refund_fee=integer(raw, "refundFee"),
            status=text(raw, "status"),
            created_time=integer(raw, "createdTime"),
            end_time=integer_if_there(raw, "endTime"),
            reason=text_if_there(raw, "reason"),
            failure=text_if_there(raw, "failure"),
            raw=raw,
        )


@dataclass(frozen=True)
class Session:
    """A token for one of your clients; it is a secret of theirs, so that `repr` leaves it out."""

    token: str = field(repr=False)
    expires_at: int
    raw: Raw = field(repr=False)

    @classmethod
    def of(cls, raw: Raw) -> Session:
        return cls(token=text(raw, "token"), expires_at=integer(raw, "expiresAt"), raw=raw)


@dataclass(frozen=True)
class Event:
    """A webhook that was verified. `type` is `payment.success` or one of the others in docs/webhooks.md.

    `message_id` is the same at every attempt: keep it to work on each event once.
    """

    type: str
    message_id: str
    app_id: str
    id: str
    bill_num: str
    channel: str
    status: str
    total_fee: int
    currency: str
    created_time: int
    end_time: Optional[int]
    timestamp: int
    extras: Dict[str, Any]
    refund_num: Optional[str]
    refund_fee: Optional[int]
    refunded_fee: Optional[int]
    failure: Optional[str]
    kind: Optional[str]
    problem: Optional[str]
    server_fee: Optional[int]
    duplicate_of: Optional[str]
    raw: Raw = field(repr=False)

    @classmethod
    def of(cls, message_id: str, raw: Raw) -> Event:
        return cls(
            type=text_if_there(raw, "event") or "payment.success",
            message_id=message_id,
            app_id=text(raw, "appid"),
            id=text(raw, "id"),
            bill_num=text(raw, "billNum"),
            channel=text(raw, "channel"),
            status=text(raw, "status"),
            total_fee=integer(raw, "totalFee"),
            currency=text(raw, "currency"),
            created_time=integer(raw, "createdTime"),
            end_time=integer_if_there(raw, "endTime"),
            timestamp=integer(raw, "timestamp"),
            extras=extras_of(raw),
            refund_num=text_if_there(raw, "refundNum"),
            refund_fee=integer_if_there(raw, "refundFee"),
            refunded_fee=integer_if_there(raw, "refundedFee"),
            failure=text_if_there(raw, "failure"),
            kind=text_if_there(raw, "kind"),
            problem=text_if_there(raw, "problem"),
            server_fee=integer_if_there(raw, "serverFee"),
            duplicate_of=text_if_there(raw, "duplicateOf"),
            raw=raw,
        )
