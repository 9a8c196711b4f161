"""A CronJob that never comes, is suspended, or was due and did not begin.

Runs are counted from the last one, the creation or the last change of the spec, whichever is latest: what a schedule
would have done before somebody wrote it was nobody's promise. A controller in another zone than UTC cannot be told
from here; where the last run contradicts the schedule as read in UTC, nothing is claimed.
"""

from __future__ import annotations

from collections.abc import Iterator

from detectors.base import Detector, Finding, View
from detectors.facts_batch import CronJob
from detectors.model import FaultClass, Gap, Severity, Turn, Unknown
from detectors.schedule import NoZonesError, Schedule, ScheduleError, parse
from detectors.timestamps import seconds
from detectors.world import ref
from intents.model import ObjectsHealthy

NAME = "cronJob"
START_WITHIN = 60.0
"""Seconds in which a due run begins. Ours: the controller works from a queue and needs well under one; documentation
calls ten its slowest check (CronJob, `startingDeadlineSeconds`)."""
HELD_BACK = 3
"""Runs that an unfinished one may keep from beginning (concurrencyPolicy Forbid) before it is told of. Ours: the
policy is there to leave out a run now and then."""


def _judge(view: View) -> Iterator[Finding]:
    for found in view.objects("CronJob", CronJob):
        if found.metadata.deletion_timestamp:
            continue
        try:
            schedule = parse(found.spec.schedule, found.spec.time_zone)
        except ScheduleError as error:
            yield _told(view, found, FaultClass.CRON_JOB_INVALID, "Unreadable", f"it is never due: {error}")
            continue
        except NoZonesError as error:
            yield Unknown(
                view.intent.name, view.index, Gap("time zones", "NoData", str(error), Turn.OPERATOR)
            )
            continue
        if schedule.after(view.at) is None:
            told = f"the schedule {found.spec.schedule!r} is never due: no such date comes"
            yield _told(view, found, FaultClass.CRON_JOB_INVALID, "NeverDue", told)
        else:
            yield from _late(view, found, schedule)


def _late(view: View, found: CronJob, schedule: Schedule) -> Iterator[Finding]:
    spec, last = found.spec, seconds(found.status.last_schedule_time)
    since = _counted_from(found, last)
    due = None if since is None else schedule.after(since)
    within = max(START_WITHIN, float(spec.starting_deadline_seconds or 0))
    if due is None or view.at - due <= within:
        return
    if spec.suspend:
        left = _runs(schedule, due, view.at)
        told = f"it is suspended, and its schedule {spec.schedule!r} has come {left} since"
        yield _told(view, found, FaultClass.CRON_JOB_SUSPENDED, "Suspended", told, Severity.INFO)
        return
    if last is not None and spec.time_zone is None and not schedule.includes(last):
        return
    if found.status.active and spec.concurrency_policy == "Forbid":
        if _count(schedule, due, view.at, HELD_BACK) < HELD_BACK:
            return
        jobs = ", ".join(f"Job/{job.name}" for job in found.status.active)
        told = f"{jobs} is still active, and concurrencyPolicy Forbid has kept {_runs(schedule, due, view.at)} back"
        yield _told(view, found, FaultClass.CRON_JOB_MISSED, "JobAlreadyActive", told)
        return
    told = f"a run was due {view.at - due:.0f} s ago and has not begun"
    if spec.starting_deadline_seconds is not None:
        told += f", its startingDeadlineSeconds are {spec.starting_deadline_seconds}"
    yield _told(view, found, FaultClass.CRON_JOB_MISSED, "MissedSchedule", told)


def _counted_from(found: CronJob, last: float | None) -> float | None:
    wrote = (seconds(entry.time) for entry in found.metadata.managed_fields if not entry.subresource)
    known = (last, seconds(found.metadata.creation_timestamp), *wrote)
    return max((moment for moment in known if moment is not None), default=None)


def _count(schedule: Schedule, due: float, at: float, most: int) -> int:
    """Activations from `due` until `at`, no more than `most` of them."""
    count, moment = 0, due
    while count < most and moment <= at:
        count += 1
        following = schedule.after(moment)
        if following is None:
            break
        moment = following
    return count


def _runs(schedule: Schedule, due: float, at: float) -> str:
    count = _count(schedule, due, at, 100)
    return "once" if count == 1 else f"{count} times" if count < 100 else "100 times or more"


def _told(
    view: View,
    found: CronJob,
    fault: FaultClass,
    reason: str,
    message: str,
    severity: Severity = Severity.WARNING,
) -> Finding:
    return view.violation(
        NAME,
        fault,
        ref("CronJob", found.metadata),
        severity=severity,
        reason=reason,
        message=message,
        facts={
            "schedule": found.spec.schedule,
            "timeZone": found.spec.time_zone or "",
            "lastScheduleTime": found.status.last_schedule_time or "",
        },
    )


DETECTOR = Detector(
    NAME,
    frozenset({FaultClass.CRON_JOB_INVALID, FaultClass.CRON_JOB_SUSPENDED, FaultClass.CRON_JOB_MISSED}),
    (ObjectsHealthy,),
    ("CronJob",),
    _judge,
    ("CronJob",),
)
