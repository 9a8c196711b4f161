"""The parts of `make safety`: each makes its tries and answers rows. Each has a command or a test of its own too."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

from gym.namespaces import create_namespace, delete_namespace
from gym.ready import api_client
from gym.rights import grant
from tests.attack.hostile.against import Ground, Tally, policies_in_force
from tests.attack.hostile.corpus import ROWS, some
from tests.attack.hostile.made import Sent, send_many
from tests.attack.hostile.row import Hostile
from tests.attack.secrets.places import leaking, taken_from_the_harmless
from tests.safety import injected
from tests.safety.rows import Row, not_run
from tests.safety.stage import Stage
from tests.saga import kills, migrating, power
from tests.saga.wrong import Kind, Progress, Wrong

ROOT = Path(__file__).parents[2]
BATCH = 300
"""Made patches that one ledger sees; guards look at all of its changes."""
PIECE = 15
"""Answers between two words about progress."""

HARMLESS = ("let through, as the row says", "changed nothing")
"""Ends of an answer without guards that are no refusal: what only guards can refuse, and what the server drops."""

Send = Callable[[Sequence[Hostile]], Tally]


def hostile_answers(stage: Stage, told: Progress) -> list[Row]:
    """Through the guards; then with every guard taken out, against the API server's policy alone."""
    practice, rows = stage.cluster(told), list(ROWS)
    if stage.scale.answers is not None:
        rows = some(stage.scale.answers, stage.seed)
    account, folder = stage.folder / "account", stage.folder / "answers"
    folder.mkdir()
    grant(practice.kubeconfig, account)
    with api_client(practice.kubeconfig) as api:
        name = create_namespace(api, practice.instance)
        ground = Ground(practice.kubeconfig, account, name)
        try:
            found = [
                _sent("answers, guards", rows, lambda some: ground.through_the_guards(some, folder), told)
            ]
            with policies_in_force(practice.kubeconfig, ground):
                found.append(_sent("answers, planned, policy alone", rows, ground.as_planned, told))
                found.append(_sent("answers, bare, policy alone", rows, ground.as_it_was_answered, told))
        finally:
            ground.close()
            delete_namespace(api, practice.instance, name)
    return found


def _sent(part: str, rows: Sequence[Hostile], send: Send, told: Progress) -> Row:
    began, refused, past, tries = time.monotonic(), Counter[str](), list[str](), 0
    for start in range(0, len(rows), PIECE):
        tally = send(rows[start : start + PIECE])
        refused.update(tally.refused)
        past += tally.past
        tries += len(rows[start : start + PIECE])
        told(tries, len(rows), part)
    harmless = [f"{refused.pop(end)} {end}" for end in HARMLESS if end in refused]
    seconds = time.monotonic() - began
    return Row(part, tries, len(rows), seconds, refused, len(past), seen=tuple(past), notes=tuple(harmless))


