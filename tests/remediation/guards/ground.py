"""A world in which every guard allows a change, for tests that take one thing away from it."""

import copy

from detectors.model import FaultClass, ObjectRef
from intents.model import Intent, Mode
from remediation.guards import Change, GuardContext, LocalTime, knobs
from remediation.model import Candidate, Patch, Recreate
from remediation.plan import plan_change
from tests.fakes.manifests import container, deployment, ref

NOW = 1_760_000_000.0

LIVE = deployment(
    "web",
    container(
        "app",
        "shop/web:1.5",
        args=["--serve"],
        env=[
            {"name": "MODE", "value": "fast"},
            {"name": "DB_PASSWORD", "valueFrom": {"secretKeyRef": {"name": "db", "key": "password"}}},
            {"name": "COLOR", "valueFrom": {"configMapKeyRef": {"name": "web", "key": "colour"}}},
        ],
        envFrom=[{"secretRef": {"name": "db"}}, {"configMapRef": {"name": "web"}}],
        resources={"limits": {"memory": "64Mi", "cpu": "1"}},
        readinessProbe={"httpGet": {"path": "/ready", "port": 8080}, "periodSeconds": 5},
        ports=[{"containerPort": 8080, "protocol": "TCP"}],
        volumeMounts=[{"name": "config", "mountPath": "/etc/app"}],
    ),
    replicas=2,
    volumes=[{"name": "config", "configMap": {"name": "web"}}],
    nodeSelector={"disk": "ssd"},
)
TARGET = ref(LIVE)

CONTAINER = "spec.template.spec.containers[*]"
EDITABLE = [
    {"path": f"{CONTAINER}.image", "pattern": "shop/[a-z]+:[0-9a-z.]+"},
    {"path": f"{CONTAINER}.resources.limits.memory", "min": "16Mi", "max": "512Mi"},
    {"path": f"{CONTAINER}.env[*].value", "values": ["fast", "slow"]},
    {"path": "spec.replicas", "min": "1", "max": "5"},
]


def intent(*, editable=EDITABLE, scope=None, **spec):
    return Intent.model_validate(
        {
            "apiVersion": "intentd.io/v1alpha1",
            "kind": "Intent",
            "metadata": {"name": "web"},
            "spec": {
                "scope": scope or {"namespace": "shop", "kind": "Deployment"},
                "expectations": [{"type": "workloadHealthy"}],
                "mode": "auto",
                "editable": editable,
                "budget": {"changes": 3, "per": "1h"},
                "cooldown": "5m",
                **spec,
            },
        }
    )


def app(**fields):
    return {"spec": {"template": {"spec": {"containers": [{"name": "app", **fields}]}}}}


def plan_for(manifest, live=LIVE, target=None):
    plan = plan_change(Candidate("c1", "test", target or ref(live), "", manifest), live)
    assert isinstance(plan, Patch), plan
    return plan


def stateful_set(name="db", service="wrong", **spec):
    """As an API server shows one whose governing Service has the wrong name."""
    live = deployment(name, container("app", "shop/db:1"), replicas=2)
    live["kind"] = "StatefulSet"
    live["spec"].pop("strategy", None)
    live["spec"] |= {"serviceName": service, "podManagementPolicy": "OrderedReady", **spec}
    return live


def recreation(live, manifest=None):
    manifest = manifest or {"spec": {"serviceName": "db"}}
    plan = plan_change(Candidate("c1", "test", ref(live), "", manifest), live)
    assert isinstance(plan, Recreate), plan
    return plan


def context(manifest=None, *, live=LIVE, **fields):
    """Everything allows the plan for `manifest`, unless `fields` say otherwise."""
    plan = fields.pop("plan", None) or plan_for(manifest or app(image="shop/web:1.4"), live)
    return GuardContext(
        **{
            "plan": plan,
            "live": live,
            "intent": intent(),
            "target": ref(live or LIVE),
            "fault_class": FaultClass.IMAGE_PULL,
            "now": NOW,
            "mode": Mode.AUTO,
            "local_time": LocalTime(weekday=0, minute=600),
            **fields,
        }
    )


def change(plan=None, *, age=10.0, result="applied", **fields):
    """A past change, by default of the same object by another intent."""
    return Change(
        **{
            "operation_id": f"op-{age}",
            "at": NOW - age,
            "intent": "other",
            "kind": TARGET.kind,
            "namespace": TARGET.namespace,
            "name": TARGET.name,
            "fault_class": FaultClass.OOM_KILLED.value,
            "knobs": knobs(plan) if plan else (),
            "result": result,
            **fields,
        }
    )


def good(**app_fields):
    """The last known good: LIVE with other fields of the app container."""
    known = copy.deepcopy(LIVE)
    for name, value in app_fields.items():
        container_ = known["spec"]["template"]["spec"]["containers"][0]
        if value is None:
            container_.pop(name, None)
        else:
            container_[name] = value
    return known


def verdict(guard, ctx):
    """One guard's verdict, by name."""
    from remediation.guards import GUARDS, run_guards

    return next(v for v in run_guards(ctx, GUARDS) if v.guard == guard)


CONFIG_MAP = ObjectRef("ConfigMap", "shop", "web", TARGET.uid)
