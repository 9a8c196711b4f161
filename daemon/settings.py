"""Settings: one YAML file, overridden by environment variables (`INTENTD_MODEL__NAME=...`).

Every call to the world has a time limit here. Paths follow XDG, and systemd's STATE_DIRECTORY and
CONFIGURATION_DIRECTORY where they are set.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict
from pydantic_settings import SettingsError as EnvironmentUnreadable

from daemon.environment import NESTING, PREFIX, SEE_ALL, strangers, variable
from intents.base import Duration
from intents.model import Freeze, Gate, Mode, Quantity
from intents.query_text import misfit
from intents.units import parse_duration

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class SettingsError(ValueError):
    """The settings cannot be used; the message lists every error with its place."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _shown(words: str) -> dict[str, Any]:
    """The default in words, for the reference: it depends on the machine, or `None` would say too little."""
    return {"default_in_words": words}


class Kubernetes(_Part):
    """Which cluster, and how long to wait for it."""

    kubeconfig: Path | None = Field(
        default=None,
        description="The credentials. In a pod without a kubeconfig its service account is used.",
        json_schema_extra=_shown("`$KUBECONFIG`, else `~/.kube/config`"),
    )
    context: str | None = Field(
        default=None,
        description="Which context of the kubeconfig.",
        json_schema_extra=_shown("its current context"),
    )
    connect_timeout: Duration = Field(default="5s", description="To connect to the API server.")
    read_timeout: Duration = Field(default="20s", description="For one answer of the API server.")
    stale_after: Duration = Field(
        default="2m", description="What a watch told counts as unknown once it was silent for longer."
    )


class Prometheus(_Part):
    """Where metrics come from; without a url metric expectations are unknown."""

    url: str | None = Field(
        default=None,
        description="Its address, such as `http://prometheus:9090`.",
        json_schema_extra=_shown("none: metric expectations stay unknown"),
    )
    token_file: Path | None = Field(
        default=None, description="A file with a bearer token, read anew for each request."
    )
    tenant: str | None = Field(default=None, description="Sent as X-Scope-OrgID (Mimir, Cortex, Thanos).")
    ca_file: Path | None = Field(
        default=None,
        description="Certificates that its own is checked against.",
        json_schema_extra=_shown("certifi's list"),
    )
    insecure_skip_verify: bool = Field(default=False, description="Do not check its certificate.")
    timeout: Duration = Field(default="10s", description="For one query, on the server too.")
    interval: Duration = Field(default="15s", description="How often metric expectations are read.")


class Model(_Part):
    """The Ollama server. Without a name there is no model: intentd observes and escalates."""

    url: str = Field(default="http://127.0.0.1:11434", description="Its address.")
    name: str | None = Field(
        default=None,
        description="The model that names causes, judges and writes changes, as `ollama list` shows it.",
        json_schema_extra=_shown("none: cases go to people"),
    )
    judge: str | None = Field(
        default=None,
        description="Another model for the judge question only.",
        json_schema_extra=_shown("the same"),
    )
    token: SecretStr | None = Field(
        default=None, description="Sent as a bearer token; give it in the environment."
    )
    ca_file: Path | None = Field(
        default=None,
        description="Certificates that its own is checked against.",
        json_schema_extra=_shown("certifi's list"),
    )
    timeout: Duration = Field(default="60s", description="For one question.")
    context_tokens: int = Field(
        default=4096, ge=1024, le=131072, description="The context that the server loads the model with."
    )
    patience: Duration = Field(
        default="10m", description="A case waits so long for an absent model before it escalates."
    )


def _dated(freeze: Freeze) -> Freeze:
    """A freeze that never begins would be silently ignored."""
    first, after = freeze.bounds()
    if first >= after:
        raise ValueError(f"a freeze from {freeze.from_} to {freeze.until} is empty")
    try:
        ZoneInfo(freeze.time_zone)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError(
            f"unknown time zone {freeze.time_zone!r}; write one such as Europe/Berlin"
        ) from error
    return freeze


def _asked(gate: Gate) -> Gate:
    if (found := misfit(gate.query)) is not None:
        raise ValueError(str(found))
    return gate


