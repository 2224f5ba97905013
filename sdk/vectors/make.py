#!/usr/bin/env python3
"""Makes webhooks.json, the cases that the verifier of every SDK must decide alike.

All signatures come from the openssl program, so that no SDK witnesses for itself. `make.py` writes the file, and
`make.py --check` fails if the file is not what would be written.
"""

import base64
import json

from vectors import hmac_sha256, openssl, write

NOW = 1_795_474_104
ID = "msg_01a20a989d2783a01f8588ba"
APP = "568a12086e912100017722e5"
# Throwaway keys, made for this file.
SECRET = "whsec_" + base64.b64encode(bytes(range(1, 33))).decode()
OLD_SECRET = "whsec_" + base64.b64encode(bytes(range(101, 133))).decode()
OTHER_SECRET = "whsec_" + base64.b64encode(bytes(range(201, 233))).decode()
MASTER = "vectors-master-key-that-is-in-force-00000000"
OLD_MASTER = "vectors-master-key-from-before-rotation-0000"

CODES = {
    "bad-secret": "no secret is given, one is not `whsec_` with padded base64 after it, or a master key is empty or no text",
    "missing-header": "`webhook-id`, `webhook-timestamp` or `webhook-signature` is absent, empty or no text",
    "bad-timestamp": "`webhook-timestamp` is not 1 to 12 ASCII digits",
    "too-old": "`webhook-timestamp` is more than the tolerance before now",
    "too-new": "`webhook-timestamp` is more than the tolerance after now",
    "wrong-signature": "no `v1` signature in `webhook-signature` fits one of the secrets",
    "bad-body": "the body is no JSON object in UTF-8, or lacks a member of every event, or has one of another type",
    "wrong-app": "an app id is given, and the `appid` of the body is another",
    "wrong-sign": "master keys are given, and the `sign` of the body fits none of them",
}


def signature(secret, body, message_id=ID, timestamp=NOW, version="v1"):
    key = base64.b64decode(secret[len("whsec_"):])
    signed = f"{message_id}.{timestamp}.".encode() + body
    return f"{version}," + base64.b64encode(hmac_sha256(key, signed)).decode()


def sign(master_key, timestamp, app=APP):
    return openssl(["dgst", "-md5", "-binary"], f"{app}{master_key}{timestamp}".encode()).hex()


def event(master_key=MASTER, **members):
    timestamp = NOW * 1000 + 190
    body = {
        "appid": APP, "billNum": "1453966991188", "channel": "ali_app", "createdTime": 1453966980000, "currency": "CNY",
        "endTime": 1453966991188, "extras": {"type": "shopping"}, "id": "56a9c68fe4b0c5abdb349290",
        "sign": sign(master_key, timestamp), "status": "success", "timestamp": timestamp, "totalFee": 9900,
    }
    return {**body, **members}


def compact(members):
    return json.dumps(members, ensure_ascii=False, separators=(",", ":")).encode()


PLAIN = compact(event())
REFUND = compact(event(event="refund.success", refundNum="R-1", refundFee=5000, refundedFee=5000))
# Blanks, line ends, keys out of order, escapes and other scripts: the bytes are signed, not what they mean.
ODD = (
    '{ "totalFee" : 1,\r\n\t"subject":"caf\\u00e9 \\/ 茶 🍵",  "timestamp":%d, "sign":"%s",\n "id":"56a9c68fe4b0c5abdb349290",'
    '"extras":{"b":1,"a":[ ]},"appid":"%s","status":"success","billNum":"单号-1","channel":"wx_native","createdTime":1,'
    '"currency":"CNY" }\n' % (NOW * 1000, sign(MASTER, NOW * 1000), APP)
).encode()


def headers(body, secret=SECRET, **signed):
    return {
        "webhook-id": signed.get("message_id", ID),
        "webhook-timestamp": str(signed.get("timestamp", NOW)),
        "webhook-signature": signature(secret, body, **signed),
    }


def case(name, expect, body=PLAIN, **given):
    """One case; a body that is expected to be right also says what it must be read as."""
    made = {
        "name": name,
        "headers": given.get("headers", headers(body)),
        "body": base64.b64encode(body).decode(),
        "secrets": given.get("secrets", [SECRET]),
        "masterKeys": given.get("masterKeys", []),
        "appid": given.get("appid"),
        "now": given.get("now", NOW),
        "tolerance": given.get("tolerance", 300),
        "expect": expect,
    }
    if expect == "ok":
        read = json.loads(body)
        made["event"] = {"type": read.get("event", "payment.success"), "billNum": read["billNum"], "totalFee": read["totalFee"]}
    return made


def without(name):
    return {key: value for key, value in headers(PLAIN).items() if key != name}


def changed(**values):
    return {**headers(PLAIN), **{key.replace("_", "-"): value for key, value in values.items()}}


