"""A recipe that is like another says only what differs, and is as much its own as one that says everything."""

from pathlib import Path

import pytest

from tapetum_trainer import recipe as recipes
from tapetum_trainer import tasks
from tapetum_trainer.errors import RecipeError
from tests.trainer.boxes import RECIPE

OURS = 'like = "base.toml"\nname = "ours"\n'


@pytest.fixture
def base(tmp_path: Path) -> Path:
    path = tmp_path / "base.toml"
    path.write_text(RECIPE)
    return path


def like(base: Path, more: str, name: str = "ours.toml") -> Path:
    path = base.with_name(name)
    path.write_text(OURS + more)
    return path


def test_only_what_it_says_itself_differs(base: Path):
    found = recipes.load(like(base, "fit = { rates = { peak = 0.1 } }\nnetwork.side = 128\n"))
    text = RECIPE.replace('"boxes"', '"ours"').replace("side = 96\npre", "side = 128\npre")
    assert found == recipes.parse(text.replace("epochs = 2", "epochs = 2\nrates = { peak = 0.1 }"))


def test_its_hash_is_that_of_all_it_comes_to_and_follows_what_it_is_like(base: Path):
    path = like(base, "version = 4\n")
    before = recipes.load(path).sha256
    assert before == recipes.parse(RECIPE.replace('"boxes"', '"ours"').replace("version = 3", "version = 4")).sha256
    base.write_text(RECIPE.replace("epochs = 2", "epochs = 3"))
    assert recipes.load(path).sha256 != before


def test_classes_and_sources_are_taken_whole(base: Path):
    found = recipes.load(like(base, '[classes]\ngreen = []\n[[data.source]]\ntype = "frames"\npath = "clip.mp4"\n'))
    assert list(found.classes) == ["green"]
    assert [type(one).__name__ for one in found.data.source] == ["Frames"]
    assert (found.data.side, found.data.shares.valid) == (96, 0.2)


def test_a_table_of_another_type_is_taken_whole(base: Path):
    base.write_text(RECIPE + '[thresholds]\ntype = "false-positives"\nrate = 0.1\n')
    assert recipes.load(like(base, '[thresholds]\ntype = "best-f1"\n')).thresholds == recipes.BestF1()
    assert recipes.load(like(base, "[thresholds]\nrate = 0.2\n")).thresholds.rate == 0.2  # type: ignore[union-attr]


def test_it_may_be_like_one_that_is_like_another_in_a_folder_of_its_own(base: Path, tmp_path: Path):
    (tmp_path / "more").mkdir()
    (tmp_path / "more/mine.toml").write_text('like = "../ours.toml"\nseed = 5\n')
    like(base, "seed = 2\nversion = 9\n")
    found = tasks.load(tmp_path / "more/mine.toml")
    assert (found.name, found.version, found.seed) == ("ours", 9, 5)


def test_the_task_goes_along(tmp_path: Path):
    text = 'task = "night"\nname = "n"\n[data]\nsource = [{type = "frames", path = "."}]\n'
    (tmp_path / "base.toml").write_text(text)
    (tmp_path / "ours.toml").write_text(OURS)
    assert type(tasks.load(tmp_path / "ours.toml")).__name__ == "NightRecipe"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('like = "gone.toml"', r"ours\.toml: like: there is no recipe .*gone\.toml"),
        ('like = "ours.toml"', r"ours\.toml: like: it leads in a circle: .*ours\.toml, .*ours\.toml"),
        ('like = "round.toml"', r"ours\.toml: like: it leads in a circle: .*ours\.toml, .*round\.toml, .*ours\.toml"),
        ("like = 3", r"ours\.toml: like: the file of another recipe is wanted"),
        ('like = "broken.toml"', r"broken\.toml: is no TOML"),
        ('like = "base.toml"\nfit.epoch = 3', r"ours\.toml, like .*base\.toml: fit\.epoch: .*did you mean epochs\?"),
    ],
)
def test_what_is_wrong_is_told_with_its_file(base: Path, text: str, told: str):
    base.with_name("round.toml").write_text('like = "./ours.toml"\n')
    base.with_name("broken.toml").write_text("name = ")
    path = base.with_name("ours.toml")
    path.write_text(text)
    with pytest.raises(RecipeError, match=told):
        recipes.load(path)


def test_a_mistake_in_what_it_is_like_is_told_with_both_files(base: Path):
    base.write_text(RECIPE.replace("epochs = 2", "epochs = 0"))
    with pytest.raises(RecipeError, match=r"ours\.toml, like .*base\.toml: fit\.epochs: "):
        recipes.load(like(base, ""))
