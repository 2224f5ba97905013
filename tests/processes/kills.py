"""Kills the local stack under traffic, and then checks every answer that it gave.

    python3 tests/processes/kills.py --kills 200 --seed 1

Merchants charge and refund, and payers pay. A webhook in another process receives the events, and refuses one message in ten. The stack is
killed (SIGKILL) at random moments, also while it starts, and started again on the same folder. At the end the traffic stops, and the clock
moves forward by some days. Then these must be true:

 1. each answered charge has a record under one of the answered ids;
 2. each payment at the simulated provider is in our books with its amount, and no other payment is;
 3. the webhook got the event of each paid bill exactly once (one `webhook-id`), with a valid signature;
 4. each requested refund is over, in the books of both sides, and the webhook got its event exactly once;
 5. nothing waits, no incident is open, and no key of the demo app changed or reached the log.

The order of the traffic depends on the machine. So runs with the same seed are similar, not equal. Runs of `cargo run -p simulation` are equal.
"""

import argparse
import http.client
import pathlib
import random
import re
import shutil
import sys
import tempfile
import threading
import time

from stack import Merchant, Receiver, Stack, free_port

WORKERS = 4
HOUR_MS = 3_600_000
# The retry schedule takes 56 hours. A closed bill is queried for the last time a day after its order expires.
REST_HOURS = 100
LOST = (OSError, http.client.HTTPException, ValueError)


class Books:
    """The answers of the stack. They must stay true."""

    def __init__(self):
        self.ids = {}  # bill -> ids answered
        self.refunds = {}  # refundNum -> (bill, fee) of accepted refunds
        self.refused = {}  # refundNum -> the answer that refused it


def trade_on(shop, books, worker, seed, until):
    """One worker: charges, pays and refunds until the end. If the answer to a call is lost, it makes the call again, as a merchant would."""
    dice = random.Random(f"{seed}/{worker}")
    number = 0
    while not until.is_set():
        number += 1
        bill, fee = f"kill-{worker}-{number}", dice.randint(2, 10_000_00)
        charged = insist(lambda: shop.charge(bill, fee), until)
        if charged is None:
            return
        if charged["code"] == 0:
            books.ids.setdefault(bill, set()).add(charged["id"])
        else:
            # The provider was killed with the stack. The same charge again must work.
            number -= 1
            continue
        if dice.random() < 0.8:
            insist(lambda: shop.pay(charged["id"]) or True, until)
        if dice.random() < 0.4:
            refund(shop, books, bill, dice.randint(1, fee), until)


def refund(shop, books, bill, fee, until):
    num = f"R-{bill}"
    body = {"billNum": bill, "refundNum": num, "refundFee": fee}
    answer = insist(lambda: shop.call("refund", body), until)
    if answer is None:
        return
    if answer["code"] == 0:
        books.refunds[num] = (bill, fee)
    else:
        # Not paid, or the provider was killed: the check at the end shows which.
        books.refused[num] = answer


def insist(call, until):
    """Repeats the call until there is an answer; `None` if the traffic ended first."""
    while not until.is_set():
        try:
            return call()
        except LOST:
            time.sleep(0.02)
    return None


def run(arguments, folder):
    dice = random.Random(arguments.seed)
    webhook_dice = random.Random(f"{arguments.seed}/webhook")
    stack = Stack(arguments.binary, folder / "data", free_port())
    stack.start()
    stack.wait_until_ready()
    shop, receiver = Merchant(stack), Receiver(lambda: webhook_dice.random() < 0.1)
    events = ["payment.success", "refund.success"]
    webhook = {"target": {"url": receiver.url}, "mode": "test", "events": events}
    receiver.secret = shop.admin("POST", "/webhooks", webhook)["secret"]
    keys, books, until = stack.keys(), Books(), threading.Event()
    trades = [(shop, books, worker, arguments.seed, until) for worker in range(WORKERS)]
    workers = [threading.Thread(target=trade_on, args=trade) for trade in trades]
    for worker in workers:
        worker.start()
    began = time.monotonic()
    for kill in range(1, arguments.kills + 1):
        # One kill in five hits a stack that is still starting.
        if dice.random() < 0.2:
            time.sleep(dice.uniform(0, 0.5))
        else:
            stack.wait_until_ready()
            time.sleep(dice.uniform(0.1, 3.0))
        stack.kill()
        stack.start()
        if kill % 20 == 0:
            print(f"{kill} kills, {len(books.ids)} bills, {time.monotonic() - began:.0f} s", flush=True)
    stack.wait_until_ready()
    time.sleep(1)
    until.set()
    for worker in workers:
        worker.join()
    for _ in range(REST_HOURS):
        stack.ask("POST", "/_local/clock", {"advanceMs": HOUR_MS}).ok()
    faults = compare(stack, shop, books, receiver, keys)
    stack.kill()
    return faults


