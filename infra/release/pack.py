"""Packs the parts of a release. infra/release/run calls it; standard library only.

    pack.py template VERSION ARCHITECTURE FUNCTIONS OUT NAME...
    pack.py local VERSION ARCHITECTURE PROGRAM OUT
    pack.py sbom VERSION FOLDER OUT
    pack.py go VERSION OUT
    pack.py php VERSION OUT
    pack.py sums OUT

An archive has no times and no owners, so that the same content is the same bytes.
"""

import datetime
import hashlib
import io
import json
import os
import pathlib
import re
import subprocess
import sys
import zipfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
GO_MODULE = "maxpay.example/go/maxpay"
FILE, PROGRAM = 0o100644, 0o100755


def archive(entries):
    """A zip of (name, content, mode)."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as zipped:
        for name, content, mode in entries:
            entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            entry.create_system, entry.external_attr, entry.compress_type = 3, mode << 16, zipfile.ZIP_DEFLATED
            zipped.writestr(entry, content)
    return packed.getvalue()


def write(path, content):
    path.write_bytes(content)
    print(f"{path.name:<44} {len(content):>12,}")


def tracked(folder):
    """The files of a folder that git knows: path within the folder, and content."""
    listed = subprocess.run(["git", "ls-files", "-z", folder], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    paths = [pathlib.Path(path) for path in listed.split("\0") if path]
    return [(str(path.relative_to(folder)), (ROOT / path).read_bytes()) for path in paths]


def replaced(pattern, by, text, times):
    """Replaces a pattern just so many times: a template of another form must not be packed half."""
    text, count = re.subn(pattern, by, text, flags=re.MULTILINE)
    if count != times:
        sys.exit(f"template.yaml: `{pattern}` is there {count} times, not {times}")
    return text


def packed_template(architecture, functions):
    """template.yaml, with packed functions in place of sources. It is deployed on one architecture only."""
    text = (ROOT / "template.yaml").read_text()
    text = replaced(r"    Metadata:\n      BuildMethod: rust-cargolambda\n      BuildProperties: \{ Binary: .* \}\n", "", text, len(functions))
    text = replaced(r"^      CodeUri: functions/(\S+)$", r"      CodeUri: functions/\1.zip", text, len(functions))
    text = replaced(r"    Default: arm64\n    AllowedValues: \[arm64, x86_64\]\n    Description: .*\n",
                    f"    Default: {architecture}\n    AllowedValues: [{architecture}]\n    Description: What the functions of this archive run on\n", text, 1)
    return text.encode()


def template(version, architecture, bootstraps, out, *functions):
    entries = [("template.yaml", packed_template(architecture, functions), FILE)]
    nested = re.findall(r"TemplateURL: (\S+\.yaml)", (ROOT / "template.yaml").read_text())
    for name in ["samconfig.toml", "docs/operate.md", "LICENSE", *nested]:
        entries.append((name, (ROOT / name).read_bytes(), FILE))
    for name in functions:
        bootstrap = pathlib.Path(bootstraps, name, "bootstrap").read_bytes()
        packed = archive([("bootstrap", bootstrap, PROGRAM)])
        print(f"  {name:<42} {len(bootstrap):>12,} {len(packed):>12,} packed")
        entries.append((f"functions/{name}.zip", packed, FILE))
    write(pathlib.Path(out, f"maxpay-{version}-{architecture}.zip"), archive(entries))


def local(version, architecture, folder, out):
    """The local stack and the command line tool for any Linux of this architecture: two programs, which need nothing beside them."""
    entries = [(name, pathlib.Path(folder, name).read_bytes(), PROGRAM) for name in ["maxpay-local", "maxpay"]]
    entries.append(("LICENSE", (ROOT / "LICENSE").read_bytes(), FILE))
    write(pathlib.Path(out, f"maxpay-local-{version}-linux-{architecture}.zip"), archive(entries))


def sbom(version, folder, out):
    """What each program and package is made of, as CycloneDX: one file for each."""
    files = sorted(path for path in pathlib.Path(folder).rglob("*.cdx.json"))
    entries = [(str(path.relative_to(folder)), path.read_bytes(), FILE) for path in files]
    write(pathlib.Path(out, f"maxpay-sbom-{version}.zip"), archive(entries))


def go(version, out):
    """A folder for GOPROXY: the module's archive beside its description, as the module proxy serves them."""
    files = tracked("sdk/go")
    module = archive([(f"{GO_MODULE}@v{version}/{name}", content, FILE) for name, content in files])
    at = datetime.datetime.fromtimestamp(int(os.environ.get("SOURCE_DATE_EPOCH", "0")), datetime.timezone.utc)
    info = {"Version": f"v{version}", "Time": at.strftime("%Y-%m-%dT%H:%M:%SZ")}
    beside = {"list": f"v{version}\n", f"v{version}.info": json.dumps(info), f"v{version}.mod": dict(files)["go.mod"], f"v{version}.zip": module}
    write(pathlib.Path(out, f"maxpay-go-{version}.zip"), archive([(f"{GO_MODULE}/@v/{name}", content, FILE) for name, content in beside.items()]))


def php(version, out):
    """An archive that Composer takes from a repository of the type `artifact`: composer.json at its top, with the version."""
    files = {name: content for name, content in tracked("sdk/php") if not name.startswith("tests/") and name != "phpunit.xml"}
    described = json.loads(files["composer.json"])
    files["composer.json"] = json.dumps({**described, "version": version}, indent=4, ensure_ascii=False).encode() + b"\n"
    write(pathlib.Path(out, f"maxpay-php-{version}.zip"), archive([(name, content, FILE) for name, content in files.items()]))


def sums(out):
    files = sorted(path for path in pathlib.Path(out).iterdir() if path.name != "SHA256SUMS")
    lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in files]
    pathlib.Path(out, "SHA256SUMS").write_text("".join(lines))
    for path in files:
        print(f"{path.name:<44} {path.stat().st_size:>12,}")


if __name__ == "__main__":
    COMMANDS = {"template": template, "local": local, "sbom": sbom, "go": go, "php": php, "sums": sums}
    COMMANDS[sys.argv[1]](*sys.argv[2:])
