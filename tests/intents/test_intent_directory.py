"""The watched directory, with real files, links, pipes and permissions."""

from __future__ import annotations

import json
import os
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from intent_texts import intent, text

from daemon.intent_check import check_path, known_zones
from daemon.intent_directory import IntentDirectory
from intents.catalog import Catalog, compile_catalog
from intents.problems import DIRECTORY, FileError

EXAMPLES = Path(__file__).parents[2] / "deploy" / "examples"


def read(path: Path) -> dict[str, bytes | FileError]:
    return dict(IntentDirectory(path).read())


def reason(found: object) -> str:
    assert isinstance(found, FileError), found
    assert found.remedy
    return found.reason


def test_only_intent_files_are_read(tmp_path: Path) -> None:
    for name in ("a.yaml", "b.yml", "c.json", "D.YAML"):
        (tmp_path / name).write_text(name)
    for name in (".hidden.yaml", ".#a.yaml", "#a.yaml#", "a.yaml~", "a.yaml.swp", "README.md", "4913"):
        (tmp_path / name).write_text("no")
    (tmp_path / "folder.yaml").mkdir()
    (tmp_path / "folder.yaml" / "x.yaml").write_text("no")
    assert read(tmp_path) == {name: name.encode() for name in ("D.YAML", "a.yaml", "b.yml", "c.json")}


def test_a_config_map_mount_is_read_and_its_swap_seen(tmp_path: Path) -> None:
    def version(name: str, content: str) -> None:
        (tmp_path / name).mkdir()
        (tmp_path / name / "web.yaml").write_text(content)
        (tmp_path / "..tmp").symlink_to(name)
        (tmp_path / "..tmp").rename(tmp_path / "..data")

    version("..2026_11_21_1", "one")
    (tmp_path / "web.yaml").symlink_to("..data/web.yaml")
    assert read(tmp_path) == {"web.yaml": b"one"}
    version("..2026_11_21_2", "two")
    assert read(tmp_path) == {"web.yaml": b"two"}


def test_links_that_lead_out_loop_or_dangle_are_sentences(tmp_path: Path) -> None:
    folder = tmp_path / "intents"
    folder.mkdir()
    (tmp_path / "secret.yaml").write_text("secret")
    (folder / "out.yaml").symlink_to("../secret.yaml")
    (folder / "passwd.yaml").symlink_to("/etc/passwd")
    (folder / "loop.yaml").symlink_to("pool.yaml")
    (folder / "pool.yaml").symlink_to("loop.yaml")
    (folder / "dangling.yaml").symlink_to("nothing")
    (folder / "here.yaml").symlink_to(".")
    (folder / "good.yaml").write_text("good")
    found = read(folder)
    assert found.pop("good.yaml") == b"good"
    assert {name: reason(error) for name, error in found.items()} == {
        "out.yaml": "a link that leads out of the directory",
        "passwd.yaml": "a link that leads out of the directory",
        "loop.yaml": "a link that leads back to itself",
        "pool.yaml": "a link that leads back to itself",
        "dangling.yaml": "a link to a file that does not exist",
    }


@pytest.mark.timeout(10)
def test_pipes_sockets_and_devices_are_never_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.yaml")
    here = Path.cwd()
    os.chdir(tmp_path)  # a socket's path is at most 108 bytes
    try:
        with socket.socket(socket.AF_UNIX) as server:
            server.bind("socket.yaml")
    finally:
        os.chdir(here)
    names = {"pipe.yaml", "socket.yaml"}
    if os.geteuid() == 0:
        try:
            os.mknod(tmp_path / "zero.yaml", 0o600 | 0o020000, os.makedev(1, 5))
            names.add("zero.yaml")
        except PermissionError:
            pass  # a container without the right to make devices: the other two still count
    found = read(tmp_path)
    assert {name: reason(error) for name, error in found.items()} == dict.fromkeys(
        names, "not a regular file"
    )


def test_a_large_file_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "large.yaml").open("wb") as file:
        file.truncate(10**10)  # sparse
    assert "10,000,000,000 bytes" in reason(read(tmp_path)["large.yaml"])


