"""Compares the guides' two languages, and runs their commands on local stacks. Standard library only.

Both languages have the same pages. Both versions of a page have the same headings by level, as many table rows, and the same blocks of code
to the letter, comments included; only blocks of ```text or of no kind are free. The first line of a page links to the other language. The
table of contents, README.md, links to each page. A link within the repository leads to something. The same holds for README.md and
README.zh-CN.md at the root, where comments in blocks may be in either language.

Then each page runs on a fresh stack of its own, in one shell, in the folder that has the stack's `.maxpay`. Blocks of ```sh run from top to
bottom, with the variables MAXPAY_URL, APP_ID, CLIENT_KEY, MASTER_KEY (test mode) and OPERATOR_TOKEN, and with the command line tool, `maxpay`. A command that fails ends the page; so
does an answer of the API with another code than 0, unless the page shows it. A block of ```json right after a block of ```sh shows what that
prints: the same members and values. What differs each time may be written like this:

    "..."                              anything, also an object or a list; "abc..." begins with abc
    "01a20a989d2783a01f8588ba"         any id of 24 hexadecimal digits
    1795474103591                      any time in milliseconds
    http://127.0.0.1:8787              the stack's address

Blocks of ```console, and all others, are not run.
"""

import argparse
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(HERE.parent / "processes"))
from stack import Stack, free_port  # noqa: E402

LANGUAGES = ["zh", "en"]
FREE = ["", "text"]
CONTENTS = "README.md"
TOOL = pathlib.Path(os.environ.get("MAXPAY_CLI") or ROOT / "target/debug/maxpay").resolve()
ADDRESS = "http://127.0.0.1:8787"
BLOCK_SECONDS_MAX = 60
# A reader who is told that something arrives looks again after a moment. So does this.
LOOK_AGAIN_SECONDS_MAX = 20
LOOK_AGAIN_PAUSE_SECONDS = 0.3
ID = re.compile(r"[0-9a-f]{24}\Z")
MS_MIN = 10**12
CHARS_SHOWN = 2000


class Page:
    """One language's version of a page: its fenced blocks, and what stands between them."""

    def __init__(self, path):
        self.path = path
        self.name = str(path.relative_to(ROOT))
        self.first = path.read_text().split("\n", 1)[0]
        self.blocks, self.lines = [], []
        kind, block = None, []
        for line in path.read_text().splitlines():
            if line.startswith("```") and kind is None:
                kind, block = line[3:].strip(), []
                # The block's place among the lines, so that a text between two blocks parts them.
                begin = len(self.lines)
            elif line == "```" and kind is not None:
                self.blocks.append((kind, "\n".join(block), begin))
                kind = None
            elif kind is None:
                self.lines.append(line)
            else:
                block.append(line)
        if kind is not None:
            raise SystemExit(f"{self.name}: a block of code has no end")

    def shape(self):
        """What both languages share, each with the name under which a difference is reported."""
        headings = [line.split(" ")[0] for line in self.lines if re.match(r"#+ ", line)]
        return {
            "levels of headings": headings,
            "table rows": sum(line.startswith("|") for line in self.lines),
            "blocks of code": [(kind, text) for kind, text, _ in self.blocks if kind not in FREE],
        }

    def steps(self):
        """Each block to run, with the answer that the page shows for it, or None."""
        for place, (kind, text, begin) in enumerate(self.blocks):
            if kind != "sh":
                continue
            after = self.blocks[place + 1] if place + 1 < len(self.blocks) else None
            follows = after and after[0] == "json" and not any(self.lines[begin : after[2]])
            yield text, after[1] if follows else None

    def anchors(self):
        titles = [re.sub(r"^#+ ", "", line) for line in self.lines if re.match(r"#+ ", line)]
        return [re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles]

    def broken_links(self):
        for target in re.findall(r"\]\(([^)\s]+)\)", "\n".join(self.lines)):
            if re.match(r"[a-z]+:", target):
                continue
            path, _, anchor = target.partition("#")
            found = (self.path.parent / path).resolve() if path else self.path
            if not found.exists():
                yield f"{self.name}: the link {target} leads nowhere"
            elif anchor and found.suffix == ".md" and anchor not in Page(found).anchors():
                yield f"{self.name}: the link {target}: no such heading"


