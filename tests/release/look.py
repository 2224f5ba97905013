"""Looks at the files of a release. Standard library only; tests/release/run calls it.

    look.py FOLDER VERSION SAM

Sums; each packed function is a program for its architecture; SAM takes the packed template, validates it, and uploads the packed functions as
they are, to a stand-in for S3 on this machine, without a build. The local stack for this machine takes a payment in an empty folder; that for the
other architecture does, too, where qemu is installed (Debian: qemu-user-static). The command line tool for this machine says its version. Each program has its SBOM, in which each part has a name, a
version and a licence. Each SDK's package is installed into an empty project as its guide says, and says its version or makes its client.
"""

import functools
import hashlib
import http.server
import io
import json
import os
import pathlib
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
import zipfile

FOLDER, VERSION, SAM = pathlib.Path(sys.argv[1]).resolve(), sys.argv[2], pathlib.Path(sys.argv[3]).absolute()
ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/processes"))
from stack import Merchant, Stack, free_port  # noqa: E402

HERE = platform.machine().replace("aarch64", "arm64")
# The machine in the header of an ELF program.
MACHINES = {"arm64": 0xB7, "x86_64": 0x3E}
# Lambda's limit for a package that is uploaded directly; SAM uploads through S3, where there are 250 MB. Ours stay far below both.
PACKED_BYTES_MAX = 10 * 1024 * 1024
# Under qemu everything takes longer.
NOTIFY_SECONDS_MAX = 30


def run(command, **options):
    """Runs a program. Its output is shown if it fails."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300, **options)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(map(str, command))} ended with {done.returncode}:\n{done.stdout}")
    return done.stdout


def unpack(archive, to):
    """zipfile forgets who may execute a file, so this sets it as `unzip` does."""
    with zipfile.ZipFile(archive) as packed:
        for entry in packed.infolist():
            path = pathlib.Path(packed.extract(entry, to))
            path.chmod(entry.external_attr >> 16 & 0o777 or 0o644)


class Uploads(http.server.BaseHTTPRequestHandler):
    """Stands in for S3: it has nothing yet, and keeps what is put. SAM uploads what is larger than 8 MB in parts."""

    kept = {}

    def answer(self, status, text=""):
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.send_header("ETag", '"0"')
        self.end_headers()
        self.wfile.write(text.encode())

    def body(self):
        return self.rfile.read(int(self.headers["Content-Length"]))

    def do_HEAD(self):
        self.answer(404)

    def do_PUT(self):
        address = urllib.parse.urlsplit(self.path)
        part = urllib.parse.parse_qs(address.query).get("partNumber")
        if part is None:
            self.kept[address.path] = self.body()
        else:
            self.kept.setdefault(address.path, {})[int(part[0])] = self.body()
        self.answer(200)

    def do_POST(self):
        """The first word and the last one of an upload in parts."""
        address = urllib.parse.urlsplit(self.path)
        if address.query == "uploads":
            self.answer(200, "<InitiateMultipartUploadResult><UploadId>only</UploadId></InitiateMultipartUploadResult>")
            return
        self.body()
        self.kept[address.path] = b"".join(part for _, part in sorted(self.kept[address.path].items()))
        self.answer(200, "<CompleteMultipartUploadResult/>")

    def log_message(self, *_):
        pass


def sums():
    lines = (FOLDER / "SHA256SUMS").read_text().splitlines()
    told = dict(reversed(line.split("  ")) for line in lines)
    files = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in FOLDER.iterdir() if path.name != "SHA256SUMS"}
    assert told == files, f"SHA256SUMS tells {told}, and there are {files}"


def function_names():
    return re.findall(r"Binary: (\S+) ", (ROOT / "template.yaml").read_text())


def functions(architecture, folder, packed_bytes_max):
    names = sorted(path.name for path in (folder / "functions").iterdir())
    wanted = sorted(f"{name}.zip" for name in function_names())
    assert names == wanted, f"{names} are packed, and the template has {wanted}"
    for name in names:
        packed = (folder / "functions" / name).read_bytes()
        assert packed_bytes_max is None or len(packed) < packed_bytes_max, f"{name} has {len(packed)} bytes"
        with zipfile.ZipFile(io.BytesIO(packed)) as archive:
            (entry,) = archive.infolist()
            assert entry.filename == "bootstrap" and entry.external_attr >> 16 & 0o111, f"{name}: {entry}"
            header = archive.read(entry)[:20]
        check_machine(name, header, architecture)


def check_machine(name, header, architecture):
    machine = int.from_bytes(header[18:20], "little")
    assert header[:4] == b"\x7fELF" and machine == MACHINES[architecture], f"{name} is a program for machine {machine:#x}"


def upload(folder):
    """`sam deploy` begins with what `sam package` does: it uploads, and writes a template that names the uploads."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Uploads)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    keys = {"AWS_ACCESS_KEY_ID": "none", "AWS_SECRET_ACCESS_KEY": "none", "AWS_REQUEST_CHECKSUM_CALCULATION": "when_required"}
    environment = {**os.environ, **keys, "AWS_ENDPOINT_URL": f"http://127.0.0.1:{server.server_address[1]}", "NO_PROXY": "127.0.0.1"}
    Uploads.kept.clear()
    run([SAM, "validate", "--lint", "--region", "us-east-1", "--template", "template.yaml"], cwd=folder, env=environment)
    run([SAM, "package", "--template-file", "template.yaml", "--s3-bucket", "packages", "--region", "us-east-1", "--use-json",
         "--output-template-file", "uploaded.json"], cwd=folder, env=environment)
    server.shutdown()
    resources = json.loads((folder / "uploaded.json").read_text())["Resources"]
    codes = [one["Properties"]["CodeUri"] for one in resources.values() if one["Type"] == "AWS::Serverless::Function"]
    sent = sorted(hashlib.sha256(Uploads.kept[code.removeprefix("s3:/")]).hexdigest() for code in codes)
    packed = sorted(hashlib.sha256(path.read_bytes()).hexdigest() for path in (folder / "functions").iterdir())
    assert sent == packed, "SAM uploads something else than the packed functions"


