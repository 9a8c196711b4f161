"""An image that cannot be pulled: another tag of the same repository that runs in this namespace."""

from __future__ import annotations

import difflib
from collections.abc import Iterator

from detectors.model import FaultClass
from intents.fields import Element
from remediation.candidates.base import Context, Proposal, change_to, sentence
from remediation.candidates.refute import all_pods
from remediation.evidence.draft import as_list, as_map, containers, metadata, pod_template
from remediation.evidence.related import WORKLOADS
from remediation.merge_keys import POD

ORIGIN = "running-image"
_MOST = 2


def running_image(context: Context) -> Iterator[Proposal]:
    """For each container whose image fails: what else of its repository runs, the most alike tag first."""
    if context.case.fault_class is not FaultClass.IMAGE_PULL:
        return
    troubled = {violation.container for violation in context.case.violations if violation.container}
    seen = dict(_running(context))
    spec = as_map(pod_template(context.live).get("spec"))
    for container in as_list(spec.get("containers")):
        name, image = str(container.get("name", "")), str(container.get("image", ""))
        if troubled and name not in troubled:
            continue
        alike = sorted(
            (other for other in seen if other != image and repository(other) == repository(image)),
            key=lambda other: (-difflib.SequenceMatcher(None, image, other, autojunk=False).ratio(), other),
        )
        for place, other in enumerate(alike[:_MOST]):
            path = (*POD, "containers", Element(key=(("name", name),)), "image")
            change = change_to(context.live, path, other)
            why = f"this image runs in {seen[other]}"
            yield Proposal(
                ORIGIN, 0.7 - 0.1 * place, (change,), sentence((change,), why), None, (image, other)
            )


def _running(context: Context) -> Iterator[tuple[str, str]]:
    """Images that run: of ready containers, and of workloads and ReplicaSets that have ready pods."""
    for ref in sorted(context.raw.related):
        obj = context.raw.related[ref]
        ready = as_map(obj.get("status")).get("readyReplicas") or as_map(obj.get("status")).get("numberReady")
        if ref.kind in (*WORKLOADS, "ReplicaSet") and ready and ref.key != context.case.target.key:
            for container in containers(pod_template(obj)):
                yield str(container.get("image", "")), f"{ref.kind} {ref.name}"
    for pod in sorted(all_pods(context.raw), key=lambda pod: str(metadata(pod).get("name", ""))):
        ready_names = {
            entry.get("name")
            for entry in as_list(as_map(pod.get("status")).get("containerStatuses"))
            if entry.get("ready")
        }
        for container in as_list(as_map(pod.get("spec")).get("containers")):
            if container.get("name") in ready_names:
                yield str(container.get("image", "")), f"pod {metadata(pod).get('name', '')}"


def repository(image: str) -> str:
    """The image without tag and digest: `reg:5000/shop/web:1.4@sha256:...` is `reg:5000/shop/web`."""
    name = image.partition("@")[0]
    head, slash, tail = name.rpartition("/")
    return f"{head}{slash}{tail.partition(':')[0]}"
