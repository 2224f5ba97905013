"""The transport over TLS: it is this package's own, so that nobody else has tried it."""

from __future__ import annotations

import pathlib
import ssl
import subprocess
import tempfile
import unittest
from unittest import mock

import maxpay
from maxpay import _transport

from . import stack


class Tls(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.key, self.certificate = (str(pathlib.Path(folder.name) / name) for name in ("key.pem", "certificate.pem"))
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1",
             "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", self.key, "-out", self.certificate],
            check=True, stderr=subprocess.DEVNULL,
        )
        _transport._tls.cache_clear()
        self.addCleanup(_transport._tls.cache_clear)

    def road(self, *faults: str) -> stack.Road:
        road = stack.Road(*faults)
        self.addCleanup(road.close)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.key)
        # The handshake is for the thread that answers.
        road.server.socket = context.wrap_socket(road.server.socket, server_side=True, do_handshake_on_connect=False)
        road.url = road.url.replace("http:", "https:")
        return road

    def test_a_charge_and_its_retries_go_over_tls_to_a_server_that_is_vouched_for(self) -> None:
        with mock.patch.dict("os.environ", {"SSL_CERT_FILE": self.certificate}):
            road, bill = self.road("503", "cut off"), stack.new_bill()
            charged = stack.charge(stack.client(base_url=road.url), "wx_native", bill)
            self.assertEqual([one.id for one in stack.client().records(bill_num=bill)], [charged.id])
            self.assertEqual(len(road.passed), 3)
            for fault in ("hang", "drip"):
                with self.assertRaisesRegex(maxpay.ConnectionFailed, "within 0.5 s"):
                    stack.client(base_url=self.road(fault).url, timeout=0.5, retries=0).records()

    def test_a_certificate_that_nobody_vouches_for_is_refused_before_the_key_travels(self) -> None:
        road = self.road()
        with self.assertRaisesRegex(maxpay.ConnectionFailed, "CERTIFICATE_VERIFY_FAILED"):
            stack.client(base_url=road.url, retries=0).records()
        self.assertEqual(road.passed, [])
