"""The model and the harmonizer of a run, loaded once, and the care with which they are called."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from outpaint_cli import models, registry
from outpaint_cli.batch.guides import Guide
from outpaint_cli.batch.kinds import Finish, Kind
from outpaint_cli.batch.machine import cores
from outpaint_cli.batch.settings import Settings
from outpaint_cli.fill import Batches
from outpaint_cli.frame import round_half_up
from outpaint_cli.places import cache_root
from outpaint_cli.plugin import (
    Context,
    DeviceError,
    Filler,
    Harmonized,
    HarmonizeJob,
    Harmonizer,
    ModelRef,
    Native,
    OutpaintError,
    PluginError,
    Upscaler,
)

if TYPE_CHECKING:
    from outpaint_cli.plugin import Samples

DEFAULT_HARMONIZER = "patch"


@dataclass
class Engines:
    """``harmonize`` is the harmonizer's name, "auto" until everything is loaded."""

    settings: Settings
    kind: Kind
    ref: ModelRef | None
    cancelled: Callable[[], bool]
    filler: Filler | None = None
    progress: Callable[[str, float, str], None] = lambda name, share, what: None
    harmonizer: Harmonizer | None = None
    loaded: bool = False
    _harmonizing: threading.Lock = field(default_factory=threading.Lock)
    _loading: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.harmonize = self.settings.harmonize
        self._given = self.filler
        self.loaded = self.loaded or self.filler is not None
        self.batches = self._batches()

    @property
    def device(self) -> str:
        """Where the work runs, as read back from the model, or else from the harmonizer."""
        engine = self.filler or self.harmonizer
        return engine.device if engine else ""

    def load(self) -> None:
        """Load the model and the harmonizer, once.

        Raises ModelError, DeviceError, or UsageError where the model can't do what is asked; ``loaded`` is
        then false, and nothing can be done for any photo.
        """
        with self._loading:
            if not self.loaded:
                self._load()

    def _load(self) -> None:
        settings, filler = self.settings, self._given
        if self.ref is not None and filler is None:
            filler = models.load(self.ref, self.context(self.ref.plugin))
            self._check_device(filler.device, f"model '{self.ref.name}'")
            self.kind.check_filler(self.ref.name, filler)
        if settings.harmonize == "auto":
            # What a model fills at full resolution is finished already, but only a harmonizer knows guides.
            native = filler is not None and isinstance(filler.spec.size, Native)
            self.harmonize = "none" if native and not settings.guides else DEFAULT_HARMONIZER
        if self.harmonize != "none":
            self.harmonizer = models.load_harmonizer(self.harmonize, self.context)
            self.kind.check_harmonizer(self.harmonize, self.harmonizer)
            if filler is None:
                self._check_device(self.harmonizer.device, f"harmonizer '{self.harmonize}'")
        self.filler = filler
        self.batches = self._batches()
        self.loaded = True

    def _batches(self) -> Batches | None:
        return None if self.filler is None else Batches(self.filler, self.settings.batch_size)

    def renew(self) -> None:
        """Load everything again, for when a call into it does not come back. Raises as :meth:`load`."""
        with self._loading:
            fresh = Engines(self.settings, self.kind, self.ref, self.cancelled, self._given, self.progress)
            fresh._load()
            self.filler, self.batches, self.harmonizer = fresh.filler, fresh.batches, fresh.harmonizer
            self._harmonizing = threading.Lock()

    def _check_device(self, device: str, what: str) -> None:
        asked = self.settings.device
        if asked.startswith("cuda") and not device.startswith("cuda"):
            raise DeviceError(f"--device {asked}: {what} runs on {device} only; use --device auto")

    def context(self, plugin: str, seed: int = 0, name: str = "") -> Context:
        """What ``plugin`` is lent; its progress is told as that of the input ``name``."""
        return Context(
            device=self.settings.device,
            seed=seed,
            cache=cache_root(),
            threads=cores(),
            options=self.settings.options.get(plugin, {}),
            cancelled=self.cancelled,
            progress=lambda share, what: self.progress(name, share, what),
        )

    def finish(
        self,
        name: str,
        content: str,
        seed: int,
        info: dict[str, Any],
        expired: Callable[[], bool] = lambda: False,
        waits: Callable[[bool], None] = lambda begins: None,
    ) -> Finish | None:
        """The harmonizer for the input ``name`` with that ``content`` (sha256), or None.

        ``info`` gets what the harmonizer tells; it is asked to stop once ``expired``. ``waits`` is told when
        waiting for its turn begins and ends.
        """
        if self.harmonizer is None:
            return None
        plugin, _ = registry.find_harmonizer(self.harmonize)
        # A photo is no guide to itself: it shows what it is to be rid of.
        guides = [guide for guide in self.settings.guides if guide.content != content]
        context = self.context(plugin.name, seed, name)
        context = replace(context, cancelled=lambda: self.cancelled() or expired())
        return _Finishing(self, context, guides, info, waits)

    def call(
        self,
        work: Callable[[Harmonizer], Harmonized],
        shape: tuple[int, ...],
        dtype: Any,
        context: Context,
        waits: Callable[[bool], None],
    ) -> Harmonized:
        """What ``work`` has the harmonizer do, in its turn, checked to be of that shape and depth.

        Raises PluginError.
        """
        name = self.harmonize
        with self._turn(context, waits) as harmonizer:
            try:
                done = work(harmonizer)
            except OutpaintError:
                raise
            except MemoryError as error:
                raise PluginError("out of memory while harmonizing; try --harmonize none") from error
            except Exception as error:
                text = " ".join(str(error).split())[:200]
                raise PluginError(f"harmonizer '{name}' failed ({type(error).__name__}: {text})") from error
        if not isinstance(done, Harmonized):
            raise PluginError(f"harmonizer '{name}' returned {type(done).__name__}, not Harmonized")
        if done.image.shape != shape or done.image.dtype != dtype:
            raise PluginError(f"harmonizer '{name}' returned a wrong shape or depth")
        return done

    @contextmanager
    def _turn(self, context: Context, waits: Callable[[bool], None]) -> Iterator[Harmonizer]:
        """The harmonizer, when nobody else uses it. Raises Cancelled."""
        assert self.harmonizer is not None
        if getattr(self.harmonizer, "parallel", False):
            yield self.harmonizer
            return
        waits(True)
        while True:
            lock = self._harmonizing
            if lock.acquire(timeout=0.1):
                if lock is self._harmonizing:  # not that of one that hangs
                    break
                lock.release()
            context.check()
        waits(False)
        try:
            yield self.harmonizer
        finally:
            lock.release()


