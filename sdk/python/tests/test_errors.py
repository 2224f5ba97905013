"""Each error as the gateway says it, retries over a road with faults, and what is refused before it is sent."""

from __future__ import annotations

import asyncio
import copy
import pickle
import socket
import threading
import time
import traceback
import unittest
from typing import Any, Callable, Dict, Tuple, Type
from unittest import mock

import maxpay

from . import stack


class Codes(unittest.TestCase):
    def refused(self, kind: Type[maxpay.ApiError], call: Callable[[], object], code: int, words: str) -> None:
        with self.assertRaises(kind) as raised:
            call()
        error = raised.exception
        self.assertEqual((error.code, error.status), (code, 200))
        self.assertIn(words, error.err)
        self.assertIn(error.msg, str(error))
        self.assertNotIn(stack.MASTER_KEY, "".join(traceback.format_exception(kind, error, error.__traceback__)))

    def test_each_code_has_its_error(self) -> None:
        client = stack.client()
        bare = self.app({})
        stranger = maxpay.Client(stack.URL, stack.APP_ID, master_key="wrong")
        any_channel: Any = "ali"
        refused = self.refused
        refused(maxpay.AppInvalidError, lambda: stack.charge(stranger, "ali_app", "1"), 1, "X-ML-MasterKey")
        refused(maxpay.PayFactorNotSetError, lambda: stack.charge(bare, "wx_app", "1"), 2, "wx_app")
        refused(maxpay.ChannelInvalidError, lambda: client.close(bill_num="1", channel=any_channel), 3, "channel")
        refused(maxpay.MissParamError, lambda: stack.charge(client, "ali_web", "1", return_url=None), 4, "returnUrl")
        refused(maxpay.ParamInvalidError, lambda: stack.charge(client, "ali_app", "1", 0), 5, "totalFee")
        refused(maxpay.ParamInvalidError, lambda: client.sync(bill_num="never-made"), 5, "billNum")
        refused(maxpay.ParamInvalidError, lambda: client.refunds(bill_num="never-made"), 5, "billNum")

    def test_a_key_that_cannot_sign_and_a_provider_that_refuses(self) -> None:
        mapi = stack.ask("GET", "/_local/simulator/alipay/settings")["mapi"]
        old = self.app({name: value for name, value in mapi.items() if name not in ("privateKey", "alipayPublicKey")})
        self.refused(maxpay.CertFileError, lambda: stack.charge(old, "ali_app", "1"), 6, "privateKey")
        client, bill = stack.client(), stack.new_bill()
        stack.ask("POST", "/_local/simulator/alipay/faults", {"next": ["unsigned"]})
        self.refused(maxpay.ChannelError, lambda: stack.charge(client, "ali_qrcode", bill), 7, "")
        self.assertTrue(stack.charge(client, "ali_qrcode", bill).code_url)

    def app(self, alipay: Dict[str, Any]) -> maxpay.Client:
        made = stack.operate("POST", "/apps", {"name": "python"})
        if alipay:
            stack.operate("PUT", f"/apps/{made['appId']}/channels/ali?mode=test", alipay)
        return maxpay.Client(stack.URL, made["appId"], master_key=made["test"]["masterKey"])

    def test_an_address_that_is_not_the_gateway_is_said_so(self) -> None:
        with self.assertRaisesRegex(maxpay.UnexpectedAnswer, "base URL") as raised:
            stack.client(base_url=stack.URL + "/elsewhere").records()
        self.assertEqual(raised.exception.status, 404)


