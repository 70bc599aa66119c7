"""What is to be done: for every input its frame and its output. Headers are read, no pixels."""

from __future__ import annotations

import hashlib
import os
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path, PurePath

from outpaint_cli import picture
from outpaint_cli.batch.discover import SUFFIXES, Source
from outpaint_cli.batch.kinds import Kind
from outpaint_cli.batch.noted import Headers
from outpaint_cli.batch.settings import Settings, Task
from outpaint_cli.plugin import OutpaintError, PictureError, UsageError
from outpaint_cli.remote import Location, Url

FORMATS = {"png": "PNG", "jpg": "JPEG", "webp": "WEBP", "tiff": "TIFF", "avif": "AVIF"}

SUFFIX_FORMATS = {
    ".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".jpe": "JPEG", ".jfif": "JPEG", ".webp": "WEBP",
    ".tif": "TIFF", ".tiff": "TIFF", ".avif": "AVIF", ".bmp": "BMP", ".dib": "BMP", ".heic": "HEIF", ".heif": "HEIF",
    ".hif": "HEIF",
}  # fmt: skip
"""What ``-o photo.suffix`` writes."""


WAITERS = 16
"""Headers of URLs that are asked for at a time: that is waiting, not work."""


def parse_shard(text: str) -> tuple[int, int]:
    """``I/N`` with 1 <= I <= N. Raises UsageError."""
    part, _, whole = text.partition("/")
    if not (part.isdecimal() and whole.isdecimal() and 1 <= int(part) <= int(whole)):
        raise UsageError(f"--shard '{text}' is not I/N with I from 1 to N, as in 2/8")
    return int(part), int(whole)


def in_shard(relative: PurePath, shard: tuple[int, int]) -> bool:
    """Whether this process takes the file: a stable hash of the relative path decides."""
    digest = hashlib.sha256(os.fsencode(relative.as_posix())).digest()
    return int.from_bytes(digest[:8], "big") % shard[1] == shard[0] - 1


def make_plan(
    sources: Sequence[Source], settings: Settings, kind: Kind, *, stdin: bytes | None = None
) -> list[Task]:
    """A task for every output. What can't be made carries its error.

    Raises UsageError, before any work, when an output would be an input or two inputs would have one output.
    """
    _check_out(sources, settings)
    kind.check_inputs(list(sources))
    workers, everything = settings.jobs or os.cpu_count() or 1, sources
    if any(isinstance(source.path, Url) for source in sources):
        workers = max(workers, WAITERS)
        sources = _concerned(sources, settings.shard)
    with ThreadPoolExecutor(workers) as pool:
        headers = Headers()
        planned = pool.map(lambda source: _plan_one(source, settings, kind, stdin, headers), sources)
        tasks = [task for found in planned for task in found]
    tasks = _resolve_clashes(tasks, everything)
    return [task for task in tasks if in_shard(task.source.relative, settings.shard)]


def _check_out(sources: Sequence[Source], settings: Settings) -> None:
    out = settings.out
    if out is None:
        return
    suffix = out.suffix.lower()
    if _is_file(out) and (len(sources) > 1 or _from_folder(sources)):
        raise UsageError(f"-o {out} is a file, but there are several inputs; name a folder")
    if len(sources) > 1 and any(_single_file_output(source, settings) for source in sources):
        raise UsageError(f"-o {out} names a file, but there are several inputs; name a folder")
    if suffix not in SUFFIX_FORMATS and not _is_folder(out) and (suffix in SUFFIXES or _is_file(out)):
        raise UsageError(
            f"-o {out}: no such file can be written; name a folder, or a file that ends in "
            f"{', '.join(SUFFIX_FORMATS)}"
        )
    for source in sources[:1]:
        if _single_file_output(source, settings) and settings.format != "keep":
            named = SUFFIX_FORMATS[out.suffix.lower()]
            if FORMATS[settings.format] != named:
                raise UsageError(
                    f"-o {out.name} and --format {settings.format} contradict each other; drop one"
                )


def _is_folder(out: Location) -> bool:
    """Whether -o is a folder that is there. A URL is never asked after: its name says what it is."""
    return isinstance(out, Path) and out.is_dir()


def _is_file(out: Location) -> bool:
    return isinstance(out, Path) and out.exists() and not out.is_dir()


def _from_folder(sources: Sequence[Source]) -> bool:
    return any(source.root is not None for source in sources)


def _single_file_output(source: Source, settings: Settings) -> bool:
    """Whether -o names a file: one input that was not found in a folder, and a name with a picture's suffix."""
    out = settings.out
    return (
        out is not None
        and source.root is None
        and not _is_folder(out)
        and out.suffix.lower() in SUFFIX_FORMATS
    )


