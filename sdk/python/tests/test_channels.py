"""Every channel from the charge to the refund, by both clients, and webhooks as they arrive."""

from __future__ import annotations

import asyncio
import json
import unittest
from typing import Any, Dict, List, Optional

import maxpay

from . import stack


def settled(client: maxpay.Client, refund: maxpay.Refund) -> Optional[maxpay.Refund]:
    """The refund once it is decided; the provider is asked, since some send no notify."""
    client.sync(bill_num=refund.bill_num)
    found = client.refunds(refund_num=refund.refund_num)[0]
    return None if found.status == "pending" else found


class EveryChannel(unittest.TestCase):
    def test_every_channel_is_charged_paid_told_and_refunded(self) -> None:
        client, receiver = stack.client(), stack.receiver()
        refunds: List[maxpay.Refund] = []
        for channel, (_, members) in stack.CHANNELS.items():
            with self.subTest(channel):
                bill = stack.new_bill(channel)
                charged = stack.charge(client, channel, bill, extras={"茶": [1, {}], "big": 2**53 + 1})
                self.assertLessEqual(set(members), set(charged.params))
                # What the JavaScript package's `pay` tells a charge by.
                self.assertEqual([charged.params[name] for name in ("id", "channel", "billNum")], [charged.id, channel, bill])
                self.assertEqual(client.records(bill_num=bill)[0].status, "created")
                stack.pay(channel, charged.id)

                event = receiver.event(bill, "payment.success")
                self.assertEqual((event.id, event.total_fee, event.channel), (charged.id, 9900, channel))
                self.assertEqual(event.extras, {"茶": [1, {}], "big": 2**53 + 1})
                record = client.records(bill_num=bill)[0]
                self.assertEqual((record.status, record.money, record.refunded_fee), ("success", "¥ 99.00", 0))
                self.assertEqual(record.extras, event.extras)

                refund = client.refund(bill_num=bill, refund_num=f"R{charged.id}", refund_fee=100, reason="凉了")
                self.assertEqual((refund.bill_num, refund.refund_fee, refund.reason), (bill, 100, "凉了"))
                refunds.append(refund)
        self.assertEqual(len(refunds), len(stack.CHANNELS))
        for refund in refunds:
            with self.subTest(refund.channel):
                bill = refund.bill_num
                done = stack.until("the refund", lambda: settled(client, refund))
                self.assertEqual(done.status, "success")
                told = receiver.event(bill, "refund.success")
                self.assertEqual((told.refund_num, told.refund_fee, told.refunded_fee), (refund.refund_num, 100, 100))
                self.assertEqual(list(client.iter_refunds(bill_num=bill)), client.refunds(bill_num=bill))
                self.assertEqual(client.sync(bill_num=bill)[0].refunded_fee, 100)

    def test_every_channel_is_closed(self) -> None:
        client, receiver = stack.client(), stack.receiver()
        for channel in stack.CHANNELS:
            with self.subTest(channel):
                bill = stack.new_bill(channel)
                stack.charge(client, channel, bill)
                self.assertEqual(client.close(bill_num=bill, channel=channel).status, "closed")
                self.assertEqual(receiver.event(bill, "payment.closed").status, "closed")

    def test_every_channel_at_once_by_asyncio(self) -> None:
        async def buy(client: maxpay.AsyncClient, channel: maxpay.Channel) -> None:
            bill = stack.new_bill(channel)
            needs: Any = stack.CHANNELS[channel][0]
            charged = await client.charge(channel=channel, bill_num=bill, total_fee=1, subject="a cup of tea", **needs)
            await asyncio.to_thread(stack.pay, channel, charged.id)
            self.assertEqual([one.status for one in await client.sync(bill_num=bill)], ["success"])
            refund = await client.refund(bill_num=bill, refund_num=f"R{charged.id}", refund_fee=1)
            self.assertEqual([one.refund_num async for one in client.iter_refunds(bill_num=bill)], [refund.refund_num])
            self.assertEqual([one.id async for one in client.iter_records(bill_num=bill)], [charged.id])
            other = stack.new_bill(channel)
            await client.charge(channel=channel, bill_num=other, total_fee=1, subject="a cup of tea", **needs)
            self.assertEqual((await client.close(bill_num=other, channel=channel)).status, "closed")

        async def main() -> None:
            async with maxpay.AsyncClient(stack.URL, stack.APP_ID, master_key=stack.MASTER_KEY) as client:
                await asyncio.gather(*(buy(client, channel) for channel in stack.CHANNELS))

        asyncio.run(main())


