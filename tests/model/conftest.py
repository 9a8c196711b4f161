"""A model that every real-server test may ask: the smallest base, under our template."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tuning.serve import create

WEIGHTS = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "intentd" / "weights"
BASE = WEIGHTS / "SmolLM2-135M-Instruct-Q4_1.gguf"


@pytest.fixture(scope="module")
def served(ollama_url):
    """The smallest base, served with our template and nothing else."""
    if not BASE.exists():
        pytest.skip(f"no base weights at {BASE}")
    create("intentd-contract", BASE, host=ollama_url)
    return ollama_url
