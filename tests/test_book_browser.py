"""The book in a real browser, from its files, with the network cut: it moves, finds and agrees.

Needs the package playwright and a Chromium; without them the tests skip and say so.
"""

import json
import re
from pathlib import Path
from statistics import mean

import pytest
from jupyter_in_chromium import CHROMIUM, QUIET, SHOTS

from resnet_lab import arms, notebooks, records
from resnet_lab.book import site
from resnet_lab.layer_responses import stored

playwright = pytest.importorskip("playwright.sync_api", reason="pip install -e .[browser]")
pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here; name one in $CHROMIUM"),
]
CHAPTERS = [source.stem for source in notebooks.sources()]
EXPLORERS = ["explore_runs", "explore_nets", "explore_tables"]
DRAWN = "() => document.documentElement.dataset.drawn === 'yes'"
# what a chart draws: the rows behind its marks of one kind
ROWS = """([chart, mark]) => {
    const found = [], walk = (item) => {
        if (item.marktype === mark) found.push(...item.items.map(i => i.datum));
        (item.items || []).forEach(walk);
    };
    walk(bookCharts.views[chart].scenegraph().root);
    return found;
}"""

# words of charts that leave their figure, or stand on other words
CROWDED = """() => [...document.querySelectorAll('figure')].flatMap(figure => {
    const frame = figure.getBoundingClientRect();
    const words = [...figure.querySelectorAll('svg text')].filter(t => t.textContent.trim()
        && getComputedStyle(t).opacity > 0).map(t => [t.textContent, t.getBoundingClientRect()]);
    const on = (a, b) => Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1
        && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 3;
    return words.filter(([, a], i) => a.left < frame.left || a.right > frame.right
        || words.some(([, b], j) => j > i && on(a, b))).map(([text]) => text);
})"""


@pytest.fixture(scope="module")
def book(tmp_path_factory) -> Path:
    """The whole book from the committed notebooks and the shipped records."""
    out = tmp_path_factory.mktemp("book")
    with pytest.MonkeyPatch.context() as patch:
        # whether they are up to date is another test's matter; here nothing is to be run
        patch.setattr(notebooks, "pair_differences", lambda source: [])
        assert site.write(out, tmp_path_factory.mktemp("no_results")) is False
    return out


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as engine:
        browser = engine.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield browser
        browser.close()


class Open:
    """A page of the book; what its console said and what it asked the network for."""

    def __init__(self, browser, book: Path) -> None:
        self.book, self.said, self.asked = book, [], []
        self.context = browser.new_context(viewport={"width": 1600, "height": 1000})
        self.context.route(re.compile("^(?!file:|data:|blob:)"), self.refuse)
        self.page = self.context.new_page()
        self.page.set_default_timeout(60_000)
        self.page.on("console", self.listen)
        self.page.on("pageerror", lambda error: self.said.append(str(error)))

    def listen(self, message) -> None:
        if message.type == "error":  # Vega warns where a chart has nothing to draw, as it should
            self.said.append(message.text)

    def refuse(self, route) -> None:
        self.asked.append(route.request.url)
        route.abort()

    def go(self, name: str):
        self.page.goto((self.book / f"{name}.html").as_uri())
        if self.page.locator("#charts").count():
            self.page.wait_for_function(DRAWN)
        return self.page


@pytest.fixture
def opened(browser, book):
    """A page that must end with nothing on its console and nothing asked of the network."""
    one = Open(browser, book)
    yield one
    assert (one.said, one.asked) == ([], [])
    one.context.close()


def shot(page, name: str) -> None:
    """The page, wide and light, then narrow and dark, to look at afterwards."""
    SHOTS.mkdir(parents=True, exist_ok=True)
    for width, theme in ((1600, "light"), (900, "dark")):
        page.set_viewport_size({"width": width, "height": 1000})
        page.evaluate("theme => { document.documentElement.dataset.theme = theme; }", theme)
        page.wait_for_timeout(200)
        page.screenshot(path=f"{SHOTS}/book_{name}_{width}_{theme}.png")


