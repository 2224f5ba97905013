"""Runs the local stack on full, read-only and damaged disks and checks its behaviour.

    sudo python3 tests/processes/disks.py --binary target/debug/local

 * On a full disk (a tmpfs of a few megabytes) calls fail. When there is room again, no answered call is lost.
 * If the folder is read-only, or its files are damaged, the stack does not start, names the file, and changes nothing.
 * If the first start is killed at any moment, the stack starts on the folder the next time, with keys that work.

Mounting needs root: without it the first two report that they are skipped.
"""

import argparse
import http.client
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import time

from stack import Merchant, Stack, free_port

LOST = (OSError, http.client.HTTPException, ValueError)
FULL_DISK_MB = 8
FIRST_STARTS = 20
FILES = ["dynamodb.sqlite", "sqs.journal", "local.json", "sealing.key", "simulator.json"]


def ready(binary, folder, log=None):
    stack = Stack(binary, folder, free_port(), log)
    stack.start()
    stack.wait_until_ready()
    return stack


def first_starts(binary, folder, dice):
    """If it is killed at a random moment of its first start, it starts the next time, and its keys can charge."""
    usual = time.monotonic()
    ready(binary, folder / "usual").kill()
    usual = time.monotonic() - usual
    for number in range(FIRST_STARTS):
        stack = Stack(binary, folder / f"first-{number}", free_port())
        stack.start()
        time.sleep(dice.uniform(0, usual * 1.2))
        stack.kill()
        stack.start()
        stack.wait_until_ready()
        charged = Merchant(stack).charge("first", 100)
        assert charged["code"] == 0, (charged, stack.last_words())
        stack.kill()
    print(f"{FIRST_STARTS} first starts were killed; each folder starts, and its keys work")


def damaged(binary, folder):
    """The middle of each file is overwritten. The stack refuses the file by name and does not change it, or skips the damage and loses nothing."""
    stack = ready(binary, folder / "whole")
    shop = Merchant(stack)
    for number in range(20):
        charged = shop.charge(f"d-{number}", 100)
        shop.pay(charged["id"])
    stack.stop()
    for name in FILES:
        for spoil in (cut, overwrite, empty):
            copy = folder / f"{spoil.__name__}-{name}"
            shutil.copytree(folder / "whole", copy)
            before = spoil(copy / name)
            said = Stack(binary, copy, free_port())
            ended = said.start_and_end()
            if ended is None:
                asked = [Merchant(said).call("records", {"billNum": f"d-{number}"}) for number in range(20)]
                said.kill()
                statuses = [[record["status"] for record in one["results"]] for one in asked]
                assert statuses == [["success"]] * 20, (spoil.__name__, name, statuses)
                print(f"{spoil.__name__} {name}: starts, and every bill is there")
            else:
                code, words = ended
                assert code == 1 and "panicked" not in words, (code, words)
                assert name.split(".")[0] in words, f"{spoil.__name__} {name} is not named: {words}"
                assert (copy / name).read_bytes() == before, f"{spoil.__name__} {name} was changed"
                print(f"{spoil.__name__} {name}: {words.strip().splitlines()[-1]}")


def cut(path):
    return rewrite(path, lambda bytes: bytes[: len(bytes) // 2])


def overwrite(path):
    middle = lambda bytes: bytes[: len(bytes) // 3] + b"\x00damaged\xff" * 8 + bytes[len(bytes) // 3 + 72 :]
    return rewrite(path, middle)


def empty(path):
    return rewrite(path, lambda _: b"")


def rewrite(path, change):
    path.write_bytes(change(path.read_bytes()))
    return path.read_bytes()


def full_disk(binary, folder):
    """Charges until the disk is full. Answered charges stay; when there is room again, the failed charges work."""
    disk = folder / "disk"
    disk.mkdir()
    mount("-t", "tmpfs", "-o", f"size={FULL_DISK_MB}m", "tmpfs", disk)
    try:
        # The log is on another disk, so that it can still be written.
        stack = ready(binary, disk / "data", folder / "full.log")
        shop, answered, failed = Merchant(stack), {}, 0
        for number in range(20_000):
            bill = f"full-{number}"
            try:
                charged = shop.charge(bill, 100)
            except LOST:
                charged = {"code": None}
            if charged["code"] == 0:
                answered[bill] = charged["id"]
                continue
            failed += 1
            if failed == 20:
                break
        assert failed == 20, "the disk never filled"
        mount("-o", f"remount,size={FULL_DISK_MB * 8}m", disk)
        assert stack.process.poll() is None, f"it ended with {stack.process.returncode}: {stack.last_words()}"
        again = shop.charge("room-again", 100)
        assert again["code"] == 0, again
        check(shop, answered)
        stack.kill()
        stack.start()
        stack.wait_until_ready()
        check(shop, answered)
        stack.kill()
        print(f"a full disk: {len(answered)} charges were answered and {failed} failed; none of the former is lost")
    finally:
        umount(disk)


def check(shop, answered):
    for bill, id in answered.items():
        ids = [record["id"] for record in shop.call("records", {"billNum": bill})["results"]]
        assert id in ids, f"{bill} was answered as {id}, and its records are {ids}"


def read_only(binary, folder):
    disk = folder / "readonly"
    disk.mkdir()
    mount("-t", "tmpfs", "tmpfs", disk)
    try:
        log = folder / "readonly.log"
        ready(binary, disk / "data", log).kill()
        mount("-o", "remount,ro", disk)
        stack = Stack(binary, disk / "data", free_port(), log)
        code, words = stack.start_and_end()
        assert code == 1 and "data" in words and "panicked" not in words, (code, words)
        print(f"a folder that cannot be written: {words.strip().splitlines()[-1]}")
    finally:
        umount(disk)


def mount(*arguments):
    subprocess.run(["mount", *map(str, arguments)], check=True)


def umount(disk):
    subprocess.run(["umount", "-l", str(disk)], check=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--binary", type=pathlib.Path, required=True)
    arguments = parser.parse_args()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="maxpay-disks-"))
    try:
        first_starts(arguments.binary, folder, random.Random(arguments.seed))
        damaged(arguments.binary, folder)
        if os.geteuid() == 0:
            full_disk(arguments.binary, folder)
            read_only(arguments.binary, folder)
        else:
            print("SKIPPED: full and read-only disks, which need root to mount")
    finally:
        Stack.kill_all()
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
