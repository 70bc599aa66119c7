"""Libraries that talk: their warnings say nothing that a user could act on and must not reach the
terminal."""

from __future__ import annotations

import logging
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import cv2
from PIL import Image

_lock = threading.Lock()
_inside = 0
_opencv = 0  # its log level before
_saved: tuple[warnings.catch_warnings[None], int | None] | None = None

logging.getLogger("tifffile").addHandler(logging.NullHandler())


@contextmanager
def quiet() -> Iterator[None]:
    """Silence Pillow, tifffile and OpenCV and lift Pillow's own size limit (ours is checked from the header).

    All of these are settings of the process. The first thread in makes them and the last one out takes them
    back: were each thread to restore what it found, one could restore another's silence for good.
    """
    global _inside, _saved, _opencv
    with _lock:
        if _inside == 0:
            caught = warnings.catch_warnings()
            caught.__enter__()
            warnings.simplefilter("ignore")
            _saved = (caught, Image.MAX_IMAGE_PIXELS)
            Image.MAX_IMAGE_PIXELS = None
            _opencv = cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
            logging.getLogger("tifffile").propagate = False
            logging.getLogger("PIL").propagate = False
        _inside += 1
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            if _inside == 0 and _saved is not None:
                caught, limit = _saved
                Image.MAX_IMAGE_PIXELS = limit
                cv2.utils.logging.setLogLevel(_opencv)
                logging.getLogger("tifffile").propagate = True
                logging.getLogger("PIL").propagate = True
                caught.__exit__(None, None, None)
                _saved = None
