"""Settings: one YAML file, overridden by environment variables (`INTENTD_MODEL__NAME=...`).

Every call to the world has a time limit here. Paths follow XDG, and systemd's STATE_DIRECTORY and
CONFIGURATION_DIRECTORY where they are set.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict
from pydantic_settings import SettingsError as EnvironmentUnreadable

from intents.model import Duration, Mode
from intents.units import parse_duration

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class SettingsError(ValueError):
    """The settings cannot be used; the message lists every error with its place."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Kubernetes(_Part):
    """Which cluster, and how long to wait for it."""

    kubeconfig: Path | None = Field(
        default=None, description="Default: in-cluster account, else KUBECONFIG, else ~/.kube/config."
    )
    context: str | None = None
    connect_timeout: Duration = "5s"
    read_timeout: Duration = "20s"
    stale_after: Duration = Field(default="2m", description="A watch silent for longer is a Gap.")


class Prometheus(_Part):
    """Where metrics come from; without a url metric expectations are unknown."""

    url: str | None = None
    token_file: Path | None = None
    tenant: str | None = Field(default=None, description="Sent as X-Scope-OrgID (Mimir, Cortex, Thanos).")
    ca_file: Path | None = None
    insecure_skip_verify: bool = False
    timeout: Duration = "10s"
    interval: Duration = Field(default="15s", description="How often metric expectations are read.")


class Model(_Part):
    """The Ollama server. Without a name there is no model: intentd observes and escalates."""

    url: str = "http://127.0.0.1:11434"
    name: str | None = None
    judge: str | None = Field(default=None, description="Another model for the judge question only.")
    token: SecretStr | None = None
    ca_file: Path | None = None
    timeout: Duration = Field(default="60s", description="For one question.")
    context_tokens: int = Field(default=4096, ge=1024, le=131072)
    patience: Duration = Field(
        default="10m", description="A case waits so long for an absent model before it escalates."
    )


class Limits(_Part):
    """The operator's ceilings over every intent."""

    mode: Mode = Field(default=Mode.AUTO, description="No intent goes further than this.")
    namespaces: tuple[str, ...] = Field(default=(), description="Only these namespaces; any where empty.")
    system_namespaces: bool = Field(
        default=False, description="Also kube-* namespaces, if an intent names them."
    )
    cluster_changes: int = Field(default=20, ge=0)
    namespace_changes: int = Field(default=10, ge=0)
    fault_class_changes: int = Field(default=10, ge=0)
    per: Duration = "1h"
    storm_targets: int = Field(
        default=3, ge=1, description="A storm needs more unhealthy targets than this, and"
    )
    storm_share: float = Field(default=0.5, gt=0, le=1, description="more than this share of all targets.")
    concurrent: int = Field(
        default=3, ge=1, le=100, description="Cases with a write under verification at once, cluster-wide."
    )


class Notify(_Part):
    """Apprise URLs for escalations, such as mailto:// or slack://."""

    urls: tuple[SecretStr, ...] = ()
    timeout: Duration = "10s"


class Http(_Part):
    """Health, readiness and metrics; loopback unless said otherwise."""

    enabled: bool = True
    host: str = "127.0.0.1"
    port: int = Field(default=9464, ge=0, le=65535)


def _state_folder() -> Path:
    if folder := os.environ.get("STATE_DIRECTORY"):
        return Path(folder.split(":")[0])
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "intentd"


def _config_folder() -> Path:
    if folder := os.environ.get("CONFIGURATION_DIRECTORY"):
        return Path(folder.split(":")[0])
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "intentd"


def _socket() -> Path:
    if folder := os.environ.get("RUNTIME_DIRECTORY"):
        return Path(folder.split(":")[0]) / "control.sock"
    if folder := os.environ.get("XDG_RUNTIME_DIR"):
        return Path(folder) / "intentd" / "control.sock"
    return _state_folder() / "control.sock"


class Settings(BaseSettings):
    """Everything that is not an intent."""

    model_config = SettingsConfigDict(
        env_prefix="INTENTD_", env_nested_delimiter="__", extra="forbid", frozen=True
    )

    intents: Path = Field(default_factory=lambda: _config_folder() / "intents")
    database: Path = Field(default_factory=lambda: _state_folder() / "ledger.db")
    socket: Path = Field(default_factory=_socket)
    kill_switch: Path = Field(
        default_factory=lambda: _state_folder() / "kill-switch",
        description="While this file exists nothing is written.",
    )
    look_interval: Duration = Field(default="5s", description="At least this often; changes wake it at once.")
    not_ready_grace: Duration = Field(
        default="30s", description="A container may be not ready for so long after it started."
    )
    reopen_after: Duration = Field(
        default="30m", description="A case that ended unfixed is looked at again after this."
    )
    human_edit_grace: Duration = Field(
        default="10m", description="Fields that a person changed so recently are only proposed for."
    )
    approval_expires: Duration = "1h"
    retention: Duration = "90d"
    log_format: str = Field(default="auto", pattern="^(auto|console|json)$")
    kubernetes: Kubernetes = Kubernetes()
    prometheus: Prometheus = Prometheus()
    model: Model = Model()
    limits: Limits = Limits()
    notify: Notify = Notify()
    http: Http = Http()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment wins over the file."""
        return env_settings, init_settings


def default_file() -> Path:
    """Where the settings file is looked for when none is named."""
    return _config_folder() / "intentd.yaml"


def load_settings(path: Path | None = None) -> Settings:
    """Read the file (the default one may be absent) and the environment. Raises SettingsError with every
    error at once."""
    chosen = path or default_file()
    values: Any = {}
    if path is not None or chosen.exists():
        try:
            values = yaml.load(chosen.read_bytes(), Loader=LOADER) or {}  # noqa: S506 - LOADER is a safe one
        except OSError as error:
            raise SettingsError(
                f"{chosen}: cannot be read ({error.strerror}). Check the path and the rights."
            ) from error
        except yaml.YAMLError as error:
            raise SettingsError(f"{chosen}: not YAML: {error}") from error
        if not isinstance(values, dict):
            raise SettingsError(
                f"{chosen}: must be a mapping of settings, such as `intents: /etc/intentd/intents`."
            )
    try:
        return Settings(**values)
    except EnvironmentUnreadable as error:
        raise SettingsError(
            f"the environment: {error}. Lists and groups are JSON there, such as "
            'INTENTD_NOTIFY__URLS=["mailto://..."]; one setting of a group is INTENTD_LIMITS__MODE=propose.'
        ) from error
    except ValidationError as error:
        lines = []
        for detail in error.errors():
            where = ".".join(str(part) for part in detail["loc"])
            remedy = " Remove it or correct its name." if detail["type"] == "extra_forbidden" else ""
            lines.append(
                f"{chosen}: {where}: {detail['msg']}.{remedy} (or in INTENTD_{where.replace('.', '__').upper()})"
            )
        raise SettingsError("\n".join(lines)) from error


def seconds(duration: str) -> float:
    """A settings duration in seconds (validated when it was read)."""
    return parse_duration(duration)
