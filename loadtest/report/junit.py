"""JUnit's XML, which CI systems read: a suite for each run, a case for each threshold and one for the run itself."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

from loadtest.report.document import Document
from loadtest.report.words import threshold_text, value_text


def write_junit(report: Document, path: Path) -> None:
    """Writes the file."""
    suites = ElementTree.Element("testsuites", name="bridge-loadtest")
    for run in report["runs"]:
        name = f"{run['scenario']['name']} seed={run['seed']}"
        missed = [threshold for threshold in run["thresholds"] if not threshold["held"]]
        ended = run["state"] in ("failed", "interrupted")
        suite = ElementTree.SubElement(
            suites,
            "testsuite",
            name=name,
            timestamp=run["began"],
            time=f"{run['seconds']:.1f}",
            tests=str(len(run["thresholds"]) + 1),
            failures=str(len(missed)),
            errors=str(int(ended)),
        )
        case = ElementTree.SubElement(suite, "testcase", classname=name, name="run", time=f"{run['seconds']:.1f}")
        if ended:
            ElementTree.SubElement(case, "error", message=run["error"] or run["state"])
        for threshold in run["thresholds"]:
            case = ElementTree.SubElement(suite, "testcase", classname=name, name=threshold_text(threshold))
            if not threshold["held"]:
                value = value_text(threshold["metric"], threshold["value"])
                ElementTree.SubElement(case, "failure", message=f"{threshold_text(threshold)}: it was {value}")
    tree = ElementTree.ElementTree(suites)
    ElementTree.indent(tree)
    tree.write(path, "utf-8", xml_declaration=True)