def good():
    later = signature(OLD_SECRET, PLAIN)
    yield case("a good signature", "ok")
    yield case("a good signature and the right app", "ok", appid=APP)
    yield case("a good signature, and a sign that fits", "ok", masterKeys=[MASTER], appid=APP)
    yield case("a refund names its event", "ok", REFUND, masterKeys=[MASTER])
    yield case("blanks, line ends, other scripts and unsorted keys", "ok", ODD, masterKeys=[MASTER])
    yield case("a member of the same letters in another case changes nothing", "ok",
               PLAIN[:-1] + b',"APPID":"000000000000000000000000","Sign":"00","TotalFee":1}', masterKeys=[MASTER], appid=APP)
    yield case("extras with a name that begins with a zero byte", "ok", compact(event(extras={"\0a": 1, "": {"\0*\0b": 2}})), masterKeys=[MASTER])
    yield case("members of a name that other versions do not know", "ok", compact(event(later={"\0c": [1]})))
    yield case("header names in capitals", "ok", headers={key.upper(): value for key, value in headers(PLAIN).items()})
    yield case("header names with capitals at the beginning", "ok",
               headers={key.title(): value for key, value in headers(PLAIN).items()})
    yield case("other headers beside them", "ok", headers={"Content-Type": "application/json", "x-shop": "tea", **headers(PLAIN)})
    yield case("during a rotation the new secret's signature comes first", "ok",
               headers=changed(webhook_signature=f"{signature(SECRET, PLAIN)} {later}"))
    yield case("during a rotation the old secret still fits", "ok", secrets=[OLD_SECRET],
               headers=changed(webhook_signature=f"{signature(SECRET, PLAIN)} {later}"))
    yield case("two secrets are given and the first one signed", "ok", secrets=[SECRET, OLD_SECRET])
    yield case("two secrets are given and the second one signed", "ok", secrets=[OTHER_SECRET, SECRET])
    yield case("a signature of another version stands before the right one", "ok",
               headers=changed(webhook_signature=f"v1a,AAAA  v2,{'A' * 44} {signature(SECRET, PLAIN)}"))
    yield case("two master keys are given and the second one made the sign", "ok", masterKeys=[OLD_MASTER, MASTER])
    yield case("the sign was made with the new master key and both are given", "ok", masterKeys=[MASTER, OLD_MASTER])
    yield case("as old as the tolerance", "ok", now=NOW + 300)
    yield case("as far in the future as the tolerance", "ok", now=NOW - 300)
    yield case("a longer tolerance", "ok", now=NOW + 3600, tolerance=3600)


def wrong_times_and_headers():
    yield case("one second too old", "too-old", now=NOW + 301)
    yield case("one second too far in the future", "too-new", now=NOW - 301)
    yield case("a tolerance of nothing", "too-old", now=NOW + 1, tolerance=0)
    yield case("too old and wrongly signed", "too-old", now=NOW + 301, headers=headers(PLAIN, OTHER_SECRET))
    yield case("too old by an age that no integer of 32 bits holds", "too-old", headers=headers(PLAIN, timestamp=0), now=9_999_999_999)
    for name in ("webhook-id", "webhook-timestamp", "webhook-signature"):
        yield case(f"without {name}", "missing-header", headers=without(name))
    yield case("without any header", "missing-header", headers={})
    yield case("with an empty webhook-id", "missing-header", headers=headers(PLAIN, message_id=""))
    yield case("with an empty webhook-signature", "missing-header", headers=changed(webhook_signature=""))
    yield case("with a webhook-signature that is null", "missing-header", headers=changed(webhook_signature=None))
    for written in ("soon", f"{NOW}.0", f" {NOW}", f"+{NOW}", f"-{NOW}", "1e9", f"0x{NOW:x}", "１７９５４７４１０４", "9" * 13, "9" * 40):
        yield case(f"a timestamp written as {written!r}", "bad-timestamp", headers=headers(PLAIN, timestamp=written))


def wrong_signatures():
    right = signature(SECRET, PLAIN)
    yield case("an altered body", "wrong-signature", PLAIN.replace(b"9900", b"9901"), headers=headers(PLAIN))
    yield case("a body written anew from what it means", "wrong-signature", compact(json.loads(ODD)), headers=headers(ODD))
    yield case("a byte more at the end", "wrong-signature", PLAIN + b"\n", headers=headers(PLAIN))
    yield case("an altered id", "wrong-signature", headers=changed(webhook_id="msg_01a20a989d2783a01f8588bb"))
    yield case("an altered timestamp", "wrong-signature", headers=changed(webhook_timestamp=str(NOW + 1)))
    yield case("a timestamp with a nought before it", "wrong-signature", headers=changed(webhook_timestamp=f"0{NOW}"))
    yield case("the wrong secret", "wrong-signature", secrets=[OTHER_SECRET])
    yield case("two wrong secrets", "wrong-signature", secrets=[OTHER_SECRET, OLD_SECRET])
    yield case("a right signature that says v2", "wrong-signature", headers=headers(PLAIN, version="v2"))
    yield case("a right signature that says v1a", "wrong-signature", headers=headers(PLAIN, version="v1a"))
    yield case("a right signature that says V1", "wrong-signature", headers=headers(PLAIN, version="V1"))
    yield case("a right signature without a version", "wrong-signature", headers=changed(webhook_signature=right[len("v1,"):]))
    yield case("a signature that is cut off", "wrong-signature", headers=changed(webhook_signature=right[:-4]))
    yield case("an empty signature", "wrong-signature", headers=changed(webhook_signature="v1,"))
    yield case("a signature that is no base64", "wrong-signature", headers=changed(webhook_signature="v1,***"))
    yield case("signatures with a comma between them", "wrong-signature", headers=changed(webhook_signature=f"{right},{right}"))
    yield case("an empty body under the signature of another", "wrong-signature", b"", headers=headers(PLAIN))
    yield case("a wrong signature, a wrong app and a wrong sign", "wrong-signature", masterKeys=[OLD_MASTER], appid="0" * 24,
               headers=headers(PLAIN, OTHER_SECRET))


