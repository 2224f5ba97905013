
import os

env = os.environ
headers = {"webhook-id": env["WH_ID"], "webhook-timestamp": env["WH_TIMESTAMP"], "webhook-signature": env["WH_SIGNATURE"]}
body, now, secret = env["WH_BODY"].encode(), int(env["WH_TIMESTAMP"]), env["WH_SECRET"]
assert verify_webhook(headers, body, secret, now + 300)
assert verify_webhook({**headers, "webhook-signature": "v1,AAAA " + env["WH_SIGNATURE"]}, body, secret, now)
assert not verify_webhook(headers, body.replace(b'"totalFee":1', b'"totalFee":2'), secret, now)
assert not verify_webhook({**headers, "webhook-id": "msg_2"}, body, secret, now)
assert not verify_webhook(headers, body, secret, now + 301)
assert not verify_webhook({}, body, secret, now)
assert verify_sign(body, env["WH_MASTER"])
assert not verify_sign(body, "other")
