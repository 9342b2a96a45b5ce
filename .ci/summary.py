"""Add up JUnit reports and print one line: passed, failed, skipped."""

import sys
import xml.etree.ElementTree as ElementTree

total = failed = skipped = 0
for path in sys.argv[1:]:
    for suite in ElementTree.parse(path).getroot().iter("testsuite"):  # noqa: S314  our own reports
        total += int(suite.get("tests", 0))
        failed += int(suite.get("failures", 0)) + int(suite.get("errors", 0))
        skipped += int(suite.get("skipped", 0))
sys.stdout.write(f"{total - failed - skipped} passed, {failed} failed, {skipped} skipped\n")
sys.exit(1 if failed or not total else 0)