def compare():
    """Everything in which the two languages differ, in words."""
    names = {language: {path.name for path in (ROOT / "docs" / language).glob("*.md")} for language in LANGUAGES}
    for name in sorted(names["zh"] ^ names["en"]):
        yield f"docs/zh and docs/en: only one of them has {name}"
    for name in sorted(names["zh"] & names["en"]):
        pages = {language: Page(ROOT / "docs" / language / name) for language in LANGUAGES}
        for language, other in zip(LANGUAGES, reversed(LANGUAGES)):
            page = pages[language]
            if f"](../{other}/{name})" not in page.first:
                yield f"{page.name}: the first line does not link to ../{other}/{name}"
            yield from page.broken_links()
            contents = (ROOT / "docs" / language / CONTENTS).read_text()
            if name != CONTENTS and f"({name})" not in contents:
                yield f"docs/{language}/{CONTENTS} does not link to {name}"
        yield from differences(pages["zh"], pages["en"])


def compare_front():
    """The same for the two documents at the root, by which a reader comes in."""
    chinese, english = Page(ROOT / "README.zh-CN.md"), Page(ROOT / "README.md")
    for page, other in [(chinese, english), (english, chinese)]:
        if f"]({other.name})" not in page.first:
            yield f"{page.name}: the first line does not link to {other.name}"
        page.blocks = [(kind, re.sub(r" +# .*", "", text), begin) for kind, text, begin in page.blocks]
        yield from page.broken_links()
    yield from differences(chinese, english)


def differences(one, other):
    theirs = other.shape()
    for what, ours in one.shape().items():
        if ours == theirs[what]:
            continue
        if isinstance(ours, int):
            yield f"{one.name} and {other.name}: {ours} and {theirs[what]} {what}"
            continue
        pairs = zip(ours + [None] * len(theirs[what]), theirs[what] + [None] * len(ours))
        at, (left, right) = next((at, pair) for at, pair in enumerate(pairs) if pair[0] != pair[1])
        yield f"{one.name} and {other.name}: the {what} differ, number {at + 1}:\n{left}\n{right}"


class Shell:
    """One shell for a page, so that a block may use what an earlier one set."""

    def __init__(self, folder, variables):
        self.folder = folder
        self.process = subprocess.Popen(
            ["bash"], cwd=folder, env={**os.environ, **variables}, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, text=True, start_new_session=True,
        )
        self.process.stdin.write("set -euo pipefail\n")

    def run(self, block):
        """What the block printed. Raises if one of its commands fails or takes too long."""
        files = {name: self.folder / f".guide-{name}" for name in ["block", "out", "err"]}
        files["block"].write_text(block + "\n")
        timer = threading.Timer(BLOCK_SECONDS_MAX, self.end)
        timer.start()
        try:
            self.process.stdin.write(f"source {files['block']} < /dev/null > {files['out']} 2> {files['err']}; echo done\n")
            self.process.stdin.flush()
            ended = self.process.stdout.readline() == "done\n"
        finally:
            timer.cancel()
        printed = files["out"].read_text()
        if not ended:
            raise AssertionError(f"it failed, or took over {BLOCK_SECONDS_MAX} s\n{printed}\n{files['err'].read_text()}"[:CHARS_SHOWN])
        return printed

    def end(self):
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass


def misfit(shown, found, where="the answer"):
    """In what an answer differs from what the page shows, or None."""
    if shown == "...":
        return None
    if isinstance(shown, dict) and isinstance(found, dict):
        if shown.keys() != found.keys():
            return f"{where} has the members {sorted(found)}, and the page shows {sorted(shown)}"
        rest = (misfit(shown[name], found[name], f"{where}.{name}") for name in shown)
        return next((one for one in rest if one), None)
    if isinstance(shown, list) and isinstance(found, list) and len(shown) == len(found):
        rest = (misfit(*pair, f"{where}[{at}]") for at, pair in enumerate(zip(shown, found)))
        return next((one for one in rest if one), None)
    return None if same(shown, found) else f"{where} is {json.dumps(found)}, and the page shows {json.dumps(shown)}"