def choose(page, **values: str) -> None:
    """Menus set to these values."""
    for name, value in values.items():
        page.locator(f"#{name}").select_option(value)


def press(page, name: str, key: str) -> str:
    """A key on the slider; what it says beside it."""
    page.locator(f"#{name}").press(key)
    page.wait_for_timeout(100)
    return page.locator(f"output[for={name}]").inner_text()


def drawn(page, chart: str, mark: str) -> list[dict]:
    return page.evaluate(ROWS, [chart, mark])


@pytest.mark.parametrize("name", ["index", *EXPLORERS, *CHAPTERS])
@pytest.mark.parametrize("width", [900, 1600])
def test_every_page_is_quiet_and_fits_its_window(opened, name, width):
    page = opened.go(name)
    page.set_viewport_size({"width": width, "height": 1000})
    page.wait_for_timeout(200)
    assert page.evaluate("() => document.documentElement.scrollWidth") <= width
    if width == 1600:
        shot(page, name)


def test_a_phone_scrolls_only_downwards(opened):
    for name in ("index", *EXPLORERS, CHAPTERS[1]):
        page = opened.go(name)
        page.set_viewport_size({"width": 390, "height": 800})
        page.wait_for_timeout(200)
        assert page.evaluate("() => document.documentElement.scrollWidth") <= 390, name


def shipped(depth: int, shortcut: str) -> list[records.Record]:
    """The quick runs on CIFAR-10 of one of the paper's nets, from the shipped records."""
    net = arms.Arm(depth=depth, shortcut=shortcut).label
    found = records.load_all(records.SHIPPED)
    return arms.select(found, label=net, scale="quick", images="cifar10")


@pytest.mark.parametrize(
    "keys, depth, shortcut", [("Home", 20, "none"), ("End", 164, "none"), ("Home", 20, "C")]
)
def test_the_curves_are_those_of_the_records_at_both_ends(opened, keys, depth, shortcut):
    page = opened.go("explore_runs")
    choose(page, shortcut=shortcut, beside="")
    assert press(page, "depth", keys) == str(depth)
    runs = shipped(depth, shortcut) if depth == 20 else []
    for chart, which in (("training", "train_error"), ("test", "test_error")):
        expected = {
            (r.run.recipe.seed, p.step): getattr(p, which)
            for r in runs
            for p in r.curve
            if getattr(p, which) is not None
        }
        mine = f"{'quick-cifar10'}|basic|{depth}|{shortcut}"
        rows = [row for row in drawn(page, chart, "line") if row.get("key") == mine]
        found = {(row["seed"], row["step"]): row[which] for row in rows if "seed" in row}
        assert found == expected
    words = page.locator("#words-now").inner_text()
    if runs:
        assert f"{mean(r.final.test_error for r in runs):.1f} ±" in words
        assert f"(n = {len(runs)}; reduced to 1,200 updates)" in words
    else:  # 164 layers were trained as bottlenecks only
        assert words.startswith("plain-164 (basic, shortcut none): not run; with 164 layers")
        page.locator("#kind").select_option("bottleneck")
        page.locator("#shortcut").select_option("A")
        page.wait_for_timeout(100)
        assert page.locator("#words-now").inner_text().startswith("ResNet-164-bottleneck ends at")


def test_one_seed_is_that_seed_alone(opened):
    page = opened.go("explore_runs")
    choose(page, seed="3", beside="")
    (run,) = [r for r in shipped(56, "none") if r.run.recipe.seed == 3]
    rows = [row for row in drawn(page, "training", "line") if "seed" in row]
    assert {row["seed"] for row in rows} == {3} and len(rows) == len(run.curve)
    assert f"{run.final.train_error:.1f} % training" in page.locator("#words-now").inner_text()


