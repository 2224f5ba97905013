#!/usr/bin/env python3
"""Makes results.json, the results of checkouts that the verifier of every SDK must decide alike.

All signatures come from the openssl program, so that no SDK witnesses for itself. `make_results.py` writes the file, and
`make_results.py --check` fails if the file is not what would be written.
"""

import urllib.parse

from vectors import hmac_sha256, write

NOW = 1_795_474_104
APP = "568a12086e912100017722e5"
# Throwaway keys, made for this file.
MASTER = "vectors-master-key-that-is-in-force-00000000"
OLD_MASTER = "vectors-master-key-from-before-rotation-0000"
SHOP = "https://shop.example/back"

CODES = {
    "bad-key": "no master key is given, or one is empty or no text",
    "repeated-parameter": "a parameter whose name begins with `maxpay_` is there twice",
    "missing-parameter": "`maxpay_app`, `maxpay_bill`, `maxpay_mode`, `maxpay_status`, `maxpay_time` or `maxpay_sign` is absent or empty",
    "wrong-signature": "`maxpay_sign` fits no master key",
    "bad-result": "a rightly signed parameter is not of its form",
    "wrong-app": "an app id is given, and `maxpay_app` is another",
    "too-old": "`maxpay_time` is more than the tolerance before now",
    "too-new": "`maxpay_time` is more than the tolerance after now",
}


def signature(parameters, key=MASTER):
    lines = ["maxpay-checkout-result", *(f"{name}={value}" for name, value in sorted(parameters.items()))]
    return hmac_sha256(key.encode(), "\n".join(lines).encode()).hex()


def left(**changed):
    """The parameters of a payer who did not pay; `None` takes one out."""
    made = {
        "maxpay_app": APP, "maxpay_mode": "live", "maxpay_bill": "112233", "maxpay_status": "cancel", "maxpay_time": str(NOW * 1000),
        **{f"maxpay_{name}": value for name, value in changed.items()},
    }
    return {name: value for name, value in made.items() if value is not None}


def paid(**changed):
    return left(**{"status": "success", "id": "56a9c68fe4b0c5abdb349290", "channel": "wx_jsapi", "fee": "9900", **changed})


def signed(parameters, key=MASTER):
    return {**parameters, "maxpay_sign": signature(parameters, key)}


def query(parameters):
    return urllib.parse.urlencode(parameters)


def case(name, expect, parameters=None, **given):
    """One case; a result that is expected to be right also says what it must be read as."""
    parameters = signed(paid()) if parameters is None else parameters
    made = {
        "name": name,
        "url": given.get("url", f"{SHOP}?{query(parameters)}"),
        "masterKeys": given.get("masterKeys", [MASTER]),
        "appId": given.get("appId"),
        "now": given.get("now", NOW),
        "tolerance": given.get("tolerance", 300),
        "expect": expect,
    }
    if expect == "ok":
        fee = parameters.get("maxpay_fee")
        made["result"] = {
            "appId": parameters["maxpay_app"], "mode": parameters["maxpay_mode"], "billNum": parameters["maxpay_bill"],
            "status": parameters["maxpay_status"], "time": int(parameters["maxpay_time"]), "id": parameters.get("maxpay_id"),
            "channel": parameters.get("maxpay_channel"), "totalFee": None if fee is None else int(fee),
        }
    return made


