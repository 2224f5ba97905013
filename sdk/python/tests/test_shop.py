"""The example shop, run as a developer runs it."""

from __future__ import annotations

import http.client
import json
import os
import pathlib
import socket
import subprocess
import sys
import unittest
from typing import Any, Optional

from . import stack

PYTHON = pathlib.Path(__file__).resolve().parents[1]


class Shop(unittest.TestCase):
    def test_an_order_turns_paid_by_webhook_and_by_no_forgery(self) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        target = {"url": f"http://127.0.0.1:{self.port}/webhook"}
        made = stack.operate("POST", f"/apps/{stack.APP_ID}/webhooks", {"target": target, "mode": "test"})
        self.addCleanup(stack.operate, "DELETE", f"/apps/{stack.APP_ID}/webhooks/{made['id']}")
        environment = {**os.environ, "PORT": str(self.port), "MAXPAY_WEBHOOK_SECRET": made["secret"], "PYTHONPATH": str(PYTHON / "src")}
        shop = subprocess.Popen([sys.executable, "examples/shop.py"], cwd=PYTHON, env=environment, stderr=subprocess.DEVNULL)
        self.addCleanup(shop.wait, 10)
        self.addCleanup(shop.terminate)
        stack.until("the shop", lambda: self.ask("GET", "/orders/none"))

        order = self.ask("POST", "/orders", {"item": "tea", "channel": "ali_web"})
        self.assertTrue(order["pay"]["ali_web"].startswith("http"))
        self.assertEqual(self.ask("GET", f"/orders/{order['order']}")["status"], "open")
        forged = {"billNum": order["order"], "totalFee": 9900}
        self.assertEqual(self.ask("POST", "/webhook", forged), {"error": "missing-header"})
        self.assertEqual(self.ask("GET", f"/orders/{order['order']}")["status"], "open")

        stack.pay("ali_web", order["id"])
        stack.until("the order to be paid", lambda: self.ask("GET", f"/orders/{order['order']}")["status"] == "paid" or None)
        for wrong in ({"item": "gold", "channel": "ali_web"}, {"item": [], "channel": "ali_web"}, {"item": "tea"}, [], None, b"{", b"\xff"):
            self.assertIn("expected JSON", self.ask("POST", "/orders", wrong)["error"])
        self.assertIn("at most", self.ask("POST", "/orders", b"[" * 100_000)["error"])
        # What the gateway says is in the log alone.
        self.assertEqual(self.ask("POST", "/orders", {"item": "tea", "channel": "ali"}), {"error": "it cannot be paid this way now"})
        self.assertEqual(self.ask("GET", "/orders/none"), {"error": "no such order"})

    def ask(self, method: str, path: str, body: Optional[object] = None) -> Any:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, body if isinstance(body, bytes) else json.dumps(body))
            return json.loads(connection.getresponse().read())
        except ConnectionRefusedError:
            return None
        finally:
            connection.close()
