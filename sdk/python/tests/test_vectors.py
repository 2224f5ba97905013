"""Webhook verification against the vectors that all SDKs run."""

from __future__ import annotations

import base64
import json
import math
import pathlib
import unittest
from typing import Any, Callable

import maxpay

VECTORS = pathlib.Path(__file__).resolve().parents[2] / "vectors" / "webhooks.json"
RESULTS = VECTORS.with_name("results.json")


class Vectors(unittest.TestCase):
    def test_every_vector_is_decided_as_it_says(self) -> None:
        cases = json.loads(VECTORS.read_text(encoding="utf-8"))["cases"]
        self.assertGreater(len(cases), 90)
        for case in cases:
            with self.subTest(case["name"]):
                code = "ok"
                try:
                    event = maxpay.verify(
                        base64.b64decode(case["body"]), case["headers"], secrets=case["secrets"], master_keys=case["masterKeys"],
                        app_id=case["appid"], now=case["now"], tolerance=case["tolerance"],
                    )
                    read = {"type": event.type, "billNum": event.bill_num, "totalFee": event.total_fee}
                    self.assertEqual(read, case["event"])
                except maxpay.WebhookError as refusal:
                    code = refusal.code
                    for secret in case["secrets"] + case["masterKeys"]:
                        self.assertFalse(secret and len(secret) > 20 and secret in str(refusal))
                self.assertEqual(code, case["expect"])

    def test_settings_and_headers_of_another_type_are_refused_by_a_code(self) -> None:
        verify: Any = maxpay.verify
        headers: Any = {"webhook-id": "a", "webhook-timestamp": "1000", "webhook-signature": "v1,a"}
        good: Any = {"secrets": "whsec_AAAA", "now": 1000}
        for secrets in (None, 5, [None], ["whsec_AAAA", None], b"whsec_AAAA", [b"whsec_AAAA"], {"whsec_AAAA": 1}.items()):
            self.refused("bad-secret", lambda: verify(b"{}", headers, secrets=secrets))
        self.refused("bad-secret", lambda: verify(b"{}", headers, **good, master_keys=[None]))
        wrong: Any = ({"webhook-timestamp": 1000}, {"webhook-id": ["a"]}, {"webhook-signature": b"v1,a"}, {"webhook-id": None})
        for changed in wrong:
            self.refused("missing-header", lambda: verify(b"{}", {**headers, **changed}, **good))
        self.refused("missing-header", lambda: verify(b"{}", {1: "a", b"webhook-id": b"a"}, **good))
        for changed in ({"webhook-id": "\ud800"}, {"webhook-signature": "v1,\ud800 v1,\udc80"}):
            self.refused("wrong-signature", lambda: verify(b"{}", {**headers, **changed}, **good))
        with self.assertRaisesRegex(maxpay.InvalidArgument, "headers must be a mapping"):
            verify(b"{}", None, **good)

    def refused(self, code: str, call: Callable[[], object]) -> None:
        with self.assertRaises(maxpay.WebhookError) as raised:
            call()
        self.assertEqual(raised.exception.code, code)

    def test_no_tolerance_and_no_clock_lets_an_old_webhook_pass(self) -> None:
        case = json.loads(VECTORS.read_text(encoding="utf-8"))["cases"][0]
        body, now = base64.b64decode(case["body"]), case["now"]
        wrong: Any = ({"tolerance": math.nan}, {"tolerance": math.inf}, {"tolerance": -1}, {"tolerance": "300"}, {"tolerance": True}, {"now": math.nan})
        for options in wrong:
            with self.subTest(options), self.assertRaisesRegex(maxpay.InvalidArgument, "tolerance must be"):
                maxpay.verify(body, case["headers"], secrets=case["secrets"], **{"now": now + 9999, **options})
        maxpay.verify(body, case["headers"], secrets=case["secrets"], now=now + 300.9, tolerance=300.0)

    def test_a_body_that_was_parsed_already_is_refused(self) -> None:
        with self.assertRaisesRegex(maxpay.InvalidArgument, "body must be the bytes"):
            maxpay.verify("{}", {}, secrets="whsec_AAAA")  # type: ignore[arg-type]

    def test_a_body_nested_beyond_reason_is_refused(self) -> None:
        import hashlib
        import hmac
        body = b"[" * 200_000
        signed = hmac.new(b"\0\0\0", b"a.1000." + body, hashlib.sha256).digest()
        headers = {"webhook-id": "a", "webhook-timestamp": "1000", "webhook-signature": "v1," + base64.b64encode(signed).decode()}
        with self.assertRaises(maxpay.WebhookError) as refusal:
            maxpay.verify(body, headers, secrets="whsec_AAAA", now=1000)
        self.assertEqual(refusal.exception.code, "bad-body")


class Results(unittest.TestCase):
    def test_every_result_of_a_checkout_is_decided_as_it_says(self) -> None:
        cases = json.loads(RESULTS.read_text(encoding="utf-8"))["cases"]
        self.assertGreater(len(cases), 90)
        for case in cases:
            with self.subTest(case["name"]):
                code = "ok"
                try:
                    result = maxpay.verify_result(
                        case["url"], master_keys=case["masterKeys"], app_id=case["appId"], now=case["now"], tolerance=case["tolerance"],
                    )
                    self.assertEqual({
                        "appId": result.app_id, "mode": result.mode, "billNum": result.bill_num, "status": result.status,
                        "time": result.time, "id": result.id, "channel": result.channel, "totalFee": result.total_fee,
                    }, case["result"])
                except maxpay.ResultError as refusal:
                    code = refusal.code
                    for key in case["masterKeys"]:
                        self.assertFalse(key and key in str(refusal))
                self.assertEqual(code, case["expect"])

    def test_settings_of_another_type_are_refused(self) -> None:
        verify: Any = maxpay.verify_result
        case = json.loads(RESULTS.read_text(encoding="utf-8"))["cases"][0]
        for keys in (None, 5, [None], [], "", [b"key"], b"key"):
            with self.subTest(keys), self.assertRaises(maxpay.ResultError) as raised:
                verify(case["url"], master_keys=keys, now=case["now"])
            self.assertEqual(raised.exception.code, "bad-key")
        for options in ({"tolerance": math.nan}, {"tolerance": -1}, {"tolerance": "300"}, {"now": math.inf}):
            with self.subTest(options), self.assertRaisesRegex(maxpay.InvalidArgument, "tolerance must be"):
                verify(case["url"], **{"master_keys": case["masterKeys"], "now": case["now"] + 9999, **options})
        with self.assertRaisesRegex(maxpay.InvalidArgument, "address must be"):
            verify({"maxpay_app": "1"}, master_keys=case["masterKeys"])