@pytest.fixture
def as_nobody() -> Iterator[Path]:
    """A directory that any user may enter, while we are not root."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o777)
        was_root = os.geteuid() == 0
        if was_root:
            os.seteuid(65534)
        try:
            yield folder
        finally:
            if was_root:
                os.seteuid(0)
            folder.chmod(0o777)


def test_a_file_without_permission_is_an_error_and_the_others_are_read(as_nobody: Path) -> None:
    (as_nobody / "closed.yaml").write_text("x")
    (as_nobody / "closed.yaml").chmod(0)
    (as_nobody / "open.yaml").write_text("y")
    found = read(as_nobody)
    assert found["open.yaml"] == b"y"
    assert reason(found["closed.yaml"]) == "the daemon may not read this file"


def test_a_directory_without_permission_is_unreadable_not_empty(as_nobody: Path) -> None:
    inside = as_nobody / "inside"
    inside.mkdir()
    (inside / "a.yaml").write_text("x")
    inside.chmod(0)
    found = read(inside)
    assert list(found) == [DIRECTORY]
    assert "may not be read" in reason(found[DIRECTORY])
    assert check_path(inside).exit_code == 1
    inside.chmod(0o700)


def test_a_missing_directory_is_a_sentence_and_is_read_once_it_is_there(tmp_path: Path) -> None:
    folder = tmp_path / "intents"
    assert "does not exist" in reason(read(folder)[DIRECTORY])
    folder.mkdir()
    (folder / "a.yaml").write_text("x")
    assert read(folder) == {"a.yaml": b"x"}
    (tmp_path / "file").write_text("x")
    assert "is not a directory" in reason(read(tmp_path / "file")[DIRECTORY])


def test_a_name_that_is_no_text_is_still_a_name(tmp_path: Path) -> None:
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff\n.yaml")).write_text("x")
    (name,) = read(tmp_path)
    assert name.isprintable()
    name.encode()


def test_a_thousand_files_and_back(tmp_path: Path) -> None:
    for n in range(1000):
        (tmp_path / f"{n:04}.yaml").write_text(text(intent(f"i{n}")))
    source = IntentDirectory(tmp_path)
    catalog = compile_catalog(source.read())
    assert len(catalog.intents) == 1000
    assert compile_catalog(source.read(), catalog) is catalog
    for n in range(0, 1000, 2):
        (tmp_path / f"{n:04}.yaml").unlink()
    assert len(compile_catalog(source.read(), catalog).intents) == 500


class Follower:
    """A consumer as the daemon has one: reads and compiles whenever the source says so."""

    def __init__(self, path: Path) -> None:
        self.source = IntentDirectory(path)
        self.stop = threading.Event()
        self.changed = threading.Condition()
        self.catalog = compile_catalog(self.source.read())
        self.turns = 0
        self.thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        for _ in self.source.changes(self.stop):
            with self.changed:
                self.catalog = compile_catalog(self.source.read(), self.catalog)
                self.turns += 1
                self.changed.notify_all()

    def until(self, wanted: set[str], *, stale: bool = False, seconds: float = 8) -> Catalog:
        def there() -> bool:
            return set(self.catalog.intents) == wanted and bool(self.catalog.stale) == stale

        with self.changed:
            assert self.changed.wait_for(there, seconds), (list(self.catalog.intents), self.catalog.problems)
            return self.catalog


@pytest.fixture
def follower(tmp_path: Path) -> Iterator[Follower]:
    folder = tmp_path / "intents"
    folder.mkdir()
    (folder / "a.yaml").write_text(text(intent("a")))
    follower = Follower(folder)
    follower.thread.start()
    with follower.changed:
        assert follower.changed.wait_for(lambda: follower.turns > 0, 8)  # the watch has begun
    yield follower
    follower.stop.set()
    follower.thread.join(5)
    assert not follower.thread.is_alive()


def test_changes_are_followed_however_they_are_written(follower: Follower, tmp_path: Path) -> None:
    folder = tmp_path / "intents"
    (folder / ".b.yaml.tmp").write_text(text(intent("b")))
    (folder / ".b.yaml.tmp").rename(folder / "b.yaml")
    follower.until({"a", "b"})

    half, rest = text(intent("c"))[:60], text(intent("c"))[60:]
    with (folder / "a.yaml").open("w") as file:  # truncates in place, then writes in two goes
        file.write(half)
        file.flush()
        follower.until({"a", "b"}, stale=True)
        file.write(rest)
    follower.until({"b", "c"})

    (folder / "b.yaml").unlink()
    assert follower.until({"c"}).problems == ()


def test_a_directory_that_vanishes_and_comes_back_is_followed(follower: Follower, tmp_path: Path) -> None:
    (tmp_path / "intents").rename(tmp_path / "away")
    assert DIRECTORY in follower.until({"a"}, stale=True).files
    (tmp_path / "intents").mkdir()
    (tmp_path / "intents" / "z.yaml").write_text(text(intent("z")))
    follower.until({"z"})
    (tmp_path / "intents" / "y.yaml").write_text(text(intent("y")))  # the new directory is the watched one
    follower.until({"y", "z"})


def test_a_config_map_swap_wakes_the_watch(tmp_path: Path) -> None:
    folder = tmp_path / "mount"
    for version, name in (("..1", "old"), ("..2", "new")):
        (folder / version).mkdir(parents=True)
        (folder / version / "web.yaml").write_text(text(intent(name)))
    (folder / "..data").symlink_to("..1")
    (folder / "web.yaml").symlink_to("..data/web.yaml")
    follower = Follower(folder)
    follower.thread.start()
    with follower.changed:
        assert follower.changed.wait_for(lambda: follower.turns > 0, 8)
    (folder / "..data_tmp").symlink_to("..2")
    (folder / "..data_tmp").rename(folder / "..data")
    follower.until({"new"})
    follower.stop.set()
    follower.thread.join(5)


def test_a_watch_of_nothing_ends_when_it_is_told(tmp_path: Path) -> None:
    stop = threading.Event()
    thread = threading.Thread(
        target=lambda: list(IntentDirectory(tmp_path / "no").changes(stop)), daemon=True
    )
    thread.start()
    stop.set()
    thread.join(5)
    assert not thread.is_alive()


def test_a_file_in_the_middle_of_being_written_is_never_half_an_intent(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    versions = [text(intent("a", mode=mode, cooldown=f"{n}s")) for n, mode in ((1, "auto"), (2, "observe"))]
    path.write_text(versions[0])
    done = threading.Event()

    def rewrite() -> None:
        turn = 0
        while not done.is_set():
            turn += 1
            (tmp_path / "new").write_text(versions[turn % 2])
            (tmp_path / "new").replace(path)

    writer = threading.Thread(target=rewrite, daemon=True)
    writer.start()
    end = time.monotonic() + 0.5
    reads = 0
    while time.monotonic() < end:
        content = read(tmp_path)["a.yaml"]
        assert not isinstance(content, bytes) or content.decode() in versions
        reads += 1
    done.set()
    writer.join(5)
    assert reads > 10


def test_the_examples_are_good() -> None:
    report = check_path(EXAMPLES)
    assert (report.exit_code, report.lines()) == (0, ("3 files, 4 intents, 0 problems",))
    for path in sorted(EXAMPLES.iterdir()):
        assert check_path(path).exit_code == 0


def test_check_lists_everything_for_people_and_for_programs(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(text(intent("x", mode="automatic", cooldown="soon")))
    (tmp_path / "b.yaml").write_text(text(intent("y")))
    (tmp_path / "c.yaml").symlink_to("nowhere")
    report = check_path(tmp_path)
    assert report.exit_code == 1
    lines = report.lines()
    assert lines[-1] == "3 files, 1 intent, 3 problems"
    assert lines[0].startswith(f"{tmp_path}/a.yaml:12: spec.mode: ")
    assert json.loads(json.dumps(report.to_json()))["problems"][0]["line"] == 12
    assert report.to_json()["problems"][2]["line"] is None


@pytest.mark.parametrize("name", ["missing.yaml", "empty"])
def test_checking_nothing_is_not_success(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    report = check_path(tmp_path / name)
    assert report.exit_code == 1
    assert len(report.problems) == 1


def test_known_zones_are_the_machines() -> None:
    assert {"UTC", "Europe/Berlin"} <= known_zones()
