"""The tables go between the marks and nowhere else."""

import pytest
from conftest import record_of

from resnet_lab import readme, records, tables
from resnet_lab.errors import InputError


def test_only_what_stands_between_the_marks_changes(tmp_path):
    path, made = tmp_path / "README.md", tables.readme([record_of(20, "A")])
    path.write_text(f"# Ä\n\n{readme.START}old\n{readme.END}\nafter\n", encoding="utf-8")
    assert readme.write(made, path) == path
    text = path.read_text(encoding="utf-8")
    before, table, after = readme.parts(text)
    assert (before, after) == ("# Ä\n\n", "\nafter\n")
    assert table.strip() == made
    readme.write(made, path)
    assert path.read_text(encoding="utf-8") == text


@pytest.mark.parametrize("text", ["no marks", "<!-- table: quick -->\nno end"])
def test_a_file_without_marks_is_left_alone(tmp_path, text):
    path = tmp_path / "README.md"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match="no place for the tables"):
        readme.write("", path)
    assert path.read_text(encoding="utf-8") == text


def test_an_installation_without_a_readme_is_told_so(tmp_path):
    with pytest.raises(InputError, match="work in a clone"):
        readme.write("", tmp_path / "README.md")


def test_figures_readme_writes_the_tables_of_the_shipped_records(tmp_path, monkeypatch):
    path = tmp_path / "README.md"
    path.write_text(f"{readme.START}{readme.END}", encoding="utf-8")
    monkeypatch.setattr(readme.write, "__defaults__", (path,))
    records.save(record_of(44, "A", test=12.34), tmp_path / "records")
    assert tables.write_all(["readme"], "quick", "cifar10", tmp_path) == [path]
    text = path.read_text(encoding="utf-8")
    assert "| ResNet-20 |" in text and "12.34" not in text
