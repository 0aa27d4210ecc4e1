"""What the search looks through: sections of pages, with their headings and without their code."""

import json

from resnet_lab.book import search

PAGE = """<header>not <b>this</b></header><main><h1 id="A">One <a>¶</a></h1><p>first &amp;
words</p><pre>code</pre><svg><path d="x"/></svg><div><h2 id="B">Two</h2><table><tr><td>a</td>
<td>b</td></tr></table></div><details><p>solution</p></details><h2>Three</h2>last</main>outside"""


def test_a_page_is_cut_at_its_headings(tmp_path):
    page = tmp_path / "x.html"
    page.write_text(PAGE, encoding="utf-8")
    assert search.sections(page) == [
        {"address": "x.html#A", "title": "One", "text": "first & words"},
        {"address": "x.html#B", "title": "One › Two", "text": "a b"},
        {"address": "x.html", "title": "One › Three", "text": "last"},
    ]


def test_the_index_is_a_script_of_strict_json(tmp_path):
    page = tmp_path / "x.html"
    page.write_text(PAGE, encoding="utf-8")
    text = search.write(tmp_path, [page, tmp_path / "missing.html"]).read_text(encoding="utf-8")
    start, end = "window.bookIndex = ", ";\n"
    assert text.startswith(start) and text.endswith(end)
    assert len(json.loads(text.removeprefix(start).removesuffix(end))) == 3
