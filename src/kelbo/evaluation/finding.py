"""What there is to say of a fit: findings, and the verdict that they make together."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, get_args

Severity = Literal["fine", "note", "warning", "fault"]

_STYLES = {"note": "cyan", "warning": "yellow", "fault": "bold red"}


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at, and what was seen.

    Attributes:
        name: What was looked at, such as "posterior_collapse": the same in every version.
        severity: "fine"; "note", which a person may want to know and which is no fault by itself;
            "warning", which makes the figures or the samples worse than they need to be; or
            "fault", after which the model is of little use.
        sentence: What was seen, with its numbers.
        advice: What to try; empty where all is fine.
    """

    name: str
    severity: Severity
    sentence: str
    advice: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """The finding as JSON can hold it."""
        return {
            "name": self.name,
            "severity": self.severity,
            "sentence": self.sentence,
            "advice": list(self.advice),
        }


def _finding(values):
    finding = Finding(**{**values, "advice": tuple(values["advice"])})
    texts = (finding.name, finding.sentence, *finding.advice)
    if finding.severity not in get_args(Severity) or not all(isinstance(t, str) for t in texts):
        raise TypeError
    return finding


@dataclass(frozen=True)
class Verdict:
    """All findings on a fit. Printing it says what to try.

    Attributes:
        findings: What is to be said, the gravest first; none of them "fine".
        fine: What was looked at and is well.

    Example:
        >>> from kelbo.evaluation import Finding, Verdict
        >>> print(Verdict.of([Finding("loss_trend", "fine", "the loss has settled")]))
        nothing suspicious: the loss has settled
    """

    findings: tuple[Finding, ...]
    fine: tuple[Finding, ...]

    @classmethod
    def of(cls, findings: Iterable[Finding]) -> "Verdict":
        """The verdict that findings make.

        Args:
            findings: Of any severity, in the order in which they are told.

        Returns:
            The verdict.
        """
        findings = tuple(findings)
        order = ("fault", "warning", "note")
        told = sorted(
            (f for f in findings if f.severity != "fine"), key=lambda f: order.index(f.severity)
        )
        return cls(tuple(told), tuple(f for f in findings if f.severity == "fine"))

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "Verdict":
        """The verdict that `as_dict` wrote.

        Args:
            values: What it wrote, perhaps read from a file.

        Raises:
            ValueError: It is no such thing.
        """
        try:
            findings, fine = (tuple(map(_finding, values[name])) for name in ("findings", "fine"))
        except (TypeError, KeyError, AttributeError):
            raise ValueError("expected what Verdict.as_dict returns") from None
        return cls(findings, fine)

    @property
    def healthy(self) -> bool:
        """Whether there is neither a fault nor a warning; notes may be there."""
        return all(finding.severity == "note" for finding in self.findings)

    @property
    def headline(self) -> str:
        """The verdict in one line."""
        well = "; ".join(finding.sentence for finding in self.fine)
        if self.healthy:
            return f"nothing suspicious: {well}" if well else "nothing suspicious"
        counts = [
            f"{count} {severity}{'s' if count > 1 else ''}"
            for severity in ("fault", "warning")
            if (count := sum(f.severity == severity for f in self.findings))
        ]
        return " and ".join(counts) + (f" (well: {well})" if well else "")

    def as_dict(self) -> dict[str, Any]:
        """The verdict as JSON can hold it."""
        return {
            "healthy": self.healthy,
            "headline": self.headline,
            "findings": [finding.as_dict() for finding in self.findings],
            "fine": [finding.as_dict() for finding in self.fine],
        }

    def lines(self) -> list[tuple[str, Severity]]:
        """The lines that are shown, each with the severity that it speaks of."""
        lines: list[tuple[str, Severity]] = [(self.headline, "fine")] if self.healthy else []
        for finding in self.findings:
            lines.append((f"{finding.severity}: {finding.sentence}", finding.severity))
            lines += [(f"  - {advice}", "fine") for advice in finding.advice]
        if not self.healthy and self.fine:
            well = "; ".join(finding.sentence for finding in self.fine)
            lines.append((f"well: {well}", "fine"))
        return lines

    def __str__(self) -> str:
        return "\n".join(line for line, _ in self.lines())

    def __rich__(self) -> Any:
        from rich.text import Text

        lines = [Text(line, style=_STYLES.get(severity, "")) for line, severity in self.lines()]
        return Text("\n").join(lines)
