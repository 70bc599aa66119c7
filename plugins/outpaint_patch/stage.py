"""One level of the completion: what targets look for, what sources cost, and the map that comes of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from .agree import IMPOSSIBLE, agree
from .ahead import continuations, go_on
from .cut import Joins, cut
from .layout import far_off, filled, folded_places, nearest_of, scaled, whole_patches
from .offers import offers
from .onward import Onward
from .patches import PatchBasis, fit_basis, windows
from .pyramid import Level, banks, blur, local_mean
from .repeats import detailed, repeats, visible
from .salience import amid, excess
from .search import Ints, Sources, Targets, alone, distances, nearest, propagate
from .settings import VARIANCE, Settings
from .slant import leaning
from .things import Turning, forgivable, offer_turned, things
from .variety import NUMBERS, addressed

if TYPE_CHECKING:
    from outpaint_cli.plugin import Bools, Floats

    from .expected import Expected
    from .nearer import Nearer


@dataclass
class Completed:
    """Where each cell comes from. ``numbers`` int32 (h, w) atlas numbers; known cells hold their own."""

    level: Level
    numbers: Ints
    typical: float  # median distance of the last search
    held: Bools  # (h, w) cells that go straight on, and are kept so at finer levels
    tones: Floats | None = None  # colours (h, w, 3) that copies are tinted toward; None: the level's image
    light: Floats | None = None  # what a vignette leaves of it (h, w), 0..1, if the level has been evened out


class Stage:
    """One level of the completion."""

    def __init__(
        self,
        level: Level,
        confidence: Floats | None,
        expected: Expected | None,
        settings: Settings,
        radius: int,
        index: int,
        first: bool,
        rarity: Floats | None,
        price: Floats | None,
        going: Onward,
        threads: int = 1,
        addresses: Floats | None = None,
    ) -> None:
        self.rarity, self.threads = rarity, threads
        self.level, self.settings, self.index = level, settings, index
        height, width = self.shape = level.shape
        r = self.radius = radius
        self.long = max(height, width)
        self.exact = first or height * width <= settings.exact
        self.addresses = addresses if self.exact else None  # beyond, what has been chosen stays
        whole = np.concatenate([whole_patches(plane.known, r) for plane in (level, *level.guides)])
        self.in_place = whole[level.photos * height :].copy()  # where enlargements have whole patches
        if not self.exact:
            whole[level.photos * height :] = False  # no longer chosen from
        self.ready = bool(whole[:height].sum() >= 16) and min(height, width) > 2 * r
        if not self.ready:
            return
        reflected = whole & self._reflected(whole)[:, None]
        mirrored = whole.copy()
        mirrored[level.photos * height :] = False
        possible = (whole, mirrored[:, ::-1], banks(reflected, height)[2])
        self.where = np.flatnonzero(np.stack(possible)).astype(np.int32)
        self.inner = np.zeros((height, width), bool)
        self.inner[r : height - r, r : width - r] = True
        near = cv2.dilate((~level.known).astype(np.uint8), np.ones((2 * r + 1, 2 * r + 1), np.uint8)).astype(
            bool
        )
        self.cells = np.flatnonzero(near & self.inner).astype(np.int32)
        self.unknown = np.flatnonzero(~level.known).astype(np.int32)
        self.depth = cv2.distanceTransform((~level.known).astype(np.uint8), cv2.DIST_L2, 5)
        self.band = np.zeros_like(level.known)
        self.held = np.zeros_like(level.known)
        self.going = going.at(height, width)
        definite = expected is not None and expected.definite is not None
        self.heeded = settings.definite if definite else 1.0
        self._describe(whole, confidence, expected)
        self._list(price)
        self.fair = self._fair(expected.demand if expected is not None else None)

    # ------------------------------------------------------------------------------------- features

    def _describe(self, whole: Bools, confidence: Floats | None, expected: Expected | None) -> None:
        """Patch basis, guide colours, place, what is expected of sources and targets; how sure the guess is."""
        level, r = self.level, self.radius
        height, width = self.shape
        sample = np.flatnonzero(whole[: level.photos * height])
        sample = sample[:: max(1, len(sample) // 2000)]
        sheet = self.sheet = level.sheet()
        view = windows(sheet, r)
        patches = view[sample // width - r, sample % width - r]
        self.basis: PatchBasis = fit_basis(patches, r, self.settings.components)
        planes = (level, *level.guides)
        self.guide = np.concatenate([blur(plane.image, self.long / 60) for plane in planes]) / np.sqrt(
            np.float32(3)
        )
        places = [folded_places(plane.known) for plane in planes]
        self.short = places[0][1]
        for number in range(level.photos, len(places)):  # enlargements are for where they are
            places[number] = places[0]
        self.place = np.concatenate([place for place, _ in places])
        self.expected = np.zeros((len(self.place), width, 0), np.float32)
        self.textures = 0 if expected is None else self.settings.textures  # the first of what is expected
        if expected is not None:
            self.expected = np.concatenate([scaled(plane, height, width) for plane in expected.planes])
        if self.addresses is not None:
            weighted = np.float32(np.sqrt(self.settings.variety)) * self.addresses
            varied = addressed(weighted, level.known, len(level.guides))
            self.expected = np.concatenate((self.expected, varied), 2)
        if confidence is None:
            self.trust = np.exp(-self.depth / np.float32(0.25 * places[0][1]))
        else:
            self.trust = cv2.resize(
                confidence.astype(np.float32), (width, height), interpolation=cv2.INTER_AREA
            )

    def _reflected(self, whole: Bools) -> Bools:
        """Rows of the sheet (p h,) near an edge of the photo beyond which there is something to fill.

        A cut that nothing else goes on from is gone on from by its own reflection. Further in, what stands on
        its head would only look wrong.
        """
        height = self.shape[0]
        near = np.zeros(len(whole), bool)
        rows = np.flatnonzero(self.level.known.any(1))
        reach = max(2 * self.radius + 1, round(self.settings.reflected * (rows[-1] - rows[0] + 1)))
        if rows[0] > 0:
            near[rows[0] : rows[0] + reach] = True
        if rows[-1] < height - 1:
            near[rows[-1] + 1 - reach : rows[-1] + 1] = True
        near[height:] = False
        return near

    def _list(self, price: Floats | None) -> None:
        """All sources and what they cost, whatever the target."""
        height, width = self.sheet.shape[:2]
        settings, r = self.settings, self.radius
        tall = self.level.photos * self.shape[0]  # enlargements are what they are of
        sheet = self.sheet if self.exact else self.sheet[:tall]  # and later on no sources any more
        codes = self.basis.encode(sheet)
        n, m = np.searchsorted(self.where, (height * width, 2 * height * width))
        here = self.here = self._unmirrored(self.where)
        values = codes[here // width - r, here % width - r]
        own = here[:n] < tall * width
        if self.rarity is None:
            rarity = np.zeros(tall * width, np.float32)
            some = here[:n][own]
            rarity[some] = alone(values[:n][own], some // width, some % width, 2 * r, settings.alike)
            self.rarity = self.level.with_enlarged(rarity.reshape(tall, width))
        else:
            finer = cv2.resize(self.rarity, (width, height), interpolation=cv2.INTER_LINEAR).ravel()
            self.rarity = np.zeros((height, width), np.float32)
            self.rarity.ravel()[here[:n]] = finer[here[:n]]
        self.seen = self.level.with_enlarged(visible(self.sheet[:tall], self.rarity[:tall]))
        self.unit = float(np.clip(values[:n][own].var(0).sum() / VARIANCE, 0.05, 1))
        values[n:m] = self.basis.mirrored(values[n:m])
        if m < len(values):
            codes = self.basis.encode(banks(sheet, self.shape[0])[2])
            place = self.where[m:] % (height * width)
            values[m:] = codes[place // width - r, place % width - r]
        colours = self.sheet.reshape(-1, 3)[here] / np.sqrt(np.float32(3))
        features = np.concatenate((values, colours, self._around(here)), 1)
        lookup = np.full(3 * height * width, -1, np.int32)
        lookup[self.where] = np.arange(len(self.where), dtype=np.int32)
        photos, size = self.level.photos, self.level.known.size
        enlarged = slice(photos * size, (1 + len(self.level.guides)) * size)
        self.enlarged = lookup[enlarged].copy()  # rows of what is for where it is, and nowhere else
        lookup[enlarged] = -1
        known = [plane.known for plane in (self.level, *self.level.guides)][:photos]
        near, far = (amid(known, reach * self.short) for reach in settings.amid)
        rarity = self.rarity[:tall]
        rarest = self.level.with_enlarged(
            settings.salience * excess(rarity)
        )  # enlarged, nothing rare goes on
        rarest[:tall] *= np.square(near)
        rare = self.level.with_enlarged(settings.salience * rarity * np.square(far))
        penalty = rarest.ravel()[here]
        penalty[m:] += settings.upside_down * self.unit
        leans = settings.slanted * self.unit * leaning(self.level)
        self.things = things(self.level.image, self.level.known, self.rarity[: self.shape[0]])
        forgiven = np.zeros_like(rare)
        if not self.exact:  # what coarser levels have turned over is to stay
            forgiven[: self.shape[0]] = forgivable(self.things)
        # what a thing turned over at the edge may be: rare, leaning and turned over
        self.turned = (rare + leans + settings.mirror * self.unit).astype(np.float32)
        penalty[:n] += rare.ravel()[here[:n]]
        penalty[n:m] += (self.turned * (1 - forgiven)).ravel()[here[n:m]]
        penalty[m:] += ((rare + leans) * (1 - forgiven)).ravel()[here[m:]]
        penalty[(here >= size) & (here < photos * size)] += settings.guided * self.unit
        self.fixed = penalty.astype(np.float32)
        self.price = np.zeros(len(self.where), np.float32)
        if price is not None:
            self.price = cv2.resize(price, (width, height), interpolation=cv2.INTER_LINEAR).ravel()[here]
        sought = None
        if self.level.nearer is not None:
            sought = np.flatnonzero((self.where < enlarged.start) | (self.where >= enlarged.stop)).astype(
                np.int32
            )
        self.sources = Sources(self.shape, self.where, lookup, features, self.fixed + self.price, sought)

    def _fair(self, demand: Floats | None) -> Floats:
        """How often each source (n,) may be taken: as often as any, or as the like of it is wanted.

        Where the photo ends on a road that fills a tenth of it, the road is to be taken often, the rocks
        beside it are not.
        """
        height, width = self.shape
        if demand is None:
            fair = np.full(len(self.where), 2 * len(self.cells) / len(self.where), np.float32)
        else:
            share = np.float32(len(self.cells) / max(1, len(self.unknown)))
            wanted = scaled(demand[..., None], height, width)[..., 0]
            fair = share * self.level.with_enlarged(wanted).ravel()[self.here]
        result: Floats = np.maximum(fair, 1)
        return result

    def _unmirrored(self, numbers: Ints) -> Ints:
        """Where on the sheet atlas ``numbers`` are: y * w + x."""
        height, width = self.sheet.shape[:2]
        place = numbers % (height * width)
        bank, y, x = numbers // (height * width), place // width, place % width
        x = np.where(bank == 1, width - 1 - x, x)
        tall = self.shape[0]
        y = np.where(bank == 2, y // tall * tall + tall - 1 - y % tall, y)
        result: Ints = (y * width + x).astype(np.int32)
        return result

    def _around(self, cells: Ints) -> Floats:
        """Guide colours, place and what is expected (n, 5 + c) of ``cells``."""
        count = self.expected.shape[2]
        parts = (
            self.guide.reshape(-1, 3)[cells],
            self.place.reshape(-1, 2)[cells],
            self.expected.reshape(len(self.place) * self.shape[1], count)[cells],
        )
        return np.concatenate(parts, 1)

    # ---------------------------------------------------------------------------------------- work

    def run(self, before: Completed | None, rng: np.random.Generator, check: Callable[[], None]) -> Completed:
        """Search and copy until the level is done."""
        settings = self.settings
        rounds = max(1, settings.rounds - self.index) if self.exact else 1
        numbers: Ints
        if before is None:
            numbers = np.arange(self.shape[0] * self.shape[1], dtype=np.int32).reshape(self.shape)
            picture = self.level.image
            start = True
        else:
            numbers = self._carry(before)
            start = False
            if self.exact:
                self._charge(numbers, before.typical)
            else:
                self._hold(numbers, before.held)
            picture = self._copy(numbers)
        cost = np.zeros(len(self.cells), np.float32)
        typical = 0.0
        for turn in range(rounds):
            check()
            if start and turn == 0:
                picture = self._go_on(picture)
            targets = self._targets(picture, fresh=start and turn == 0)
            if self.exact:
                rows, cost = nearest(targets, self.sources, rng, check, self.threads)
                numbers.reshape(-1)[self.cells] = self.where[rows]
            else:
                rows = self.sources.lookup(numbers.reshape(-1)[self.cells])
                cost = distances(targets, self.sources, rows)
            typical = float(np.median(cost)) + 1e-5
            done = turn == rounds - 1
            if self.exact:
                cost = agree(numbers, cost, targets, self.sources, settings.agree * typical, settings.offsets)
            for _ in range(2 if self.exact else 1):
                propagate(
                    numbers,
                    cost,
                    targets,
                    self.sources,
                    coherence=typical
                    * (settings.coherence * (2 if done else 1) if self.exact else settings.calm),
                    jumps=(1, 2, 4) if self.exact else (1, 3),
                    wander=0 if self.exact else 2,
                    rng=rng,
                )
            if self.exact and done and settings.seam > 0:
                self._cut(numbers, targets, typical)
            self._border(numbers)
            if self.exact:
                self._charge(numbers, typical)
            picture = self._copy(numbers) if done else self._vote(numbers, cost, typical)
        known = self.level.known.ravel()
        flat = numbers.reshape(-1)
        flat[known] = np.flatnonzero(known)
        return Completed(self.level, numbers, typical, self.held)

    def _share(self, seen: Bools) -> Floats:
        """How much (0..1) of the patch of each target is ``seen`` (h, w)."""
        side = 2 * self.radius + 1
        share: Floats = cv2.blur(seen.astype(np.float32), (side, side)).ravel()[self.cells]
        return share

    def _go_on(self, picture: Floats) -> Floats:
        """``picture`` with a band along the photo in which what its edge cuts goes on."""
        across, _, cost, patches = self._continued(picture)
        if not len(across):
            return picture
        picture, self.band = go_on(picture, self.level.known, across, cost, patches, self.radius)
        return picture

    def _continued(self, picture: Floats) -> tuple[Ints, Ints, Floats, Floats]:
        """The cells whose patches the photo's edge crosses, their best continuations' rows, costs and patches."""
        share = self._share(self.level.known)
        across = self.cells[(share > 0.25) & (share < 0.999)]
        # what is expected has no say: what goes on has the edge's own texture
        heed = np.zeros(5 + self.expected.shape[2], np.float32)
        heed[:3], heed[3:5] = self.settings.ahead, self.settings.place * self.unit
        around = self._around(across)
        rows, cost, patches = continuations(
            picture, self.level.known, self.sheet, across, around, self.sources, heed, self.radius
        )
        return across, rows, cost, patches

    def _cut(self, numbers: Ints, targets: Targets, typical: float) -> None:
        """Choose again where joins would show; ``numbers`` (h, w) changes in place."""
        settings = self.settings
        height, width = self.shape
        across, rows, _, _ = self._continued(self.level.image)
        going = self.where[rows] - across
        # every source has been judged by a picture made without it: its patch counts for less than its place
        weights = targets.weights.copy()
        weights[:, : self.basis.components] *= settings.patch
        freely = Targets(targets.where, targets.features, weights)
        # first levels of very long frames may be large: tables of candidates are to take no more than elsewhere
        keep = round(settings.keep * min(1, np.sqrt(settings.exact / (height * width))))
        steps, costs = offers(
            numbers,
            freely,
            self.sources,
            self.level.known,
            (across, going),
            self.radius,
            settings.common,
            max(3, keep),
        )
        if settings.thing > 0:
            turning = Turning(self.things, settings.thing, settings.thing_reach, self.turned[:height])
            offer_turned(steps, costs, freely, self.sources, self.level.known, self.radius, turning)
        if self.level.nearer is not None:
            further, dear = self._enlarged(self.level.nearer, freely, costs.min(0), typical)
            # the last one's place is for what goes straight on
            steps, costs = np.concatenate((further, steps)), np.concatenate((dear, costs))
        onward, sure = self._straight_on()
        # whatever else it costs: at best it is the cheapest by far, else dearer than the others
        worth = costs.min(0) + np.float32(typical) * (10 - (10 + settings.onward_worth) * sure)
        steps[-1] = np.where(sure > 0, onward, steps[-1])
        costs[-1] = np.where(sure > 0, worth, costs[-1])
        offsets = np.zeros((len(steps), height * width), np.int64)
        data = np.zeros((len(steps), height * width), np.float32)
        offsets[:, self.cells], data[:, self.cells] = steps, costs
        free = self.inner & ~self.level.known
        at = np.flatnonzero(free).astype(np.int32)
        joins = Joins(settings.seam, settings.straight, settings.join * typical, settings.stamp * typical)

        def again(chosen: Ints) -> Floats:
            more = np.zeros((len(steps), height * width), np.float32)
            more[:, at] = self._again(offsets[:, at], chosen.ravel()[at], at)
            return np.float32(settings.again * typical) * more.reshape(-1, height, width)

        chosen = cut(
            offsets.reshape(-1, height, width),
            data.reshape(-1, height, width),
            self.level.known,
            free,
            self.level.atlas(),
            joins,
            self.threads,
            again=again if free[self.level.known.any(1)].any() else None,
        )
        numbers.reshape(-1)[at] = (at + offsets[chosen.ravel()[at], at]).astype(np.int32)
        taken = (sure > settings.onward_sure) & (numbers.reshape(-1)[self.cells] == self.cells + onward)
        self.held.ravel()[self.cells] = taken

    def _enlarged(
        self, nearer: Nearer, targets: Targets, best: Floats, typical: float
    ) -> tuple[NDArray[np.int64], Floats]:
        """The photo enlarged, for every cell once and once more: steps (2, n) to it and what they cost (2, n).

        The ``best`` of the others cost (n,). The photo enlarged costs what other sources do; more where that changes
        its texture, less where it goes on from the photo's rim, and far off, where patches make a wall of what ought
        to come nearer.
        """
        level, settings = self.level, self.settings
        cells = self.cells.astype(np.int64)
        steps, costs = np.zeros((2, len(cells)), np.int64), np.full((2, len(cells)), IMPOSSIBLE, np.float32)
        away = self.depth.ravel()[cells] / np.float32(self.short)
        low, high = settings.nearer_far
        off = np.clip((away - low) / np.float32(high - low), 0, 1)
        sure, again = (
            cv2.resize(plane, self.shape[::-1], interpolation=cv2.INTER_LINEAR).ravel()[cells]
            for plane in (nearer.sure, nearer.again)
        )
        # stripes and tiles are of one size; the rest is in perspective, or looks no worse for it
        worth = settings.nearer_worth + settings.nearer_sure * sure
        worth += (settings.nearer_fine * nearer.fine + settings.nearer_off * off) * (1 - again)
        worth -= np.float32(settings.nearer_against) * nearer.against(self.going).ravel()[cells]
        spread = max(1.0, settings.nearer_together * self.long)
        texture = self.expected.reshape(1 + len(level.guides), *self.shape, -1)[..., : self.textures]
        size, found = level.known.size, np.zeros(len(cells), np.int32)
        # joins are to find their way among what there is, and not to be as straight as the photo's edge
        broken, border = nearer.broken(level.known).ravel()[cells], settings.nearer_border * self.short
        worth -= settings.nearer_begin * broken * np.maximum(1 - away * self.short / border, 0)
        for number, before in enumerate(nearer.enlarged(texture[0])):
            ring = level.guides[level.photos - 1 + number].known.astype(np.uint8)
            deep = cv2.distanceTransform(ring, cv2.DIST_L2, 5).ravel()[cells] - self.radius
            less = settings.nearer_end * broken * np.clip(1 - deep / border, 0, 1)
            plane = level.photos + number
            rows = self.enlarged[number * size + cells]
            fine = np.flatnonzero((rows >= 0) & (found < len(steps)))
            changed = np.square(texture[plane] - before).sum(2).ravel()[cells]
            cost = np.minimum(distances(targets, self.sources, rows), IMPOSSIBLE)
            cost += np.float32(settings.nearer_texture * self.unit) * changed
            more, inside = np.zeros((2, size), np.float32)
            more[cells[fine]] = (cost - best - np.float32(typical) * (worth - less).astype(np.float32))[fine]
            inside[cells[fine]] = 1
            # in large pieces or not at all: a scrap of something large is out of place among what is smaller
            more = local_mean(more.reshape(self.shape), inside.reshape(self.shape), spread).ravel()
            # but not with the eye, the foot, the flower that all see twice, which a mean would hide
            cost = best + more[cells] + self.fixed[np.maximum(rows, 0)]
            steps[found[fine], fine], costs[found[fine], fine] = plane * size, cost[fine]
            found[fine] += 1
        return steps, costs

    def _again(self, steps: NDArray[np.int64], chosen: Ints, cells: Ints) -> Floats:
        """How visibly (c, n), 0..1, candidate ``steps`` (c, n) of ``cells`` would repeat what others have ``chosen``.

        Beside the photo only: above and below there may be little to copy, and what is wrong there is worse.
        """
        width = self.shape[1]
        number = np.clip(cells + steps, 0, self.level.atlas().shape[0] - 1)
        sources = self._unmirrored(number.astype(np.int32))
        # of two copies the one nearer to the photo stays
        order = np.empty(len(cells), np.int32)
        order[np.argsort(self.depth.ravel()[cells], kind="stable")] = np.arange(len(cells), dtype=np.int32)
        again = repeats(sources, chosen, order, cells, width, self.settings.again_reach * self.long)
        beside = np.repeat(self.level.known.any(1), width)[cells]
        result: Floats = again * beside * self.seen.ravel()[sources]
        return result

    def _straight_on(self) -> tuple[Ints, Floats]:
        """From each cell the step to the source that goes straight on there, and how sure that is (0..1)."""
        level, apart = self.level, self.settings.onward_stray * self.unit
        steps, sure = self.going.sources(self.cells, level.image, level.known, self.radius, apart)
        wide = level.nearer.onward(level.known) if level.nearer is not None else None
        if level.nearer is None or wide is None:
            return steps, sure
        # what comes from where the photo is enlarged about goes on enlarged, and so wider as it comes nearer
        there = self.in_place.reshape(level.nearer.count, -1)[:, self.cells]
        widened = np.where(there.any(0), wide.ravel()[self.cells], np.float32(0))
        aimed = level.nearer.aimed(self.going, level.known).ravel()[self.cells]
        further = (level.photos + there.argmax(0)) * level.known.size
        steps = np.where(widened > 0, further, steps).astype(np.int32)
        return steps, np.where(widened > 0, widened, np.where(aimed, 0, sure)).astype(np.float32)

    def _hold(self, numbers: Ints, before: Bools) -> None:
        """Go straight on, to the cell, where the coarser level did; those cells look for nothing else."""
        height, width = self.shape
        steps, sure = self._straight_on()
        fine = cv2.resize(before.astype(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST)
        # what is too thin for the coarser level to be sure of joins what goes on beside it
        near = cv2.dilate(fine, np.ones((5, 5), np.uint8))
        held = (fine.ravel()[self.cells] > 0) & (sure > self.settings.onward_sure)
        held |= (near.ravel()[self.cells] > 0) & (sure > self.settings.onward_certain)
        numbers.reshape(-1)[self.cells[held]] = (self.cells + steps)[held]
        self.held.ravel()[self.cells] = held
        plane = numbers.reshape(-1)[self.cells] // (height * width)
        held |= (plane >= self.level.photos) & (plane <= len(self.level.guides))  # enlargements are in place
        if not held.all():  # were none left, there would be nothing to search
            self.cells = self.cells[~held]

    def _targets(self, picture: Floats, fresh: bool) -> Targets:
        """What every cell near the unknown part looks for."""
        settings, r = self.settings, self.radius
        width = self.shape[1]
        codes = self.basis.encode(picture)
        values = codes[self.cells // width - r, self.cells % width - r]
        colours = picture.reshape(-1, 3)[self.cells] / np.sqrt(np.float32(3))
        features = np.concatenate((values, colours, self._around(self.cells)), 1)
        trust = self.trust.ravel()[self.cells]
        weights = np.ones_like(features)
        count = self.basis.components
        if fresh:
            # The guess's own patches are mush: believe them only where much of them is known or goes on.
            weights[:, :count] = (0.15 + 0.85 * self._share(self.level.known | self.band))[:, None]
        weights[:, count : count + 3] = settings.edge * self.level.known.ravel()[self.cells, None]
        count += 3
        guide = self.heeded * settings.guide[min(self.index, len(settings.guide) - 1)]
        weights[:, count : count + 3] = (guide * (0.25 + 0.75 * trust))[:, None]
        weights[:, count + 3 : count + 5] = settings.place * self.unit
        # to the left and right of the photo its horizon goes on, and what is above and below it
        beside = np.repeat(self.level.known.any(1), width)[self.cells]
        weights[beside, count + 3] *= settings.row
        weights[:, count + 3] *= (
            1 + (settings.far - 1) * np.repeat(far_off(self.level.known), width)[self.cells]
        )
        weights[:, count + 5 :] = self.unit
        if self.addresses is not None:
            # what lies near the photo's edge has to fit that, and a clear sky is to stay one
            away = self.depth.ravel()[self.cells] / np.float32(settings.variety_from * self.short)
            varied = np.minimum(away, 1) * detailed(picture).ravel()[self.cells]
            weights[:, -NUMBERS:] *= varied[:, None]
        return Targets(self.cells, features, weights)

    def _carry(self, before: Completed) -> Ints:
        """The coarser level's map at this size; offsets grow with it."""
        height, width = self.shape
        h, w = before.level.shape
        planes = 1 + len(self.level.guides)
        y = np.minimum((np.arange(height) + 0.5) * h / height, h - 1).astype(np.int32)
        x = np.minimum((np.arange(width) + 0.5) * w / width, w - 1).astype(np.int32)
        old = before.numbers[y[:, None], x[None]]
        plane = old // (h * w)  # of the atlas: the sheet's, the mirrored sheet's, those upside down
        dy = (old % (h * w)) // w - y[:, None]
        dx = old % w - x[None]
        sy = np.arange(height)[:, None] + np.rint(dy * (height / h)).astype(np.int32)
        sx = np.arange(width)[None] + np.rint(dx * (width / w)).astype(np.int32)
        whole = np.zeros(3 * planes * height * width, bool)
        whole[self.where] = True
        enlarged = slice(self.level.photos * height * width, planes * height * width)
        whole[enlarged] = self.in_place.ravel()
        result = np.arange(height * width, dtype=np.int32).reshape(height, width)
        closest = np.stack([nearest_of(fine) for fine in whole.reshape(-1, height, width)])
        sy, sx = np.clip(sy, 0, height - 1), np.clip(sx, 0, width - 1)
        carried = closest[plane, sy, sx] + plane * np.int32(height * width)
        flat = result.reshape(-1)
        flat[self.cells] = carried.reshape(-1)[self.cells]
        self._border(result)
        return result

    def _border(self, numbers: Ints) -> None:
        """Cells so near the frame's edge that no whole patch is around them go with the nearest that has
        one.
        """
        height, width = self.shape
        r = self.radius
        y, x = self.unknown // width, self.unknown % width
        ny, nx = np.clip(y, r, height - 1 - r), np.clip(x, r, width - 1 - r)
        flat = numbers.reshape(-1)
        beside = ny * width + nx
        flat[self.unknown] = flat[beside] + self.unknown - beside

    def _copy(self, numbers: Ints) -> Floats:
        """The picture with every unknown cell copied from its source."""
        picture = self.level.image.copy()
        picture.reshape(-1, 3)[self.unknown] = self.level.atlas()[numbers.reshape(-1)[self.unknown]]
        return picture

    def _vote(self, numbers: Ints, cost: Floats, typical: float) -> Floats:
        """The picture in which every unknown cell is the weighted mean of what overlapping patches say."""
        height, width = self.shape
        r = self.radius
        atlas = self.level.atlas()
        flat = numbers.reshape(-1)
        weight = np.zeros(height * width, np.float32)
        depth = self.depth.ravel()[self.cells]
        weight[self.cells] = np.exp(-cost / (1.0 * typical)) * np.power(1.15, -np.minimum(depth, 60)) + 1e-12
        total = np.zeros((len(self.unknown), 3), np.float32)
        mass = np.zeros(len(self.unknown), np.float32)
        y, x = self.unknown // width, self.unknown % width
        for dy in range(-r, r + 1):
            for dx in range(-r, r + 1):
                ny, nx = y + dy, x + dx
                fine = (ny >= r) & (ny < height - r) & (nx >= r) & (nx < width - r)
                beside = np.where(fine, ny * width + nx, 0)
                share = np.where(fine, weight[beside], 0).astype(np.float32)
                source = np.where(fine & (share > 0), flat[beside] - dy * width - dx, 0)
                total += atlas[source] * share[:, None]
                mass += share
        picture = self.level.image.copy()
        picture.reshape(-1, 3)[self.unknown] = total / np.maximum(mass, 1e-20)[:, None]
        return picture

    def _charge(self, numbers: Ints, typical: float) -> None:
        """Make sources dearer for as long as they are taken more often than others, lest one be stamped all over."""
        height, width = self.sheet.shape[:2]
        taken = self._unmirrored(numbers.reshape(-1)[self.cells])
        count = np.bincount(taken, minlength=height * width).astype(np.float32).reshape(height, width)
        used = cv2.blur(count, (5, 5)).ravel()
        over = (
            np.clip(used[self.here] / self.fair - self.settings.spare, -1, 8) * self.settings.usage * typical
        )
        self.price = np.maximum(self.price + over, 0).astype(np.float32)
        self.sources.penalty = self.fixed + self.price

    def prices(self) -> Floats | None:
        """What sources cost for having been used too often, float32 (p h, w); None beyond the exact levels."""
        if not self.exact:
            return None
        plane = np.zeros(self.sheet.shape[:2], np.float32)
        plane.ravel()[self.here] = self.price
        return self._filled(plane)

    def rarities(self) -> Floats:
        """How unlike the rest sources are, float32 (p h, w)."""
        return self._filled(np.asarray(self.rarity))

    def _filled(self, plane: Floats) -> Floats:
        """``plane`` (p h, w) with what it tells of the nearest source where there is none.

        A finer level has sources nearer to the photo's edge. Were there 0, its rim would be the cheapest of all.
        """
        told = np.zeros(plane.shape, bool)
        told.ravel()[self.here] = True
        return filled(plane, told)
