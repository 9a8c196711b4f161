"""The programs that the gym builds itself, one Go module per part under gym/parts/ (their requirements clash).

Versions stand once, in each part's go.mod; here is what the compiler must be told besides.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from gym.paths import GymError

PARTS_DIR = Path(__file__).parent / "parts"


@dataclass(frozen=True, slots=True)
class Part:
    """One Go module and the programs made from it.

    `seconds` is how long a first build took on 2 cores (325 s for kubernetes, 227 s for ollama and 173 s for
    prometheus on a busy machine, the others as first measured); it only feeds the time left.
    `native` parts are compiled for this very CPU, so their cache key holds its features.
    `{version}` in `define` is replaced by the module's version without the leading v.
    """

    name: str
    module: str
    programs: dict[str, str]
    seconds: float
    tags: tuple[str, ...] = ()
    define: dict[str, str] = field(default_factory=dict)
    native: bool = False

    @property
    def folder(self) -> Path:
        return PARTS_DIR / self.name

    @property
    def version(self) -> str:
        """The required version, as go.mod has it (for instance `v1.36.3`)."""
        text = (self.folder / "go.mod").read_text()
        found = re.search(rf"^\s*(?:require )?{re.escape(self.module)} (v\S+)", text, re.MULTILINE)
        if found is None:
            raise GymError(f"gym/parts/{self.name}/go.mod does not require {self.module}")
        return found.group(1)

    def flags(self) -> list[str]:
        """Arguments of `go build`, the part of the cache key that is ours."""
        plain = self.version.removeprefix("v")
        major, minor = plain.split(".")[:2]
        values = {"version": plain, "major": major, "minor": minor}
        link = ["-s", "-w", *(f"-X {name}={value.format(**values)}" for name, value in self.define.items())]
        tags = ["-tags", ",".join(self.tags)] if self.tags else []
        return ["-trimpath", "-buildvcs=false", *tags, "-ldflags", " ".join(link)]


_KUBERNETES_VERSION = "k8s.io/component-base/version"

PARTS = (
    Part(
        name="kubernetes",
        module="k8s.io/kubernetes",
        programs={
            name: f"k8s.io/kubernetes/cmd/{name}"
            for name in ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet")
        },
        seconds=325,
        define={
            f"{_KUBERNETES_VERSION}.gitVersion": "v{version}",
            f"{_KUBERNETES_VERSION}.gitMajor": "{major}",
            f"{_KUBERNETES_VERSION}.gitMinor": "{minor}",
        },
    ),
    Part(
        name="etcd",
        module="go.etcd.io/etcd/server/v3",
        programs={"etcd": "go.etcd.io/etcd/server/v3"},
        seconds=24,
    ),
    Part(
        name="ollama",
        module="github.com/ollama/ollama",
        programs={"ollama": "github.com/ollama/ollama"},
        seconds=227,
        define={"github.com/ollama/ollama/version.Version": "{version}"},
        native=True,
    ),
    Part(
        name="prometheus",
        module="github.com/prometheus/prometheus",
        programs={"prometheus": "github.com/prometheus/prometheus/cmd/prometheus"},
        seconds=173,
        # Every other service discovery brings a cloud's client library: half the build.
        tags=("remove_all_sd", "enable_kubernetes_sd", "netgo"),
        define={"github.com/prometheus/common/version.Version": "{version}"},
    ),
    Part(
        name="kube-state-metrics",
        module="k8s.io/kube-state-metrics/v2",
        programs={"kube-state-metrics": "k8s.io/kube-state-metrics/v2"},
        seconds=82,
    ),
    Part(
        name="kwok",
        module="sigs.k8s.io/kwok",
        programs={"kwok": "sigs.k8s.io/kwok/cmd/kwok"},
        seconds=58,
        define={"sigs.k8s.io/kwok/pkg/consts.Version": "v{version}"},
    ),
)

BY_PROGRAM = {program: part for part in PARTS for program in part.programs}
BY_NAME = {part.name: part for part in PARTS}
