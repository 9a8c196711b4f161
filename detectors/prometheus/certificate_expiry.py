"""A certificate expires soon, or has: as cert-manager or a probe of the blackbox exporter tells."""

from __future__ import annotations

from functools import partial

from detectors.base import NAMED_TARGET, Detector
from detectors.model import FaultClass, Severity
from detectors.prometheus.places import of_certificate
from detectors.prometheus.rules import Rule, judging
from detectors.promql import Comparison, Condition
from intents.model import Scope
from intents.objectives import CertificateExpiry
from intents.selectors import Matcher, Selector, parse_selector
from intents.units import format_duration, parse_duration

NAME = "certificate_expiry"
LONGEST = 100 * 365 * 86400.0
"""Seconds that a sentence tells of; a metric can be infinite."""
CERT_MANAGER = "certmanager_certificate_expiration_timestamp_seconds"


def rules(wish: CertificateExpiry, scope: Scope) -> dict[str, Rule]:
    """Seconds left. cert-manager says 0 of a certificate that was never issued: not known."""
    own = Selector(CERT_MANAGER, (Matcher("namespace", "=", scope.namespace),))
    expiry = parse_selector(wish.expiry) if wish.expiry is not None else own
    condition = Condition(f"({expiry} > 0) - time()", ">=", parse_duration(wish.at_least))
    return {
        "left": Rule(
            Comparison((condition,), parse_duration(wish.for_), "seconds until the certificate expires"),
            FaultClass.CERTIFICATE_EXPIRING,
            _severity,
            "Expiring",
            partial(_sentence, wish),
        )
    }


def _severity(left: float) -> Severity:
    return Severity.CRITICAL if left <= 0 else Severity.WARNING


def _sentence(wish: CertificateExpiry, left: float) -> str:
    told = format_duration(min(abs(left), LONGEST))
    if left <= 0:
        return f"the certificate expired {told} ago"
    return f"the certificate expires in {told}, sooner than {wish.at_least}"


DETECTOR = Detector(
    NAME,
    frozenset({FaultClass.CERTIFICATE_EXPIRING}),
    (CertificateExpiry,),
    (NAMED_TARGET,),
    judging(NAME, rules, of_certificate),
)
