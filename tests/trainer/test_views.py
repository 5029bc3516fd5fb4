"""A teacher that sees each picture several times: its maps lie on each other again, and what is told is their mean."""

import msgspec
import numpy as np
import pytest

from tapetum_trainer.errors import RecipeError
from tapetum_trainer.targets import STRIDE
from tapetum_trainer.teachers import Guidance
from tapetum_trainer.teachers.views import VIEWS, Maps, View, together
from tests.trainer import tiny

SHAPE = (64, 96, 3)


def cells(picture: np.ndarray) -> Maps:
    """What a teacher says that sees each cell alone: its mean, and where in it the brightest pixel lies."""
    rows, columns = picture.shape[0] // STRIDE, picture.shape[1] // STRIDE
    apart = picture[..., 0].reshape(rows, STRIDE, columns, STRIDE).transpose(0, 2, 1, 3).astype(np.float32)
    flat = apart.reshape(rows, columns, -1)
    y, x = np.divmod(flat.argmax(axis=-1), STRIDE)
    heat = flat.mean(axis=-1, keepdims=True) / 255
    return heat, np.repeat(heat, 2, axis=-1), np.stack([(x + 0.5) / STRIDE, (y + 0.5) / STRIDE], axis=-1)


@pytest.mark.parametrize("view", [*VIEWS, View(False, -2, 1), View(True, -1, -3)])
def test_what_is_said_of_a_view_belongs_where_it_is_in_the_picture(view: View):
    picture = np.random.default_rng(4).permutation(np.arange(np.prod(SHAPE)) % 251).astype(np.uint8).reshape(SHAPE)
    picture[..., 0] = np.random.default_rng(5).integers(0, 250, SHAPE[:2])
    picture[3::8, 5::8, 0] = 255  # one brightest pixel in each cell
    wanted = cells(picture)
    found, seen = view.back(cells(view.show(picture)))
    assert seen.sum() == (8 - abs(view.down)) * (12 - abs(view.right))
    for one, other in zip(found, wanted, strict=True):
        assert np.allclose(one[seen], other[seen], atol=1e-6)


def test_the_mean_is_that_of_the_views_that_saw_the_cell():
    picture = np.random.default_rng(4).integers(0, 250, SHAPE, np.uint8)
    picture[3::8, 5::8, 0] = 255
    found = together(cells, picture, VIEWS)
    assert all(np.allclose(one, other, atol=1e-5) for one, other in zip(found, cells(picture), strict=True))


def test_a_place_that_is_found_in_one_view_of_two_is_half_as_sure_and_as_large_as_it_was_seen():
    asked = iter([0.8, 0.0])

    def say(_: np.ndarray) -> Maps:
        heat, size = np.zeros((8, 12, 1), np.float32), np.full((8, 12, 2), 0.9, np.float32)
        heat[4, 6], size[4, 6] = (score := next(asked)), 0.5 if score else 0.9
        return heat, size, np.full((8, 12, 2), 0.5, np.float32)

    heat, size, _ = together(say, np.zeros(SHAPE, np.uint8), [View(False, 0, 0), View(False, 0, 0)])
    assert heat[4, 6, 0] == pytest.approx(0.4)
    assert size[4, 6].tolist() == pytest.approx([0.5, 0.5], abs=2e-3)


def test_a_recipe_says_how_many(tmp_path):
    (tmp_path / "teacher.tflite").write_bytes(tiny.network().written())
    (tmp_path / "labels.txt").write_text("person\nlorry\n")
    given = {"model": "teacher.tflite", "labels": str(tmp_path / "labels.txt"), "maps": True}
    pixels = np.stack(tiny.pictures(2))
    found = [
        Guidance(**given, views=views).imitated(tmp_path, ("person",), tiny.SIDE).maps(pixels)["hint_heatmap"]
        for views in (1, 4)
    ]
    assert not np.array_equal(*found)
    for views in (0, 7):
        with pytest.raises(msgspec.ValidationError, match="views"):
            msgspec.convert({"model": "a", "maps": True, "views": views}, Guidance)


def test_views_without_maps_are_refused():
    from tapetum_trainer import recipe as recipes

    with pytest.raises(RecipeError, match=r"teacher\.views"):
        recipes.parse(
            'name = "a"\nclasses = { person = [] }\n'
            'data.source = [{ type = "yolo", images = "i", labels = "l", names = ["person"] }]\n'
            '[teacher]\nmodel = "shipped"\nviews = 4\n'
        )
