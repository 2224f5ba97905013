"""A merchant on the stack, with Alipay's part played by the test: the test has the key that Alipay would sign with."""

import base64
import io
import json
import time
import urllib.parse
import zipfile

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

HOOK = "webhook-shop"
# It fails where its environment says so.
HOOK_CODE = """import os
def handler(event, context):
    if os.environ.get("BROKEN"):
        raise RuntimeError("broken")
    return {"statusCode": 200}
"""
PASSWORD = "a long password of the first owner"
DELIVERED_SECONDS_MAX = 30


def until(is_true, seconds, what):
    """Waits until something is true."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if is_true():
            return
        time.sleep(0.3)
    raise AssertionError(f"{what}: not within {seconds} s")


class Shop:
    """An app with a live account at Alipay and a function that takes its events."""

    def __init__(self, cloud):
        self.cloud = cloud
        self.operator = {"Authorization": f"Bearer {cloud.secret_value('OperatorTokenSecret')}"}
        self.ours, self.alipays = (rsa.generate_private_key(65537, 2048) for _ in range(2))
        self.ids = {}

    def open(self):
        owner = {"name": "first", "role": "owner", "password": PASSWORD}
        assert self.admin("POST", "/operators", owner).status == 201
        app = self.admin("POST", "/apps", {"name": "cloud"}).json
        self.app, self.client = app["appId"], {"X-ML-AppId": app["appId"], "X-ML-APIKey": app["live"]["clientKey"]}
        self.master = {"X-ML-AppId": app["appId"], "X-ML-MasterKey": app["live"]["masterKey"]}
        # A name that no resolver knows (RFC 2606): the provider cannot be reached from anywhere.
        self.settings = {"protocol": "openapi", "appId": "2021000000000009", "sellerId": "2088000000000009", "gateway": "https://alipay.invalid/gateway.do"}
        self.settings |= {"privateKey": private(self.ours), "alipayPublicKey": public(self.alipays)}
        assert self.save_channel().status == 200
        self.hang_hook()
        hook = {"target": {"function": HOOK}, "mode": "live", "events": ["payment.success"]}
        self.webhook = self.admin("POST", f"/apps/{self.app}/webhooks", hook).json["id"]

    def admin(self, method, path, body=None):
        return self.cloud.call(method, f"/admin/v1{path}", body, self.operator)

    def save_channel(self, **other):
        return self.admin("PUT", f"/apps/{self.app}/channels/ali?mode=live", self.settings | other)

    def hang_hook(self):
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr("hook.py", HOOK_CODE)
        role = "arn:aws:iam::000000000000:role/hook"
        self.cloud.client("lambda").create_function(FunctionName=HOOK, Runtime="python3.11", Handler="hook.handler", Role=role, Code={"ZipFile": packed.getvalue()})

    def break_hook(self, broken):
        variables = {"BROKEN": "yes"} if broken else {}
        self.cloud.client("lambda").update_function_configuration(FunctionName=HOOK, Environment={"Variables": variables})

    # ---- Paying

    def charge(self, bill, **other):
        body = other | {"channel": "ali_web", "billNum": bill, "totalFee": 1, "returnUrl": "https://shop.example/back"}
        body.setdefault("subject", "tea")
        charged = self.cloud.call("POST", "/2.0/maxpay/bill", body, self.client).json
        assert charged["code"] == 0, charged
        self.ids[bill] = charged["id"]
        return dict(urllib.parse.parse_qsl(urllib.parse.urlparse(charged["ali_web"]).query))

    def notify(self, bill, order):
        """Sends the notify to the address that the charge gave to Alipay, signed as Alipay signs."""
        now = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(time.time() + 8 * 3600))
        told = {"notify_id": f"n-{bill}", "notify_type": "trade_status_sync", "app_id": self.settings["appId"], "seller_id": self.settings["sellerId"]}
        told |= {"charset": "utf-8", "version": "1.0", "trade_no": f"20261128{len(self.ids):06}", "out_trade_no": self.ids[bill]}
        told |= {"trade_status": "TRADE_SUCCESS", "total_amount": "0.01", "gmt_payment": now}
        text = "&".join(f"{name}={value}" for name, value in sorted(told.items()))
        told |= {"sign": base64.b64encode(self.alipays.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())).decode(), "sign_type": "RSA2"}
        path = urllib.parse.urlparse(order["notify_url"]).path
        return self.cloud.call("POST", path, urllib.parse.urlencode(told))

    def pay(self, bill, **other):
        """Charges, notifies, and waits for the webhook."""
        answer = self.notify(bill, self.charge(bill, **other))
        assert answer.body == "success", answer.body
        until(lambda: self.delivery(bill)["state"] == "delivered", DELIVERED_SECONDS_MAX, f"the delivery of {bill}")

    def transaction(self, bill):
        return self.admin("GET", f"/apps/{self.app}/transactions/{self.ids[bill]}?mode=live").json

    def delivery(self, bill):
        [delivery] = self.transaction(bill)["deliveries"]
        return delivery

    def record(self, bill):
        [record] = self.cloud.call("POST", "/2.0/maxpay/records", {"billNum": bill}, self.client).json["results"]
        return record

    def is_paid(self, bill):
        record = self.record(bill)
        assert record["status"] == "success", record

    def refund_is_pending(self, bill, number):
        answer = self.cloud.call("POST", "/2.0/maxpay/refund", {"billNum": bill, "refundNum": number, "refundFee": 1}, self.master).json
        assert (answer["code"], answer["status"]) == (0, "pending"), answer
        [refund] = self.transaction(bill)["refunds"]
        assert refund["status"] == "pending", refund
        warned = [line for line in self.cloud.logged() if "the provider did not answer" in line or "alipay.invalid" in line]
        assert warned, "nobody said that the provider cannot be reached"

    def gateways_are_guarded(self):
        for gateway in ("https://127.0.0.1/gateway.do", "https://169.254.169.254/gateway.do", "http://alipay.invalid/gateway.do"):
            answer = self.save_channel(gateway=gateway)
            assert (answer.status, answer.json["field"]) == (400, "gateway"), answer.body

    def checkout_opens(self, bill, **other):
        """The page by which a bill is paid with any wallet."""
        body = {"billNum": bill, "totalFee": 1, "subject": "a second tea", "returnUrl": "https://shop.example/back"} | other
        made = self.cloud.call("POST", "/2.0/maxpay/checkout", body, self.master).json
        assert made["code"] == 0, made
        page = self.cloud.call("GET", urllib.parse.urlparse(made["url"]).path)
        assert page.status == 200 and body["subject"] in page.body, page.body

    # ---- The console

    def sign_in(self):
        answer = self.cloud.call("POST", "/console/sign-in", urllib.parse.urlencode({"name": "first", "password": PASSWORD}))
        assert answer.status == 303, answer.body
        return "; ".join(value.split(";")[0] for value in answer.headers.get_all("Set-Cookie"))

    def console_opens(self, cookie, opens=True):
        answer = self.cloud.call("GET", "/console/apps", headers={"Cookie": cookie})
        assert answer.status == (200 if opens else 303), answer.status
        assert not opens or "cloud" in answer.body


def private(key):
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode()


def public(key):
    return key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()