def wrong_bodies():
    bodies = {
        "an empty body": b"", "no JSON": b"appid=568a12086e912100017722e5&billNum=1", "JSON that is cut off": PLAIN[:-1],
        "two objects": PLAIN + PLAIN, "a list": b"[" + PLAIN + b"]", "a text": b'"success"', "null": b"null", "a number": b"9900",
        "a byte order mark before it": b"\xef\xbb\xbf" + PLAIN, "bytes that are no UTF-8": PLAIN.replace(b"shopping", b"\xff\xfe"),
        "a number that JSON does not have": PLAIN.replace(b'"shopping"', b"NaN"),
    }
    for name, body in bodies.items():
        yield case(f"rightly signed: {name}", "bad-body", body)
    yield case("rightly signed: no members", "bad-body", b"{}")
    for member in ("appid", "billNum", "channel", "createdTime", "currency", "id", "status", "timestamp", "totalFee"):
        yield case(f"rightly signed: {member} is absent", "bad-body", compact({name: value for name, value in event().items() if name != member}))
    for member, value in {"totalFee": "9900", "billNum": 1, "event": 1, "refundFee": True, "createdTime": None}.items():
        yield case(f"rightly signed: {member} is {value!r}", "bad-body", compact(event(**{member: value})))
    yield case("rightly signed: totalFee has a fraction", "bad-body", PLAIN.replace(b"9900", b"99.5"))


def wrong_apps_and_signs():
    unsigned = {name: value for name, value in event().items() if name != "sign"}
    timestamp = NOW * 1000 + 190
    yield case("another app", "wrong-app", appid="000000000000000000000000")
    yield case("no app in the body", "wrong-app", compact({"billNum": "1", "totalFee": 1}), appid=APP)
    yield case("another app and a wrong sign", "wrong-app", appid="000000000000000000000000", masterKeys=[OLD_MASTER])
    bodies = {
        "made with another master key": compact(event(OLD_MASTER)),
        "absent": compact(unsigned),
        "in capitals": compact(event(sign=sign(MASTER, timestamp).upper())),
        "made for another timestamp": compact(event(timestamp=timestamp + 1)),
        "made for another app": compact(event(appid="000000000000000000000000")),
        "a number": compact(event(sign=0)),
        "true": compact(event(sign=True)),
        "null": compact(event(sign=None)),
        "empty": compact(event(sign="")),
        "beside a timestamp that is a text": compact(event(timestamp=str(timestamp))),
        "beside no timestamp": compact({name: value for name, value in event().items() if name != "timestamp"}),
        "beside an app that is no text": compact(event(appid=5, sign=sign(MASTER, timestamp, app="5"))),
    }
    for name, body in bodies.items():
        yield case(f"rightly signed, and the sign is {name}", "wrong-sign", body, masterKeys=[MASTER])
    yield case("the sign was made before a rotation of the master key", "wrong-sign", compact(event(OLD_MASTER)), masterKeys=[MASTER])


def wrong_secrets():
    bare = SECRET[len("whsec_"):]
    yield case("no secret", "bad-secret", secrets=[])
    for name, secret in {
        "empty": "", "only its beginning": "whsec_", "without its beginning": bare, "no base64": "whsec_***", "cut off": SECRET[:-3],
        "of another alphabet": "whsec_" + "_" * 43 + "=", "with a line end": SECRET + "\n", "with padding alone": "whsec_====",
    }.items():
        yield case(f"a secret that is {name}", "bad-secret", secrets=[secret])
    yield case("one good secret and one that is empty", "bad-secret", secrets=[SECRET, ""])
    yield case("a secret that is null", "bad-secret", secrets=[None])
    yield case("one good secret and one that is null", "bad-secret", secrets=[SECRET, None])
    yield case("a master key that is null", "bad-secret", masterKeys=[None])
    yield case("an empty master key", "bad-secret", masterKeys=[""], body=compact(event("")))
    yield case("a good master key and an empty one", "bad-secret", masterKeys=[MASTER, ""])


write(__file__, "webhooks.json", CODES, [*good(), *wrong_times_and_headers(), *wrong_signatures(), *wrong_bodies(), *wrong_apps_and_signs(), *wrong_secrets()])
