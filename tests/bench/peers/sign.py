"""Signs and verifies WeChat Pay's messages with the Python SDK that others use. Times are medians in microseconds."""

import time

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from wechatpayv3.utils import build_authorization, rsa_sign, rsa_verify

ROUNDS = 400
private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
BODY = '{"appid":"wx0000","mchid":"1900000001","description":"A cup of tea","amount":{"total":9900}}'


def median(task):
    times = []
    for _ in range(ROUNDS):
        begun = time.perf_counter_ns()
        assert task()
        times.append(time.perf_counter_ns() - begun)
    return round(sorted(times)[ROUNDS // 2] / 1000)


def authorize():
    return build_authorization(
        path="/v3/pay/transactions/jsapi", method="POST", mchid="1900000001", serial_no="AB", private_key=private, data=BODY
    )


print(f"| PyPI wechatpayv3 | sign a request | {median(authorize)} |")
signature = rsa_sign(private, "1795444200\n593BEC0C\n" + BODY + "\n")


class Certificate:
    """The public half, as the SDK takes it."""

    def public_key(self):
        return private.public_key()


def verify():
    return rsa_verify("1795444200", "593BEC0C", BODY, signature, Certificate().public_key())


print(f"| PyPI wechatpayv3 | verify an answer | {median(verify)} |")
