"""The closed list of faults, causes before symptoms.

A class names a cause's shape, not a symptom's wording: the model picks from it, autonomy is earned per member.
The order of the members is triage's precedence: what a later one shows may come from an earlier one, never the
other way round. A drift stands before the faults of pods because a field that differs from the wish is what
changed; a node before the pods on it; a claim before the pods that wait for it.
"""

from __future__ import annotations

from enum import StrEnum


class FaultClass(StrEnum):
    """What is wrong, in the words of Kubernetes and Prometheus."""

    ABSENT = "Absent"  # a desired object, or the intent's target, is not there
    DRIFT = "Drift"  # a desired field differs

    # What a cluster's administrator has to mend.
    NODE_NOT_READY = "NodeNotReady"  # Ready is False, or Unknown: unreachable
    NODE_PRESSURE = "NodePressure"  # memory, disk or PIDs
    NODE_FULL = "NodeFull"  # no more pods than status.allocatable.pods
    NODE_CORDONED = "NodeCordoned"  # unschedulable for too long
    VOLUME_FAILED = "VolumeFailed"
    VOLUME_RELEASED = "VolumeReleased"
    DEFAULT_STORAGE_CLASS = "DefaultStorageClass"  # none, or several
    WEBHOOK_BACKEND = "WebhookBackend"  # an admission webhook whose Service is not there or serves nothing
    QUOTA_NEAR_FULL = "QuotaNearFull"
    NOT_OBSERVED = "GenerationNotObserved"  # the controller has not looked at the newest spec

    # What pods wait for, or are kept from.
    FAILED_CREATE = (
        "FailedCreate"  # the controller may not create pods: quota, LimitRange, PodSecurity, webhook
    )
    CLAIM_LOST = "ClaimLost"
    CLAIM_PENDING = "ClaimPending"
    GOVERNING_SERVICE = "GoverningService"  # a StatefulSet's serviceName is not there
    SECRET_REFERENCE = "SecretReference"  # noqa: S105 - a Secret or key that is not there
    CONFIG_REFERENCE = "ConfigReference"  # the same of a ConfigMap
    IMAGE_PULL = "ImagePull"  # ErrImagePull, ImagePullBackOff, InvalidImageName
    ARCHITECTURE = "WrongArchitecture"  # exec format error
    START_ERROR = "StartError"  # RunContainerError, CreateContainerError
    RIGHTS_DENIED = "RightsDenied"  # the program's own calls to the API server are forbidden
    INIT_CONTAINER = "InitContainer"  # hangs or fails
    OOM_KILLED = "OOMKilled"
    LIVENESS_PROBE = "LivenessProbe"  # kills what would run
    STARTUP_PROBE = "StartupProbe"  # gives up before the program is up
    CRASH_LOOP = "CrashLoop"
    RESTART_STORM = "RestartStorm"  # restarts again and again without a back-off to show for it
    EVICTED = "Evicted"  # by the kubelet, or preempted
    SCHEDULING_GATED = "SchedulingGated"
    UNSCHEDULABLE = "Unschedulable"
    STUCK_TERMINATING = "StuckTerminating"

    # Batch and scaling.
    CRON_JOB_INVALID = "CronJobInvalid"  # its schedule or time zone never comes
    CRON_JOB_SUSPENDED = "CronJobSuspended"
    CRON_JOB_MISSED = "CronJobMissed"
    JOB_FAILED = "JobFailed"
    JOB_NOT_DONE = "JobNotDone"
    AUTOSCALER_TARGET = "AutoscalerTarget"  # scales what is not there
    AUTOSCALER_METRICS = "AutoscalerMetrics"  # cannot read what it scales by
    AUTOSCALER_AT_MAXIMUM = "AutoscalerAtMaximum"
    BUDGET_BLOCKS = "BudgetBlocks"  # a PodDisruptionBudget that lets nothing go, ever
    BUDGET_MATCHES_NOTHING = "BudgetMatchesNothing"

    # How traffic finds the pods.
    INGRESS_CLASS = "IngressClass"
    INGRESS_BACKEND = "IngressBackend"
    INGRESS_TLS = "IngressTLS"
    ROUTE_NOT_ACCEPTED = "RouteNotAccepted"  # Gateway API
    POLICY_MATCHES_NOTHING = "PolicyMatchesNothing"  # a NetworkPolicy
    POLICY_BLOCKS = "PolicyBlocks"  # a NetworkPolicy that cuts a declared path
    NO_ENDPOINTS = "NoEndpoints"  # the selector matches nothing
    SERVICE_PORT = "ServicePort"  # the targetPort is on none of the pods

    # What is left when none of the above explains it.
    NOT_READY = "NotReady"  # runs, but the readiness probe fails
    ROLLOUT_STUCK = "RolloutStuck"  # the progress deadline passed
    MISSCHEDULED = "Misscheduled"  # a DaemonSet's pods where they should not be
    SPREAD_VIOLATED = "SpreadViolated"
    REPLICAS_LOW = "ReplicasLow"
    ENDPOINTS_NOT_READY = "EndpointsNotReady"  # the selector matches pods, none ready
    VOLUME_FILLING = "VolumeFilling"
    MEMORY_LEAK = "MemoryLeak"
    MEMORY_NEAR_LIMIT = "MemoryNearLimit"
    CPU_THROTTLING = "CPUThrottling"
    CERTIFICATE_EXPIRING = "CertificateExpiring"
    TARGET_DOWN = "TargetDown"  # Prometheus cannot scrape it
    QUEUE_LAG = "QueueLag"
    ERROR_RATE = "ErrorRate"
    LATENCY = "Latency"
    SLO_BURN = "SLOBurn"
    METRIC = "MetricBroken"


PRECEDENCE = tuple(FaultClass)

CAN_PASS = frozenset(
    {
        FaultClass.UNSCHEDULABLE,
        FaultClass.NOT_READY,
        FaultClass.REPLICAS_LOW,
        FaultClass.ENDPOINTS_NOT_READY,
        FaultClass.CLAIM_PENDING,
        FaultClass.EVICTED,
        FaultClass.SPREAD_VIOLATED,
        FaultClass.MISSCHEDULED,
        FaultClass.NOT_OBSERVED,
        FaultClass.VOLUME_FILLING,
        FaultClass.MEMORY_LEAK,
        FaultClass.MEMORY_NEAR_LIMIT,
        FaultClass.CPU_THROTTLING,
        FaultClass.TARGET_DOWN,
        FaultClass.QUEUE_LAG,
        FaultClass.ERROR_RATE,
        FaultClass.LATENCY,
        FaultClass.SLO_BURN,
        FaultClass.METRIC,
    }
)
"""Faults that every rollout shows for a while. The others do not go away by waiting: a pod of the newest
template that cannot pull its image never will."""
