"""The embedded set for localisation: same bytes everywhere, one true box an image."""

import pytest
import torch

from resnet_lab.errors import InputError
from resnet_lab.localisation import drawn


def test_a_shorter_set_is_the_head_of_a_longer_one():
    short, long = drawn.load("val", 3), drawn.load("val", 6)
    for (image, found), (same, also) in zip(short, (long[i] for i in range(3)), strict=False):
        assert torch.equal(image, same) and torch.equal(found.boxes, also.boxes)
    assert short.content_hash != long.content_hash


def test_splits_and_seeds_share_no_image():
    sets = [drawn.load("train", 4), drawn.load("val", 4), drawn.load("val", 4, seed=1)]
    images = [one[i][0].numpy().tobytes() for one in sets for i in range(4)]
    assert len(set(images)) == 12


def test_one_object_with_a_class_and_a_box_inside_the_image():
    for image, found in (drawn.load("train", 60)[i] for i in range(60)):
        assert image.shape == (3, 72, 72) and image.dtype == torch.uint8 and len(found) == 1
        x0, y0, x1, y1 = found.boxes[0].tolist()
        assert 0 <= x0 < x1 <= 72 and 0 <= y0 < y1 <= 72
        assert 1 <= found.labels[0] <= 8 and min(x1 - x0, y1 - y0) > 10


def test_the_box_is_what_differs_from_the_same_picture_without_the_object(monkeypatch):
    """Drawn again with nothing laid for the object, pixels change inside the box only."""
    stream, number = 5, 3
    image, found = drawn.one(stream, number)
    canvas = drawn.scene_drawing.Canvas
    calm, plain = canvas.lay, []

    def lay(self, cover, rows, columns, radius):
        before = self.picture.copy()
        calm(self, cover, rows, columns, radius)
        plain[:] = [before, self.picture.copy()]

    monkeypatch.setattr(canvas, "lay", lay)
    drawn.one(stream, number)
    changed = (plain[0] != plain[1]).any(0)
    rows, columns = changed.any(1).nonzero()[0], changed.any(0).nonzero()[0]
    seen = columns[0], rows[0], columns[-1] + 1, rows[-1] + 1
    assert (torch.tensor(seen) - found.boxes[0]).abs().max() <= 1  # a pixel hit once is not "seen"


def test_the_bytes_are_known():
    assert drawn.load("val", 8).content_hash.startswith(HASH)


HASH = "3f8c2bd43e8a7b8b"


@pytest.mark.parametrize("words", [("test", 3), ("val", 0)])
def test_what_cannot_be_drawn_is_one_sentence(words):
    with pytest.raises(InputError):
        drawn.load(*words)
