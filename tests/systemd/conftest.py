from __future__ import annotations

import shutil

import pytest

from gym import debian
from tests.systemd.machine import SYSTEMD


@pytest.fixture(scope="session")
def systemd() -> None:
    """Debian's systemd and its tools, installed where they are missing and may be."""
    if shutil.which("systemd-analyze") and SYSTEMD.exists():
        return
    if reason := debian.why_not():
        pytest.skip(f"systemd is not installed, and {reason}")
    debian.ensure(("systemd",))
