"""A shop's backend. It charges an order, hears by webhook that it is paid, and says so.

    POST /orders {"item":"tea","channel":"ali_web"}   what the payer's page or app needs to pay
    GET  /orders/<number>                             {"status":"open"} or {"status":"paid"}
    POST /webhook                                     what MaxPay tells
"""
import json
import os
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import maxpay

PRICES = {"tea": 9900}  # In fen. The server names the price, never the page.
ORDERS = {}  # A database in a real shop.
pay = maxpay.Client(os.environ["MAXPAY_URL"], os.environ["MAXPAY_APP_ID"], master_key=os.environ["MAXPAY_MASTER_KEY"])


class Shop(BaseHTTPRequestHandler):
    def do_POST(self):
        length = self.headers["Content-Length"] or ""
        if not length.isdecimal() or len(length) > 5:
            return self.answer(413, {"error": "a body is at most 99,999 bytes long, and says how long it is"})
        body = self.rfile.read(int(length))
        try:
            return self.answer(*(self.webhook(body) if self.path == "/webhook" else self.order(body)))
        except maxpay.WebhookError as error:
            return self.answer(400, {"error": error.code})
        except maxpay.MaxPayError as error:
            self.log_error("%s", error)  # It is the shop's matter, and no visitor's.
            return self.answer(502, {"error": "it cannot be paid this way now"})

    def do_GET(self):
        order = ORDERS.get(self.path.rsplit("/", 1)[-1])
        self.answer(200 if order else 404, order or {"error": "no such order"})

    def order(self, body):
        try:
            item, channel = (json.loads(body)[name] for name in ("item", "channel"))
            number, fee = uuid.uuid4().hex, PRICES[item]
        except (ValueError, TypeError, LookupError, RecursionError):
            return 400, {"error": "expected JSON with an item of the shop and a channel"}
        back = f"http://{self.headers['Host']}/orders/{number}"
        charged = pay.charge(channel=channel, bill_num=number, total_fee=fee, subject=item, return_url=back)
        ORDERS[number] = {"status": "open", "fee": fee}
        return 200, {"order": number, "id": charged.id, "pay": charged.params}

    def webhook(self, body):
        event = maxpay.verify(body, self.headers, secrets=os.environ["MAXPAY_WEBHOOK_SECRET"].split(), app_id=os.environ["MAXPAY_APP_ID"])
        order = ORDERS.get(event.bill_num)
        if event.type == "payment.success" and order and event.total_fee == order["fee"]:
            order["status"] = "paid"  # A second webhook of the same event changes nothing.
        return 200, {}

    def answer(self, status, body):
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Shop).serve_forever()
