"""Webhook verification against the vectors that all SDKs run."""

from __future__ import annotations

import base64
import json
import pathlib
import unittest

import maxpay

VECTORS = pathlib.Path(__file__).resolve().parents[2] / "vectors" / "webhooks.json"


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
                        self.assertFalse(len(secret) > 20 and secret in str(refusal))
                self.assertEqual(code, case["expect"])

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
