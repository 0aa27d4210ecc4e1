"""The book from three miniature notebooks: one that draws, one that stops, one without a figure."""

from dataclasses import asdict
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from test_notebooks import write

from resnet_lab import notebooks
from resnet_lab.book import Material, PageInfo, chapters, pages
from resnet_lab.book.index import Contents, index
from resnet_lab.claims.row import fact
from resnet_lab.errors import InputError

DRAWS = r"""
# %% [markdown]
# # 1. A chapter that draws & more
#
# Paper: Section 3.1, Figure 2 · Code: `resnet_lab/blocks.py` · Tests: `tests/test_blocks.py`
#
# Eqn. 1 is $y = \mathcal{F}(x, \{W_i\}) + x$, and $\begin{nonsense}$ is not known.
#
# $$\frac{1}{2}$$

# %% tags=["parameters"]
fast = False
figure_folder = "../figures"

# %% [markdown]
# ## The picture

# %%
import ipywidgets
from IPython.display import HTML, Markdown
from matplotlib.figure import Figure

# %matplotlib inline
figure = Figure(figsize=(3, 2))
figure.savefig(f"{figure_folder}/01_draws.png")
display(figure, ipywidgets.IntSlider())
display(HTML('<script src="https://cdn.example/vega.js"></script>'))
display(Markdown("| a |\n|---|\n| b |"))
print("x" * 500)

# %% tags=["solution"]
assert fast
"""
STOPS = '\n# %% [markdown]\n# # 2. A chapter that stops\n\n# %%\n1 / 0\n\n# %%\n"after"\n'
PLAIN = (
    "\n# %% [markdown]\n# # 3. A plain chapter\n# See [the first](01_draws.ipynb#The-picture).\n"
)


