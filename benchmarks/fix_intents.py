"""The workloads of the benchmark `fix` and the intents over intentd's half of them: mended without asking."""

from __future__ import annotations

PER_NAMESPACE = 10
"""Neighbours are read with every incident; so many workloads share a namespace."""

Where = tuple[str, str]
"""Namespace, name."""


def namespaces(side: str, workloads: int) -> tuple[str, ...]:
    """As many as hold so many workloads."""
    return tuple(f"{side}-{number:02d}" for number in range(-(-workloads // PER_NAMESPACE)))


def workloads_in(spaces: tuple[str, ...]) -> tuple[Where, ...]:
    """In the order in which they are broken: where there are several namespaces, neighbours never follow each
    other."""
    return tuple((namespace, f"web-{number}") for number in range(PER_NAMESPACE) for namespace in spaces)


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


def fix_intents(spaces: tuple[str, ...]) -> dict[str, str]:
    """File name to YAML."""
    return {f"{namespace}.yaml": _INTENT.format(namespace=namespace) for namespace in spaces}
