"""An Ingress that nobody serves: the class that it names is not there, or it names none and none is the default.

Not where a controller has published addresses for it, and not under the older annotation: its value is a controller's
own word and needs no IngressClass.
"""

from __future__ import annotations

from collections.abc import Iterator

from detectors.base import Detector, Finding, View
from detectors.facts_network import Ingress, IngressClass
from detectors.model import FaultClass, Severity
from detectors.timestamps import age
from detectors.world import ref
from intents.model import ObjectsHealthy

NAME = "ingressClass"
DEFAULT = "ingressclass.kubernetes.io/is-default-class"
OLDER = "kubernetes.io/ingress.class"


def _judge(view: View) -> Iterator[Finding]:
    classes = view.world.observation.all_of("IngressClass", IngressClass)
    by_default = any(found.metadata.annotations.get(DEFAULT) == "true" for found in classes.values())
    there = ", ".join(sorted(name for _, name in classes)) or "none"
    for found in view.objects("Ingress", Ingress):
        named = found.spec.ingress_class_name
        if found.metadata.deletion_timestamp or found.status.load_balancer.ingress:
            continue
        if named is None and (by_default or OLDER in found.metadata.annotations):
            continue
        if named is not None and ("", named) in classes:
            continue
        told = (
            f"it names the IngressClass {named}, which does not exist; there are: {there}"
            if named is not None
            else "it names no IngressClass, and none is the default one"
        )
        target = ref("Ingress", found.metadata)
        since = age(found.metadata.creation_timestamp, view.at)
        if since is not None and since <= view.patience.missing:
            yield view.settling(target, told)
            continue
        yield view.violation(
            NAME,
            FaultClass.INGRESS_CLASS,
            target,
            severity=Severity.WARNING,
            reason="NoClass" if named is None else "ClassNotFound",
            message=told,
            facts={"ingressClass": named or "", "ingressClasses": there},
        )


DETECTOR = Detector(
    NAME,
    frozenset({FaultClass.INGRESS_CLASS}),
    (ObjectsHealthy,),
    ("Ingress", "IngressClass"),
    _judge,
    ("Ingress",),
)
