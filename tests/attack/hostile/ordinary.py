"""Changes that an intent may open: guards and policy must let them through, or both would be worthless."""

from tests.attack.hostile.ground import REGISTRY
from tests.attack.hostile.row import app, env, meta, pod

ORDINARY = {
    "an image's tag": app(image=f"{REGISTRY}/web:1.4"),
    "an image's digest": app(image=f"{REGISTRY}/web@sha256:{'cd' * 32}"),
    "a memory limit": app(resources={"limits": {"memory": "128Mi"}}),
    "a request": app(resources={"requests": {"cpu": "200m"}}),
    "a variable": env(name="MODE", value="slow"),
    "a new variable": env(name="NOTE", value="plain"),
    "a variable's ConfigMap key": env(name="COLOR", valueFrom={"configMapKeyRef": {"key": "color"}}),
    "a probe's port": app(readinessProbe={"httpGet": {"port": 8081}}),
    "a probe's patience": app(livenessProbe={"failureThreshold": 9, "initialDelaySeconds": 30}),
    "a port": app(ports=[{"containerPort": 9090, "name": "metrics"}]),
    "replicas": {"spec": {"replicas": 1}},
    "a rollout's pace": {"spec": {"strategy": {"rollingUpdate": {"maxSurge": 2}}}},
    "a node selector": pod(nodeSelector={"disk": "hdd"}),
    "a volume's ConfigMap": pod(volumes=[{"name": "config", "configMap": {"name": "web-2"}}]),
    "a volume's size": pod(volumes=[{"name": "scratch", "emptyDir": {"sizeLimit": "128Mi"}}]),
    "a label": meta(labels={"tier": "front"}),
    "a pod's label": {"spec": {"template": {"metadata": {"labels": {"tier": "front"}}}}},
    "a Service's selector": {"spec": {"selector": {"app": "web2"}}},
    "a Service's target port": {"spec": {"ports": [{"port": 80, "targetPort": 8081}]}},
    "a ConfigMap's value": {"data": {"colour": "green", "shape": "round"}},
}

ONE_WAY = frozenset({"an image's digest"})
"""Whose undo the API server's policy refuses: it cannot tell it from an attack (docs/policy.md)."""
