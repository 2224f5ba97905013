"""Compares what LibreOffice shows of an export's workbook and CSV with the CSV itself, cell by cell."""

import csv
import pathlib
import sys

exported, opened = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
AMOUNTS = (7, 8, 16, 17)


def rows(path):
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.reader(file))


def plain(row):
    """A cell without what only spreadsheets need: the tab after a number, the apostrophe before a formula, and the commas of thousands."""
    cells = [cell.strip() for cell in row]
    for place in AMOUNTS:
        if place < len(cells) and cells[place][:1].isdigit():
            cells[place] = f"{float(cells[place].replace(',', '')):.2f}"
    return [cell.lstrip("'") for cell in cells]


expected = [plain(row) for row in rows(exported)]
assert len(expected) > 4, expected
# The total is a line of the CSV, and a sheet of the workbook.
for name, wanted in (("xlsx/export-Lines.csv", expected[:-1]), ("csv/export.csv", expected)):
    path = opened / name
    if not path.exists():
        path = next((opened / name.split("/")[0]).glob("*.csv"))
    found = [plain(row) for row in rows(path)]
    for number, (one, other) in enumerate(zip(wanted, found, strict=True)):
        assert one == other, f"{name}, row {number}:\n{one}\n{other}"
total = rows(opened / "xlsx/export-Total.csv")[-1]
found = [f"{float(cell.replace(',', '')):.2f}" for cell in total[2:4]]
assert found == expected[-1][16:18], (total, expected[-1])
print(f"{len(expected) - 2} lines are the same in LibreOffice, as XLSX and as CSV, and so are the totals")