class Limits(_Part):
    """The operator's ceilings over every intent."""

    mode: Mode = Field(default=Mode.AUTO, description="No intent goes further than this.")
    namespaces: tuple[str, ...] = Field(default=(), description="Only these namespaces; any where empty.")
    system_namespaces: bool = Field(
        default=False, description="Also kube-* namespaces, if an intent names them."
    )
    cluster_changes: int = Field(default=20, ge=0, description="Writes within `limits.per`, over everything.")
    namespace_changes: int = Field(default=10, ge=0, description="The same, in one namespace.")
    fault_class_changes: int = Field(default=10, ge=0, description="The same, for one fault class.")
    per: Duration = Field(default="1h", description="The time that these budgets count over.")
    object_changes: int = Field(default=3, ge=0, description="The same, on one object.")
    opt_in: bool = Field(
        default=False,
        description="Change only objects that carry `intentd.io/managed=true`, themselves or by their namespace.",
    )
    freezes: tuple[Annotated[Freeze, AfterValidator(_dated)], ...] = Field(
        default=(), description="No change in these times: `{from, until, time_zone, reason}`."
    )
    gates: tuple[Annotated[Gate, AfterValidator(_asked)], ...] = Field(
        default=(),
        description="No change while one of these PromQL queries returns a sample: `{query, reason}`.",
    )
    ineffective_changes: int = Field(
        default=3,
        ge=1,
        description="After so many changes in a row that helped nothing a person has to approve.",
    )
    ineffective_per: Duration = Field(
        default="24h", description="How far back that looks; a fault that is back sooner was not mended."
    )
    backoff_most: Duration = Field(
        default="24h", description="The cool-down doubles with each failure, up to this."
    )
    storm_targets: int = Field(
        default=3,
        ge=1,
        description="In a storm nothing is written. It needs more unhealthy targets than this, and",
    )
    storm_share: float = Field(
        default=0.5, gt=0, le=1, description="more than this share of all targets, from 0 to 1."
    )
    concurrent: int = Field(
        default=3, ge=1, le=100, description="Cases with a write under verification at once, cluster-wide."
    )


class Autonomy(_Part):
    """How intentd earns the right to act without asking, for each fault class under the model's weights."""

    promote_after: int = Field(
        default=5,
        ge=0,
        description="Approved changes that have to hold, without one that did not or was rejected; 0: never.",
    )


class Growth(_Part):
    """How much bigger a change may make something, at once and within `growth.per`."""

    at_once: float = Field(
        default=2.0,
        ge=1,
        allow_inf_nan=False,
        description="Replicas, requests and limits become at most so many times the value before, or last known good.",
    )
    in_window: float = Field(
        default=4.0, ge=1, allow_inf_nan=False, description="The same for all changes of a field together."
    )
    per: Duration = Field(default="24h", description="The time that this and the sums below count over.")
    memory_floor: Quantity = Field(
        default="256Mi", description="Up to this much memory the factors are not asked."
    )
    cpu_floor: Quantity = Field(default="500m", description="The same for CPU.")
    replicas_floor: int = Field(default=4, ge=0, description="The same for replicas.")
    intent_cpu: Quantity = Field(
        default="4", description="What changes of one intent may request more, all replicas counted."
    )
    intent_memory: Quantity = Field(default="8Gi", description="The same for memory.")
    cluster_cpu: Quantity = Field(default="16", description="What all changes together may request more.")
    cluster_memory: Quantity = Field(default="32Gi", description="The same for memory.")


class Notify(_Part):
    """Apprise URLs for escalations, such as mailto:// or slack://."""

    urls: tuple[SecretStr, ...] = Field(default=(), description="Whom to tell; they may hold passwords.")
    timeout: Duration = Field(default="10s", description="For one message.")


