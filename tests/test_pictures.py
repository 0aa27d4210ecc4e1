"""What a widget holds is the picture itself, its words, or a sentence on what is wrong."""

import base64
import threading
from io import BytesIO

import ipywidgets
import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from resnet_lab import figures, pictures, spoken, widgets
from resnet_lab.errors import InputError


def drawn(number: int) -> Figure:
    figure, (ax,) = figures.sheet(1, width=3, height=2)
    ax.plot([0, 1], [0, number])
    ax.set_title(f"number {number}")
    return figure


def test_a_figure_becomes_a_png_of_its_own_size_with_its_titles_as_words():
    figure = drawn(3)
    figure.suptitle("two\nlines")
    (made,) = pictures.outputs_of(figure)
    image = Image.open(BytesIO(base64.b64decode(made["data"]["image/png"])))
    assert image.size == (300, 200)
    assert made["data"]["text/plain"] == "two lines; number 3"
    assert pictures.words(Figure()) == "a figure"


def test_text_is_markdown_and_a_worded_picture_is_both():
    class View:
        words, png = "**four** boxes", b"\x89PNG"

    assert pictures.outputs_of("a | b")[0]["data"]["text/markdown"] == "a | b"
    words, picture = pictures.outputs_of(View())
    assert words["data"]["text/markdown"] == picture["data"]["text/plain"] == "**four** boxes"


def test_a_users_error_is_a_sentence_and_a_bug_is_red():
    assert pictures.problem_of(InputError("too deep"))["data"]["text/markdown"] == "too deep"
    red = pictures.problem_of(KeyError("gone"))
    assert (red["output_type"], red["ename"], red["evalue"]) == ("error", "KeyError", "'gone'")


def test_threads_that_draw_at_once_draw_what_each_draws_alone():
    alone = {number: pictures.png(drawn(number)) for number in range(4)}
    made: list[tuple[int, bytes]] = []

    def work(number: int) -> None:
        made.append((number, pictures.png(drawn(number))))

    threads = [threading.Thread(target=work, args=(k % 4,)) for k in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 16
    for number, png in made:
        ours, theirs = (np.asarray(Image.open(BytesIO(p))) for p in (png, alone[number]))
        assert np.array_equal(ours, theirs)


class TestDraw:
    def shown(self, box: ipywidgets.VBox) -> str:
        (made,) = box.children[1].outputs
        return made["data"]["text/markdown"] if "data" in made else made["ename"]

    def test_going_back_asks_nothing_twice(self):
        asked = []
        slider = widgets.depth_slider((8, 14, 20), 8)
        box = widgets.draw(lambda depth: asked.append(depth) or f"depth {depth}", depth=slider)
        for depth in (20, 8, 20, 14):
            slider.value = depth
            assert self.shown(box) == f"depth {depth}"
        assert asked == [8, 20, 14]

    @pytest.mark.parametrize(
        "error, shown", [(InputError("none"), "none"), (KeyError(), "KeyError")]
    )
    def test_an_error_is_shown_and_the_next_value_again(self, error, shown):
        def made(depth: int) -> str:
            if depth == 14:
                raise error
            return str(depth)

        slider = widgets.depth_slider((8, 14, 20), 8)
        box = widgets.draw(made, depth=slider)
        slider.value = 14
        assert self.shown(box) == shown
        slider.value = 20
        assert self.shown(box) == "20"

    def test_the_last_of_many_threads_shows_the_value_that_stands(self):
        slider = widgets.depth_slider(range(50), 0)
        box = widgets.draw(lambda depth: str(depth), depth=slider)

        def move(start: int) -> None:
            for value in range(start, 50, 5):
                slider.value = value

        threads = [threading.Thread(target=move, args=(k,)) for k in range(5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert self.shown(box) == str(slider.value)


def test_every_explorer_brings_the_names_for_screen_readers():
    script = spoken.names().outputs[0]["data"]["application/javascript"]
    assert "aria-label" in script and script == spoken.SCRIPT.read_text()
    assert (
        widgets.net_explorer().children[-1].outputs[0]["data"]["application/javascript"] == script
    )