def same(shown, found):
    if type(shown) is not type(found):
        return False
    if isinstance(shown, str):
        is_id = ID.match(shown) and ID.match(found)
        return bool(is_id) or shown == found or (shown.endswith("...") and found.startswith(shown[:-3]))
    is_time = type(shown) is int and min(shown, found) >= MS_MIN
    return is_time or shown == found


def run_step(shell, block, shown, address):
    """Runs one block, again and again while its answer is not yet what the page shows."""
    until = time.monotonic() + LOOK_AGAIN_SECONDS_MAX
    while True:
        wrong = judge(shell.run(block), shown, address)
        if wrong is None:
            return
        if shown is None or time.monotonic() > until:
            raise AssertionError(wrong)
        time.sleep(LOOK_AGAIN_PAUSE_SECONDS)


def judge(printed, shown, address):
    try:
        found = json.loads(printed)
    except ValueError:
        return None if shown is None else f"it printed no JSON, and the page shows some:\n{printed[:CHARS_SHOWN]}"
    if shown is not None:
        wrong = misfit(json.loads(shown.replace(ADDRESS, address)), found)
        return wrong and f"{wrong}\n{printed[:CHARS_SHOWN]}"
    if isinstance(found, dict) and found.get("code", 0) != 0:
        return f"the API answered {printed[:CHARS_SHOWN]}"
    return None


def run_page(page, binary):
    """Runs a page on a fresh stack. Returns how many blocks ran."""
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        stack = Stack(binary, folder / ".maxpay", free_port(), folder / "log")
        stack.start()
        shell = None
        try:
            stack.wait_until_ready()
            keys = stack.keys()
            app = keys["apps"][0]
            shell = Shell(folder, {
                "MAXPAY_URL": keys["url"], "APP_ID": app["appId"], "CLIENT_KEY": app["test"]["clientKey"],
                "MASTER_KEY": app["test"]["masterKey"], "OPERATOR_TOKEN": keys["operatorToken"],
                "PATH": f"{TOOL.parent}:{os.environ['PATH']}", "XDG_CONFIG_HOME": str(folder / "config"),
            })
            ran = 0
            for block, shown in page.steps():
                try:
                    run_step(shell, block, shown, keys["url"])
                except (AssertionError, ValueError) as error:
                    raise AssertionError(f"{page.name}, this block:\n{block}\n\n{error}") from error
                ran += 1
            if "panicked" in stack.log.read_text():
                raise AssertionError(f"{page.name}: the stack panicked:\n{stack.last_words()}")
            return ran
        finally:
            if shell:
                shell.end()
            stack.kill()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", default="")
    parser.add_argument("--compare", action="store_true")
    parser.add_argument("pages", nargs="*")
    arguments = parser.parse_args()
    wrong = [*compare(), *compare_front()]
    if not arguments.compare:
        binary = str(pathlib.Path(arguments.binary).resolve())
        known = sorted(path.stem for path in (ROOT / "docs" / "zh").glob("*.md"))
        unknown = set(arguments.pages) - set(known)
        if unknown:
            raise SystemExit(f"no such page: {', '.join(sorted(unknown))}")
        for name in arguments.pages or known:
            for language in LANGUAGES:
                path = ROOT / "docs" / language / f"{name}.md"
                if not path.exists():
                    continue
                page = Page(path)
                # A page without commands needs no stack.
                if not list(page.steps()):
                    continue
                try:
                    print(f"{page.name}: {run_page(page, binary)} blocks ran", flush=True)
                except AssertionError as error:
                    wrong.append(str(error))
    for one in wrong:
        print(f"\nFAILED: {one}", file=sys.stderr)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    try:
        main()
    finally:
        Stack.kill_all()
