"""What can go wrong. No message holds a key, a secret or the body of a request or an answer."""

from __future__ import annotations

from typing import Dict, Optional, Type


class MaxPayError(Exception):
    """The base of everything that this package raises."""


class InvalidArgument(MaxPayError, ValueError):
    """An argument that cannot be sent; nothing was sent."""


class ConnectionFailed(MaxPayError):
    """No answer came. Whether the gateway did what was asked is not known; the same call can be made again."""


class UnexpectedAnswer(MaxPayError):
    """An answer that is not the gateway's, such as a page of a proxy, or a status without a code."""

    def __init__(self, problem: str, status: int, request_id: Optional[str] = None) -> None:
        super().__init__(f"HTTP {status}: {problem}" + (f" (request {request_id})" if request_id else ""))
        self.status = status
        self.request_id = request_id


class ApiError(MaxPayError):
    """The gateway said no: `code` and `msg` are its number and name, `err` says which field and what was expected."""

    def __init__(self, code: int, msg: str, err: str, status: int, request_id: Optional[str] = None) -> None:
        super().__init__(f"{code} {msg}: {err}" + (f" (request {request_id})" if request_id else ""))
        self.code = code
        self.msg = msg
        self.err = err
        self.status = status
        self.request_id = request_id


class AppInvalidError(ApiError):
    """1: there is no such app, or the key does not fit it."""


class PayFactorNotSetError(ApiError):
    """2: the app has no settings for that channel."""


class ChannelInvalidError(ApiError):
    """3: there is no such channel."""


class MissParamError(ApiError):
    """4: a field that is required is absent."""


class ParamInvalidError(ApiError):
    """5: a field is wrong, or does not fit the bill as it is."""


class CertFileError(ApiError):
    """6: a stored key or certificate cannot be used."""


class ChannelError(ApiError):
    """7: the provider refused or did not answer; the same charge can be made again."""


class GatewayFaultError(ApiError):
    """14: the gateway's own fault; it was tried again already."""


BY_CODE: Dict[int, Type[ApiError]] = {
    1: AppInvalidError,
    2: PayFactorNotSetError,
    3: ChannelInvalidError,
    4: MissParamError,
    5: ParamInvalidError,
    6: CertFileError,
    7: ChannelError,
    14: GatewayFaultError,
}


class ResultError(MaxPayError):
    """The result of a checkout that must not be believed. Ask for the bill in its place; `code` is one of those in the README."""

    def __init__(self, code: str, problem: str) -> None:
        super().__init__(f"{code}: {problem}")
        self.code = code


class WebhookError(MaxPayError):
    """A webhook that must not be believed. Answer it with 400; `code` is one of those in the README."""

    def __init__(self, code: str, problem: str) -> None:
        super().__init__(f"{code}: {problem}")
        self.code = code
