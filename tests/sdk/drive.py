"""Starts one local stack and runs the SDKs' tests against it, a language after the other. Standard library only. `run` says the rest."""

import argparse
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import threading

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "processes"))
from stack import Merchant, Stack, free_port  # noqa: E402

SECONDS_MAX = 900
# A language that is not installed.
SKIPPED = 77
# One that .ci/nightly tests where it is not installed.
LEFT_TO_THE_NIGHT = 78
COUNTS = re.compile(r"^(\d+) passed, (\d+) failed$", re.MULTILINE)


def environment(stack):
    """Where the stack is, and the demo app's keys of the test mode."""
    app = Merchant(stack).app
    return {
        **os.environ,
        "MAXPAY_URL": f"http://127.0.0.1:{stack.port}",
        "MAXPAY_APP_ID": app["appId"],
        "MAXPAY_CLIENT_KEY": app["test"]["clientKey"],
        "MAXPAY_MASTER_KEY": app["test"]["masterKey"],
        "MAXPAY_OPERATOR_TOKEN": stack.keys()["operatorToken"],
    }


def test(language, variables):
    """Runs one language's program and shows what it prints. Returns its exit code and its output."""
    # It leads a process group, so that nothing that it started outlives it.
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True, "errors": "replace"}
    program = subprocess.Popen([HERE / language], env=variables, start_new_session=True, **pipes)
    timer = threading.Timer(SECONDS_MAX, end, [program])
    timer.start()
    try:
        lines = []
        for line in program.stdout:
            print(line, end="", flush=True)
            lines.append(line)
        return program.wait(), "".join(lines)
    finally:
        timer.cancel()
        end(program)


def end(program):
    try:
        os.killpg(program.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--binary", required=True)
    arguments.add_argument("languages", nargs="*")
    arguments = arguments.parse_args()
    passed, failed, broken = 0, 0, []
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        stack = Stack(str(pathlib.Path(arguments.binary).resolve()), folder / "data", free_port())
        stack.start()
        try:
            stack.wait_until_ready()
            variables = environment(stack)
            for language in arguments.languages:
                print(f"\n-- {language}", flush=True)
                code, output = test(language, variables)
                if code == LEFT_TO_THE_NIGHT or code == SKIPPED and os.environ.get("CI") != "true":
                    continue
                # What a language counted last counts.
                counts = (COUNTS.findall(output) or [("0", "0")])[-1]
                ours, theirs = map(int, counts)
                passed, failed = passed + ours, failed + theirs
                if code != 0 or theirs != 0 or ours == 0:
                    broken.append(language)
        finally:
            Stack.kill_all()
        log = stack.log.read_text(errors="replace")
        if "panicked" in log:
            print(log[log.index("panicked") :][:4000])
            broken.append("the stack, which panicked")
    print()
    for what in broken:
        print(f"FAILED: {what}")
    print(f"{passed} passed, {failed} failed")
    return 1 if broken else 0


if __name__ == "__main__":
    # Ctrl-C and a kill end the stack and the tests, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sys.exit(main())
