"""Container images without a registry: the static workload on an empty root, as one OCI archive.

The archive is a pure function of the program's bytes and the specification: times are zero, owners are
root, keys are sorted. The same input gives the same digests on every machine.
"""

from __future__ import annotations

import fcntl
import hashlib
import io
import json
import subprocess
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gym.gotool import find_go
from gym.paths import GymError, cache_dir

SOURCE = Path(__file__).parent / "workload"

REPOSITORY = "gym.intentd.io/workload"
"""Images are named REPOSITORY:TAG; the tags below exist, every other one is a true `not found`."""

TAGS = ("v1", "v2", "v3")
PAUSE = "gym.intentd.io/pause:v1"


@dataclass(frozen=True, slots=True)
class Image:
    """One image and all its names. `env` is baked in: a release can bring a fault of its own."""

    names: tuple[str, ...]
    command: tuple[str, ...] = ("/workload",)
    env: tuple[tuple[str, str], ...] = ()


def standard_images() -> list[Image]:
    """What every practice cluster has: the workload under all its tags (VERSION tells them apart)."""
    releases = [Image((f"{REPOSITORY}:{tag}",), env=(("VERSION", tag),)) for tag in TAGS]
    return [*releases, Image((PAUSE,), command=("/workload", "pause"))]


def workload_program() -> Path:
    """The static program, built into the cache when its source or the compiler changed."""
    go = find_go()
    digest = hashlib.sha256(go.version.encode())
    for path in [*sorted(SOURCE.glob("*.go")), SOURCE / "go.mod"]:
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    program = cache_dir() / "bin" / f"workload-{digest.hexdigest()[:12]}"
    program.parent.mkdir(parents=True, exist_ok=True)
    with (program.parent / ".workload.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if program.exists():
            return program
        part = program.with_suffix(".part")
        done = subprocess.run(
            [go.program, "build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w", "-o", str(part), "."],
            cwd=SOURCE,
            env=go.environment(CGO_ENABLED="0"),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise GymError(f"building the workload failed: {done.stderr.strip()[-800:]}")
        part.rename(program)
    return program


def archive(images: Sequence[Image] | None = None) -> Path:
    """An OCI archive with these images (the standard ones by default), made once and kept in the cache."""
    chosen = list(images) if images is not None else standard_images()
    program = workload_program()
    content = oci_archive(program.read_bytes(), chosen)
    path = cache_dir() / "images" / f"{hashlib.sha256(content).hexdigest()[:16]}.tar"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        part.write_bytes(content)
        part.replace(path)
    return path


def oci_archive(program: bytes, images: Sequence[Image]) -> bytes:
    """The archive's bytes: one shared layer, a config and a manifest for each image, an index over all."""
    layer = _tar(
        {"workload": (program, 0o755), "etc/passwd": (b"root:x:0:0::/:\nnobody:x:65534:65534::/:\n", 0o644)}
    )
    blobs: dict[str, bytes] = {}

    def blob(data: bytes, media: str) -> dict[str, Any]:
        digest = hashlib.sha256(data).hexdigest()
        blobs[f"blobs/sha256/{digest}"] = data
        return {"mediaType": media, "digest": f"sha256:{digest}", "size": len(data)}

    layer_entry = blob(layer, "application/vnd.oci.image.layer.v1.tar")
    entries: list[dict[str, Any]] = []
    for image in images:
        config = {
            "architecture": _architecture(),
            "os": "linux",
            "config": {
                "Entrypoint": list(image.command),
                "Env": ["PATH=/", *(f"{name}={value}" for name, value in image.env)],
                "WorkingDir": "/",
            },
            "rootfs": {"type": "layers", "diff_ids": [layer_entry["digest"]]},
        }
        config_entry = blob(_json(config), "application/vnd.oci.image.config.v1+json")
        manifest = {
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": config_entry,
            "layers": [layer_entry],
        }
        manifest_entry = blob(_json(manifest), "application/vnd.oci.image.manifest.v1+json")
        for name in image.names:
            # containerd takes the full name from its own annotation; the other one is the standard's.
            notes = {
                "io.containerd.image.name": name,
                "org.opencontainers.image.ref.name": name.rpartition(":")[2],
            }
            entries.append({**manifest_entry, "annotations": notes})
    index = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": entries}
    files = {
        "oci-layout": _json({"imageLayoutVersion": "1.0.0"}),
        "index.json": _json(index),
        **dict(sorted(blobs.items())),
    }
    return _tar({name: (data, 0o644) for name, data in files.items()})


def _architecture() -> str:
    import platform

    return {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())


def _json(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def _tar(files: dict[str, tuple[bytes, int]]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, (data, mode) in files.items():
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(data), mode
            tar.addfile(info, io.BytesIO(data))
    return out.getvalue()
