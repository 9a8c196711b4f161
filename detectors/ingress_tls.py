"""An Ingress serves some of its hosts with TLS and leaves others out.

By names alone: whether the Secret is there, and what its certificate says, stands in the Secret, and that is never
read. A TLS entry without hosts stands for all that the controller serves.
"""

from __future__ import annotations

from collections.abc import Iterator

from detectors.base import Detector, Finding, View
from detectors.facts_network import Ingress
from detectors.model import FaultClass, Severity
from detectors.world import ref
from intents.model import ObjectsHealthy

NAME = "ingressTLS"


def _judge(view: View) -> Iterator[Finding]:
    for found in view.objects("Ingress", Ingress):
        entries = found.spec.tls
        if found.metadata.deletion_timestamp or not entries or any(not entry.hosts for entry in entries):
            continue
        covered = [host for entry in entries for host in entry.hosts]
        bare = [
            rule.host
            for rule in found.spec.rules
            if rule.host and not any(covers(host, rule.host) for host in covered)
        ]
        if bare:
            yield view.violation(
                NAME,
                FaultClass.INGRESS_TLS,
                ref("Ingress", found.metadata),
                severity=Severity.WARNING,
                reason="HostNotCovered",
                message=f"no TLS entry covers {', '.join(bare)}; they cover {', '.join(covered)}",
                facts={"hosts": ",".join(bare), "tlsHosts": ",".join(covered)},
            )


def covers(name: str, host: str) -> bool:
    """Whether a TLS host, perhaps `*.example.com`, stands for a rule's host: a star is exactly one label
    (networking/v1, IngressRule.host)."""
    name, host = name.lower(), host.lower()
    if name == host:
        return True
    return name.startswith("*.") and host.partition(".")[2] == name[2:]


DETECTOR = Detector(
    NAME, frozenset({FaultClass.INGRESS_TLS}), (ObjectsHealthy,), ("Ingress",), _judge, ("Ingress",)
)
