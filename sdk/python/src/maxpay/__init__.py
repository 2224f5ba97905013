"""MaxPay: charge by Alipay, WeChat Pay and UnionPay through a gateway of your own.

`Client` calls, `AsyncClient` does the same for asyncio, `verify` reads a webhook, `verify_result` what a payer brings back from a checkout.
Amounts are integers in fen (1/100 CNY), times are milliseconds since 1970.
"""

from ._transport import Answer, Transport
from ._version import __version__
from .aio import AsyncClient
from .client import Client
from .errors import (
    ApiError,
    AppInvalidError,
    CertFileError,
    ChannelError,
    ChannelInvalidError,
    ConnectionFailed,
    GatewayFaultError,
    InvalidArgument,
    MaxPayError,
    MissParamError,
    ParamInvalidError,
    PayFactorNotSetError,
    ResultError,
    UnexpectedAnswer,
    WebhookError,
)
from .models import Channel, Charged, ChannelOrFamily, Checkout, CheckoutResult, Event, Record, Refund, Session
from .result import verify_result
from .webhook import verify

__all__ = [
    "Answer", "ApiError", "AppInvalidError", "AsyncClient", "CertFileError", "Channel", "ChannelError", "ChannelInvalidError",
    "ChannelOrFamily", "Charged", "Checkout", "CheckoutResult", "Client", "ConnectionFailed", "Event", "GatewayFaultError",
    "InvalidArgument", "MaxPayError", "MissParamError", "ParamInvalidError", "PayFactorNotSetError", "Record", "Refund", "ResultError",
    "Session", "Transport", "UnexpectedAnswer", "WebhookError", "__version__", "verify", "verify_result",
]
