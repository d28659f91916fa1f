#!/usr/bin/python3
"""Sums up the steps that scripts/check.sh ran.

Argument: a file of lines NAME <tab> EXIT STATUS <tab> RESULTS, where RESULTS is a JUnit file (ctest, pytest), a TAP
file (node --test), or "-" for a step that counts as one test.  A step that failed without a failure in its results (it
crashed, or had no results) counts as one failure.  The last line is `N passed, N failed, N skipped`.
"""

import os
import re
import sys
import xml.etree.ElementTree as ElementTree

CMOCKA = {
    "passed": re.compile(r"^\[  PASSED  \] (\d+) test\(s\)\.", re.M),
    "failed": re.compile(r"^\[  FAILED  \] (\d+) test\(s\)", re.M),
    "skipped": re.compile(r"^\[  SKIPPED \] (\d+) test\(s\)", re.M),
}


def cmocka_counts(output):
    """The counts a cmocka program printed; None if it is no such program."""
    if "test(s) run." not in output:
        return None
    return {kind: sum(map(int, pattern.findall(output))) for kind, pattern in CMOCKA.items()}


def count_junit(path):
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    for case in ElementTree.parse(path).getroot().iter("testcase"):
        failed = case.find("failure") is not None or case.find("error") is not None
        # ctest's way to say skipped, disabled or not run is the attribute.
        failed = failed or case.get("status") == "fail"
        skipped = case.find("skipped") is not None or case.get("status") in ("notrun", "disabled")
        output = case.findtext("system-out") or ""
        # Only ctest's cases have a status; each of them is a program of many tests.
        inner = cmocka_counts(output) if case.get("status") else None
        if inner and not (failed and inner["failed"] == 0):
            for kind, count in inner.items():
                counts[kind] += count
        elif failed:
            counts["failed"] += 1
        elif skipped:
            counts["skipped"] += 1
        else:
            counts["passed"] += 1
    return counts


def count_tap(path):
    counts = {"pass": 0, "fail": 0, "cancelled": 0, "skipped": 0, "todo": 0}
    with open(path, encoding="utf-8", errors="replace") as file:
        for line in file:
            match = re.match(r"# (\w+) (\d+)$", line)
            if match and match[1] in counts:
                counts[match[1]] = int(match[2])
    return {
        "passed": counts["pass"],
        "failed": counts["fail"] + counts["cancelled"],
        "skipped": counts["skipped"] + counts["todo"],
    }


def count_step(status, results):
    if results == "-":
        return {"passed": int(status == 0), "failed": int(status != 0), "skipped": 0}
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    if os.path.exists(results):
        try:
            counts = count_tap(results) if results.endswith(".tap") else count_junit(results)
        except ElementTree.ParseError:
            status = status or 1
    else:
        status = status or 1
    if status != 0 and counts["failed"] == 0:
        counts["failed"] = 1
    return counts


def main():
    totals = {"passed": 0, "failed": 0, "skipped": 0}
    print()
    with open(sys.argv[1], encoding="utf-8") as file:
        for line in file:
            name, status, results = line.rstrip("\n").split("\t")
            counts = count_step(int(status), results)
            for kind, count in counts.items():
                totals[kind] += count
            print(f"{name:24} " + ", ".join(f"{count} {kind}" for kind, count in counts.items()))
    print("{passed} passed, {failed} failed, {skipped} skipped".format(**totals))
    return 1 if totals["failed"] or not totals["passed"] else 0


if __name__ == "__main__":
    sys.exit(main())