def compare(stack, shop, books, receiver, keys):
    faults, paid, back = [], {}, {}
    for bill, ids in books.ids.items():
        records = shop.call("records", {"billNum": bill})["results"]
        trades = {id: shop.trade(id) for id in ids | {record["id"] for record in records}}
        taken = {id for id, trade in trades.items() if trade and trade["paidAt"]}
        ours = {record["id"] for record in records if record["status"] in ("success", "refund")}
        if not ids & {record["id"] for record in records}:
            faults.append(f"{bill}: answered as {ids}, and there is no record of it")
        if taken != ours:
            faults.append(f"{bill}: the provider took {taken}, the books say {ours}")
        for record in records:
            trade = trades[record["id"]]
            if record["id"] in taken and fen(trade["totalAmount"]) != record["totalFee"]:
                faults.append(f"{bill}: paid {trade['totalAmount']}, booked {record['totalFee']}")
            if record["status"] == "created":
                faults.append(f"{bill}: still open after {REST_HOURS} hours")
        paid.update({id: bill for id in taken})
        refunds = shop.call("refunds", {"billNum": bill})["results"]
        gone = sum(fen(trade["refundedAmount"]) for trade in trades.values() if trade)
        booked = sum(one["refundFee"] for one in refunds if one["status"] == "success")
        if gone != booked:
            faults.append(f"{bill}: {gone} went back, the books say {booked}")
        back.update({one["refundNum"]: one for one in refunds})
        faults += [f"{bill}: refund still {one['status']}" for one in refunds if one["status"] not in ("success", "failed")]
    for num, (bill, fee) in books.refunds.items():
        one = back.get(num)
        if one is None or one["status"] != "success" or one["refundFee"] != fee:
            faults.append(f"{num}: {fee} was promised, the books say {one}")
    for num, answer in books.refused.items():
        bill = num.removeprefix("R-")
        if num not in back and any(id in paid for id in books.ids[bill]) and answer["code"] != 5:
            faults.append(f"{num}: refused though the bill is paid: {answer}")
    faults += told("payment.success", sorted(paid), [body["id"] for body in receiver.heard("payment.success")])
    done = sorted(num for num, one in back.items() if one["status"] == "success")
    faults += told("refund.success", done, [body["refundNum"] for body in receiver.heard("refund.success")])
    for state in ("waiting", "exhausted"):
        left = shop.admin("GET", f"/deliveries?state={state}")["items"]
        faults += [f"a delivery is {state}: {one}" for one in left]
    faults += [f"an incident: {one}" for one in shop.admin("GET", "/incidents?mode=test")["items"]]
    if stack.keys() != keys:
        faults.append("local.json changed")
    # The stack prints the keys when it is ready. They must not be anywhere else in the log.
    words = re.sub("MaxPay is ready.*?Ctrl-C stops", "", stack.log.read_text(), flags=re.DOTALL)
    if shop.app["test"]["masterKey"] in words:
        faults.append("the log holds the master key")
    print(f"{len(books.ids)} bills, {len(paid)} paid, {len(done)} refunds, {len(receiver.events)} messages, {len(faults)} faults")
    return faults


def told(event, expected, heard):
    twice = sorted({one for one in heard if heard.count(one) > 1})
    faults = [f"{event} of {one} was told under two ids" for one in twice]
    faults += [f"{event} of {one} was never told" for one in set(expected) - set(heard)]
    return faults + [f"{event} of {one} was told and is not true" for one in set(heard) - set(expected)]


def fen(yuan):
    whole, cents = yuan.split(".")
    return int(whole) * 100 + int(cents)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--binary", type=pathlib.Path, required=True)
    arguments = parser.parse_args()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="maxpay-kills-"))
    try:
        faults = run(arguments, folder)
    finally:
        Stack.kill_all()
    for fault in faults:
        print(fault)
    if faults:
        sys.exit(f"{len(faults)} promises were broken; the folder is kept: {folder}")
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
