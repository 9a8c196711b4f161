"""Power loss at any moment of a life: nothing acknowledged is lost, and the daemon goes on. The whole number of
images runs in `python -m tests.saga power`."""

import pytest

from tests.saga.power import File, NoRecorderError, Sync, Write, image, run

IMAGES, REVIVED_EVERY, SEED = 120, 15, 20261121


def test_power_loss_at_any_write_loses_nothing_that_was_acknowledged(tmp_path):
    try:
        found = run(tmp_path, IMAGES, SEED, revive_every=REVIVED_EVERY)
    except NoRecorderError as error:
        pytest.skip(str(error))
    assert found.wrong == []
    assert (found.images, found.revived, found.lost) == (IMAGES, IMAGES // REVIVED_EVERY, 0)
    assert found.rows["Sync"] > 100
    assert found.rows["Cluster"] >= 8


def test_without_the_syncs_records_are_lost_so_the_images_are_harsh_enough(tmp_path):
    """The test of the test: the same life on a disk that never syncs."""
    import random

    from tests.saga.power import Found, examine, recorded

    try:
        log = recorded(tmp_path / "life", SEED)
    except NoRecorderError as error:
        pytest.skip(str(error))
    careless = [record for record in log if not isinstance(record, Sync)]
    chance, found = random.Random(SEED), Found()
    for number in range(20):
        cut = chance.randrange(len(careless) // 2, len(careless))
        examine(careless, cut, tmp_path / str(number), chance, found, revive=False)
    assert found.wrong


def test_what_was_synced_is_on_every_image():
    import random

    log = [Write("db", 0, b"a" * 8192), Sync("db"), Write("db", 4096, b"b" * 8192)]
    seen = set()
    for seed in range(200):
        content = image(log, 3, random.Random(seed))["db"]
        assert content[:4096] == b"a" * 4096
        seen.add(content[4096:])
    assert {b"a" * 4096, b"b" * 8192} < seen  # nothing of the rest, all of it
    assert any(len(set(rest[:4096])) == 2 for rest in seen)  # and pages torn at 512 bytes


def test_a_file_grows_with_zeros_where_nothing_was_written():
    file = File(since=[Write("db", 6, b"xy")])
    file.sync()
    assert bytes(file.kept) == b"\0" * 6 + b"xy"
