"""NetworkPolicies that cut what should connect, or guard nothing: by their rules, not by traffic."""

from __future__ import annotations

from gym.catalogue.base import Scenario, fixable
from gym.catalogue.draw import Draw
from gym.catalogue.objects import (
    ABSENT,
    Json,
    service,
    workload,
)
from gym.catalogue.sketch import Sketch, check
from gym.catalogue.traffic import FAMILY, TIER, key_path


def admits(d: Draw, behind: Json, clients: dict[str, str]) -> Json:
    """A NetworkPolicy that lets these clients to the workload's port."""
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": f"{d.app}-clients", "namespace": d.namespace},
        "spec": {
            "podSelector": {"matchLabels": dict(behind["spec"]["selector"]["matchLabels"])},
            "policyTypes": ["Ingress"],
            "ingress": [
                {
                    "from": [{"podSelector": {"matchLabels": clients}}],
                    "ports": [{"port": d.port, "protocol": "TCP"}],
                }
            ],
        },
    }


def reaches(client: Json, behind: Json, port: int) -> Json:
    """The assertion that the client may connect."""
    return {
        "op": "netpol_ingress_allows",
        "from": {"kind": client["kind"], "name": client["metadata"]["name"]},
        "to": {"kind": behind["kind"], "name": behind["metadata"]["name"]},
        "port": port,
    }


@fixable(
    "policy-client",
    FAMILY,
    "PolicyBlocks",
    TIER,
    "a NetworkPolicy admits a client by a label that its pods do not have; the policy's annotation names the client",
    "the label of the client that is named",
)
def policy_client(d: Draw, s: Sketch) -> None:
    behind = workload(d, d.turn("Deployment", "StatefulSet"), sidecar=False)
    client = workload(d, "Deployment", f"{d.app}-{d.turn('frontend', 'gateway', 'portal')}")
    labels = dict(client["spec"]["selector"]["matchLabels"])
    key, name = next(iter(labels.items()))
    good = admits(d, behind, labels)
    good["metadata"]["annotations"] = {"description": f"only {name} may connect"}
    path = "spec.ingress[0].from[0].podSelector.matchLabels"
    s.applies(behind, client, service(d, behind))
    s.breaks(
        good,
        key_path(path, key),
        name[:-1],
        reaches(client, behind, d.port),
        check("eq", good, path, value=labels),
        allow="spec.ingress",
    )
    s.mistake((good, "spec.ingress[0].from", ABSENT))
    s.mistake((good, "spec.ingress", [{}]))


@fixable(
    "policy-port",
    FAMILY,
    "PolicyBlocks",
    TIER,
    "a NetworkPolicy admits a port on which the workload does not listen",
    "the container's port",
)
def policy_port(d: Draw, s: Sketch) -> None:
    behind = workload(d, d.turn("Deployment", "StatefulSet"), sidecar=False)
    client = workload(d, "Deployment", f"{d.app}-{d.turn('frontend', 'gateway', 'portal')}")
    labels = dict(client["spec"]["selector"]["matchLabels"])
    good = admits(d, behind, labels)
    path = "spec.ingress[0].ports[0].port"
    s.applies(behind, client, service(d, behind))
    s.breaks(
        good,
        path,
        d.turn(80, 443, 8088),
        reaches(client, behind, d.port),
        check("in", good, path, value=[d.port, "http"]),
        check("eq", good, "spec.ingress[0].from[0].podSelector.matchLabels", value=labels),
        allow="spec.ingress",
    )
    s.mistake((good, "spec.ingress[0].ports", ABSENT))


@fixable(
    "policy-selects-nothing",
    FAMILY,
    "PolicyMatchesNothing",
    TIER,
    "a NetworkPolicy selects pods that do not exist, so it guards nothing",
    "the labels of the workload of its name",
)
def policy_nothing(d: Draw, s: Sketch) -> None:
    behind = workload(d, d.turn("Deployment", "StatefulSet"))
    client = workload(d, "Deployment", f"{d.app}-{d.turn('frontend', 'gateway', 'portal')}")
    good = admits(d, behind, dict(client["spec"]["selector"]["matchLabels"]))
    good["metadata"]["name"] = d.app
    key, name = next(iter(good["spec"]["podSelector"]["matchLabels"].items()))
    s.applies(behind, client)
    s.breaks(good, key_path("spec.podSelector.matchLabels", key), f"{name}-old", allow="spec.podSelector")
    s.mistake((good, "spec.podSelector", {}))


SCENARIOS: tuple[Scenario, ...] = (
    policy_client, policy_port, policy_nothing,
)  # fmt: skip
