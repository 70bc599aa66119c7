"""How the completion weighs one thing against another."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Settings:
    """Sizes are in cells; distances are mean squared colour differences.

    Costs of place and mirroring are given for a photo of ordinary variance (``VARIANCE``) and scaled to the
    photo's own, so that a night sky is treated as a bright one.
    """

    radius: int = 3  # of a patch, in cells
    components: int = 20  # numbers that stand for a patch
    coarsest: int = 2100  # cells of the first level
    exact: int = 15_000  # up to so many cells every source is looked at
    finest: int = 125_000  # cells of the last level
    factor: float = 1.5
    rounds: int = 4  # at the first level; fewer further on
    guide: tuple[float, ...] = (1.0, 0.8, 0.6, 0.4, 0.25, 0.2)  # weight of the guess's colours by level
    definite: float = 6.0  # times that, where the guess is of what is likeliest and no mean
    place: float = 0.03  # weight of the way from where the frame folds into the photo, in photo sides
    row: float = 5.0  # times that for another row where the photo has one
    far: float = 8.0  # and far above or below it: the sea has no sky below it
    texture: float = 0.3  # weight of the texture expected, in means of squared half decades
    textures: int = 5  # principal components of texture that are compared
    affinity: float = 0.01  # weight of what belongs there, a unit of log-likelihood
    calmer: float = 0.5  # half decades taken off it: detail in the wrong place is worse than none
    variety: float = 0.04  # weight of what sources are preferred by chance, in mean squared differences
    variety_from: float = 0.12  # how far from the photo it counts in full, in the photo's shorter sides
    mirror: float = 0.03  # what a mirrored source costs
    slanted: float = 0.8  # what turned-over sources cost more where what they show leans one way
    upside_down: float = 0.015  # what a source that stands on its head costs
    reflected: float = 0.2  # share of the photo's height, from an edge, within which there are such sources
    ahead: float = 0.3  # weight of the guess's colours while what the edge cuts goes on
    edge: float = (
        4.0  # weight of the colour of known cells beside the unknown ones: stretches start without a step
    )
    guided: float = 0.001  # what a source of another photo costs
    salience: float = 40.0  # cost of a source amid the photo and unlike the rest, in its distance to the rest
    amid: tuple[float, float] = (0.25, 0.5)  # short sides from its edges: the rarest costs that, and all
    alike: float = 0.004  # share of the photo's patches that must be near for one to be common
    agree: float = (
        1.0  # cost of neighbours of different offsets in the propagation of beliefs, in median distances
    )
    offsets: int = 64  # that the propagation of beliefs chooses from
    coherence: float = 1.2  # cost of a neighbour that disagrees, in median distances
    seam: float = 6.0  # cost of a squared colour difference along a join
    onward: float = 0.6  # share of the guess's colours that gives way to what runs straight out of the photo
    straightness: float = 0.4  # how straight that has to be, 0..1
    onward_reach: float = 0.5  # how far it runs on, in the photo's shorter sides; below up to twice as far
    onward_worth: float = 40.0  # what its source is worth, in median distances
    onward_stray: float = 0.02  # squared difference of colours to it that makes its source doubtful
    onward_sure: float = 0.4  # how sure it has to be for its source to be kept at finer levels, 0..1
    onward_certain: float = 0.9  # and to be taken beside others there, where the coarser level did not
    onward_alike: float = 0.01  # squared difference up to which its strip is the same as at the edge
    join: float = 1.0  # cost of any join there, in median distances
    stamp: float = 10.0  # cost of a few cells repeated at once, in median distances
    again: float = 2.5  # cost of what is copied close by already, beside the photo, in median distances
    again_reach: float = 0.1  # how close that is, in the frame's longer sides
    thing: float = 4.0  # what the reflection of a thing that the edge cuts is worth, in mean costs there
    thing_reach: float = 0.36  # how far beside the photo it is worth anything, in the photo's widths
    nearer: bool = True  # whether the photo enlarged is a source
    nearer_texture: float = (
        5.0  # what it costs if that changes its texture, in weights of the texture expected
    )
    nearer_worth: float = 0.0  # what it is worth anywhere, in median distances
    nearer_fine: float = 1.8  # and more where pixels are so fine that nobody sees that it is soft
    nearer_sure: float = 6.0  # and where it goes on from the photo's rim
    nearer_off: float = 1.0  # and far off
    nearer_against: float = (
        10.0  # what it costs where something thick runs on another way, in median distances
    )
    nearer_begin: float = 10.0  # and at the photo's edge, where a join would show
    nearer_end: float = 5.0  # and at an enlargement's own borders, where that would
    nearer_border: float = 0.15  # how far from these it costs anything, in short sides
    nearer_together: float = 0.03  # how far around what it costs is averaged, in long sides
    nearer_far: tuple[float, float] = (0.2, 0.5)  # where far off begins, and counts in full, in short sides
    patch: float = 0.5  # weight of sources' patches where joins are chosen
    common: int = 24  # offsets that are offered to every cell then
    keep: int = 12  # of all offers to a cell, those that are compared
    calm: float = 1.2  # the same beyond the exact levels, where offsets are only refined
    usage: float = 0.04  # cost of a source used too often, in median distances a round
    spare: float = 2.0  # uses of a source, in fair shares, that cost nothing
    band: float = 0.04  # how far reflections at the photo's edges reach, in long sides
    reflection: float = 0.0005  # what a cell of them costs
    straight: float = (
        3.0  # what a misfit along the photo's straight edge counts, in those along a crooked path
    )
    tint: float = 0.12  # how far colours may be moved toward the guess
    tinge: float = 0.15  # how far their hue may, in brightnesses
    reach: float = 0.06  # how far corrections at seams spread, in long sides


VARIANCE = 0.04
"""Of the patches of an ordinary photo: mean squared difference to their mean."""
