"""The checks and charges of a verification as JUnit's XML, which every CI system shows."""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree import ElementTree as ET

from host.verify_checks import FAIL, SKIPPED, Check
from host.verify_report import ChargeResult, Report

_CLASS = "wattprint.verify"


def junit(report: Report, found: Sequence[Check]) -> bytes:
    """The whole file: a suite of checks, a suite of charges."""
    root = ET.Element("testsuites", name="wattprint verify")
    checks = ET.SubElement(root, "testsuite", name=f"checks on {report.port}")
    properties = ET.SubElement(checks, "properties")
    for name, value in (("model", report.hello.model_hash), ("commit", str(report.provenance.get("commit", "")))):
        ET.SubElement(properties, "property", name=name, value=value)
    for check in found:
        case = ET.SubElement(checks, "testcase", classname=f"{_CLASS}.{check.group}", name=check.title)
        if check.verdict == FAIL:
            ET.SubElement(case, "failure", message=check.text).text = _evidence(report, check)
        elif check.verdict == SKIPPED:
            ET.SubElement(case, "skipped", message=check.text)
        else:
            ET.SubElement(case, "system-out").text = check.text
    charges = ET.SubElement(root, "testsuite", name=f"charges on {report.port}")
    for charge in report.charges:
        _charge(charges, charge)
    for suite in (checks, charges):
        _count(suite)
    _count(root)
    root.set("time", f"{report.seconds:.3f}")
    ET.indent(root, " ")
    return bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True)) + b"\n"


def _charge(suite: ET.Element, charge: ChargeResult) -> None:
    case = ET.SubElement(
        suite,
        "testcase",
        classname=f"{_CLASS}.charge.{charge.device}",
        name=charge.session,
        time=f"{charge.seconds:.3f}",
    )
    if charge.mismatches:
        message = f"{charge.mismatches} of {charge.samples} answers are not the reference's"
        ET.SubElement(case, "failure", message=message).text = message


def _evidence(report: Report, check: Check) -> str:
    first = report.first_divergence
    if check.group != "board" or first is None:
        return check.text
    rows = [f"{name}: expected {first.expected[name]}, got {first.got.get(name)}" for name in first.differing]
    return "\n".join([check.text, *rows, first.finding, f"reproduce: {first.reproduce}"])


def _count(element: ET.Element) -> None:
    for name, tag in (("tests", "testcase"), ("failures", "failure"), ("skipped", "skipped")):
        element.set(name, str(len(list(element.iter(tag)))))
    element.set("errors", "0")
