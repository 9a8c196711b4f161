"""Which lists of the Kubernetes API merge by which key: what makes an element of a list this element.

A closed table, not discovery: it must mean the same thing on every server version. Sources: the `patchMergeKey` and
`listMapKey` markers of k8s.io/api v0.36 core/v1 and apps/v1 types. Where the two differ (`ports` patch by
containerPort alone, but are a map by containerPort and protocol) the stricter pair counts. A list that is not named
here is atomic: one value, replaced whole.
"""

from __future__ import annotations

CONTAINER_LISTS = ("containers", "initContainers", "ephemeralContainers")
CONTAINER_KEY = ("name",)

PER_CONTAINER = {
    "env": ("name",),
    "ports": ("containerPort", "protocol"),
    "volumeMounts": ("mountPath",),
    "volumeDevices": ("devicePath",),
}
PER_POD = {
    "volumes": ("name",),
    "imagePullSecrets": ("name",),
    "hostAliases": ("ip",),
    "topologySpreadConstraints": ("topologyKey", "whenUnsatisfiable"),
    "resourceClaims": ("name",),
    "schedulingGates": ("name",),
}
SERVICE_PORTS = ("port", "protocol")
"""`spec.ports` of a Service."""

DEFAULTS = {"protocol": "TCP"}
"""What a key is where the element leaves it out."""
