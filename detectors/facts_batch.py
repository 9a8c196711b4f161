"""Facts about Jobs, CronJobs and what scales or protects workloads."""

from __future__ import annotations

from detectors.facts import Condition, Fact, LabelSelector, ObjectMeta, Part, PodTemplate


class JobSpec(Part, frozen=True):
    """None where the field is absent: the server's defaults are completions 1, parallelism 1, backoffLimit 6."""

    completions: int | None = None
    parallelism: int | None = None
    backoff_limit: int | None = None
    active_deadline_seconds: int | None = None
    suspend: bool | None = None
    ttl_seconds_after_finished: int | None = None
    template: PodTemplate = PodTemplate()


class JobStatus(Part, frozen=True):
    """How far it is."""

    active: int = 0
    ready: int = 0
    succeeded: int = 0
    failed: int = 0
    terminating: int = 0
    start_time: str | None = None
    completion_time: str | None = None
    conditions: tuple[Condition, ...] = ()


class Job(Fact, frozen=True):
    """A Job."""

    spec: JobSpec = JobSpec()
    status: JobStatus = JobStatus()


class ManagedFields(Part, frozen=True):
    """Who wrote last, and when; `subresource` is status where a controller only reported."""

    manager: str = ""
    time: str | None = None
    subresource: str = ""


class CronJobMeta(ObjectMeta, frozen=True):
    """With the writers: when the spec last changed stands nowhere else."""

    managed_fields: tuple[ManagedFields, ...] = ()


class JobTemplateSpec(Part, frozen=True):
    """The Job's part that detectors read."""

    template: PodTemplate = PodTemplate()


class JobTemplate(Part, frozen=True):
    """What a CronJob makes."""

    spec: JobTemplateSpec = JobTemplateSpec()


class CronJobSpec(Part, frozen=True):
    """`schedule` is five fields, or a macro such as @hourly, in `time_zone` (the controller's where None)."""

    schedule: str = ""
    time_zone: str | None = None
    suspend: bool | None = None
    starting_deadline_seconds: int | None = None
    concurrency_policy: str = ""
    job_template: JobTemplate = JobTemplate()


class Named(Part, frozen=True):
    """An object of the same namespace."""

    name: str = ""


class CronJobStatus(Part, frozen=True):
    """When it last began and last succeeded; `active` names the Jobs that run."""

    last_schedule_time: str | None = None
    last_successful_time: str | None = None
    active: tuple[Named, ...] = ()


class CronJob(Fact, frozen=True):
    """A CronJob."""

    metadata: CronJobMeta
    spec: CronJobSpec = CronJobSpec()
    status: CronJobStatus = CronJobStatus()


class ScaleTarget(Part, frozen=True):
    """What an autoscaler scales, or a policy refers to."""

    kind: str = ""
    name: str = ""
    api_version: str = ""


class MetricSource(Part, frozen=True):
    """Resource, ContainerResource, Pods, Object or External."""

    type: str = ""


class AutoscalerSpec(Part, frozen=True):
    """Bounds and target; of the metrics only their types."""

    scale_target_ref: ScaleTarget = ScaleTarget()
    min_replicas: int | None = None
    max_replicas: int = 0
    metrics: tuple[MetricSource, ...] = ()


class AutoscalerStatus(Part, frozen=True):
    """Conditions are AbleToScale, ScalingActive, ScalingLimited."""

    current_replicas: int = 0
    desired_replicas: int = 0
    last_scale_time: str | None = None
    observed_generation: int | None = None
    conditions: tuple[Condition, ...] = ()


class Autoscaler(Fact, frozen=True):
    """A HorizontalPodAutoscaler."""

    spec: AutoscalerSpec = AutoscalerSpec()
    status: AutoscalerStatus = AutoscalerStatus()


class DisruptionSpec(Part, frozen=True):
    """One of the two is set: a number or a percentage."""

    min_available: int | str | None = None
    max_unavailable: int | str | None = None
    selector: LabelSelector | None = None


class DisruptionStatus(Part, frozen=True):
    """Counts as of `observed_generation`."""

    observed_generation: int = 0
    disruptions_allowed: int = 0
    current_healthy: int = 0
    desired_healthy: int = 0
    expected_pods: int = 0
    conditions: tuple[Condition, ...] = ()


class DisruptionBudget(Fact, frozen=True):
    """A PodDisruptionBudget."""

    spec: DisruptionSpec = DisruptionSpec()
    status: DisruptionStatus = DisruptionStatus()


class QuotaStatus(Part, frozen=True):
    """Quantities by resource name, as sent."""

    hard: dict[str, str] = {}
    used: dict[str, str] = {}


class ResourceQuota(Fact, frozen=True):
    """A ResourceQuota."""

    status: QuotaStatus = QuotaStatus()


TYPES: dict[str, type[Fact]] = {
    "Job": Job,
    "CronJob": CronJob,
    "HorizontalPodAutoscaler": Autoscaler,
    "PodDisruptionBudget": DisruptionBudget,
    "ResourceQuota": ResourceQuota,
}