class Http(_Part):
    """Health, readiness and metrics; loopback unless said otherwise."""

    enabled: bool = Field(default=True, description="Serve `/healthz`, `/readyz` and `/metrics`.")
    host: str = Field(default="127.0.0.1", description="The address to listen on; `0.0.0.0` in a pod.")
    port: int = Field(default=9464, ge=0, le=65535, description="The port to listen on; 0 takes a free one.")


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
        env_prefix=PREFIX, env_nested_delimiter=NESTING, extra="forbid", frozen=True
    )

    intents: Path = Field(
        default_factory=lambda: _config_folder() / "intents",
        description="The folder of intent files; it is watched.",
        json_schema_extra=_shown("`intents` in the configuration folder"),
    )
    database: Path = Field(
        default_factory=lambda: _state_folder() / "ledger.db",
        description="The ledger: one SQLite file, of one daemon.",
        json_schema_extra=_shown("`ledger.db` in the state folder"),
    )
    socket: Path = Field(
        default_factory=_socket,
        description="Where the daemon takes orders; who may write to it may give them.",
        json_schema_extra=_shown("`control.sock` in the runtime folder, else in the state folder"),
    )
    kill_switch: Path = Field(
        default_factory=lambda: _state_folder() / "kill-switch",
        description="While this file exists nothing is written to the cluster.",
        json_schema_extra=_shown("`kill-switch` in the state folder"),
    )
    kill_switch_config_map: str | None = Field(
        default=None,
        pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?/[a-z0-9]([-a-z0-9.]*[a-z0-9])?$",
        description="A ConfigMap, `namespace/name`. While its key `kill` says anything but `false`, or it cannot be read, nothing is written.",
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
    approval_expires: Duration = Field(default="1h", description="How long `intentd approve` holds.")
    approvals: int = Field(
        default=1,
        ge=1,
        le=10,
        description="How many different people have to approve a change, or to grant autonomy.",
    )
    retention: Duration = Field(default="90d", description="Older rows of the ledger are given up.")
    log_format: Literal["auto", "console", "json"] = Field(
        default="auto", description="`auto`: console at a terminal, JSON elsewhere."
    )
    kubernetes: Kubernetes = Kubernetes()
    prometheus: Prometheus = Prometheus()
    model: Model = Model()
    limits: Limits = Limits()
    autonomy: Autonomy = Autonomy()

    growth: Growth = Growth()
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


def read_file(path: Path | None = None) -> dict[str, Any]:
    """What the settings file holds, unchecked; nothing where the default one is absent. Raises SettingsError."""
    chosen = path or default_file()
    if path is None and not chosen.exists():
        return {}
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
    return {str(name): value for name, value in values.items()}


def load_settings(path: Path | None = None) -> Settings:
    """Read the file (the default one may be absent) and the environment. Raises SettingsError with every
    error at once."""
    values = read_file(path)
    unknown = dict(strangers(os.environ, frozenset(variable(*one) for one in all_paths())))
    lines = [f"{name}: there is no such setting. {remedy}" for name, remedy in unknown.items()]
    try:
        settings = Settings(**values)
    except EnvironmentUnreadable as error:
        lines.append(
            f"the environment: {error}. Lists and groups are JSON there, such as "
            'INTENTD_NOTIFY__URLS=["mailto://..."]; one setting of a group is INTENTD_LIMITS__MODE=propose.'
        )
    except ValidationError as error:
        lines += [
            line for detail in error.errors() if (line := _line(path or default_file(), detail, unknown))
        ]
    if lines:
        raise SettingsError("\n".join(lines))
    return settings


def all_paths(model: type[BaseModel] = Settings) -> Iterator[tuple[str, ...]]:
    """Every setting and every group by its place: `("intents",)`, `("model",)`, `("model", "name")`."""
    for name, field in model.model_fields.items():
        yield (name,)
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from ((name, *rest) for rest in all_paths(field.annotation))


def _line(file: Path, detail: Any, unknown: Mapping[str, str]) -> str | None:
    """One mistake where it was made: the variable if one is set, which wins over the file. None where it was
    named already."""
    path = [str(part) for part in detail["loc"]]
    name, where = variable(*path), ".".join(path)
    said = {given.upper(): given for given in os.environ}.get(name)
    if said in unknown:
        return None
    place = said or f"{file}: {where}"
    if detail["type"] != "extra_forbidden":
        return f"{place}: {detail['msg'].removeprefix('Value error, ')}."
    close = get_close_matches(where, [".".join(one) for one in all_paths()], n=1)
    return f"{place}: there is no such setting. " + (f"Did you mean {close[0]}?" if close else SEE_ALL)


def seconds(duration: str) -> float:
    """A settings duration in seconds (validated when it was read)."""
    return parse_duration(duration)
