"""Telling people, through Apprise: one URL for each of the many services that it speaks to."""

from __future__ import annotations

import structlog

from daemon.ports import Notice
from daemon.settings import Notify

log = structlog.get_logger("intentd")


class AppriseNotifier:
    """The Notifier port over Apprise. Without URLs every notice is a log line, and counts as told."""

    def __init__(self, settings: Notify) -> None:
        self._urls = [url.get_secret_value() for url in settings.urls]

    def send(self, notice: Notice) -> bool:
        log.warning("a person is needed", case=notice.case, title=notice.title, severity=notice.severity)
        if not self._urls:
            return True
        import apprise  # slow to import, and only needed here

        channel = apprise.Apprise()
        added = [channel.add(url) for url in self._urls]
        if not all(added):
            log.error(
                "a notify.urls entry is not an Apprise URL; correct it in the settings",
                entries=len(added),
                good=sum(added),
            )
        kind = {"critical": apprise.NotifyType.FAILURE, "warning": apprise.NotifyType.WARNING}.get(
            notice.severity, apprise.NotifyType.INFO
        )
        sent = bool(channel.notify(title=notice.title, body=notice.body, notify_type=kind))
        if not sent:
            log.error("nobody could be told; intentd tries again", case=notice.case)
        return sent
