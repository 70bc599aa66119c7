"""A guess that is a mean becomes one of what is likeliest."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from outpaint_patch.finish import finish
from outpaint_patch.modes import likeliest
from outpaint_patch.networks import Networks
from outpaint_patch.pyramid import Level
from outpaint_patch.settings import Settings
from outpaint_patch.texture import CHANNELS, cells
from threadpoolctl import threadpool_limits

from outpaint_cli.plugin import Context

from .scenes import rough_job

ORANGE, GREY, BROWN = (0.85, 0.35, 0.2), (0.7, 0.7, 0.72), (0.5, 0.4, 0.36)


def _two(beyond: tuple[float, ...] = BROWN, grain: float = 0.02) -> Level:
    """A photo (72 x 96 cells) of a wall, and of a coat in its lower half, at the left of a frame twice as wide."""
    rng = np.random.default_rng(5)
    image = np.empty((72, 192, 3), np.float32)
    image[:36], image[36:] = GREY, ORANGE
    image += rng.normal(0, grain, image.shape).astype(np.float32)
    known = np.zeros((72, 192), bool)
    known[:, :96] = True
    image[:, 96:] = beyond
    return Level(np.clip(image, 0, 1), known)


def _belongs(level: Level, chance: float) -> NDArray[np.float32]:
    """Embeddings by which all that is unknown is the coat's with a ``chance`` 0..1, else the wall's."""
    tall, wide = cells(*level.shape)
    belongs = np.zeros((tall, wide, 2), np.float32)
    belongs[: tall // 2, :, 0] = 4.0  # the wall's
    nats = np.log(chance / (1 - chance))
    # two points at a distance of 4: t nearer to one of them by so many nats
    belongs[:, wide // 2 :, 0] = 2 - nats / 8
    return belongs


def _plain(level: Level) -> NDArray[np.float32]:
    return np.full((*cells(*level.shape), CHANNELS), -2.0, np.float32)


def _beyond(level: Level, chance: float) -> NDArray[np.float32]:
    """The mean colour that the middle of what is unknown gets, where neither is nearer in height."""
    found, _ = likeliest(level, _belongs(level, chance), _plain(level))
    result: NDArray[np.float32] = found[34:38, 120:].mean((0, 1))
    return result


@pytest.mark.parametrize(("chance", "colour"), [(0.8, ORANGE), (0.2, GREY)])
def test_the_likelier_of_two_is_taken_and_not_their_mean(chance: float, colour: tuple[float, ...]) -> None:
    assert np.abs(_beyond(_two(), chance) - colour).max() < 0.06


def test_of_two_that_are_as_likely_the_guess_decides() -> None:
    toward = np.float32(0.7) * np.array(ORANGE, np.float32) + np.float32(0.3) * np.array(GREY, np.float32)
    other = np.float32(0.3) * np.array(ORANGE, np.float32) + np.float32(0.7) * np.array(GREY, np.float32)
    redder = [_beyond(_two(tuple(map(float, colour))), 0.5) for colour in (toward, other)]
    assert redder[0][0] - redder[0][2] > redder[1][0] - redder[1][2] + 0.3


def _rough(expected: float, chance: float = 0.5) -> float:
    """The texture, half decades, beyond a plain wall and a rough coat where ``expected`` is."""
    level = _two()
    texture = _plain(level) - np.float32(0.2)
    tall, wide = texture.shape[:2]
    texture[tall // 2 :] = -1.2  # the coat's
    texture[:, wide // 2 :] = expected
    _, found = likeliest(level, _belongs(level, chance), texture)
    assert np.array_equal(found[:, : wide // 2], texture[:, : wide // 2])
    return float(found[tall // 2 - 2 : tall // 2 + 2, 5 * wide // 8 :].mean())


def test_texture_is_that_of_the_likeliest_and_none_between() -> None:
    """And as neither is of the texture expected, it is plainer by 0.4."""
    assert _rough(-1.7, 0.95) == pytest.approx(-1.6, abs=0.1)
    assert _rough(-1.7, 0.05) == pytest.approx(-2.6, abs=0.1)


def test_of_two_that_are_as_likely_the_plain_one_is_taken_unless_texture_is_certain() -> None:
    assert _rough(-1.7) == pytest.approx(-2.6, abs=0.1)
    assert _rough(-1.3) == pytest.approx(-1.2, abs=0.1)


def test_texture_is_no_plainer_where_it_is_as_expected() -> None:
    assert _rough(-1.2, 0.95) == pytest.approx(-1.2, abs=0.05)
    assert _rough(-2.2, 0.05) == pytest.approx(-2.2, abs=0.05)


def test_a_plain_sky_is_not_expected_below_a_rock() -> None:
    """Though for all that the network says it is as likely as the rock, and plainer."""
    level = _two()
    level.image[8:56, 96:] = level.image[8:56, :96]
    level.image[:8], level.image[56:] = BROWN, BROWN
    level.known[:] = False
    level.known[8:56] = True  # sky down to 36, rock below
    texture = _plain(level) - np.float32(0.2)
    tall = len(texture)
    texture[tall // 2 : 7 * tall // 9] = -1.9  # the rock's
    found, _ = likeliest(level, np.zeros_like(_belongs(level, 0.5)), texture)
    assert np.abs(found[60:].mean((0, 1)) - ORANGE).max() < 0.06
    assert np.abs(found[:6].mean((0, 1)) - GREY).max() < 0.06


def test_what_is_known_stays_as_it_is() -> None:
    level = _two()
    found, texture = likeliest(level, _belongs(level, 0.8), _plain(level))
    assert texture.shape == _plain(level).shape
    assert found.dtype == np.float32
    assert np.array_equal(found[level.known], level.image[level.known])
    assert found.min() >= 0
    assert found.max() <= 1


def test_the_like_of_one_single_thing_is_not_expected_again() -> None:
    """As likely as the wall or less, a lamp on it is not seen a second time; a coat that fills half the photo is."""
    level = _two()
    tall, wide = cells(*level.shape)
    level.image[8:24, 40:56] = (0.1, 0.2, 0.7)
    belongs = np.zeros((tall, wide, 2), np.float32)
    belongs[:, wide // 2 :] = 1.0
    scale = tall / 72
    lamp = (slice(round(8 * scale), round(24 * scale)), slice(round(40 * scale), round(56 * scale)))
    # three nats nearer than the rest, which is more than fifty times as large: about even in all
    belongs[:, : wide // 2] = 1 + np.sqrt(1.5)
    belongs[lamp] = 1.0
    found = likeliest(level, belongs, _plain(level))[0][24:48, 120:].mean((0, 1))
    assert found[0] > found[2] - 0.1


def test_where_too_little_is_known_the_guess_stays() -> None:
    level = _two()
    level.known[:] = False
    level.known[:4, :4] = True
    image, texture = likeliest(level, _belongs(level, 0.8), _plain(level))
    assert np.array_equal(image, level.image)
    assert np.array_equal(texture, _plain(level))


def test_a_photo_of_one_colour_is_no_trouble() -> None:
    level = _two(grain=0)
    level.image[:] = BROWN
    found, _ = likeliest(level, _belongs(level, 0.8), _plain(level))
    assert np.allclose(found, level.image, atol=1e-3)


def test_twice_the_same() -> None:
    level = _two()
    once = likeliest(level, _belongs(level, 0.6), _plain(level))
    cv2.randu(np.zeros((3, 3), np.float32), 0, 1)  # somebody else draws from OpenCV's numbers
    again = likeliest(level, _belongs(level, 0.6), _plain(level))
    assert all(np.array_equal(one, other) for one, other in zip(once, again, strict=True))


def test_however_many_threads_multiply() -> None:
    """At some sizes the last digits of a product of matrices depend on them, and then a few bytes of the picture."""
    rng = np.random.default_rng(0)
    known = np.zeros((48, 85), bool)
    known[:, 10:74] = True
    level = Level(rng.random((48, 85, 3)).astype(np.float32), known)
    belongs = rng.normal(0, 1, (*cells(48, 85), 12)).astype(np.float32)
    texture = rng.normal(-2, 1, (*cells(48, 85), CHANNELS)).astype(np.float32)
    found = []
    for threads in (1, 2):
        with threadpool_limits(threads):
            found.append(np.concatenate([plane.ravel() for plane in likeliest(level, belongs, texture)]))
    assert np.array_equal(*found)


class _Wall:
    """Stands for a network: whatever is not known is the like of the wall."""

    def run(self, inputs: dict[str, np.ndarray]) -> list[np.ndarray]:
        guess, known = inputs["guess"][0, :, ::2, ::2], inputs["known"][0, 0, ::2, ::2] > 0
        plane = np.zeros((1, 12, *known.shape), np.float32)
        plane[0, 0] = np.where(known & (guess[0] > guess[2] + np.float32(0.2)), 4, 0)
        return [plane]


class _Same:
    """Stands for the other network: the same texture everywhere."""

    def run(self, inputs: dict[str, np.ndarray]) -> list[np.ndarray]:
        height, width = inputs["guess"].shape[2:]
        return [np.full((1, CHANNELS, height // 2, width // 2), -2.0, np.float32)]


def test_patches_are_of_what_is_likeliest() -> None:
    """Beyond a coat the guess is brown, to which the coat is nearer than the wall; the wall is likelier."""
    level = _two()
    truth = (np.repeat(np.repeat(level.image, 2, 0), 2, 1) * 255).astype(np.uint8)
    known = np.repeat(np.repeat(level.known, 2, 0), 2, 1)
    job = rough_job(truth, known)
    networks = Networks(_Same(), _Wall())  # type: ignore[arg-type]
    # in the search itself the network has no say here
    image, _ = finish(job, Context(seed=1, threads=1), Settings(affinity=0.0), networks)
    far = image[90:, 300:].astype(np.float32)
    wall = far[..., 0] - far[..., 2] < 60
    assert wall.mean() > 0.8
