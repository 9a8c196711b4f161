"""Services whose selector matches nothing."""

from __future__ import annotations

from detectors.model import FaultClass as F
from tuning.incidents import pools
from tuning.incidents.base import EARLIER, Made, equals
from tuning.incidents.mistakes import typo
from tuning.incidents.world import World


def selector(w: World) -> Made:
    """A Service whose selector matches no pod."""
    pool = w.pool
    key = next(iter(w.labels))
    wrong = pool.any((typo(w, w.name), w.name + "-old", w.name + "s", w.name.removesuffix("-v2") + "-v3"))
    if wrong == w.name:
        wrong += "x"
    meta = {"name": w.name + pool.any(("", "-svc", "-http")), "namespace": w.namespace, "uid": "uid-1"}

    def service(selector_: dict[str, str]) -> dict[str, object]:
        return {"apiVersion": "v1", "kind": "Service", "metadata": meta,
                "spec": {"selector": selector_, "ports": [{"port": 80, "targetPort": w.port, "protocol": "TCP"}]}}  # fmt: skip

    labels = dict(list(w.labels.items())[: pool.any((1, len(w.labels)))])
    w.service = service({**labels, key: wrong})
    w.service_good = service(labels) if pool.chance(0.6) else None
    w.ready = len(w.pod_names)
    w.statuses = [{"name": w.app, "ready": True, "restartCount": 0, "state": {"running": {}}}]
    neighbour = pool.any([n for n in pools.NAMES if n != w.name and not w.name.startswith(n)])
    w.put({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": neighbour, "namespace": w.namespace},
           "spec": {"selector": {"matchLabels": {key: neighbour}}, "template": {"metadata": {"labels": {key: neighbour}}, "spec": {"containers": []}}}})  # fmt: skip
    name, path = meta["name"], f"spec.selector.{_escaped(key)}"
    message = f"Service {name} has no endpoints: no pod matches {key}={wrong}"
    return Made(
        w.case(F.NO_ENDPOINTS, "NoEndpoints", message),
        causes=(f"Service {name} selects {key}={wrong}, but the pods of {w.name} carry {key}={w.name}.",
                f"The selector of Service {name} matches no pod: {key} is {wrong} instead of {w.name}."),
        telling=(wrong,),
        fix={path: equals(w.name)},
        near=((path, neighbour, f"the pods of Deployment {neighbour} have these labels"), (path, typo(w, w.name), EARLIER),
              ("spec.ports[port=80].targetPort", w.port + 1, "another port")),
    )  # fmt: skip


def _escaped(key: str) -> str:
    return key.replace(".", "\\.")