def test_the_responses_are_the_stored_ones_in_both_orders(opened):
    page = opened.go("explore_runs")
    choose(page, beside="")
    pairs = stored.of_records(shipped(56, "none"), stored.load())
    expected = {record.run.recipe.seed: finding.values["std"] for record, finding in pairs}
    assert len(expected) == 5
    for order, sort in (("no", lambda std: std), ("yes", lambda std: sorted(std, reverse=True))):
        choose(page, sorted=order)
        page.wait_for_timeout(100)
        rows = [row for row in drawn(page, "responses", "line") if "seed" in row]
        found: dict[int, list] = {}
        for row in sorted(rows, key=lambda row: row["place"]):
            found.setdefault(row["seed"], []).append(row["std"])
        assert found == {seed: sort(std) for seed, std in expected.items()}


@pytest.mark.parametrize("images", ["quick-cifar10", "quick-embedded"])
def test_the_menus_move_by_keys_too(opened, images):
    page = opened.go("explore_runs")
    menu = page.locator("#set")
    menu.press("Home" if images == "quick-cifar10" else "End")
    assert menu.input_value() == images
    page.wait_for_timeout(100)
    assert {row["key"].split("|")[0] for row in drawn(page, "training", "line")} == {images}


@pytest.mark.parametrize("key, depth", [("Home", "20"), ("End", "1202")])
def test_the_drawn_net_is_the_counted_one(opened, key, depth, paper):
    page = opened.go("explore_nets")
    assert press(page, "depth", key) == depth
    printed = paper["tables"]["table6"][f"resnet_{depth}"]["params"]["value"]
    stages = drawn(page, "parameters", "rect")
    total = sum(row["parameters"] for row in stages)
    assert f"{total / 1e6:.2f}M" == printed or f"{total / 1e6:.1f}M" == printed
    assert f"{total:,} parameters" in page.locator("#words-now").inner_text()
    layers = [row for row in drawn(page, "drawing", "rect") if "number" in row]
    assert len(layers) == int(depth)
    shortcuts = [row["kind"] for row in drawn(page, "drawing", "rule") if "kind" in row]
    assert len(shortcuts) == (int(depth) - 2) // 2 and shortcuts.count("zero padding") == 2


def test_another_family_has_other_stops(opened):
    page = opened.go("explore_nets")
    choose(page, family="imagenet", shortcut="B")
    page.wait_for_timeout(100)
    assert page.locator("output[for=depth]").inner_text() == "50"
    assert "3,857,973,248 multiply-adds" in page.locator("#words-now").inner_text()
    assert press(page, "depth", "End") == "152" and press(page, "depth", "Home") == "18"
    assert page.locator("#depth").get_attribute("aria-valuetext") == "18"
    choose(page, family="vgg")
    page.wait_for_timeout(100)
    words = page.locator("#words-now").inner_text()
    assert words.startswith("VGG-16: 16 layers") and words.endswith("VGG has no shortcuts.")


@pytest.mark.parametrize("name", ["explore_runs", "explore_nets"])
@pytest.mark.parametrize("width", [390, 1600])
def test_words_stay_in_their_chart_and_off_each_other(opened, name, width):
    page = opened.go(name)
    page.set_viewport_size({"width": width, "height": 1000})
    moves = {
        "explore_runs": [dict(shortcut="C"), dict(kind="bottleneck, pre-activation", shortcut="A")],
        "explore_nets": [dict(family="imagenet"), dict(family="vgg"), dict(family="bottleneck")],
    }
    for values in ({}, *moves[name]):
        choose(page, **values)
        for key in ("End", "Home"):
            press(page, "depth", key)
            page.wait_for_timeout(200)
            assert page.evaluate(CROWDED) == [], (values, key)


def test_stages_stand_in_the_order_of_the_net_whatever_was_there_before(opened):
    page = opened.go("explore_nets")
    for family in ("imagenet", "vgg", "cifar"):
        choose(page, family=family)
        page.wait_for_timeout(200)
        rows = drawn(page, "parameters", "rect")
        names = page.evaluate("() => bookCharts.views.parameters.scale('y').domain()")
        assert names == [row["stage"] for row in sorted(rows, key=lambda row: row["order"])]


