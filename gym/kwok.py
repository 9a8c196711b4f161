"""kwok: nodes and pods without containers, for scale and for machines without root.

Pods become Ready as soon as they are scheduled, unless one of our Stages says otherwise:
- an image `gym.intentd.io/workload:TAG` with a tag that does not exist ends in ErrImagePull, so that a
  patched image heals it as it would on a real node;
- the annotation `gym.intentd.io/symptom` names a state (CrashLoopBackOff, OOMKilled,
  CreateContainerConfigError, NotReady) that lasts until a new pod comes without it.
Whatever else a scenario needs it brings as Stage files of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from kubernetes import client

from gym.build import build, program
from gym.instance import Instance
from gym.processes import start
from gym.ready import api_client, wait_for

STAGES = Path(__file__).parent / "kwok-stages.yaml"
SELECTOR = "type=kwok"
TAINT = client.V1Taint(key="kwok.x-k8s.io/node", value="fake", effect="NoSchedule")


def start_kwok(instance: Instance, *, more_stages: Sequence[Path] = ()) -> None:
    """Start kwok on the instance's cluster; it manages nodes labelled type=kwok and no other."""
    build(["kwok"])
    configs = [f"--config={path}" for path in (STAGES, *more_stages)]
    start(
        instance,
        "kwok",
        [
            program("kwok"),
            f"--kubeconfig={instance.path('kubeconfig')}",
            *configs,
            "--manage-all-nodes=false",
            f"--manage-nodes-with-label-selector={SELECTOR}",
            "--node-lease-duration-seconds=40",
            "--cidr=10.244.0.0/16",
        ],
    )


def add_nodes(kubeconfig: Path, count: int, *, tainted: bool, seconds: float = 60) -> list[str]:
    """Create that many kwok nodes (fewer where they exist) and wait until all are Ready.

    `tainted` keeps ordinary pods off them, where real nodes stand beside.
    """
    names = [f"kwok-{number}" for number in range(count)]
    with api_client(kubeconfig) as api:
        core = client.CoreV1Api(api)
        there = {node.metadata.name for node in core.list_node(label_selector=SELECTOR).items}
        for name in names:
            if name not in there:
                core.create_node(_node(name, tainted=tainted))

        def all_ready() -> bool:
            nodes = core.list_node(label_selector=SELECTOR).items
            return sum(_is_ready(node, tainted=tainted) for node in nodes) >= count

        wait_for(f"{count} kwok nodes becoming ready", all_ready, seconds)
    return names


def _node(name: str, *, tainted: bool) -> client.V1Node:
    labels = {"type": "kwok", "kubernetes.io/hostname": name, "kubernetes.io/os": "linux"}
    return client.V1Node(
        metadata=client.V1ObjectMeta(
            name=name, labels=labels, annotations={"node.alpha.kubernetes.io/ttl": "0"}
        ),
        spec=client.V1NodeSpec(taints=[TAINT] if tainted else None),
        status=client.V1NodeStatus(),
    )


def _is_ready(node: client.V1Node, *, tainted: bool) -> bool:
    ready = any(c.type == "Ready" and c.status == "True" for c in node.status.conditions or [])
    foreign = [t for t in node.spec.taints or [] if not (tainted and t.key == TAINT.key)]
    return ready and not foreign
