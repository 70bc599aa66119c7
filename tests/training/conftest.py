"""Everything in here needs PyTorch."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest

missing = [name for name in ("torch", "safetensors") if importlib.util.find_spec(name) is None]
collect_ignore_glob = ["test_*.py"] if missing else []


@pytest.fixture(scope="session")
def photo_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dozen small made-up photos: soft colours with grain, landscape and portrait, in a sub-folder too."""
    from PIL import Image

    folder = tmp_path_factory.mktemp("photos")
    (folder / "more").mkdir()
    rng = np.random.default_rng(0)
    for number in range(12):
        height, width = (150, 200) if number % 2 else (190, 140)
        soft = Image.fromarray(rng.integers(0, 255, (4, 5, 3), np.uint8)).resize((width, height))
        grain = rng.normal(0, 6, (height, width, 3))
        photo = np.clip(np.asarray(soft) + grain, 0, 255).astype(np.uint8)
        where = folder / ("more" if number > 8 else ".") / f"{'web' if number < 6 else 'own'}_{number}.png"
        Image.fromarray(photo).save(where)
    return folder