def test_a_net_that_was_not_run_says_so_and_names_those_that_were(opened):
    page = opened.go("explore_runs")
    assert press(page, "depth", "End") == "164"
    words = page.locator("#words-now").inner_text()
    assert words.startswith("plain-164 (basic, shortcut none): not run; with 164 layers there is")
    assert "ResNet-164-bottleneck;" in words
    assert "not run" in page.locator("#training").text_content()


@pytest.mark.parametrize("width", [390, 900, 1280, 1600])
@pytest.mark.parametrize("name, table", [("index", "claims"), ("explore_tables", "rows")])
def test_no_column_of_a_table_is_cut_off_on_screen_or_paper(opened, name, table, width):
    page = opened.go(name)
    page.set_viewport_size({"width": width, "height": 1000})
    cut = f"() => {{ const box = document.getElementById('{table}').parentElement;"
    cut += " return box.scrollWidth - box.clientWidth; }"
    assert page.evaluate(cut) <= 0
    page.emulate_media(media="print")
    assert page.evaluate(cut) <= 0 and page.locator(".filters").is_hidden()


@pytest.mark.parametrize("name", EXPLORERS)
def test_the_data_can_be_taken_along_and_are_what_is_drawn(opened, book, name):
    page = opened.go(name)
    link = page.locator("a[download]")
    assert link.get_attribute("href") == f"data/{name}.json"
    text = (book / "data" / f"{name}.json").read_text(encoding="utf-8")
    rows = json.loads(text, parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))
    fields = {
        field
        for found in rows.values()
        if isinstance(found, list)
        for row in found
        for field in row
    }
    assert fields <= rows["fields"].keys(), "the page explains every field"
    if name == "explore_tables":
        assert page.locator("tbody tr[data-status]").count() == len(rows["rows"])
    else:
        assert page.locator("#data").text_content() == text


def test_the_tables_sort_and_filter(opened, book):
    page = opened.go("explore_tables")
    rows = json.loads((book / "data/explore_tables.json").read_text(encoding="utf-8"))["rows"]
    page.get_by_label("Status").select_option("not run")
    not_run = sum(row["status"] == "not run" for row in rows)
    assert page.locator("tbody tr[data-status]:visible").count() == not_run
    assert f"{not_run} of {len(rows)} rows" in page.locator(".filters output").inner_text()
    page.get_by_role("button", name="Show all").press("Enter")
    page.get_by_label("Words").fill("resnet-56 parameters")
    assert page.locator("tbody tr[data-status]:visible").count() == 1
    page.get_by_label("Words").fill("")
    head = page.get_by_role("columnheader", name="Paper")
    for direction, best in (("ascending", min), ("descending", max)):
        head.get_by_role("button").press("Enter")
        assert head.get_attribute("aria-sort") == direction
        first = page.locator("tbody tr[data-status] td:nth-child(5)").first
        expected = best(row["paper"] for row in rows if row["paper"] is not None)
        assert float(first.get_attribute("data-value")) == expected


def test_the_scoreboard_is_the_ledger(opened, book):
    page = opened.go("index")
    claims = json.loads((book / "data/claims.json").read_text(encoding="utf-8"))
    shown = page.locator("#claims tbody tr").evaluate_all(
        "rows => rows.map(r => [r.id, r.dataset.verdict])"
    )
    assert shown == [[row["id"], row["verdict"]] for row in claims]
    page.get_by_label("Verdict").select_option("not seen")
    page.get_by_label("Section").select_option("Appendix C")
    expected = [
        row["id"] for row in claims if row["verdict"] == "not seen" and "Appendix C" in row["place"]
    ]
    assert (
        page.locator("#claims tbody tr:visible").evaluate_all("r => r.map(r => r.id)") == expected
    )


