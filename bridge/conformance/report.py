"""What was found of a client, check by check."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from enum import StrEnum


class Verdict(StrEnum):
    """What a check came to."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_SEEN = "not_seen"
    """The client gave no occasion to tell."""


CHECKS = {
    "first_message": "joins (or resumes) in its first message, within 10 seconds",
    "token_in_message": "keeps the token out of the URL",
    "valid_requests": "sends requests as docs/protocol describes them, and nothing else",
    "request_ids": "gives each request a number that no unanswered one has",
    "accepted": "has no request refused",
    "publish": "publishes, and its publish connection stands",
    "subscribe": "answers each subscribe_offer by its number, and its subscribe connection stands",
    "keepalive": "answers WebSocket pings",
    "unknown_ignored": "ignores a message and a field that it does not know",
    "error_survived": "goes on after an error that answers no request of its own",
    "consent_asked": "answers consent_asked by its id, once its user has answered",
    "recording_told": "goes on while a recording begins, pauses and ends",
    "consent_taken_back": "goes on after a question that is taken back at once, and an answer that comes too late",
    "video_consent": "answers when the room asks for consent to video",
    "resume": "comes back with resume, by the session's id and secret, after its WebSocket was lost",
    "stops": "stays away after the call was ended (4410 `ended`)",
}
"""All checks, in the order of the report, as ends of the sentence "The client …"."""


@dataclass(frozen=True, slots=True)
class Finding:
    """The verdict of one check."""

    verdict: Verdict = Verdict.NOT_SEEN
    detail: str = ""
    """What was seen instead, or why nothing was."""


@dataclass
class Report:
    """The findings so far. A check that has failed stays failed."""

    findings: dict[str, Finding] = field(default_factory=lambda: dict.fromkeys(CHECKS, Finding()))

    def passed(self, check: str) -> None:
        """The client did as it should."""
        if self.findings[check].verdict is not Verdict.FAILED:
            self.findings[check] = Finding(Verdict.PASSED)

    def failed(self, check: str, detail: str) -> None:
        """The client did something else. What was seen first is kept."""
        if self.findings[check].verdict is not Verdict.FAILED:
            self.findings[check] = Finding(Verdict.FAILED, detail)

    def not_seen(self, check: str, detail: str) -> None:
        """Why there was no occasion to tell, unless there was one after all."""
        if self.findings[check].verdict is Verdict.NOT_SEEN:
            self.findings[check] = Finding(Verdict.NOT_SEEN, detail)

    @property
    def conforms(self) -> bool:
        """Whether no check failed."""
        return all(finding.verdict is not Verdict.FAILED for finding in self.findings.values())


def as_text(report: Report) -> str:
    """A line for each check, and one that sums them up."""
    marks = {Verdict.PASSED: "ok", Verdict.FAILED: "FAIL", Verdict.NOT_SEEN: "-"}
    lines = []
    for check, finding in report.findings.items():
        lines.append(f"{marks[finding.verdict]:<6}{check:<20}The client {CHECKS[check]}.")
        if finding.detail:
            lines.append(f"{'':<26}→ {finding.detail}")
    counts = [sum(each.verdict is verdict for each in report.findings.values()) for verdict in Verdict]
    lines.append("\n{} passed, {} failed, {} not seen.".format(*counts))
    return "\n".join(lines)


def as_json(report: Report) -> str:
    """The same for programs."""
    checks = [
        {
            "check": check,
            "verdict": finding.verdict.value,
            "expected": f"The client {CHECKS[check]}.",
            "detail": finding.detail,
        }
        for check, finding in report.findings.items()
    ]
    return json.dumps({"conforms": report.conforms, "checks": checks}, indent=2, ensure_ascii=False)
