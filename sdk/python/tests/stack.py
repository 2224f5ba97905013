"""The running local stack, its operator and its payers, a server that webhooks arrive at, and a road to the stack with faults in it."""

from __future__ import annotations

import atexit
import html
import http.client
import itertools
import json
import os
import re
import sys
import threading
import time
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Callable, Dict, List, Optional, Tuple, TypeVar
from urllib.parse import urlsplit

import maxpay

T = TypeVar("T")
URL = os.environ["MAXPAY_URL"]
APP_ID = os.environ["MAXPAY_APP_ID"]
CLIENT_KEY = os.environ["MAXPAY_CLIENT_KEY"]
MASTER_KEY = os.environ["MAXPAY_MASTER_KEY"]
OPERATOR_TOKEN = os.environ["MAXPAY_OPERATOR_TOKEN"]
SECONDS_MAX = 60.0
EVENTS = ["payment.success", "refund.success", "refund.failed", "refund.stuck", "payment.closed", "payment.mismatch", "payment.duplicate"]

# What a charge needs on each channel, and which members its answer has.
CHANNELS: Dict[maxpay.Channel, Tuple[Dict[str, Any], List[str]]] = {
    "ali_app": ({}, ["ali_app"]),
    "ali_web": ({"return_url": URL + "/_local/returned"}, ["ali_web"]),
    "ali_wap": ({}, ["ali_wap"]),
    "ali_qrcode": ({"return_url": URL + "/_local/returned"}, ["codeUrl"]),
    "wx_app": ({}, ["appid", "partnerid", "prepayid", "package", "noncestr", "timestamp", "sign"]),
    "wx_jsapi": ({"openid": "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"}, ["appId", "timeStamp", "nonceStr", "package", "signType", "paySign"]),
    "wx_native": ({}, ["codeUrl"]),
    "wx_lite": ({"openid": "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"}, ["appId", "timeStamp", "nonceStr", "package", "signType", "paySign"]),
    "wx_h5": ({"client_ip": "203.0.113.8"}, ["wx_h5"]),
    "unipay_app": ({}, ["tn"]),
    "unipay_web": ({"return_url": URL + "/_local/returned"}, ["html"]),
    "applepay_upacp": ({}, ["tn"]),
}
_counted = itertools.count()
_run = uuid.uuid4().hex[:8]


def client(**options: Any) -> maxpay.Client:
    return maxpay.Client(options.pop("base_url", URL), APP_ID, **{"master_key": MASTER_KEY, **options})


def new_bill(channel: str = "") -> str:
    return f"py-{_run}-{channel}-{next(_counted)}"


def charge(maxpay_client: maxpay.Client, channel: maxpay.Channel, bill: str, fee: int = 9900, **options: Any) -> maxpay.Charged:
    return maxpay_client.charge(channel=channel, bill_num=bill, total_fee=fee, subject="一杯茶", **{**CHANNELS[channel][0], **options})


def ask(method: str, path: str, body: Optional[object] = None, **headers: str) -> Any:
    """A call that the SDK does not know: the operator's and the simulators'."""
    parts = urlsplit(URL)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)
    connection.request(method, path, None if body is None else json.dumps(body), {"Content-Type": "application/json", **headers})
    answer = connection.getresponse()
    said = answer.read().decode()
    connection.close()
    if answer.status >= 300:
        raise AssertionError(f"{method} {path}: {answer.status} {said}")
    return json.loads(said) if said else None


def operate(method: str, path: str, body: Optional[object] = None) -> Any:
    return ask(method, "/admin/v1" + path, body, Authorization=f"Bearer {OPERATOR_TOKEN}")


def pay(channel: str, id: str) -> None:
    family = channel.split("_")[0]
    trade = {"ali": "alipay/trades", "wx": "wechat/trades"}.get(family, "unionpay/orders")
    ask("POST", f"/_local/simulator/{trade}/{id}/pay", {})


def leave(page: str) -> str:
    """A payer leaves a checkout: where the next page sends the browser."""
    parts = urlsplit(page)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)
    connection.request("POST", parts.path + "/leave", b"", {"Content-Length": "0"})
    answer = connection.getresponse()
    said = answer.read().decode()
    connection.close()
    sent = re.search('data-go="([^"]*)"', said)
    if sent is None:
        raise AssertionError(f"{answer.status} {said}")
    return html.unescape(sent.group(1))