def _plan_one(
    source: Source, settings: Settings, kind: Kind, stdin: bytes | None, headers: Headers
) -> list[Task]:
    data = stdin if source.path is None else None
    folder = _named_output(source, settings, kind.verb, "", "")[1] if source.tag else None
    try:
        if source.error:
            raise PictureError(source.error)
        with _given(source, data) as given:
            info = headers.find(folder, source.tag)
            if info is None or info.width * info.height > settings.max_pixels:
                info = picture.probe(given, max_pixels=settings.max_pixels)
            layout = kind.layout(source, info, given)
        frame = layout.frame
        if frame.rect.area > settings.max_pixels:
            raise PictureError(
                f"the output would be {frame.width}x{frame.height}, more than {settings.max_pixels} pixels; "
                "ask for less, or raise --max-pixels"
            )
        written, suffix = _format(source, info, settings)
    except OutpaintError as error:
        return [Task(source, None, None, None, None, error=error)]
    tasks = []
    for variant in range(settings.variants):
        tag = f"_v{variant + 1}" if settings.variants > 1 else ""
        output, folder = _output(source, settings, kind.verb, suffix, tag)
        tasks.append(Task(source, output, folder, layout, info, written, variant, data))
    return tasks


@contextmanager
def _given(source: Source, data: bytes | None) -> Iterator[picture.Given]:
    """Where the header is read from. Raises PictureError."""
    if isinstance(source.path, Url):
        with source.path.opened() as file:
            yield file
    else:
        yield data if data is not None else source.path or b""


def _format(source: Source, info: picture.PictureInfo, settings: Settings) -> tuple[str, str]:
    """The format to write and the file's suffix."""
    wanted = settings.format
    if _single_file_output(source, settings) and settings.out is not None:
        return SUFFIX_FORMATS[settings.out.suffix.lower()], settings.out.suffix
    suffix = source.path.suffix if source.path is not None else ""
    return picture.output_format(info, wanted, suffix)


def _output(
    source: Source, settings: Settings, verb: str, suffix: str, tag: str
) -> tuple[Location | None, Location | None]:
    """Where the output goes, and the folder whose journal knows it. Raises UsageError for what can't be written."""
    output, folder = _named_output(source, settings, verb, suffix, tag)
    if isinstance(output, Url) and not output.writable:
        raise UsageError(
            f"{output}: outpaint can't write to {output.scheme}://; say with -o where outputs go"
        )
    return output, folder


def _named_output(
    source: Source, settings: Settings, verb: str, suffix: str, tag: str
) -> tuple[Location | None, Location | None]:
    out = settings.out
    if source.path is None and out is None:
        return None, None
    if _single_file_output(source, settings) and out is not None:
        return out.with_name(f"{out.stem}{tag}{out.suffix}"), out.parent
    relative = source.relative
    if out is not None:
        return out / relative.with_name(f"{relative.stem}{tag}{suffix}"), out
    if source.root is not None:
        root = source.root
        if isinstance(root, Path) and root.name in ("", ".."):
            root = root.resolve()
        if not root.name:
            raise UsageError(f"{root} has no folder beside it for the output; say with -o where it goes")
        folder = root.with_name(f"{root.name}_{verb}")
        return folder / relative.with_name(f"{relative.stem}{tag}{suffix}"), folder
    assert source.path is not None
    name = f"{source.path.stem}_{verb}{tag}{suffix}"
    return source.path.with_name(name), source.path.parent


def _concerned(sources: Sequence[Source], shard: tuple[int, int]) -> list[Source]:
    """Those of the shard, and those whose outputs could have the name of one of theirs.

    So that not every process of an array fetches all headers.
    """

    def group(source: Source) -> tuple[Location | None, PurePath, str]:
        return source.root, source.relative.parent, source.relative.name.partition(".")[0].casefold()

    mine = {group(source) for source in sources if in_shard(source.relative, shard)}
    return [source for source in sources if group(source) in mine]


def _resolve_clashes(tasks: list[Task], sources: Sequence[Source]) -> list[Task]:
    """Keep the old extension where only a change of format makes two outputs one; refuse all other clashes."""
    by_output: dict[str, list[int]] = defaultdict(list)
    for index, task in enumerate(tasks):
        if task.output is not None:
            by_output[_key(task.output)].append(index)
    for indices in by_output.values():
        if len(indices) == 1:
            continue
        for index in indices:
            task = tasks[index]
            old = task.source.relative.suffix
            same_folder = len({tasks[i].source.relative.parent for i in indices}) == 1
            same_root = len({_folder_of(tasks[i].source) for i in indices}) == 1
            if task.output is not None and same_folder and same_root and old != task.output.suffix:
                kept = task.output.with_name(f"{task.output.stem}{old}{task.output.suffix}")
                tasks[index] = replace(task, output=kept)
    taken: dict[str, Task] = {}
    inputs = {_key(source.path) for source in sources if source.path is not None}
    for task in tasks:
        if task.output is None:
            continue
        key = _key(task.output)
        if key in inputs:
            raise UsageError(f"{task.output} is an input, it would be overwritten; choose another -o")
        if key in taken:
            raise UsageError(
                f"{taken[key].name} and {task.name} would both become {task.output}; rename one, or use two runs"
            )
        taken[key] = task
    return tasks


def _folder_of(source: Source) -> Location | None:
    return source.root or (source.path.parent if source.path is not None else None)


def _key(path: Location) -> str:
    return path.key if isinstance(path, Url) else os.path.normcase(os.path.realpath(path))
