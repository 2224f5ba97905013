"""Starts a local stack on a temporary folder, fills it with data, and lets Schemathesis call every operation.

    tests/schemathesis/run [examples] [seed]

Each answer must not be 5xx; its status, content type and headers must be those of docs/openapi.yaml for the operation, and its body must
fit the schema. Merchants' operations are called as the demo app. Operators' operations are called on another app (hooks.py), because some
of them replace keys that the run needs. No operation is left out.
"""

import argparse
import base64
import json
import os
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "processes"))
from stack import Merchant, Stack, free_port  # noqa: E402

CHECKS = [
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
]
# Of the stack's log, where something is wrong.
LINES_MAX = 40
TABS = ["ali", "wx_app", "wx_mp", "unipay_app", "unipay_web"]


def main():
    arguments = read_arguments()
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        stack = Stack(arguments.binary, folder / "data", free_port())
        stack.start()
        try:
            stack.wait_until_ready()
            known = folder / "known.json"
            known.write_text(json.dumps(prepare(stack)))
            code = call(stack, known, arguments)
        except BaseException:
            print(stack.last_words(), file=sys.stderr)
            raise
        finally:
            stack.kill()
        wrong = [line for line in stack.log.read_text().splitlines() if " ERROR " in line or "panicked" in line]
        print("\n".join(wrong[:LINES_MAX]), file=sys.stderr)
        code = code or int(any("panicked" in line for line in wrong))
    sys.exit(code)


def prepare(stack):
    """Bills in every state, a refund, deliveries and an incident, for both apps. What hooks.py puts in place of made-up names."""
    demo = Merchant(stack)
    made = stack.ask("POST", "/admin/v1/apps", {"name": "shown"}, demo.operator).ok()
    shown = Merchant(stack)
    shown.app = made
    shown.headers = {"X-ML-AppId": made["appId"], "X-ML-MasterKey": made["test"]["masterKey"]}
    for tab in TABS:
        shown.admin("PUT", f"/channels/{tab}?mode=test", {"protocol": "simulator"})
    closed = f"http://127.0.0.1:{free_port()}/"
    hook = shown.admin("POST", "/webhooks", {"target": {"url": closed}, "mode": "test", "events": ["payment.success"]})
    for shop in (demo, shown):
        trade(shop)
    number = shown.call("records", {"billNum": "paid"})["results"][0]["id"]
    deliveries = shown.admin("GET", "/deliveries")["items"]
    incidents = shown.admin("GET", "/incidents?mode=test&kind=forged")["items"]
    operator = {"name": "li.lei", "role": "viewer", "password": "correct horse battery"}
    stack.ask("POST", "/admin/v1/operators", operator, demo.operator).ok()
    return {
        "demo": demo.app["appId"],
        "shown": made["appId"],
        "bills": ["paid", "back", "open"],
        "refunds": ["R-1"],
        "closed": closed,
        "path": {
            "appId": made["appId"],
            "app": made["appId"],
            "id": number,
            "webhookId": hook["id"],
            "deliveryId": deliveries[0]["id"],
            "incidentId": incidents[0]["id"],
            "name": "li.lei",
            "account": 1,
            "try": "01",
            "bill": encoded("paid"),
        },
    }


def trade(shop):
    for bill in ("paid", "back", "open"):
        charged = shop.charge(bill, 9900)
        assert charged["code"] == 0, charged
        if bill != "open":
            shop.pay(charged["id"])
    refunded = shop.call("refund", {"billNum": "back", "refundNum": "R-1", "refundFee": 4000})
    assert refunded["code"] == 0, refunded
    place = f"/notify/{shop.app['appId']}/test/ali_qrcode/01/{encoded('open')}"
    forged = shop.stack.ask("POST", place, {"forged": True})
    assert forged.status == 400, forged.text


def encoded(bill):
    return base64.urlsafe_b64encode(bill.encode()).decode().rstrip("=")


def call(stack, known, arguments):
    merchant = Merchant(stack)
    headers = {**merchant.headers, **merchant.operator}
    command = [
        pathlib.Path(sys.executable).with_name("schemathesis"),
        *("--config-file", HERE / "schemathesis.toml"),
        *("run", HERE.parents[1] / "docs/openapi.yaml"),
        *("--url", f"http://127.0.0.1:{stack.port}"),
        *("--checks", ",".join(CHECKS)),
        *("--max-examples", str(arguments.examples)),
        *("--seed", str(arguments.seed)),
        *arguments.more,
    ]
    for name, value in headers.items():
        command += ["--header", f"{name}: {value}"]
    environment = {**os.environ, "MAXPAY_KNOWN": str(known), "PYTHONPATH": str(HERE), "SCHEMATHESIS_HOOKS": "hooks"}
    return subprocess.run([str(word) for word in command], env=environment, cwd=known.parent).returncode


def read_arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", type=pathlib.Path, required=True)
    parser.add_argument("--examples", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    arguments, more = parser.parse_known_args()
    # The stack runs in a folder of its own.
    arguments.binary, arguments.more = arguments.binary.resolve(), more
    return arguments


if __name__ == "__main__":
    main()