def template(architecture, packed_bytes_max, work):
    unpack(FOLDER / f"maxpay-{VERSION}-{architecture}.zip", work)
    functions(architecture, work, packed_bytes_max)
    upload(work)


def local(architecture, work):
    unpack(FOLDER / f"maxpay-local-{VERSION}-linux-{architecture}.zip", work)
    program, tool = work / "maxpay-local", work / "maxpay"
    for one in [program, tool]:
        check_machine(one.name, one.read_bytes()[:20], architecture)
        needed = [line for line in run(["readelf", "--wide", "--dynamic", "--program-headers", one]).splitlines() if "INTERP" in line or "NEEDED" in line]
        assert not needed, f"{one.name} needs files of the system that it runs on: {needed}"
    if architecture == HERE:
        assert run([tool, "--version"]).split() == ["maxpay", VERSION]
    else:
        emulator = shutil.which(f"qemu-{architecture.replace('arm64', 'aarch64')}-static")
        if emulator is None:
            print("  (SKIPPED: the local stack is not run, since qemu-user-static is not installed)")
            return
        emulated = work / "emulated"
        emulated.write_text(f'#!/bin/sh\nexec {emulator} {program} "$@"\n')
        emulated.chmod(0o755)
        program = emulated
    stack = Stack(str(program), work / "data", free_port())
    stack.start()
    try:
        stack.wait_until_ready()
        merchant = Merchant(stack)
        charged = merchant.charge("first", 9900)
        merchant.pay(charged["id"])
        until = time.monotonic() + NOTIFY_SECONDS_MAX
        while (found := merchant.call("records", {"billNum": "first"}))["results"][0]["status"] != "success":
            assert time.monotonic() < until, f"it is not paid after {NOTIFY_SECONDS_MAX} s: {found}"
            time.sleep(0.2)
    finally:
        Stack.kill_all()


def sbom(architectures, work):
    unpack(FOLDER / f"maxpay-sbom-{VERSION}.zip", work)
    programs = [f"{name}.cdx.json" for name in [*function_names(), "maxpay-local", "maxpay"]]
    wanted = {"sdk/javascript.cdx.json"} | {f"{architecture}/{program}" for architecture in architectures for program in programs}
    found = {str(path.relative_to(work)) for path in work.rglob("*") if path.is_file()}
    assert found == wanted, f"there are {sorted(found ^ wanted)} too many or too few"
    for name in sorted(found):
        described = json.loads((work / name).read_text())
        parts = described["components"]
        assert described["bomFormat"] == "CycloneDX" and described["metadata"]["component"]["version"] == VERSION, name
        lacking = [part["name"] for part in parts if not (part["version"] and part["purl"] and part["licenses"])]
        assert parts and not lacking, f"{name}: without version, address or licence: {lacking}"


def javascript(work):
    run(["npm", "init", "--yes"], cwd=work)
    run(["npm", "install", "--no-audit", "--no-fund", FOLDER / f"maxpay-{VERSION}.tgz"], cwd=work)
    program = "import { MaxPay, verifyWebhook } from 'maxpay'; new MaxPay({ url: 'https://pay.example.com', appId: 'a'.repeat(24), masterKey: 'key' });"
    run(["node", "--input-type=module", "--eval", program], cwd=work)