class Checkouts(unittest.TestCase):
    def test_a_checkout_is_made_and_its_result_is_verified(self) -> None:
        client, bill = stack.client(), stack.new_bill()
        made = client.checkout(bill_num=bill, total_fee=9900, subject="一杯茶", return_url="http://127.0.0.1:9/back?a=b", expires_in=600)
        self.assertTrue(made.url.startswith(f"{stack.URL}/pay/"))
        self.assertTrue(made.qr.startswith("<svg "))
        self.assertGreater(made.expires_at, 0)
        left = maxpay.verify_result(stack.leave(made.url), master_keys=stack.MASTER_KEY, app_id=stack.APP_ID)
        self.assertEqual((left.bill_num, left.status, left.mode, left.total_fee), (bill, "cancel", "test", None))
        charged = client.charge(channel="ali_qrcode", bill_num=bill, total_fee=9900, subject="一杯茶", return_url=f"{stack.URL}/_local/returned")
        stack.pay("ali_qrcode", charged.id)
        client.sync(bill_num=bill)
        paid = maxpay.verify_result(stack.leave(made.url), master_keys=["old", stack.MASTER_KEY])
        self.assertEqual((paid.status, paid.id, paid.channel, paid.total_fee), ("success", charged.id, "ali_qrcode", 9900))
        with self.assertRaises(maxpay.ResultError) as raised:
            maxpay.verify_result(stack.leave(made.url).replace("9900", "1"), master_keys=stack.MASTER_KEY)
        self.assertEqual(raised.exception.code, "wrong-signature")
        with self.assertRaisesRegex(maxpay.InvalidArgument, "total_fee"):
            client.checkout(bill_num=bill, total_fee=99.0, subject="tea", return_url="http://127.0.0.1:9/")  # type: ignore[arg-type]

    def test_the_asyncio_client_makes_the_same_one(self) -> None:
        bill = stack.new_bill()

        async def main() -> str:
            async with maxpay.AsyncClient(stack.URL, stack.APP_ID, master_key=stack.MASTER_KEY) as client:
                made = await client.checkout(bill_num=bill, total_fee=1, subject="tea", return_url="http://127.0.0.1:9/", channels=["ali_wap"])
                return made.url

        again = stack.client().checkout(bill_num=bill, total_fee=1, subject="tea", return_url="http://127.0.0.1:9/", channels=["ali_wap"])
        self.assertEqual(asyncio.run(main()), again.url)


class Who(unittest.TestCase):
    def test_the_client_key_and_a_session_token_charge_and_ask(self) -> None:
        session = stack.client().session(ttl_seconds=60, user_id="7")
        self.assertNotIn(session.token, repr(session))
        keys: List[Dict[str, Any]] = [{"client_key": stack.CLIENT_KEY}, {"session_token": session.token}]
        for key in keys:
            client, bill = maxpay.Client(stack.URL, stack.APP_ID, **key), stack.new_bill()
            charged = stack.charge(client, "wx_native", bill)
            self.assertEqual([one.id for one in client.records(bill_num=bill)], [charged.id])
            with self.assertRaises(maxpay.AppInvalidError):
                client.refund(bill_num=bill, refund_num="R1", refund_fee=1)

    def test_the_asyncio_client_makes_sessions_and_lists(self) -> None:
        async def main() -> None:
            async with maxpay.AsyncClient(stack.URL, stack.APP_ID, master_key=stack.MASTER_KEY) as client:
                session = await client.session(ttl_seconds=60)
                self.assertTrue(session.token.startswith("v1."))
                self.assertIsInstance(await client.records(limit=1), list)
                self.assertNotIn(stack.MASTER_KEY, repr(client) + repr(vars(client)))
        asyncio.run(main())


class Pages(unittest.TestCase):
    def test_the_iterator_goes_over_all_pages_while_bills_are_made(self) -> None:
        client = stack.client()
        bills = [stack.new_bill() for _ in range(7)]
        start = stack.charge(client, "ali_wap", bills[0]).id
        for bill in bills[1:]:
            stack.charge(client, "ali_wap", bill)
        since = client.records(bill_num=bills[0])[0].created_time
        for order in (None, "createdTime", "-createdTime"):
            with self.subTest(order):
                found = []
                for record in client.iter_records(channel="ali", start_time=since, order=order, page_size=2):
                    found.append(record)
                    if len(found) == 1:
                        stack.charge(client, "ali_wap", stack.new_bill())
                ids = [record.id for record in found]
                self.assertEqual(len(ids), len(set(ids)))
                self.assertIn(start, ids)
                self.assertLessEqual(set(bills), {record.bill_num for record in found})
                times = [record.created_time for record in found]
                self.assertEqual(times, sorted(times, reverse=order != "createdTime"))

    def test_the_tries_of_one_bill_are_all_found(self) -> None:
        client, bill = stack.client(), stack.new_bill()
        for channel in ("ali_wap", "wx_native", "unipay_app", "ali_app", "applepay_upacp"):
            stack.charge(client, channel, bill)  # type: ignore[arg-type]
        for size in (1, 2, 5):
            self.assertEqual(len({record.id for record in client.iter_records(bill_num=bill, page_size=size)}), 5)

    def test_records_of_one_millisecond_are_passed_over_by_their_number(self) -> None:
        def page(*times: int) -> str:
            member = '{"id":"a","billNum":"b","channel":"ali_app","currency":"CNY","money":"","totalFee":1,"status":"success","createdTime":%d}'
            return '200 {"code":0,"msg":"OK","results":[' + ",".join(member % time for time in times) + "]}"

        for order, bound in ((None, "endTime"), ("createdTime", "startTime")):
            road = stack.Road(page(9, 7), page(7, 7), page(7, 5), page(5))
            self.addCleanup(road.close)
            found = [one.created_time for one in stack.client(base_url=road.url).iter_records(order=order, page_size=2)]
            self.assertEqual(found, [9, 7, 7, 7, 7, 5, 5])
            asked = [json.loads(body) for _, body in road.passed]
            self.assertEqual([(one.get(bound), one.get("skip")) for one in asked], [(None, None), (7, 1), (7, 3), (5, 1)])


class Rotation(unittest.TestCase):
    def test_webhooks_are_verified_by_the_old_and_the_new_secret(self) -> None:
        client, receiver = stack.client(), stack.receiver()
        rotated = stack.operate("POST", f"/apps/{stack.APP_ID}/webhooks/{receiver.id}/secret/rotate", {"graceSeconds": 600})
        bill = stack.new_bill()
        stack.pay("wx_app", stack.charge(client, "wx_app", bill).id)
        receiver.event(bill, "payment.success")
        receiver.secret = rotated["secret"]
        receiver.event(bill, "payment.success")
