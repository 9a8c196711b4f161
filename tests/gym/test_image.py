"""The OCI archive: what a container runtime will check, checked here."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile

from gym.image import PAUSE, REPOSITORY, TAGS, Image, oci_archive, standard_images


def files(archive: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        return {m.name: tar.extractfile(m).read() for m in tar if m.isfile()}  # type: ignore[union-attr]


def test_the_same_program_gives_the_same_bytes() -> None:
    assert oci_archive(b"program", standard_images()) == oci_archive(b"program", standard_images())
    assert oci_archive(b"program", standard_images()) != oci_archive(b"other", standard_images())


def test_every_descriptor_matches_its_blob() -> None:
    found = files(oci_archive(b"program", standard_images()))
    index = json.loads(found["index.json"])
    for entry in index["manifests"]:
        manifest = found[f"blobs/sha256/{entry['digest'].removeprefix('sha256:')}"]
        assert len(manifest) == entry["size"]
        assert hashlib.sha256(manifest).hexdigest() == entry["digest"].removeprefix("sha256:")
        body = json.loads(manifest)
        for part in (body["config"], *body["layers"]):
            blob = found[f"blobs/sha256/{part['digest'].removeprefix('sha256:')}"]
            assert (len(blob), hashlib.sha256(blob).hexdigest()) == (
                part["size"],
                part["digest"].removeprefix("sha256:"),
            )
        config = json.loads(found[f"blobs/sha256/{body['config']['digest'].removeprefix('sha256:')}"])
        assert config["rootfs"]["diff_ids"] == [layer["digest"] for layer in body["layers"]]


def test_all_names_are_there_and_the_program_is_executable() -> None:
    found = files(oci_archive(b"program", standard_images()))
    index = json.loads(found["index.json"])
    names = {entry["annotations"]["io.containerd.image.name"] for entry in index["manifests"]}
    assert names == {PAUSE, *(f"{REPOSITORY}:{tag}" for tag in TAGS)}
    body = json.loads(found[f"blobs/sha256/{index['manifests'][0]['digest'].removeprefix('sha256:')}"])
    layer = found[f"blobs/sha256/{body['layers'][0]['digest'].removeprefix('sha256:')}"]
    with tarfile.open(fileobj=io.BytesIO(layer)) as tar:
        assert tar.getmember("workload").mode == 0o755


def test_two_names_of_one_image_share_a_manifest() -> None:
    found = files(oci_archive(b"program", [Image(("gym.intentd.io/a:1", "gym.intentd.io/b:2"))]))
    one, two = json.loads(found["index.json"])["manifests"]
    assert one["digest"] == two["digest"]
    assert one["annotations"] != two["annotations"]


def test_a_release_can_bring_a_fault_of_its_own() -> None:
    image = Image(("gym.intentd.io/a:1",), env=(("FAIL_RATE", "1"),))
    found = files(oci_archive(b"program", [image]))
    configs = [
        json.loads(b) for n, b in found.items() if n.startswith("blobs") and b.startswith(b'{"architecture"')
    ]
    assert configs[0]["config"]["Env"] == ["PATH=/", "FAIL_RATE=1"]