def test_the_search_finds_sections_and_goes_there_by_keys(opened):
    page = opened.go(CHAPTERS[3])
    field = page.get_by_role("searchbox", name="Search the book")
    field.fill("warm-up")
    hits = page.locator(".hits a")
    hits.first.wait_for()
    assert hits.count() > 1 and "warm" in page.locator(".hits").inner_text().lower()
    field.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"\d\d_\w+\.html|explore_\w+\.html|index\.html"))
    field = page.get_by_role("searchbox", name="Search the book")
    field.fill("warm-up")
    first = page.locator(".hits a").first.get_attribute("href")
    field.press("Enter")  # without a step down: the first one
    page.wait_for_url(f"**/{first}")
    field = page.get_by_role("searchbox", name="Search the book")
    field.fill("zzzz")
    page.get_by_text("Nothing found").wait_for()
    field.press("Escape")
    assert page.locator(".hits").is_hidden()


def test_the_search_ranks_titles_first_and_wants_every_word(opened):
    page = opened.go("index")
    found = page.evaluate("""() => {
        const sections = [{title: "A", text: "two shortcuts"}, {title: "Shortcuts", text: "two"},
            {title: "C", text: "one shortcut"}];
        const names = (query) => bookSearch.find(sections, query).map(s => s.title);
        return [names("short"), names("two SHORT"), names("cuts"), names("  "), names("(")];
    }""")
    assert found == [["Shortcuts", "A", "C"], ["Shortcuts", "A"], [], [], []]


def test_numbers_sort_by_size_and_empty_cells_stay_last(opened):
    page = opened.go("index")
    values = ["10", "9.5", "", "-3", "1e9", "word"]
    ordered = page.evaluate("values => values.sort(bookTables.compare)", values)
    assert ordered == ["-3", "9.5", "10", "1e9", "word", ""]


def test_dark_is_a_switch_that_is_remembered_and_charts_follow(opened):
    page = opened.go("explore_runs")
    look = """() => {
        const label = document.querySelector('.role-axis-label text');
        return [getComputedStyle(document.body).backgroundColor, getComputedStyle(label).fill];
    }"""
    light = page.evaluate(look)
    page.get_by_role("button", name="Dark").press("Enter")
    dark = page.evaluate(look)
    assert all(a != b for a, b in zip(light, dark, strict=True)), (light, dark)
    page = opened.go("index")
    assert page.evaluate("() => document.documentElement.dataset.theme") == "dark"
    page.get_by_role("button", name="Light").press("Enter")
    assert page.evaluate("() => getComputedStyle(document.body).backgroundColor") == light[0]


def test_the_dark_of_the_system_is_taken_and_paper_is_white(browser, book):
    one = Open(browser, book)
    page = one.go("explore_nets")
    page.emulate_media(color_scheme="dark")
    dark = page.evaluate("() => getComputedStyle(document.body).backgroundColor")
    page.emulate_media(media="print", color_scheme="dark")
    assert (
        page.evaluate("() => getComputedStyle(document.body).backgroundColor")
        == "rgb(255, 255, 255)"
        != dark
    )
    assert page.locator("header.site").is_hidden()
    one.context.close()


def test_a_skip_link_is_the_first_stop_of_the_tab_key(opened):
    for name in ("index", "explore_runs", CHAPTERS[0]):
        page = opened.go(name)
        page.keyboard.press("Tab")
        assert page.evaluate("() => document.activeElement.getAttribute('href')") == "#main"


def test_the_chapters_charts_are_drawn_and_their_menus_move(opened):
    page = opened.go("10_why_it_works")
    chart = page.locator(".drawn").first
    assert chart.locator("svg").count()
    menu = chart.locator("select").first
    before = chart.locator("svg").inner_html()
    menu.select_option(index=0)
    page.wait_for_timeout(200)
    assert chart.locator("svg").inner_html() != before


def test_the_whole_book_is_light(book):
    total = sum(path.stat().st_size for path in book.rglob("*") if path.is_file())
    assert total < 15_000_000
    assert sum("function" in path.read_text("utf-8")[:200_000] for path in book.glob("*.js")) == 2
