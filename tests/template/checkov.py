"""Runs checkov, and compares what it finds with tests/template/excused.txt, in both directions.

    checkov.py CHECKOV TEMPLATE...
"""

import fnmatch
import json
import subprocess
import sys
from pathlib import Path

checkov, *templates = sys.argv[1:]
files = [part for template in templates for part in ("--file", template)]
# `--skip-download`: it asks nobody for descriptions, so that the stage needs no network.
command = [checkov, "--framework", "cloudformation", "--skip-download", "--output", "json", *files]
ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
try:
    report = json.loads(ended.stdout)
except ValueError:
    sys.exit(f"checkov gave no report:\n{ended.stdout}\n{ended.stderr}")

lines = [line for line in Path("tests/template/excused.txt").read_text().splitlines() if line and not line.startswith("#")]
excuses = {tuple(line.split(None, 2)[:2]): line.split(None, 2)[2] for line in lines}
found = sorted((one["check_id"], one["resource"].split(".")[-1], one["check_name"]) for one in report["results"]["failed_checks"])
passed = report["summary"]["passed"]
assert passed > 100, f"checkov looked at {passed} things only"

used, wrong = set(), []
for check, resource, name in found:
    excuse = next((key for key in excuses if key[0] == check and fnmatch.fnmatchcase(resource, key[1])), None)
    if excuse is None:
        wrong.append(f"{check} {resource}: {name}")
        continue
    used.add(excuse)
for check, pattern in excuses:
    named = [resource for one, resource, _ in found if one == check and fnmatch.fnmatchcase(resource, pattern)]
    print(f"  {check:<12} {' '.join(named)}\n{'':<14} {excuses[check, pattern]}")
wrong += [f"excused, and not found any longer: {check} {pattern}" for check, pattern in excuses.keys() - used]
print(f"checkov: {passed} passed, {len(found)} excused by {len(excuses)} lines, {len(wrong)} wrong")
if wrong:
    sys.exit("mend it, or excuse it in tests/template/excused.txt:\n  " + "\n  ".join(wrong))
