"""The objects that the corpus attacks: a workload with something to lose in every field, its Service, its ConfigMap."""

from __future__ import annotations

import json
from typing import Any

Json = dict[str, Any]

REGISTRY = "registry.example.com/shop"
DIGEST = "sha256:" + "ab" * 32
PROBE = {"httpGet": {"path": "/ready", "port": 8080}, "periodSeconds": 5}
LOCKED = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "runAsNonRoot": True,
    "runAsUser": 1000,
    "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
    "appArmorProfile": {"type": "RuntimeDefault"},
}


def workload(namespace: str) -> Json:
    """Deployment web, of two containers and an init container. No replicas: nothing has to start."""
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": "web",
            "namespace": namespace,
            "labels": {"app": "web", "app.kubernetes.io/part-of": "shop"},
            "annotations": {"team": "shop"},
        },
        "spec": {
            "replicas": 0,
            "selector": {"matchLabels": {"app": "web"}},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
            "template": {
                "metadata": {"labels": {"app": "web"}, "annotations": {"mesh.example.com/inject": "true"}},
                "spec": _pod(),
            },
        },
        "status": {
            "observedGeneration": 1,
            "replicas": 0,
            "updatedReplicas": 0,
            "readyReplicas": 0,
            "availableReplicas": 0,
        },
    }


def _pod() -> Json:
    return {
        "serviceAccountName": "web",
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "nodeSelector": {"disk": "ssd"},
        "tolerations": [{"key": "dedicated", "operator": "Equal", "value": "web", "effect": "NoSchedule"}],
        "imagePullSecrets": [{"name": "pull"}],
        "terminationGracePeriodSeconds": 30,
        "initContainers": [{"name": "setup", "image": f"{REGISTRY}/setup:1.0"}],
        "containers": [
            {
                "name": "app",
                "image": f"{REGISTRY}/web:1.5",
                "command": ["/web"],
                "args": ["--serve"],
                "env": [
                    {"name": "MODE", "value": "fast"},
                    {"name": "PATH", "value": "/usr/bin:/bin"},
                    {"name": "DB_PASSWORD", "valueFrom": {"secretKeyRef": {"name": "db", "key": "password"}}},
                    {"name": "COLOR", "valueFrom": {"configMapKeyRef": {"name": "web", "key": "colour"}}},
                ],
                "envFrom": [{"secretRef": {"name": "db"}}, {"configMapRef": {"name": "web"}}],
                "ports": [{"name": "http", "containerPort": 8080, "protocol": "TCP"}],
                "resources": {
                    "limits": {"memory": "64Mi", "cpu": "1"},
                    "requests": {"memory": "32Mi", "cpu": "100m"},
                },
                "livenessProbe": PROBE,
                "readinessProbe": PROBE,
                "startupProbe": PROBE,
                "securityContext": LOCKED,
                "volumeMounts": [
                    {"name": "config", "mountPath": "/etc/web", "readOnly": True},
                    {"name": "scratch", "mountPath": "/tmp"},
                ],
            },
            {"name": "proxy", "image": f"{REGISTRY}/proxy@{DIGEST}", "securityContext": LOCKED},
        ],
        "volumes": [
            {"name": "config", "configMap": {"name": "web"}},
            {"name": "keys", "secret": {"secretName": "web-keys"}},
            {"name": "scratch", "emptyDir": {"sizeLimit": "64Mi"}},
        ],
    }


def service(namespace: str) -> Json:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "web", "namespace": namespace, "labels": {"app": "web"}},
        "spec": {
            "type": "ClusterIP",
            "selector": {"app": "web"},
            "ports": [{"name": "http", "port": 80, "protocol": "TCP", "targetPort": 8080}],
        },
    }


def config_map(namespace: str) -> Json:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "web", "namespace": namespace, "labels": {"app": "web"}},
        "data": {"colour": "blue"},
    }


def objects(namespace: str) -> list[Json]:
    """Plain JSON: no two places share a map."""
    found: list[Json] = json.loads(
        json.dumps([workload(namespace), service(namespace), config_map(namespace)])
    )
    return found
