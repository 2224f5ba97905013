"""Starts, kills and calls the local stack as a process. Standard library only."""

import base64
import hashlib
import hmac
import http.client
import http.server
import json
import pathlib
import signal
import socket
import subprocess
import threading
import time
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parents[2]
START_SECONDS_MAX = 60


class Stack:
    """The binary `local` on a data folder."""

    running = []

    @classmethod
    def kill_all(cls):
        """Ends all processes, so that none outlives the script."""
        for process in cls.running:
            if process.poll() is None:
                process.kill()

    def __init__(self, binary, folder, port, log=None):
        self.binary, self.folder, self.port = binary, folder, port
        self.log = log or folder.parent / f"{folder.name}.log"
        self.process = None

    def start(self):
        """Starts it and returns at once."""
        with self.log.open("ab") as log:
            command = [self.binary, "--port", str(self.port), "--data-dir", self.folder]
            self.process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        self.running.append(self.process)

    def wait_until_ready(self):
        """Returns when it answers; raises if it ended or takes too long."""
        until = time.monotonic() + START_SECONDS_MAX
        while time.monotonic() < until:
            if self.process.poll() is not None:
                raise AssertionError(f"the stack ended with {self.process.returncode}:\n{self.last_words()}")
            try:
                if self.ask("GET", "/").status == 200:
                    return
            except OSError:
                time.sleep(0.02)
        raise AssertionError(f"the stack did not answer within {START_SECONDS_MAX} s:\n{self.last_words()}")

    def start_and_end(self):
        """Starts it on a folder that it should refuse. Returns its exit code and output, or None if it became ready."""
        before = self.log.stat().st_size if self.log.exists() else 0
        self.start()
        try:
            self.wait_until_ready()
            return None
        except AssertionError:
            self.kill()
            return self.process.returncode, self.log.read_bytes()[before:].decode()

    def kill(self):
        """Kills it, as a power cut would."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        """Ends it as Ctrl-C does: the database is one file afterwards."""
        self.process.send_signal(signal.SIGINT)
        self.process.wait()

    def last_words(self):
        return self.log.read_text()[-2000:]

    def keys(self):
        return json.loads((self.folder / "local.json").read_text())

    def ask(self, method, path, body=None, headers=None):
        """Makes one call. After an OSError or HTTPException it is unknown whether the call took effect."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            sent = None if body is None else json.dumps(body)
            connection.request(method, path, sent, {"Content-Type": "application/json", **(headers or {})})
            return Answer(connection.getresponse())
        finally:
            connection.close()


class Answer:
    def __init__(self, response):
        self.status, self.text = response.status, response.read().decode()

    def json(self):
        return json.loads(self.text)

    def ok(self):
        assert 200 <= self.status < 300, f"{self.status}: {self.text}"
        return self.json()


class Merchant:
    """The demo app's server: charges, refunds and queries with its master key of the test mode."""

    def __init__(self, stack):
        keys = stack.keys()
        self.stack, self.app = stack, keys["apps"][0]
        self.headers = {"X-ML-AppId": self.app["appId"], "X-ML-MasterKey": self.app["test"]["masterKey"]}
        self.operator = {"Authorization": f"Bearer {keys['operatorToken']}"}

    def call(self, operation, body):
        return self.stack.ask("POST", f"/2.0/maxpay/{operation}", body, self.headers).json()

    def admin(self, method, path, body=None):
        return self.stack.ask(method, f"/admin/v1/apps/{self.app['appId']}{path}", body, self.operator).ok()

    def charge(self, bill, fee):
        body = {"channel": "ali_qrcode", "billNum": bill, "totalFee": fee, "subject": "A cup of tea"}
        return self.call("bill", {**body, "returnUrl": "https://shop.example/back"})

    def trade(self, id):
        answer = self.stack.ask("GET", f"/_local/simulator/alipay/trades/{id}")
        return None if answer.status == 404 else answer.ok()

    def pay(self, id):
        """Plays the payer. `trade` tells whether it worked."""
        self.stack.ask("POST", f"/_local/simulator/alipay/trades/{id}/pay", {})


class Receiver:
    """The merchant's webhook. It runs in this process and outlives every kill. It refuses some messages, chosen by `refuses`."""

    def __init__(self, refuses):
        self.events, self.lock, self.secret = {}, threading.Lock(), None
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status = 500 if refuses() else receiver.take(self.headers, body)
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def take(self, headers, body):
        message, moment = headers["webhook-id"], headers["webhook-timestamp"]
        key = base64.b64decode(self.secret.removeprefix("whsec_"))
        mac = hmac.new(key, f"{message}.{moment}.".encode() + body, hashlib.sha256).digest()
        expected = "v1," + base64.b64encode(mac).decode()
        if not any(hmac.compare_digest(expected, given) for given in headers["webhook-signature"].split(" ")):
            return 401
        with self.lock:
            self.events.setdefault(message, []).append(json.loads(body))
        return 200

    def heard(self, event):
        """The bodies of one event's messages. Copies with the same `webhook-id` count as one message."""
        with self.lock:
            bodies = [bodies[-1] for bodies in self.events.values()]
        return [body for body in bodies if body.get("event", "payment.success") == event]


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]
