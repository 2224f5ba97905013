"""A game day: what docs/operate.md tells operators to do, done on a stack with data in it. Each case is a row of the table there."""

from shop import until

ATTEMPTED_SECONDS_MAX = 30


def play(cloud, shop):
    print("== game day: a merchant's function breaks, and is repaired")
    hook_breaks(shop)
    print("== game day: one build back")
    cloud.update("first")
    shop.is_paid("cloud-2")
    shop.pay("back-1")
    print("== game day: a payer's data is removed, and the books stay")
    payer_is_forgotten(cloud, shop)
    print("== game day: every secret of the stack is rotated")
    rotate(cloud, shop)


def hook_breaks(shop):
    """The failed attempt is in the books. Once the function works, the delivery is sent again by hand."""
    shop.break_hook(True)
    order = shop.charge("hook-1")
    assert shop.notify("hook-1", order).body == "success", "a payment does not wait for a webhook"
    until(lambda: shop.transaction("hook-1")["attempts"], ATTEMPTED_SECONDS_MAX, "a failed attempt")
    assert shop.delivery("hook-1")["state"] == "waiting"
    shop.break_hook(False)
    since = shop.delivery("hook-1")["createdTime"]
    replayed = shop.admin("POST", f"/apps/{shop.app}/webhooks/{shop.webhook}/replay", {"since": since, "states": ["waiting"]})
    assert replayed.json["replayed"] == 1, replayed.body
    until(lambda: shop.delivery("hook-1")["state"] == "delivered", ATTEMPTED_SECONDS_MAX, "the delivery that was sent again")


def payer_is_forgotten(cloud, shop):
    """The merchant's words about a bill go; its amount, state, times and numbers stay."""
    words = "a tea for Ms Wang"
    said = {"subject": words, "extras": {"phone": "13800000000"}}
    shop.checkout_opens("forget-1", **said)
    shop.pay("forget-1", **said)
    table, bill = cloud.physical("TransactionsTable"), {"S": f"{shop.app}#live#forget-1"}
    tables = cloud.client("dynamodb")

    def kept():
        return tables.query(TableName=table, KeyConditionExpression="pk = :bill", ExpressionAttributeValues={":bill": bill})["Items"]

    before = shop.record("forget-1")
    assert words in str(kept()) and "13800000000" in str(kept()) and before["extras"], before
    for item in kept():
        removals = {"TX#": "SET subject = :none REMOVE extras, payer, return_url", "TX-": "SET subject = :none REMOVE extras"}
        if removed := removals.get(item["sk"]["S"][:3]):
            key, none = {"pk": bill, "sk": item["sk"]}, {":none": {"S": "-"}}
            tables.update_item(TableName=table, Key=key, ConditionExpression="attribute_exists(pk)", UpdateExpression=removed, ExpressionAttributeValues=none)
    assert words not in str(kept()) and "13800000000" not in str(kept()), kept()
    after = shop.record("forget-1")
    assert "extras" not in after or not after["extras"], after
    assert {name: after[name] for name in ("id", "totalFee", "status", "endTime")} == {name: before[name] for name in ("id", "totalFee", "status", "endTime")}
    assert shop.transaction("forget-1")["subject"] == "-"


def rotate(cloud, shop):
    """The old operator token and the old sessions end. What the old sealing key sealed is still read, and calls of the old origin secret pass until the end."""
    session, old = shop.sign_in(), dict(cloud.headers)
    new = {name: cloud.secret(f"new {name}") for name in ("OperatorToken", "ConsoleKey", "SealingKey", "OriginSecret")}
    versions = {"OperatorTokenVersion": cloud.put_secret("OperatorTokenSecret", new["OperatorToken"])}
    versions["ConsoleKeyVersion"] = cloud.put_secret("ConsoleKeySecret", new["ConsoleKey"])
    versions["SealingKeyVersion"] = cloud.put_secret("SealingKeySecret", f"{new['SealingKey']} {cloud.secret_value('SealingKeySecret')}")
    version = cloud.put_secret("OriginSecretSecret", new["OriginSecret"])
    # The origin secret in three steps: the functions accept both; CloudFront sends the new one; the old one ends.
    before = cloud.client("secretsmanager").describe_secret(SecretId=cloud.outputs["OriginSecretSecret"])["VersionIdsToStages"]
    [previous] = [one for one, stages in before.items() if "AWSPREVIOUS" in stages]
    cloud.update("first", OriginSecretVersion=previous, OriginSecretOtherVersion=version, **versions)

    assert shop.admin("GET", "/apps").status == 401, "the old operator token still opens"
    shop.operator = {"Authorization": f"Bearer {new['OperatorToken']}"}
    assert shop.admin("GET", "/apps").status == 200
    shop.console_opens(session, opens=False)
    for sent in (old, old | {"X-Origin-Secret": new["OriginSecret"]}):
        cloud.headers = sent
        shop.is_paid("cloud-1")

    cloud.update("first", OriginSecretVersion=version, OriginSecretOtherVersion=previous)
    for sent in (old, cloud.headers):
        assert cloud.call("GET", "/console/sign-in", headers=sent, through_front=False).status == 200, "CloudFront needs minutes"
    cloud.update("first", OriginSecretOtherVersion="")
    assert cloud.call("GET", "/console", headers=old, through_front=False).status == 403, "the old origin secret still opens"
    shop.console_opens(shop.sign_in())
    # The app's keys, the channel and the webhook were sealed with the old key; the channel is sealed with the new one now.
    shop.pay("rotated-1")
    assert shop.save_channel().status == 200
    shop.pay("rotated-2")