def made_patches(stage: Stage, told: Progress) -> list[Row]:
    """Values of any kind at any place, on the fake cluster, under an intent that opens whatever they touch."""
    began, sent, of = time.monotonic(), Sent(), stage.scale.patches
    for number in range(-(-of // BATCH)):
        send_many(stage.folder / f"made-{number}", min(BATCH, of - number * BATCH), stage.seed + number, sent)
        told(sent.tries, of, f"{sent.changed} changed something ordinary")
    seconds = time.monotonic() - began
    ordinary = (f"{sent.changed} changed something that an intent may open",)
    found = Row(
        "made patches",
        sent.tries,
        of,
        seconds,
        sent.refused,
        len(sent.past),
        seen=tuple(sent.past),
        notes=ordinary,
    )
    return [found]


def killed(stage: Stage, told: Progress) -> list[Row]:
    """kill -9 of the real daemon on the real API server."""
    practice, scale = stage.cluster(told), stage.scale
    tally = kills.run(
        practice,
        stage.folder,
        kills.Tally(),
        times=scale.kills_at_a_point,
        around=scale.kills_around,
        chance=random.Random(stage.seed),
        lanes=stage.lanes,
        told=told,
    )
    points = sum(map(len, tally.points.values()))
    of = points * scale.kills_at_a_point + scale.kills_around
    tries = of - sum(lack for _, lack in kills.lacking(tally, scale.kills_at_a_point, scale.kills_around))
    part = f"kill -9 at {points} points and around the write"
    return [_of_lives(part, tries, max(1, of), tally.seconds, tally.wrong)]


def migrated(stage: Stage, told: Progress) -> list[Row]:
    """kill -9 within each migration of the ledger."""
    began = time.monotonic()
    found = migrating.run(stage.folder / "migrations", stage.scale.kills_at_a_point, told)
    of = found.points * stage.scale.kills_at_a_point
    return [_of_lives("kill -9 in migrations", found.kills, of, time.monotonic() - began, found.wrong)]


def power_lost(stage: Stage, told: Progress) -> list[Row]:
    """Images of the disk, each opened again."""
    began, scale = time.monotonic(), stage.scale
    try:
        found = power.run(
            stage.folder / "power", scale.images, stage.seed, revive_every=scale.lived_on_every, told=told
        )
    except power.NoRecorderError as error:
        return [not_run("power loss", str(error))]
    return [_of_lives("power loss", found.images, scale.images, time.monotonic() - began, found.wrong)]


def _of_lives(part: str, tries: int, of: int, seconds: float, wrong: Sequence[Wrong]) -> Row:
    by = Counter(one.kind for one in wrong)
    return Row(
        part,
        tries,
        of,
        seconds,
        duplicates=by[Kind.DUPLICATE],
        lost=by[Kind.LOST],
        wrong=by[Kind.STUCK],
        seen=tuple(map(str, wrong)),
    )


def secrets(stage: Stage, told: Progress) -> list[Row]:
    """The corpus in text and in every place of an object; then through a whole daemon."""
    began = time.monotonic()
    tried = leaking(stage.scale.secrets_in_objects, stage.seed, told)
    harmless = taken_from_the_harmless()
    row = Row(
        "secrets",
        tried.tries,
        tried.of,
        time.monotonic() - began,
        leaked=len(tried.leaked),
        wrong=len(harmless),
        seen=(*tried.leaked, *(f"harmless, and taken out: {text}" for text in harmless)),
    )
    whole = _suite(
        "secrets, the whole daemon",
        ["tests/attack/test_secret_corpus.py", "tests/attack/test_secrets_stay_out.py"],
        [],
        stage,
        told,
    )
    return [row, replace(whole, leaked=whole.wrong, wrong=0)]


def bound(stage: Stage, told: Progress) -> list[Row]:
    """The choke point, each guard alone and the start-up self-test; and that a stop stops within a second."""
    choke = ["tests/saga/test_choke_point.py", "tests/remediation/guards/test_each_guard_alone.py"]
    stop = ["tests/daemon/loop/test_a_stop_takes_effect.py"]
    return [
        _suite("choke point, each guard alone", choke, [], stage, told),
        _suite("a stop within a second", stop, ["-m", "not cluster"], stage, told),
    ]


def _suite(part: str, files: Sequence[str], options: Sequence[str], stage: Stage, told: Progress) -> Row:
    """Tests as tries: one that fails is wrong, one that is skipped was not made."""
    began, report = time.monotonic(), stage.folder / "report.xml"
    told(0, 0, part)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junitxml={report}"]
    done = subprocess.run([*command, *options, *files], cwd=ROOT, capture_output=True, text=True, check=False)
    if not report.exists():
        return not_run(part, (done.stderr or done.stdout)[-500:], time.monotonic() - began)
    cases = list(ET.parse(report).iter("testcase"))
    report.unlink()
    skipped = [case for case in cases if case.find("skipped") is not None]
    failed = [case for case in cases if case.find("failure") is not None or case.find("error") is not None]
    return Row(
        part,
        len(cases) - len(skipped),
        max(1, len(cases)),
        time.monotonic() - began,
        wrong=len(failed),
        seen=(
            *(f"failed: {case.get('name')}" for case in failed),
            *(f"skipped: {case.get('name')}" for case in skipped),
        ),
    )


PARTS: dict[str, Callable[[Stage, Progress], list[Row]]] = {
    "bound": bound,
    "answers": hostile_answers,
    "patches": made_patches,
    "secrets": secrets,
    "migrations": migrated,
    "power": power_lost,
    "kills": killed,
    "injected": injected.rows,
}
"""In the order in which they are run: the quick ones first."""
