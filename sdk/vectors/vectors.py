"""What the makers of vectors share: signatures by the openssl program, and how a file is written and checked."""

import json
import pathlib
import subprocess
import sys


def openssl(arguments, data):
    return subprocess.run(["openssl", *arguments], input=data, stdout=subprocess.PIPE, check=True).stdout


def hmac_sha256(key, data):
    return openssl(["dgst", "-sha256", "-mac", "HMAC", "-macopt", f"hexkey:{key.hex()}", "-binary"], data)


def write(maker, name, codes, cases):
    """Writes the file of vectors beside its maker. With `--check` it fails if the file is not what would be written."""
    names = [one["name"] for one in cases]
    assert len(names) == len(set(names)), "each case needs a name of its own"
    assert {one["expect"] for one in cases} == {"ok", *codes}, "each code needs a case"
    document = json.dumps({"format": 1, "codes": codes, "cases": cases}, indent=1, ensure_ascii=False) + "\n"
    maker = pathlib.Path(maker).resolve()
    file = maker.parent / name
    if sys.argv[1:] != ["--check"]:
        file.write_text(document, encoding="utf-8")
    elif file.read_text(encoding="utf-8") != document:
        sys.exit(f"{name} is not what {maker.name} writes: run sdk/vectors/{maker.name}")