def good():
    result = signed(paid())
    text = query(result)
    yield case("paid", "ok")
    yield case("paid, and the right app", "ok", appId=APP)
    yield case("cancelled", "ok", signed(left()))
    yield case("left while a payment may still succeed", "ok", signed(left(status="unknown")))
    yield case("of the test mode", "ok", signed(paid(mode="test")))
    yield case("the query alone", "ok", url=text)
    yield case("the query with its question mark", "ok", url=f"?{text}")
    yield case("a path and its query", "ok", url=f"/back?{text}")
    yield case("parameters of the shop's own stand before it", "ok", url=f"{SHOP}?order=7&ref=a?b&{text}")
    yield case("parameters of the shop's own stand in a query alone", "ok", url=f"ref=https://a.example/?b&{text}")
    yield case("a fragment stands behind it", "ok", url=f"{SHOP}?{text}#maxpay_fee=1")
    yield case("another order of the parameters", "ok", url=f"{SHOP}?{query(dict(reversed(result.items())))}")
    yield case("empty pairs between the parameters", "ok", url=f"{SHOP}?&&{text}&")
    odd = signed(paid(bill="茶 #7/50%+1&a=b"))
    yield case("a bill number with signs that an address escapes", "ok", odd)
    yield case("blanks that are written as %20", "ok", odd, url=f"{SHOP}?{urllib.parse.urlencode(odd, quote_via=urllib.parse.quote)}")
    escaped = text.replace("maxpay_", "%6Daxpay%5f")
    yield case("names that are escaped", "ok", url=f"{SHOP}?{escaped}")
    yield case("a parameter of a later version is signed, too", "ok", signed(paid(later="1")))
    yield case("a channel of a later version", "ok", signed(paid(channel="moon_pay")))
    yield case("a shop's parameter with a bad escape", "ok", url=f"{SHOP}?discount=50%&x=%zz&{text}")
    yield case("a shop's parameters with brackets and dots", "ok", url=f"{SHOP}?a[]=1&a[]=2&b.c=3&{text}")
    yield case("the name counts to the letter", "ok", url=f"{SHOP}?MAXPAY_FEE=1&Maxpay_status=cancel&{text}")
    yield case("two master keys are given and the second one signed", "ok", masterKeys=[OLD_MASTER, MASTER])
    yield case("two master keys are given and the first one signed", "ok", masterKeys=[MASTER, OLD_MASTER])
    yield case("as old as the tolerance", "ok", now=NOW + 300)
    yield case("as far in the future as the tolerance", "ok", now=NOW - 300)
    yield case("a longer tolerance", "ok", now=NOW + 3600, tolerance=3600)
    yield case("the largest fee", "ok", signed(paid(fee="10000000000")))


def wrong_parameters():
    result = signed(paid())
    text = query(result)
    for name in ("app", "bill", "mode", "status", "time", "sign"):
        full = f"maxpay_{name}"
        yield case(f"without {full}", "missing-parameter", {key: value for key, value in result.items() if key != full})
        yield case(f"with an empty {full}", "missing-parameter", {**result, full: ""})
    yield case("nothing at all", "missing-parameter", url="")
    yield case("an address without a query", "missing-parameter", url=SHOP)
    yield case("everything stands in the fragment", "missing-parameter", url=f"{SHOP}#?{text}")
    yield case("a parameter without a value", "missing-parameter", url=f"{SHOP}?{text.replace('maxpay_mode=live', 'maxpay_mode')}")
    for name in ("fee", "status", "sign"):
        yield case(f"maxpay_{name} is there twice", "repeated-parameter", url=f"{SHOP}?{text}&maxpay_{name}={result[f'maxpay_{name}']}")
    yield case("a parameter is there twice, once escaped", "repeated-parameter", url=f"{SHOP}?{text}&maxpay%5ffee=1")
    yield case("a parameter is there twice, and others are absent", "repeated-parameter", url=f"{SHOP}?maxpay_fee=1&maxpay_fee=2")