class Retries(unittest.TestCase):
    def road(self, *faults: str) -> stack.Road:
        road = stack.Road(*faults)
        self.addCleanup(road.close)
        return road

    def test_a_charge_gets_through_whatever_the_road_does_and_is_one_bill(self) -> None:
        for fault in ("drop", "500", "503", "14", "429", "cut off", "lose the answer"):
            with self.subTest(fault):
                road, bill = self.road(fault), stack.new_bill()
                charged = stack.charge(stack.client(base_url=road.url), "wx_native", bill)
                self.assertEqual(len(road.passed), 2)
                self.assertEqual([one.id for one in stack.client().records(bill_num=bill)], [charged.id])

    def test_a_refund_whose_answer_was_lost_moves_money_once(self) -> None:
        client, bill = stack.client(), stack.new_bill()
        charged = stack.charge(client, "ali_app", bill)
        stack.pay("ali_app", charged.id)
        road = self.road("lose the answer", "lose the answer")
        stack.client(base_url=road.url).refund(bill_num=bill, refund_num=f"R{charged.id}", refund_fee=50)
        self.assertEqual(len(road.passed), 3)
        self.assertEqual([one.refund_fee for one in client.refunds(bill_num=bill)], [50])

    def test_asyncio_tries_again_too(self) -> None:
        road, begun = self.road("drop", "503"), time.monotonic()

        async def main() -> None:
            async with maxpay.AsyncClient(road.url, stack.APP_ID, master_key=stack.MASTER_KEY) as client:
                await client.records(limit=1)
        asyncio.run(main())
        self.assertEqual(len(road.passed), 3)
        self.assertGreaterEqual(time.monotonic() - begun, 0.375)

    def test_it_gives_up_after_its_retries(self) -> None:
        road, begun = self.road("14", "14", "14"), time.monotonic()
        with self.assertRaises(maxpay.GatewayFaultError) as raised:
            stack.client(base_url=road.url, retries=1).records()
        self.assertEqual((raised.exception.code, raised.exception.status, len(road.passed)), (14, 503, 2))
        self.assertEqual(raised.exception.request_id, "r-1")
        self.assertIn("(request r-1)", str(raised.exception))
        self.assertGreaterEqual(time.monotonic() - begun, 0.125)
        with self.assertRaises(maxpay.ConnectionFailed):
            stack.client(base_url=self.road("drop").url, retries=0).records()

    def test_a_refusal_is_not_tried_again(self) -> None:
        road = self.road()
        with self.assertRaises(maxpay.ParamInvalidError):
            stack.client(base_url=road.url).sync(bill_num="never-made")
        self.assertEqual(len(road.passed), 1)

    def test_no_redirect_is_followed(self) -> None:
        road = self.road("redirect")
        with self.assertRaises(maxpay.UnexpectedAnswer) as raised:
            stack.client(base_url=road.url).records()
        self.assertEqual((raised.exception.status, len(road.passed)), (308, 1))

    def test_nobody_who_hangs_or_drips_is_waited_for_beyond_the_timeout(self) -> None:
        for fault in ("hang", "drip"):
            with self.subTest(fault):
                begun = time.monotonic()
                with self.assertRaisesRegex(maxpay.ConnectionFailed, "within 0.3 s"):
                    stack.client(base_url=self.road(fault).url, timeout=0.3, retries=0).records()
                self.assertLess(time.monotonic() - begun, 5)

    def test_dead_addresses_share_the_time_and_a_living_one_behind_them_is_found(self) -> None:
        road = self.road()
        dead = [self.dead_address() for _ in range(3)]
        alive: Any = road.server.server_address
        found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", address) for address in dead]
        with mock.patch("socket.getaddrinfo", return_value=found):
            begun = time.monotonic()
            with self.assertRaisesRegex(maxpay.ConnectionFailed, "within 0.6 s"):
                stack.client(base_url="http://many.example", timeout=0.6, retries=0).records()
            self.assertLess(time.monotonic() - begun, 1.7)
        found.append((socket.AF_INET, socket.SOCK_STREAM, 6, "", alive))
        handler = road.server.RequestHandlerClass
        with mock.patch("socket.getaddrinfo", return_value=found), mock.patch.object(handler, "do_POST", lambda self: self.answer(200, b'{"code":0,"results":[]}')):
            self.assertEqual(stack.client(base_url="http://many.example", timeout=4, retries=0).records(), [])

    def dead_address(self) -> Tuple[str, int]:
        """Its queue is full, so that a connection is neither taken nor refused."""
        server = socket.create_server(("127.0.0.1", 0), backlog=0)
        self.addCleanup(server.close)
        address: Tuple[str, int] = server.getsockname()
        for _ in range(4):
            waiting = socket.socket()
            waiting.setblocking(False)
            waiting.connect_ex(address)
            self.addCleanup(waiting.close)
        return address

    def test_a_name_that_is_not_resolved_in_time_is_waited_for_no_longer(self) -> None:
        let_go = threading.Event()
        self.addCleanup(let_go.set)

        def hanging(*_: Any, **__: Any) -> Any:
            let_go.wait(20)
            raise socket.gaierror("nobody asks any longer")

        with mock.patch("socket.getaddrinfo", hanging):
            begun = time.monotonic()
            with self.assertRaisesRegex(maxpay.ConnectionFailed, "within 0.3 s"):
                stack.client(base_url="http://slow.example", timeout=0.3, retries=0).records()
            self.assertLess(time.monotonic() - begun, 5)

    def test_waiting_for_a_thread_is_a_part_of_the_timeout(self) -> None:
        async def main() -> None:
            async with maxpay.AsyncClient(road.url, stack.APP_ID, master_key=stack.MASTER_KEY, timeout=0.5, retries=0) as client:
                outcomes = await asyncio.gather(*(client.records() for _ in range(80)), return_exceptions=True)
            self.assertEqual({type(one) for one in outcomes}, {maxpay.ConnectionFailed})
            self.assertTrue(any("no thread was free" in str(one) for one in outcomes))

        road, begun = self.road(*["hang"] * 80), time.monotonic()
        asyncio.run(main())
        self.assertLess(time.monotonic() - begun, 5)

    def test_nobody_listens(self) -> None:
        road = self.road()
        road.close()
        with self.assertRaises(maxpay.ConnectionFailed) as raised:
            stack.client(base_url=road.url, retries=0).records()
        self.assertNotIn(stack.MASTER_KEY, str(raised.exception))

    def test_it_says_who_calls_and_keeps_what_it_does_not_know(self) -> None:
        record = ('{"id":"a","billNum":"b","channel":"new","createdTime":1,"currency":"CNY","money":"","totalFee":9007199254740993,'
                  '"status":"new","later":[1]}')
        road = self.road('200 {"code":0,"msg":"OK","results":[' + record + "]}", '200 {"code":0,"results":[{}]}', '200 {"code":99}')
        client = stack.client(base_url=road.url)
        found = client.records()[0]
        self.assertEqual((found.raw["later"], found.total_fee), ([1], 9007199254740993))
        self.assertEqual(road.passed[0][0]["User-Agent"], f"maxpay-python/{maxpay.__version__}")
        with self.assertRaisesRegex(maxpay.UnexpectedAnswer, "id is not a text"):
            client.records()
        with self.assertRaises(maxpay.ApiError) as raised:
            client.records()
        self.assertEqual(raised.exception.code, 99)