@dataclass
class _Finishing:
    """The harmonizer for one input; ``info`` gets what it tells."""

    engines: Engines
    context: Context
    guides: Sequence[Guide]
    info: dict[str, Any]
    waits: Callable[[bool], None]

    def __call__(self, job: HarmonizeJob, /) -> Samples:
        job = replace(job, guides=tuple(guide.at_depth(job.image) for guide in self.guides))
        return self._call(lambda h: h.harmonize(job, self.context), job.image.shape, job.image.dtype)

    def upscale(self, job: HarmonizeJob, factor: float) -> Samples:
        shape = round_half_up(job.known.shape[0] * factor), round_half_up(job.known.shape[1] * factor), 3

        def enlarge(harmonizer: Harmonizer) -> Harmonized:
            assert isinstance(harmonizer, Upscaler)
            return harmonizer.upscale(job, factor, self.context)

        return self._call(enlarge, shape, job.image.dtype)

    def _call(self, work: Callable[[Harmonizer], Harmonized], shape: tuple[int, ...], dtype: Any) -> Samples:
        done = self.engines.call(work, shape, dtype, self.context, self.waits)
        for name, said in done.info.items():
            before = self.info.get(name)
            # Of several calls for one photo the first trains, chooses, warns: what it said stays.
            if isinstance(said, Mapping) and isinstance(before, Mapping):
                said = {**said, **before}
            self.info[name] = said
        return done.image if done.image.flags.writeable else done.image.copy()
