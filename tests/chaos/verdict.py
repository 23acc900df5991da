"""What an audit finds: how often each rule was looked at, and where it was broken."""

from collections import Counter
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Violation:
    """A broken rule.

    Attributes:
        rule: its name.
        subject: the run, thread or queue.
        words: how it was broken.
    """

    rule: str
    subject: str
    words: str

    def __str__(self) -> str:
        return f"{self.subject}: {self.rule}: {self.words}"


@dataclass(slots=True)
class Verdict:
    """The result of an audit, while it is being made and afterwards.

    Attributes:
        looks: how often each rule was looked at.
        violations: in the order in which they were found.
    """

    looks: Counter[str] = field(default_factory=Counter)
    violations: list[Violation] = field(default_factory=list)

    def expect(self, rule: str, subject: str, holds: bool, words: str) -> bool:
        """Note whether a rule holds; return that.

        Args:
            rule: its name.
            subject: what was looked at.
            holds: whether the rule holds for it.
            words: what is wrong if it does not.
        """
        self.looks[rule] += 1
        if not holds:
            self.violations.append(Violation(rule, subject, words))
        return holds

    def broken(self) -> Counter[str]:
        """Return how often each rule was broken."""
        return Counter(violation.rule for violation in self.violations)