class Arguments(unittest.TestCase):
    def test_only_integers_are_money(self) -> None:
        client: Any = stack.client()
        for wrong in (1.0, 99.5, "100", True, None):
            with self.assertRaisesRegex(maxpay.InvalidArgument, "total_fee must be an int"):
                client.charge(channel="ali_app", bill_num="1", total_fee=wrong, subject="tea")
            with self.assertRaisesRegex(maxpay.InvalidArgument, "refund_fee must be an int"):
                client.refund(bill_num="1", refund_num="1", refund_fee=wrong)

    def test_what_is_no_json_is_refused(self) -> None:
        for extras in ({"a": float("nan")}, {"a": object()}, {"a": "\ud800"}):
            with self.assertRaises(maxpay.InvalidArgument):
                stack.charge(stack.client(), "ali_app", "1", extras=extras)

    def test_wrong_settings_are_named(self) -> None:
        make: Any = maxpay.Client
        for words, url, options in (
            ("exactly one", stack.URL, {}),
            ("exactly one", stack.URL, {"client_key": "a", "master_key": "b"}),
            ("master_key must be of visible ASCII", stack.URL, {"master_key": "secret-of-mine\n"}),
            ("master_key must be of visible ASCII", stack.URL, {"master_key": ""}),
            ("base_url", "ftp://pay.example", {"master_key": "a"}),
            ("base_url", "https://u:secret-of-mine@pay.example", {"master_key": "a"}),
            ("base_url", "https://pay.example/?a=b", {"master_key": "a"}),
            ("base_url", "https://pay.example:port", {"master_key": "a"}),
            ("base_url", "pay.example", {"master_key": "a"}),
            ("base_url", None, {"master_key": "a"}),
            ("base_url", "http://a b", {"master_key": "a"}),
            ("base_url", "http://pay.example/\ud800", {"master_key": "a"}),
            ("base_url", "http://pay.example?", {"master_key": "a"}),
            ("base_url", "http://pay.example#", {"master_key": "a"}),
            ("master_key", stack.URL, {"master_key": b"secret-of-mine"}),
            ("master_key", stack.URL, {"master_key": "\ud800"}),
            ("timeout", stack.URL, {"master_key": "a", "timeout": 0}),
            ("timeout", stack.URL, {"master_key": "a", "timeout": float("nan")}),
            ("timeout", stack.URL, {"master_key": "a", "timeout": float("inf")}),
            ("timeout", stack.URL, {"master_key": "a", "timeout": None}),
            ("retries", stack.URL, {"master_key": "a", "retries": float("nan")}),
            ("retries", stack.URL, {"master_key": "a", "retries": -1}),
        ):
            with self.subTest(words), self.assertRaisesRegex(maxpay.InvalidArgument, words) as raised:
                make(url, "568a12086e912100017722e5", **options)
            self.assertNotIn("secret-of-mine", str(raised.exception))

    def test_a_client_that_was_closed_says_so(self) -> None:
        async def main() -> None:
            client = maxpay.AsyncClient(stack.URL, stack.APP_ID, master_key=stack.MASTER_KEY)
            await client.aclose()
            with self.assertRaisesRegex(maxpay.InvalidArgument, "closed"):
                await client.records()
        asyncio.run(main())

    def test_the_key_is_in_no_traceback_that_shows_variables(self) -> None:
        for fault in ("drop", "hang", "cut off", "404"):
            road = stack.Road(fault)
            self.addCleanup(road.close)
            client = stack.client(base_url=road.url, retries=0, timeout=0.5)
            with self.subTest(fault):
                # Not by assertRaises: it drops the traceback.
                try:
                    client.records()
                except maxpay.MaxPayError as error:
                    shown = "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
                self.assertIn("headers = <headers X-ML-AppId, X-ML-MasterKey" if fault != "404" else "client = Client(", shown)
                self.assertNotIn(stack.MASTER_KEY, shown)

    def test_the_key_is_in_no_repr_copy_or_pickle(self) -> None:
        client = stack.client()
        shown = repr(client) + repr(vars(client)) + str(client._settings) + repr(vars(client._settings))
        self.assertNotIn(stack.MASTER_KEY, shown)
        self.assertIn("***", shown)
        for copied in (pickle.dumps, copy.deepcopy):
            with self.assertRaisesRegex(TypeError, "not pickled"):
                copied(client)