def wrong_signatures():
    result = signed(paid())
    sign = result["maxpay_sign"]
    for name, value in {"app": "000000000000000000000000", "mode": "test", "bill": "112234", "status": "unknown", "time": str(NOW * 1000 + 1),
                        "id": "56a9c68fe4b0c5abdb349291", "channel": "ali_wap", "fee": "1"}.items():
        yield case(f"an altered maxpay_{name}", "wrong-signature", {**result, f"maxpay_{name}": value})
    yield case("a parameter is taken out", "wrong-signature", {key: value for key, value in result.items() if key != "maxpay_fee"})
    yield case("a parameter is put in", "wrong-signature", {**result, "maxpay_more": "1"})
    yield case("a cancelled result that says paid", "wrong-signature", {**signed(left()), "maxpay_status": "success"})
    folded = {name: value for name, value in result.items() if name != "maxpay_channel"}
    # What is signed would have the same lines if a value could hold a line end.
    yield case("two parameters written as one", "wrong-signature", {**folded, "maxpay_bill": "112233\nmaxpay_channel=wx_jsapi"})
    for name, value in {"in capitals": sign.upper(), "cut off": sign[:-2], "longer": sign + "00", "no hex": "z" * 64, "of another script": "０" * 64,
                        "of zeros": "0" * 64}.items():
        yield case(f"a signature that is {name}", "wrong-signature", {**result, "maxpay_sign": value})
    yield case("a signature with a bad escape", "wrong-signature", url=f"{SHOP}?{query(paid())}&maxpay_sign=%zz")
    yield case("a value that is no UTF-8", "wrong-signature", url=f"{SHOP}?{query(result).replace('112233', '%ff%fe')}")
    yield case("another master key", "wrong-signature", masterKeys=[OLD_MASTER])
    yield case("the key from before a rotation signed", "wrong-signature", signed(paid(), OLD_MASTER))
    yield case("an altered, old result of another app", "wrong-signature", {**result, "maxpay_fee": "1"}, now=NOW + 9999, appId="0" * 24)
    plain = "\n".join(f"{name}={value}" for name, value in sorted(paid().items()))
    bare = hmac_sha256(MASTER.encode(), plain.encode()).hex()
    yield case("a signature without the first line", "wrong-signature", {**paid(), "maxpay_sign": bare})


def wrong_results():
    for name, parameters in {
        "a status that there is not": paid(status="maybe"), "a mode that there is not": paid(mode="demo"),
        "a time that is no number": paid(time="soon"), "a time with a fraction": paid(time=f"{NOW}.5"), "a time of 16 digits": paid(time="9" * 16),
        "paid without a fee": paid(fee=None), "paid without an id": paid(id=None), "paid without a channel": paid(channel=None),
        "a fee with a fraction": paid(fee="99.00"), "a fee of nothing": paid(fee="0"), "a fee below nothing": paid(fee="-1"),
        "a fee with a sign": paid(fee="+1"), "a fee of 12 digits": paid(fee="9" * 12), "a fee in another script": paid(fee="９９００"),
        "an empty id": paid(id=""), "a fee that begins with a nought": paid(fee="09900"),
    }.items():
        yield case(f"rightly signed: {name}", "bad-result", signed(parameters))
    yield case("rightly signed, of no form and of another app", "bad-result", signed(paid(fee="0")), appId="0" * 24)


def wrong_apps_and_times():
    yield case("another app", "wrong-app", appId="000000000000000000000000")
    yield case("another app, and too old", "wrong-app", appId="000000000000000000000000", now=NOW + 9999)
    yield case("one second too old", "too-old", now=NOW + 301)
    yield case("one second too far in the future", "too-new", now=NOW - 301)
    yield case("a thousandth of a second too old", "too-old", signed(paid(time=str(NOW * 1000 - 300_001))))
    yield case("a thousandth of a second too far in the future", "too-new", signed(paid(time=str(NOW * 1000 + 300_001))))
    yield case("a tolerance of nothing", "too-old", now=NOW + 1, tolerance=0)
    yield case("too old by an age that no integer of 32 bits holds", "too-old", signed(paid(time="0")), now=9_999_999_999)


def wrong_keys():
    yield case("no master key", "bad-key", masterKeys=[])
    yield case("an empty master key", "bad-key", signed(paid(), "0"), masterKeys=[""])
    yield case("a good master key and an empty one", "bad-key", masterKeys=[MASTER, ""])
    yield case("a master key that is null", "bad-key", masterKeys=[None])
    yield case("a good master key and one that is null", "bad-key", masterKeys=[MASTER, None])
    yield case("no master key, and nothing at all", "bad-key", url="", masterKeys=[])


write(__file__, "results.json", CODES, [*good(), *wrong_parameters(), *wrong_signatures(), *wrong_results(), *wrong_apps_and_times(), *wrong_keys()])
