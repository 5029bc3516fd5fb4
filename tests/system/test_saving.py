"""`tapetum replay --save-video`: what it must not write over."""

import shutil

from tapetum import data as package_data
from tapetum.cli import CONFIG_ERROR, main


def test_a_clip_is_never_written_over_by_its_own_film(tmp_path, capsys):
    clip, link = tmp_path / "clip.mp4", tmp_path / "link.mp4"
    shutil.copy(package_data.clip(), clip)
    link.symlink_to(clip)
    before = clip.read_bytes()
    for target in (clip, link):
        assert main(["replay", str(clip), "--save-video", str(target)]) == CONFIG_ERROR
        assert "is the clip itself" in capsys.readouterr().err
        assert clip.read_bytes() == before
