"""The book: every notebook, the explorers and the scoreboard as pages that need no kernel.

Paper: nowhere; the book shows the whole paper at the scale that was run.
Notebook: notebooks/00_start_here.py. Tests: tests/test_book.py.
"""

from resnet_lab.book.chapters import Material, make_book
from resnet_lab.book.index import PageInfo

__all__ = ["Material", "PageInfo", "make_book"]
