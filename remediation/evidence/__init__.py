"""Evidence: what the model may see of a case, and what candidates rest on."""

from remediation.evidence.clean import redacted, redacted_case
from remediation.evidence.select import DEFAULT_BUDGET, render, select

__all__ = ["DEFAULT_BUDGET", "redacted", "redacted_case", "render", "select"]
