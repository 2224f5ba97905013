"""The life of a stack in the emulator: deployed, paid through, updated with data in it, operated, deleted.

    drive.py TEMPLATE BOOTSTRAPS FOLDER

What the emulator does otherwise than AWS is in cloud.py.
"""

import json
import pathlib
import sys
import time

import game_day
from cloud import Cloud
from shop import Shop, until

FRONT = {
    "WebAclArn": "arn:aws:wafv2:us-east-1:000000000000:global/webacl/maxpay/1",
    "FrontCertificateArn": "arn:aws:acm:us-east-1:000000000000:certificate/1",
    "CertificateArn": "arn:aws:acm:us-east-1:000000000000:certificate/2",
    "DomainName": "pay.example.com",
    "FrontOnly": "true",
}
VIEWER = "203.0.113.7"
SCHEDULES_SECONDS_MAX = 100
# What the sweep says each minute, and what it says with the task "reconcile".
SAID_BY_SCHEDULES = ["OldestOverdueDelivery", "CertificatesEnding"]


def main():
    template, bootstraps, folder = (pathlib.Path(one).resolve() for one in sys.argv[1:])
    cloud = Cloud(json.loads(template.read_text()), bootstraps, folder)
    began = time.monotonic()
    with cloud.running():
        print("== deployed")
        cloud.deploy()
        shop = Shop(cloud)
        print("== first owner, app, channel, webhook")
        shop.open()
        print("== charged, notified, settled, delivered, queried")
        shop.pay("cloud-1")
        shop.is_paid("cloud-1")
        print("== a checkout, and its page")
        shop.checkout_opens("checkout-1")
        print("== refunded: the provider cannot be reached")
        shop.refund_is_pending("cloud-1", "R1")
        print("== a gateway on this machine is refused, and so is one without https")
        shop.gateways_are_guarded()
        print("== the console")
        cookie = shop.sign_in()
        shop.console_opens(cookie)
        updated(cloud, shop, cookie)
        game_day.play(cloud, shop)
        print("== the schedules fire")
        schedules_fire(cloud, folder)
        print("== deleted")
        deleted(cloud)
    print(f"a life of a stack in {time.monotonic() - began:.0f} s")


def updated(cloud, shop, cookie):
    """A parameter and a new build, with data in the stack; then the front is put before it."""
    print("== updated: a parameter and a new build")
    functions, tables = cloud.client("lambda"), [cloud.physical(name) for name in ("TransactionsTable", "ConfigurationTable")]
    charge = cloud.physical("ChargeFunction")
    before = functions.get_function_configuration(FunctionName=charge)
    cloud.update("second", MemorySize="640")
    after = functions.get_function_configuration(FunctionName=charge)
    assert (before["MemorySize"], after["MemorySize"]) == (512, 640), after
    assert before["CodeSha256"] != after["CodeSha256"], "the build is the same"
    assert tables == [cloud.physical(name) for name in ("TransactionsTable", "ConfigurationTable")], "other tables"
    shop.is_paid("cloud-1")
    shop.console_opens(cookie)
    shop.pay("cloud-2")

    print("== updated: CloudFront before the API")
    cloud.update("second", **FRONT)
    assert cloud.outputs["ApiUrl"] == "https://pay.example.com", cloud.outputs
    headers = {"X-Origin-Secret": cloud.secret_value("OriginSecretSecret"), "CloudFront-Viewer-Address": f"{VIEWER}:46532"}
    forged = headers | {"X-Origin-Secret": "a" * 43}
    for sent in ({}, forged):
        refused = cloud.call("POST", "/2.0/maxpay/records", {"billNum": "cloud-1"}, shop.client | sent, through_front=False)
        assert (refused.status, refused.json) == (403, {"message": "Forbidden"}), refused.body
    assert cloud.call("GET", "/console/sign-in", headers=forged, through_front=False).status == 403
    cloud.headers = headers
    shop.is_paid("cloud-1")
    shop.pay("cloud-3")
    shop.sign_in()
    signed_in = cloud.call("GET", "/admin/v1/audit", headers=shop.operator).json["items"]
    assert any(VIEWER in json.dumps(entry) for entry in signed_in), signed_in


def schedules_fire(cloud, folder):
    """Each rule has the sweep as its target, and what two of them start is in the log. The sums of a new app say nothing."""
    rules = cloud.client("events").list_rules()["Rules"]
    targets = [cloud.client("events").list_targets_by_rule(Rule=rule["Name"])["Targets"] for rule in rules]
    print(f"  {', '.join(rule['ScheduleExpression'] for rule in rules)}")
    tasks = sorted(target["Input"] for [target] in targets if "Input" in target)
    assert (len(rules), tasks) == (3, ['{"task":"reconcile"}', '{"task":"sums"}']), targets
    function = cloud.physical("SweepFunction")
    dispatched = f"Lambda {function}: dispatched"

    def fired():
        lines = "\n".join(cloud.logged())
        count = (folder / "log").read_text().count(dispatched)
        return count >= len(rules) and all(word in lines for word in SAID_BY_SCHEDULES)

    until(fired, SCHEDULES_SECONDS_MAX, "the schedules")
    [sums] = [target for [target] in targets if target.get("Input") == '{"task":"sums"}']
    ran = cloud.client("lambda").invoke(FunctionName=function, Payload=sums["Input"])
    answer = json.loads(ran["Payload"].read())
    print(f"  {sums['Input']} -> {answer}")
    assert "FunctionError" not in ran and answer["failed"] == 0, answer
    wrong = [line for line in cloud.logged() if '"level":"ERROR"' in line]
    assert not wrong, wrong[:5]


def deleted(cloud):
    """What holds money outlives the stack; what opens nothing without it goes."""
    secrets, tables = cloud.client("secretsmanager"), cloud.client("dynamodb")
    kept = {name: cloud.physical(name) for name in ("TransactionsTable", "ConfigurationTable", "SealingKey", "Key")}
    cloud.delete()
    for name in ("TransactionsTable", "ConfigurationTable"):
        items = tables.scan(TableName=kept[name], Select="COUNT")["Count"]
        print(f"  {name} stays, with {items} items")
        assert items > 0, name
    assert secrets.get_secret_value(SecretId=kept["SealingKey"])["SecretString"]
    assert cloud.client("kms").describe_key(KeyId=kept["Key"])["KeyMetadata"]["Enabled"]
    print("  SealingKey and Key stay")
    left = cloud.client("lambda").list_functions()["Functions"]
    assert [one["FunctionName"] for one in left if one["FunctionName"].startswith("maxpay")] == [], left


if __name__ == "__main__":
    main()
