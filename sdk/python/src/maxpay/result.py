"""Verifies the result that a payer's browser brings back from a checkout, before anything of it is used."""

from __future__ import annotations

import hashlib
import hmac
import math
import re
import time
from typing import Dict, Iterable, Optional, Sequence, Union
from urllib.parse import parse_qsl

from .errors import InvalidArgument, ResultError
from .models import CheckoutResult

_ADDRESS = re.compile(r"https?://|[/?]", re.IGNORECASE)
_REQUIRED = ("maxpay_app", "maxpay_bill", "maxpay_mode", "maxpay_status", "maxpay_time", "maxpay_sign")


def verify_result(
    address: str,
    *,
    master_keys: Union[str, Sequence[str]],
    app_id: Optional[str] = None,
    tolerance: float = 300,
    now: Optional[float] = None,
) -> CheckoutResult:
    """Reads the result of a checkout, or raises `ResultError`.

    `address` is the address that the payer came back to, or its query. Several `master_keys` are for the time of a rotation: one of them
    has to fit. `tolerance` and `now` are seconds. The result is for the page that the payer sees; deliver by the webhook or a query.
    """
    if not isinstance(address, str):
        raise InvalidArgument(f"address must be a text, found {type(address).__name__}")
    now = time.time() if now is None else now
    if not _is_number(tolerance) or tolerance < 0 or not _is_number(now):
        raise InvalidArgument("tolerance must be a number of seconds from 0, and now one of seconds since 1970")
    keys = _keys(master_keys)
    parameters = _parameters(address)
    sign = parameters.pop("maxpay_sign")
    if not _fits(keys, parameters, sign):
        raise ResultError("wrong-signature", "maxpay_sign fits no master key; is the key of the same mode, and the address as it came?")
    result = _result(parameters)
    if app_id is not None and result.app_id != app_id:
        raise ResultError("wrong-app", "the result is of another app")
    age = round(now * 1000) - result.time
    if age > tolerance * 1000:
        raise ResultError("too-old", f"made more than {tolerance} seconds ago; ask for the bill in its place")
    if age < -tolerance * 1000:
        raise ResultError("too-new", f"made more than {tolerance} seconds in the future; is the clock right?")
    return result


def _is_number(value: object) -> bool:
    """Nothing is too old by a tolerance that is no number."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _keys(one_or_more: object) -> Sequence[bytes]:
    keys = [one_or_more] if isinstance(one_or_more, str) else list(one_or_more) if isinstance(one_or_more, Iterable) else []
    texts = [key for key in keys if isinstance(key, str) and key]
    if not texts or len(texts) != len(keys):
        raise ResultError("bad-key", "master keys are texts, at least one, and none of them empty; is a variable of the environment missing?")
    return [key.encode("utf-8", "surrogatepass") for key in texts]


def _parameters(address: str) -> Dict[str, str]:
    whole = address.partition("#")[0]
    query = whole.partition("?")[2] if _ADDRESS.match(whole) else whole
    found: Dict[str, str] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        if not name.startswith("maxpay_"):
            continue
        if name in found:
            raise ResultError("repeated-parameter", f"{name} is there twice")
        found[name] = value
    for name in _REQUIRED:
        if not found.get(name):
            raise ResultError("missing-parameter", f"{name} is absent or empty")
    return found


def _fits(keys: Sequence[bytes], parameters: Dict[str, str], sign: str) -> bool:
    """Every key is tried, each in constant time. A line end in a value could make two parameters of one."""
    lines = ["maxpay-checkout-result", *(f"{name}={parameters[name]}" for name in sorted(parameters))]
    content = "\n".join(lines).encode("utf-8", "surrogatepass")
    found = sign.encode("utf-8", "surrogatepass")
    right = [hmac.compare_digest(hmac.new(key, content, hashlib.sha256).hexdigest().encode(), found) for key in keys]
    return any(right) and not any("\n" in value for value in parameters.values())


def _result(parameters: Dict[str, str]) -> CheckoutResult:
    def read(name: str, form: str) -> str:
        value = parameters.get(f"maxpay_{name}", "")
        if not re.fullmatch(form, value):
            raise ResultError("bad-result", f"maxpay_{name} is absent or not of its form")
        return value

    is_paid = read("status", "success|cancel|unknown") == "success"
    return CheckoutResult(
        app_id=parameters["maxpay_app"],
        mode=read("mode", "live|test"),
        bill_num=parameters["maxpay_bill"],
        status=parameters["maxpay_status"],
        time=int(read("time", "[0-9]{1,15}")),
        id=read("id", "(?s:.+)") if is_paid else None,
        channel=read("channel", "(?s:.+)") if is_paid else None,
        total_fee=int(read("fee", "[1-9][0-9]{0,10}")) if is_paid else None,
    )
