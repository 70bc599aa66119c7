"""What batches are measured beside: small programs, each run as python benchmarks/peers.py NAME ARGUMENTS.

They print one line of JSON: seconds of the work alone, without the interpreter's start, and CPU seconds of it.
"""

from __future__ import annotations

import io
import json
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any


def floor(photos: list[Path], out: Path, threads: int, made: Path) -> Callable[[], None]:
    """Decode every photo, encode a picture of the output's size for it, write it: no network, no painting.

    What is encoded are outputs of the run that it is the floor of, so that it costs as much to encode.
    """
    from PIL import Image, JpegImagePlugin

    pictures = []
    for path in sorted(made.iterdir())[:4]:
        if path.is_file():
            picture: Any = Image.open(path)
            picture.load()
            pictures.append((picture, picture.quantization, JpegImagePlugin.get_sampling(picture)))

    def one(numbered: tuple[int, Path]) -> None:
        number, path = numbered
        Image.open(io.BytesIO(path.read_bytes())).load()
        picture, tables, sampling = pictures[number % len(pictures)]
        encoded = io.BytesIO()
        picture.save(encoded, "JPEG", qtables=tables, subsampling=sampling)
        (out / path.name).write_bytes(encoded.getvalue())

    def work() -> None:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(one, enumerate(photos)))

    return work


def torch_loop(photos: list[Path], out: Path, threads: int, made: Path) -> Callable[[], None]:
    """A PyTorch loop of the same network: batches of 8, inference_mode, channels_last; photos of one size."""
    import numpy as np
    import torch
    import torch.nn.functional as F
    from outpaint_context_encoder.network import ContextUNet
    from PIL import Image

    torch.set_num_threads(threads)
    network = ContextUNet().eval().to(memory_format=torch.channels_last)

    @torch.inference_mode()
    def batch(part: list[Path]) -> None:
        read = [torch.from_numpy(np.asarray(Image.open(path).convert("RGB")).copy()) for path in part]
        photos = torch.stack(read).permute(0, 3, 1, 2).float() / 255
        count, _, height, width = photos.shape
        side = round(128 / 1.5)
        at = (128 - side) // 2
        canvas = torch.zeros(count, 3, 128, 128)
        known = torch.zeros(count, 1, 128, 128)
        canvas[:, :, at : at + side, at : at + side] = F.interpolate(photos, (side, side), mode="area")
        known[:, :, at : at + side, at : at + side] = 1
        layout = torch.channels_last
        guess = network(canvas.to(memory_format=layout), known.to(memory_format=layout)).clamp(0, 1)
        size = height * 3 // 2, width * 3 // 2
        frame = F.interpolate(guess, size, mode="bicubic", align_corners=False).clamp(0, 1)
        y, x = (size[0] - height) // 2, (size[1] - width) // 2
        frame[:, :, y : y + height, x : x + width] = photos
        pixels = (frame * 255).round().byte().permute(0, 2, 3, 1).contiguous().numpy()
        for path, picture in zip(part, pixels, strict=True):
            Image.fromarray(picture).save(out / path.name, quality=95)

    batch(photos[:8])

    def work() -> None:
        for start in range(0, len(photos), 8):
            batch(photos[start : start + 8])

    return work


def telea(photos: list[Path], out: Path, threads: int, made: Path) -> Callable[[], None]:
    """OpenCV's Telea around every photo, in as many threads."""
    import cv2
    import numpy as np

    cv2.setNumThreads(1)

    def one(path: Path) -> None:
        photo: Any = cv2.imread(str(path), cv2.IMREAD_COLOR)
        height, width = photo.shape[:2]
        down, right = height // 4, width // 4
        frame = cv2.copyMakeBorder(photo, down, down, right, right, cv2.BORDER_REPLICATE)
        hole = np.full(frame.shape[:2], 255, np.uint8)
        hole[down : down + height, right : right + width] = 0
        filled = cv2.inpaint(frame, hole, 3, cv2.INPAINT_TELEA)
        cv2.imwrite(str(out / path.name), filled, [cv2.IMWRITE_JPEG_QUALITY, 95])

    def work() -> None:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(one, photos))

    return work


PEERS = {"floor": floor, "torch": torch_loop, "telea": telea}


def main() -> None:
    """NAME PHOTOS OUT THREADS MADE."""
    name, folder, out, threads, made = sys.argv[1:]
    photos = sorted(path for path in Path(folder).iterdir() if path.suffix == ".jpg")
    Path(out).mkdir(exist_ok=True)
    work = PEERS[name](photos, Path(out), int(threads), Path(made))
    begun, used = time.perf_counter(), time.process_time()
    work()
    print(json.dumps({"wall": time.perf_counter() - begun, "cpu": time.process_time() - used}))


if __name__ == "__main__":
    main()
