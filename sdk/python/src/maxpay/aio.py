"""The client for asyncio.

The standard library has no HTTP client for asyncio. One of our own would be a second parser of HTTP with faults of its own, and a foreign
one a dependency, so that each request runs in a thread. The threads are the client's own: a gateway that hangs does not use up those of
the event loop's default executor. Waits between tries hold no thread.
"""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any, AsyncIterator, List, Literal, Mapping, Optional, Sequence, TypeVar, Union

from . import _calls
from ._transport import Answer, Transport
from .errors import ConnectionFailed, InvalidArgument
from .models import Channel, ChannelOrFamily, Charged, Checkout, Record, Refund, Session

T = TypeVar("T")
THREADS_MAX = 32


class AsyncClient:
    """As `Client`, to be awaited: `async with AsyncClient(...) as maxpay`, or `await maxpay.aclose()` at its end.

    A task that is cancelled waits no longer, and what was sent may still arrive; the same call can be made again.
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
        self._threads = ThreadPoolExecutor(THREADS_MAX, "maxpay")
        self._is_closed = False

    def __repr__(self) -> str:
        return f"AsyncClient({self._settings.base_url!r}, {self._settings.app_id!r})"

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Takes no more calls. Those under way end by their timeout."""
        self._is_closed = True
        self._threads.shutdown(wait=False)

    async def charge(
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
        return await self._do(call)

    async def checkout(
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
        return await self._do(call)

    async def records(
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
        return await self._do(_calls.Query(channel, bill_num, status, start_time, end_time, skip, limit, order).call())

    async def iter_records(
        self,
        *,
        channel: Optional[ChannelOrFamily] = None,
        bill_num: Optional[str] = None,
        status: Optional[str] = None,
        start_time: Optional[int] = None,
        end_time: Optional[int] = None,
        order: Optional[str] = None,
        page_size: int = 100,
    ) -> AsyncIterator[Record]:
        """All records, page after page; bills that are made meanwhile neither repeat a record nor hide one."""
        query: Optional[_calls.Query] = _calls.Query(channel, bill_num, status, start_time, end_time, None, page_size, order)
        while query is not None:
            page = await self._do(query.call())
            for record in page:
                yield record
            query = query.after(page)

    async def refund(
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
        return await self._do(_calls.refund(bill_num, refund_num, refund_fee, reason, channel, id))

    async def refunds(self, *, bill_num: Optional[str] = None, refund_num: Optional[str] = None) -> List[Refund]:
        """The refunds of a bill, oldest first, or the one with this number."""
        return await self._do(_calls.refunds(bill_num, refund_num))

    async def iter_refunds(self, *, bill_num: Optional[str] = None, refund_num: Optional[str] = None) -> AsyncIterator[Refund]:
        """The same one by one. The gateway answers all of a bill's refunds at once, so that this is one call today."""
        for refund in await self.refunds(bill_num=bill_num, refund_num=refund_num):
            yield refund

    async def close(self, *, bill_num: str, channel: Channel) -> Record:
        """Closes an unpaid bill, at the provider and here."""
        return await self._do(_calls.close(bill_num, channel))

    async def sync(self, *, bill_num: str, channel: Optional[ChannelOrFamily] = None) -> List[Record]:
        """Asks the provider about a bill now."""
        return await self._do(_calls.sync(bill_num, channel))

    async def session(self, *, ttl_seconds: int, user_id: Optional[str] = None) -> Session:
        """A session token for one of your clients, which may charge, and query by bill."""
        return await self._do(_calls.session(ttl_seconds, user_id))

    def _post(self, verb: str, body: bytes, deadline: float) -> Answer:
        """In a thread. The time of a try began when it was asked for, so that waiting for a thread is a part of it."""
        left = deadline - time.monotonic()
        if left <= 0:
            raise ConnectionFailed(f"no thread was free within {self._settings.timeout:g} s: {THREADS_MAX} calls are under way at most")
        return self._settings.transport(self._settings.url(verb), self._settings.headers(), body, left)

    async def _do(self, call: _calls.Call[T]) -> T:
        body, settings = call.body(), self._settings
        loop = asyncio.get_running_loop()
        tries = 0
        while True:
            tries += 1
            if self._is_closed:
                raise InvalidArgument("this client was closed by aclose()")
            outcome: Union[Answer, ConnectionFailed]
            try:
                outcome = await loop.run_in_executor(self._threads, self._post, call.verb, body, time.monotonic() + settings.timeout)
            except ConnectionFailed as problem:
                outcome = problem
            pause = _calls.pause(outcome, tries, settings.retries)
            if pause is None:
                break
            await asyncio.sleep(pause)
        if isinstance(outcome, ConnectionFailed):
            raise outcome
        return call.result(outcome)
