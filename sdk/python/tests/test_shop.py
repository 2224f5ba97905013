"""The example shop, run as a developer runs it."""

from __future__ import annotations

import http.client
import json
import os
import pathlib
import shutil
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
        bodies: Any = ({"item": "gold", "channel": "ali_web"}, {"item": [], "channel": "ali_web"}, {"item": "tea"}, [], None, b"{", b"\xff")
        for wrong in bodies:
            self.assertIn("expected JSON", self.ask("POST", "/orders", wrong)["error"])
        self.assertIn("at most", self.ask("POST", "/orders", b"[" * 100_000)["error"])
        # What the gateway says is in the log alone.
        self.assertEqual(self.ask("POST", "/orders", {"item": "tea", "channel": "ali"}), {"error": "it cannot be paid this way now"})
        self.assertEqual(self.ask("GET", "/orders/none"), {"error": "no such order"})

    def test_what_it_hands_on_is_paid_by_the_javascript_package(self) -> None:
        package = PYTHON.parent / "javascript" / "dist" / "browser.js"
        node = shutil.which("node")
        if node is None or not package.exists():
            self.skipTest("Node or sdk/javascript/dist is missing: tests/sdk/run javascript builds it")
        charged = stack.charge(stack.client(), "ali_web", stack.new_bill())
        program = """
            const { pay } = await import(process.argv[1]);
            const [charge, page] = [JSON.parse(process.argv[2]), { location: { assign: (address) => console.log(address) } }];
            const { settled } = await pay(charge, { window: page, ask: async () => "success" });
            console.log(await settled);
            process.exit();
        """
        arguments = [node, "--input-type=module", "--eval", program, package.as_uri(), json.dumps(charged.params)]
        said = subprocess.run(arguments, stdout=subprocess.PIPE, timeout=60, check=True).stdout.decode()
        self.assertEqual(said.splitlines(), [charged.ali_web, "success"])

    def ask(self, method: str, path: str, body: Optional[object] = None) -> Any:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, body if isinstance(body, bytes) else json.dumps(body))
            return json.loads(connection.getresponse().read())
        except ConnectionRefusedError:
            return None
        finally:
            connection.close()
