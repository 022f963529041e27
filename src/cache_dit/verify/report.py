"""What a check found: for people as text, for programs as one row of JSON."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Finding:
    """One property of a model, checked under one setting.

    Attributes:
        setting: what was checked and how, such as ``"reuse: F1B0 hold"``.
        error: largest relative error, where the check compares numbers.
        problem: what is wrong; empty where nothing is.
    """

    setting: str
    error: float | None = None
    problem: str = ""


@dataclass
class Report:
    """All findings about one model on one axis.

    Attributes:
        model: its class, or its name in the zoo.
        axis: what was verified, such as ``"cache"``.
        findings: one for each property and setting, in the order in which they were checked.
        details: what the axis is told about the model: block lists, patterns and the like.
        advice: what to change, where something is wrong.
        not_applicable: why the axis has nothing to do with this model, if so.
        seconds: how long it took.
    """

    model: str
    axis: str
    findings: list[Finding] = field(default_factory=list)
    details: dict[str, Any] = field(default_factory=dict)
    advice: str = ""
    not_applicable: str = ""
    seconds: float = 0.0

    @property
    def ok(self) -> bool | None:
        """Whether there were checks and all passed; None where the axis does not apply."""
        return None if self.not_applicable else bool(self.findings) and not self.failures

    @property
    def failures(self) -> list[Finding]:
        """The findings with a problem."""
        return [finding for finding in self.findings if finding.problem]

    @property
    def worst(self) -> Finding | None:
        """The first failure, or else the finding with the largest error."""
        measured = [finding for finding in self.findings if finding.error is not None]
        worst = max(measured, key=lambda finding: finding.error or 0.0, default=None)
        return next(iter(self.failures), worst)

    @property
    def max_rel_error(self) -> float | None:
        """The largest relative error of any setting; None where none was measured."""
        return max((f.error for f in self.findings if f.error is not None), default=None)

    @property
    def reason(self) -> str:
        """What is wrong and what to change; or why the axis does not apply; or nothing."""
        if not self.failures:
            return self.not_applicable
        first, *others = self.failures
        more = f" ({len(others)} of {len(self.findings) - 1} other checks fail too.)"
        parts = [f"{first.setting}: {first.problem}", more.strip() if others else "", self.advice]
        return " ".join(part for part in parts if part)

    def as_row(self) -> dict[str, Any]:
        """The report as one row of the verification's JSON, which knows no infinity."""
        worst = self.max_rel_error
        return {
            "model": self.model,
            "axis": self.axis,
            "ok": self.ok,
            "max_rel_error": worst if worst is not None and math.isfinite(worst) else None,
            "setting": self.worst.setting if self.worst else None,
            "reason": self.reason,
            "failures": [f"{each.setting}: {each.problem}" for each in self.failures],
            "seconds": round(self.seconds, 2),
            "details": self.details,
        }

    def __str__(self) -> str:
        verdict = {True: "passes", False: "FAILS", None: "does not apply"}[self.ok]
        count = f"{len(self.findings)} checks" if self.findings else ""
        worst = self.max_rel_error
        error = "" if worst is None else f"worst relative error {worst:.1e}"
        facts = ", ".join(fact for fact in (count, error, f"{self.seconds:.1f} s") if fact)
        text = f"{self.model}: {self.axis} {verdict} ({facts})"
        return f"{text}. {self.reason}" if self.reason else text
