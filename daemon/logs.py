"""Logging: structlog for our own lines, and the libraries' lines through the same door."""

from __future__ import annotations

import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog
from structlog.typing import Processor

from remediation.redact import redact_manifest, redact_text


def configure_logging(form: str, *, least: int = logging.INFO) -> None:
    """Console for people at a terminal, JSON for everything else, unless the settings say. `least` is the level
    of our own lines; of the libraries' only warnings and worse are kept.
    """
    chosen = ("console" if sys.stderr.isatty() else "json") if form == "auto" else form
    renderer = structlog.dev.ConsoleRenderer() if chosen == "console" else structlog.processors.JSONRenderer()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            _at_least(least),
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            _without_secrets,
            renderer,
        ],
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
    )
    root = logging.getLogger()
    root.handlers = [_ToStructlog(max(logging.WARNING, least))]
    root.setLevel(logging.WARNING)
    # It warns of each connection that it tries again, the whole address included; what came of it we say.
    logging.getLogger("urllib3").setLevel(logging.ERROR)


def _at_least(least: int) -> Processor:
    levels = logging.getLevelNamesMapping()  # "exception" is not in it, and is always kept

    def keep(_logger: Any, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        if levels.get(method.upper(), least) < least:
            raise structlog.DropEvent
        return event

    return keep


def _without_secrets(_: object, __: str, event: MutableMapping[str, object]) -> MutableMapping[str, object]:
    """The last door: what a library, an exception or a server's answer brings along is redacted like evidence."""
    for key, value in event.items():
        if isinstance(value, str):
            event[key] = redact_text(value)[0]
        elif isinstance(value, dict | list | tuple):
            event[key] = redact_manifest(list(value) if isinstance(value, tuple) else value)[0]
    return event


class _ToStructlog(logging.Handler):
    """What a library logs (a failed job of APScheduler, say) in our own form."""

    def emit(self, record: logging.LogRecord) -> None:
        line = structlog.get_logger(record.name)
        told = {"logger": record.name, "exc_info": record.exc_info}
        line.log(record.levelno, record.getMessage(), **{key: value for key, value in told.items() if value})