def claim(id: str, place: str, verdict: str) -> dict[str, object]:
    row = fact(id, place, "<b>said</b>", paper=1, ours=2, holds=True, why="see `x`")
    return asdict(row) | {"verdict": verdict}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Folder of the sources, of the book, what was reported and what came back."""
    folder = tmp_path_factory.mktemp("notebooks")
    write(folder, "01_draws", DRAWS)
    write(folder, "02_stops", STOPS)
    write(folder, "03_plain", PLAIN)
    out, said = tmp_path_factory.mktemp("book") / "out", []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(notebooks, "folder", lambda: folder)
        patch.setattr(chapters, "code_digest", lambda: "code")
        infos = chapters.make_book(
            out,
            {"fast": True},
            report=said.append,
            material=Material(
                records_digest="a",
                facts={"scale": "quick", "images": "<embedded>"},
                claims=(claim("1-a", "Section 1", "seen"), claim("C-b", "Appendix C", "not run")),
            ),
        )
    return folder, out, said, infos


@pytest.fixture
def there(made, monkeypatch):
    """The same book, its sources in place."""
    monkeypatch.setattr(notebooks, "folder", lambda: made[0])
    monkeypatch.setattr(chapters, "code_digest", lambda: "code")
    return made[1]


def soup(path: Path) -> BeautifulSoup:
    return BeautifulSoup(path.read_text(), "html.parser")


def test_a_failing_notebook_does_not_stop_the_others(made):
    _, _, said, infos = made
    assert [(i.stem, i.status, i.cell, i.failed) for i in infos] == [
        ("01_draws", "ran", None, False),
        ("02_stops", "failed", 1, True),
        ("03_plain", "ran", None, False),
    ]
    assert infos[0].figures == ("figures/01_draws.png",)
    assert infos[0].title == "1. A chapter that draws & more"
    assert infos[0].place == "Section 3.1, Figure 2"
    assert any("ZeroDivisionError" in text for text in said)


@pytest.mark.parametrize("name", ["index", "01_draws", "02_stops", "03_plain"])
class TestEveryPage:
    def test_it_loads_nothing_from_elsewhere(self, made, name):
        page = soup(made[1] / f"{name}.html")
        for tag in page.find_all(["script", "img", "link", "iframe", "source", "object"]):
            address = tag.get("src") or tag.get("href") or tag.get("data") or ""
            assert address.startswith("data:") or "//" not in address, address
        style = " ".join(tag.text for tag in page.find_all("style"))
        assert "@import" not in style and "url(" not in style
        policy = page.find("meta", {"http-equiv": "Content-Security-Policy"})["content"]
        assert policy.startswith("default-src 'none'") and "http" not in policy
        assert "script-src 'self' file:" in policy, "a page runs its own scripts only"
        assert all(tag.get("src") or "json" in tag["type"] for tag in page.find_all("script"))

    def test_it_can_be_read_aloud_and_on_a_phone(self, made, name):
        page = soup(made[1] / f"{name}.html")
        assert page.html["lang"] == "en" and page.title.text.strip()
        assert page.find("meta", {"name": "viewport"})
        assert all(image.get("alt") for image in page.find_all("img"))
        assert len(page.find_all("h1")) == 1
        assert page.find("a", class_="skip")["href"] == "#main" and page.main["id"] == "main"
        inputs = page.find_all(["input", "select"])
        named = {label.get("for") for label in page.find_all("label")}
        assert all(
            i.get("aria-label") or i.get("id") in named or i.find_parent("label") for i in inputs
        )

    def test_its_links_lead_somewhere(self, made, name):
        for link in soup(made[1] / f"{name}.html").find_all("a", href=True):
            assert (made[1] / link["href"].partition("#")[0]).exists(), link


def test_a_page_folds_parameters_and_solutions(made):
    page = soup(made[1] / "01_draws.html")
    folded = [summary.text.strip() for summary in page.find_all("summary")]
    assert folded == ["Parameters", "Values of this run", "Solution"]
    assert "fast = True" in page.find_all("details")[1].text


def test_a_page_says_where_the_sliders_are_and_nothing_of_their_state(made):
    text = (made[1] / "01_draws.html").read_text()
    assert text.count("make lab") == 1 and "application/vnd.jupyter" not in text


def test_what_is_bold_on_the_page_is_not_read_aloud_as_stars():
    import nbformat

    picture = nbformat.v4.new_output(
        "display_data", {"image/png": ""}, metadata={"image/png": {"alt": "IoU **0.9**, right"}}
    )
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(outputs=[picture])])
    (cell,) = pages.still(book).cells
    assert cell.outputs[0].metadata["image/png"]["alt"] == "IoU 0.9, right"


def test_formulas_are_drawn_without_a_network(made):
    page = soup(made[1] / "01_draws.html")
    drawn = [svg["aria-label"] for svg in page.find_all("svg")]
    assert drawn == [r"y = \mathcal{F}(x, \{W_i\}) + x", r"\frac{1}{2}"]
    assert any("nonsense" in code.text for code in page.find_all("code"))


def test_markdown_outputs_become_tables(made):
    assert [td.text for td in soup(made[1] / "01_draws.html").find_all("td")] == ["b"]


def test_chapters_lead_to_their_neighbours(made):
    links = [a["href"] for a in soup(made[1] / "02_stops.html").header.nav.find_all("a")]
    assert links == ["index.html", "01_draws.html", "03_plain.html"]


def test_links_between_notebooks_become_links_between_pages(made):
    links = [a["href"] for a in soup(made[1] / "03_plain.html").main.find_all("a")]
    assert "01_draws.html#The-picture" in links
    assert soup(made[1] / "01_draws.html").find(id="The-picture")


def test_a_stopped_page_says_so_at_its_top(made):
    banner = soup(made[1] / "02_stops.html").find(role="alert")
    assert "stopped at cell 1" in banner.text and "ZeroDivisionError" in banner.text
    assert soup(made[1] / "01_draws.html").find(role="alert") is None


def test_the_index_shows_scale_images_claims_and_status(made):
    page = soup(made[1] / "index.html")
    facts = {div.dt.text: div.dd.text for div in page.select("dl > div")}
    assert facts.items() >= {"scale": "quick", "images": "<embedded>", "seen": "1"}.items()
    assert facts["2 claims of the paper"].startswith("1 seen, 0 not seen")
    told = page.select_one(".how").text
    assert "2 were decided on the nets themselves" in told and "not run" not in told
    assert told.endswith("None was tested by a run at the paper's scale yet.")
    assert page.select_one('main a[href="glossary.html"]')
    cards = page.select(".cards li")
    assert [card.a["href"] for card in cards] == ["01_draws.html", "02_stops.html", "03_plain.html"]
    assert cards[0].img["src"] == "figures/01_draws.png"
    assert "Failed at cell 1" in cards[1].text and "Ran" in cards[2].text


def test_what_has_not_changed_is_not_run_again(there, monkeypatch):
    ran = []
    monkeypatch.setattr(notebooks, "execute", lambda source, *rest: ran.append(source.stem))
    monkeypatch.setattr(pages, "page", lambda *rest, **words: None)
    stamps = {path: path.read_bytes() for path in (there / "stamps").iterdir()}

    def again(given, digest):
        for path, content in stamps.items():
            path.write_bytes(content)
        ran.clear()
        infos = chapters.make_book(there, given, material=Material(records_digest=digest))
        return list(ran), infos[0].status

    assert again({"fast": True}, "b") == (["01_draws", "02_stops", "03_plain"], "ran")
    assert again({"fast": False}, "a") == (["01_draws", "02_stops"], "ran")
    assert again({"fast": True}, "a") == (["02_stops"], "unchanged")  # what failed is tried again
    monkeypatch.setattr(chapters, "code_digest", lambda: "other")
    assert again({"fast": True}, "a") == (["01_draws", "02_stops", "03_plain"], "ran")


def test_an_interrupted_book_keeps_what_was_done(there, tmp_path, monkeypatch):
    def execute(source, target, given):
        if source.stem == "02_stops":
            raise KeyboardInterrupt
        target.parent.mkdir(exist_ok=True)
        target.write_bytes((there / "notebooks" / target.name).read_bytes())

    monkeypatch.setattr(notebooks, "execute", execute)
    with pytest.raises(KeyboardInterrupt):
        chapters.make_book(tmp_path, {}, material=Material())
    page = soup(tmp_path / "index.html")
    status = [card.text for card in page.select(".cards .status")]
    assert status[0].startswith("Ran") and status[1:] == ["Not run yet"] * 2
    assert [path.stem for path in (tmp_path / "stamps").iterdir()] == ["01_draws"]


@pytest.mark.parametrize(
    "given, message",
    [({"fats": True}, "no notebook has a parameter 'fats'"), ({"fast": "false"}, "True or False")],
)
def test_wrong_parameters_start_nothing(there, tmp_path, given, message):
    with pytest.raises(InputError, match=message):
        chapters.make_book(tmp_path / "out", given, material=Material())
    assert not (tmp_path / "out").exists()


def test_titles_and_messages_do_not_become_markup(tmp_path):
    info = PageInfo(stem="01_x", title="<b>x</b>", status="failed", message='"><script>\nmore')
    contents = Contents(claims=(claim("a", "Section 1", "seen"),))
    text = index(tmp_path, [info], contents).read_text()
    assert "<b>x</b>" not in text and "<b>said</b>" not in text and "<script>" not in text
    assert "see <code>x</code>" in text
