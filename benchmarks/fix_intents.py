"""The workloads of the benchmark `fix` and the intents over intentd's half of them: mended without asking."""

from __future__ import annotations

NAMESPACES = tuple(f"fix-{number:02d}" for number in range(20))
TYPED_NAMESPACES = tuple(f"typed-{number:02d}" for number in range(20))
PER_NAMESPACE = 10

Where = tuple[str, str]
"""Namespace, name."""


def workloads_in(namespaces: tuple[str, ...]) -> tuple[Where, ...]:
    """In the order in which they are broken: neighbours never follow each other."""
    return tuple((namespace, f"web-{number}") for number in range(PER_NAMESPACE) for namespace in namespaces)


OURS, TYPED = workloads_in(NAMESPACES), workloads_in(TYPED_NAMESPACES)

_INTENT = """
apiVersion: intentd.io/v1alpha1
kind: Intent
metadata: {{name: {namespace}}}
spec:
  mode: auto
  scope: {{namespace: {namespace}}}
  expectations:
    - type: workloadHealthy
  editable:
    - path: spec.template.spec.containers[*].image
      pattern: "gym.intentd.io/workload:.*"
  budget: {{changes: 1000, per: 1h}}
  cooldown: 1s
  verification: {{window: 1s, timeout: 60s}}
"""


def fix_intents() -> dict[str, str]:
    """File name to YAML."""
    return {f"{namespace}.yaml": _INTENT.format(namespace=namespace) for namespace in NAMESPACES}