def python(work):
    run([sys.executable, "-m", "venv", work / "venv"])
    wheel = FOLDER / f"maxpay_gateway-{VERSION}-py3-none-any.whl"
    run([work / "venv/bin/pip", "install", "--no-index", "--disable-pip-version-check", wheel])
    told = run([work / "venv/bin/python", "-c", "import maxpay; print(maxpay.__version__, maxpay.Client, maxpay.AsyncClient, maxpay.verify)"])
    assert told.startswith(VERSION), told
    assert (FOLDER / f"maxpay_gateway-{VERSION}.tar.gz").is_file()


def go(work):
    proxy = work / "proxy"
    unpack(FOLDER / f"maxpay-go-{VERSION}.zip", proxy)
    module = next(proxy.rglob("@v")).parent.relative_to(proxy)
    shop = work / "shop"
    shop.mkdir()
    (shop / "main.go").write_text(f'package main\n\nimport "{module}"\n\nfunc main() {{ _, err := maxpay.New(maxpay.Config{{}}); if err == nil {{ panic("no error") }} }}\n')
    environment = {**os.environ, "GOPROXY": f"file://{proxy}", "GONOSUMDB": str(module), "GOFLAGS": "-modcacherw", "GOMODCACHE": str(work / "modules"),
                   "GOTOOLCHAIN": "local"}
    run(["go", "mod", "init", "shop.example"], cwd=shop, env=environment)
    run(["go", "get", f"{module}@v{VERSION}"], cwd=shop, env=environment)
    run(["go", "run", "."], cwd=shop, env=environment)


def php(work):
    archive = FOLDER / f"maxpay-php-{VERSION}.zip"
    program = "new MaxPay\\Client('https://pay.example.com', str_repeat('a', 24), masterKey: 'key'); echo MaxPay\\Webhook::class;"
    unpack(archive, work / "plain")
    assert run(["php", "-r", f"require '{work}/plain/autoload.php'; {program}"]).strip().endswith("Webhook")
    if not shutil.which("composer"):
        print("  (SKIPPED: Composer is not installed, so the archive is only unpacked)")
        return
    # Of the archive, and of the tree. Composer reads archives by PHP's extension zip.
    kinds = [("artifact", FOLDER, VERSION), ("path", ROOT / "sdk/php", "*@dev")]
    if "zip" not in run(["php", "-m"]).split():
        print("  (SKIPPED: PHP has no extension zip, so Composer installs from the tree alone)")
        kinds = kinds[1:]
    for kind, url, version in kinds:
        shop = work / kind
        shop.mkdir()
        composer = functools.partial(run, cwd=shop, env={**os.environ, "COMPOSER_ALLOW_SUPERUSER": "1"})
        composer(["composer", "init", "--no-interaction", "--name=shop/shop"])
        composer(["composer", "config", "repositories.maxpay", kind, url])
        composer(["composer", "config", "repositories.packagist", "false"])
        composer(["composer", "require", "--no-interaction", f"maxpay-gateway/maxpay:{version}"])
        classes = "foreach (['ApiException', 'Record', 'Psr18Transport', 'Result', 'Trace'] as $class) { new ReflectionClass(\"MaxPay\\\\$class\"); }"
        told = run(["php", "-r", f"require 'vendor/autoload.php'; {classes} {program}"], cwd=shop)
        assert told.strip().endswith("Webhook"), f"{kind}: {told}"


def main():
    names = {path.name for path in FOLDER.iterdir()}
    looks = {"sums": lambda _: sums()}
    architectures = [architecture for architecture in MACHINES if f"maxpay-{VERSION}-{architecture}.zip" in names]
    # What is made for CI has no local stack and no SBOM, and its functions are a debug build, whose size says nothing.
    whole = f"maxpay-sbom-{VERSION}.zip" in names
    for architecture in architectures:
        looks[f"template for {architecture}"] = functools.partial(template, architecture, PACKED_BYTES_MAX if whole else None)
    if whole:
        looks.update({f"local stack for {architecture}": functools.partial(local, architecture) for architecture in architectures})
        looks["SBOM"] = functools.partial(sbom, architectures)
    looks.update({"JavaScript": javascript, "Python": python, "Go": go, "PHP": php})
    failed = 0
    for name, look in looks.items():
        with tempfile.TemporaryDirectory(prefix="maxpay-release-") as work:
            try:
                look(pathlib.Path(work))
                print(f"ok      {name}")
            except Exception as wrong:  # Each look is told of, whatever is wrong with another.
                failed += 1
                print(f"FAILED  {name}: {wrong}")
    print(f"{len(looks) - failed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
