"""A device looks at what is published, fetches what is meant for it, and offers it whole; over a real broker."""

from tests.update.making import Scene, packed


def test_what_is_pushed_is_fetched_verified_and_offered_once(scene: Scene):
    scene.desk.push(packed(1))
    scene.show()
    scene.takes("street@1")
    assert scene.camera.installer.contents == [packed(1)]
    assert scene.camera.look().state == "current"
    assert scene.camera.models == ["street@1"]
    assert list((scene.camera.folder / "coming").iterdir()) == []
