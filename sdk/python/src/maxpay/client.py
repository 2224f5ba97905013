"""The client that waits."""

from __future__ import annotations

import time
from typing import Any, Iterator, List, Literal, Mapping, Optional, Sequence, TypeVar, Union

from . import _calls
from ._transport import Answer, Transport
from .errors import ConnectionFailed
from .models import Channel, ChannelOrFamily, Charged, Checkout, Record, Refund, Session

T = TypeVar("T")


class Client:
    """Calls a gateway as one app. One client serves any number of threads.

    Give exactly one key: the secret `master_key` on servers, the public `client_key` or a `session_token` elsewhere. `timeout` is the
    seconds for one try, `retries` how often a call is made again after no answer, a 5xx or a 429.
    """

    def __init__(
        self,
        base_url: str,
        app_id: str,
        *,
        client_key: Optional[str] = None,
        master_key: Optional[str] = None,
        session_token: Optional[str] = None,
        timeout: float = 10.0,
        retries: int = 2,
        transport: Optional[Transport] = None,
    ) -> None:
        self._settings = _calls.settings(base_url, app_id, client_key, master_key, session_token, timeout, retries, transport)

    def __repr__(self) -> str:
        return f"Client({self._settings.base_url!r}, {self._settings.app_id!r})"

    def charge(
        self,
        *,
        channel: Channel,
        bill_num: str,
        total_fee: int,
        subject: str,
        extras: Optional[Mapping[str, Any]] = None,
        return_url: Optional[str] = None,
        show_url: Optional[str] = None,
        bill_timeout: Optional[int] = None,
        qr_pay_mode: Union[int, str, None] = None,
        openid: Optional[str] = None,
        client_ip: Optional[str] = None,
    ) -> Charged:
        """Charges a bill on one channel. The same charge made again is the same bill, with fresh parameters to pay by."""
        call = _calls.charge(
            channel, bill_num, total_fee, subject, extras, return_url, show_url, bill_timeout, qr_pay_mode, openid, client_ip
        )
        return self._do(call)

    def checkout(
        self,
        *,
        bill_num: str,
        total_fee: int,
        subject: str,
        return_url: str,
        cancel_url: Optional[str] = None,
        extras: Optional[Mapping[str, Any]] = None,
        channels: Optional[Sequence[Channel]] = None,
        expires_in: Optional[int] = None,
        locale: Optional[Literal["zh-CN", "en"]] = None,
    ) -> Checkout:
        """Makes a checkout: a page, and a QR code of its address, by which the bill is paid with any wallet. The same bill has the same checkout."""
        call = _calls.checkout(bill_num, total_fee, subject, return_url, cancel_url, extras, channels, expires_in, locale)
        return self._do(call)

    def records(
        self,
        *,
        channel: Optional[ChannelOrFamily] = None,
        bill_num: Optional[str] = None,
        status: Optional[str] = None,
        start_time: Optional[int] = None,
        end_time: Optional[int] = None,
        skip: Optional[int] = None,
        limit: Optional[int] = None,
        order: Optional[str] = None,
    ) -> List[Record]:
        """One page of records, 20 unless `limit` says more. With a client key `bill_num` is needed."""
        return self._do(_calls.Query(channel, bill_num, status, start_time, end_time, skip, limit, order).call())

    def iter_records(
        self,
        *,
        channel: Optional[ChannelOrFamily] = None,
        bill_num: Optional[str] = None,
        status: Optional[str] = None,
        start_time: Optional[int] = None,
        end_time: Optional[int] = None,
        order: Optional[str] = None,
        page_size: int = 100,
    ) -> Iterator[Record]:
        """All records, page after page; bills that are made meanwhile neither repeat a record nor hide one."""
        query: Optional[_calls.Query] = _calls.Query(channel, bill_num, status, start_time, end_time, None, page_size, order)
        while query is not None:
            page = self._do(query.call())
            for record in page:
                yield record
            query = query.after(page)

    def refund(
        self,
        *,
        bill_num: str,
        refund_num: str,
        refund_fee: int,
        reason: Optional[str] = None,
        channel: Optional[Channel] = None,
        id: Optional[str] = None,
    ) -> Refund:
        """Sends money back; the same `refund_num` moves it once. Look at `status`: it may be `pending`."""
        return self._do(_calls.refund(bill_num, refund_num, refund_fee, reason, channel, id))

    def refunds(self, *, bill_num: Optional[str] = None, refund_num: Optional[str] = None) -> List[Refund]:
        """The refunds of a bill, oldest first, or the one with this number."""
        return self._do(_calls.refunds(bill_num, refund_num))

    def iter_refunds(self, *, bill_num: Optional[str] = None, refund_num: Optional[str] = None) -> Iterator[Refund]:
        """The same one by one. The gateway answers all of a bill's refunds at once, so that this is one call today."""
        for refund in self.refunds(bill_num=bill_num, refund_num=refund_num):
            yield refund

    def close(self, *, bill_num: str, channel: Channel) -> Record:
        """Closes an unpaid bill, at the provider and here."""
        return self._do(_calls.close(bill_num, channel))

    def sync(self, *, bill_num: str, channel: Optional[ChannelOrFamily] = None) -> List[Record]:
        """Asks the provider about a bill now."""
        return self._do(_calls.sync(bill_num, channel))

    def session(self, *, ttl_seconds: int, user_id: Optional[str] = None) -> Session:
        """A session token for one of your clients, which may charge, and query by bill."""
        return self._do(_calls.session(ttl_seconds, user_id))

    def _do(self, call: _calls.Call[T]) -> T:
        body, settings = call.body(), self._settings
        tries = 0
        while True:
            tries += 1
            outcome: Union[Answer, ConnectionFailed]
            try:
                outcome = settings.transport(settings.url(call.verb), settings.headers(), body, settings.timeout)
            except ConnectionFailed as problem:
                outcome = problem
            pause = _calls.pause(outcome, tries, settings.retries)
            if pause is None:
                break
            time.sleep(pause)
        if isinstance(outcome, ConnectionFailed):
            raise outcome
        return call.result(outcome)