def until(what: str, find: Callable[[], Optional[T]]) -> T:
    """Asks until there is an answer, a minute at the most."""
    deadline, tick = time.monotonic() + SECONDS_MAX, threading.Event()
    while time.monotonic() < deadline:
        found = find()
        if found is not None:
            return found
        tick.wait(0.05)
    raise AssertionError(f"waited {SECONDS_MAX:g} s in vain: {what}")


class _Quiet(BaseHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """Says nothing."""

    def received(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def answer(self, status: int, body: bytes = b"") -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("apigw-requestid", "r-1")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that breaks off is what some tests are about; anything else is told."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


def serve(handler: type) -> ThreadingHTTPServer:
    server = _Server(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def address(server: ThreadingHTTPServer) -> str:
    return f"http://127.0.0.1:{server.server_address[1]}"


class Receiver:
    """A webhook of all events that ends here."""

    def __init__(self) -> None:
        self.came: List[Tuple[Dict[str, str], bytes]] = []
        came = self.came

        class Handler(_Quiet):
            def do_POST(self) -> None:
                body = self.received()
                came.append((dict(self.headers.items()), body))
                self.answer(200)

        self.server = serve(Handler)
        made = operate("POST", f"/apps/{APP_ID}/webhooks", {"target": {"url": address(self.server)}, "mode": "test", "events": EVENTS})
        self.id, self.secret = made["id"], made["secret"]
        atexit.register(operate, "DELETE", f"/apps/{APP_ID}/webhooks/{self.id}")

    def event(self, bill: str, type: str) -> maxpay.Event:
        """Waits for an event, and verifies every webhook of that bill on the way."""
        def find() -> Optional[maxpay.Event]:
            for headers, body in list(self.came):
                if bill.encode() in body:
                    event = maxpay.verify(body, headers, secrets=[self.secret], master_keys=[MASTER_KEY], app_id=APP_ID)
                    if event.type == type:
                        return event
            return None
        return until(f"{type} of {bill}", find)


class Road:
    """A server that leads to the stack. For each request it takes the next of its faults, and passes the request on when none is left."""

    def __init__(self, *faults: str) -> None:
        self.faults = list(faults)
        self.passed: List[Tuple[Dict[str, str], bytes]] = []
        road = self

        class Handler(_Quiet):
            def do_POST(self) -> None:
                road._take(self, self.received())

        self.server = serve(Handler)
        self.url = address(self.server)
        self.closing = threading.Event()

    def close(self) -> None:
        self.closing.set()
        self.server.shutdown()
        self.server.server_close()

    def _take(self, handler: _Quiet, body: bytes) -> None:
        self.passed.append((dict(handler.headers.items()), body))
        fault = self.faults.pop(0) if self.faults else "pass"
        if fault == "drop":
            handler.close_connection = True
        elif fault == "hang":
            self.closing.wait(SECONDS_MAX)
        elif fault == "drip":
            self._drip(handler)
        elif fault == "cut off":
            handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"code\":0")
        elif fault == "redirect":
            handler.wfile.write(b"HTTP/1.1 308 Permanent Redirect\r\nLocation: " + URL.encode() + b"/2.0/maxpay/records\r\nContent-Length: 0\r\n\r\n")
        elif fault == "14":
            handler.answer(503, b'{"code":14,"msg":"RUN_TIME_ERROR","err":"our own fault"}')
        elif fault.startswith("200"):
            handler.answer(200, fault[4:].encode())
        elif fault.isdigit():
            handler.answer(int(fault), b'{"message":"of the road"}')
        else:
            answer = self._pass_on(handler, body)
            if fault == "lose the answer":
                handler.close_connection = True
            else:
                handler.answer(*answer)

    def _drip(self, handler: _Quiet) -> None:
        try:
            while not self.closing.wait(0.05):
                handler.wfile.write(b"H")
                handler.wfile.flush()
        except OSError:
            return

    def _pass_on(self, handler: _Quiet, body: bytes) -> Tuple[int, bytes]:
        parts = urlsplit(URL)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)
        connection.request("POST", handler.path, body, {name: value for name, value in handler.headers.items() if name != "Host"})
        answer = connection.getresponse()
        said = answer.read()
        connection.close()
        return answer.status, said


_receivers: List[Receiver] = []


def receiver() -> Receiver:
    if not _receivers:
        _receivers.append(Receiver())
    return _receivers[0]
