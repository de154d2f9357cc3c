"""Sphinx: the manual as HTML, plain text and PDF."""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE / "_ext")]

from txkea import __version__  # noqa: E402

project = "txkea"
author = "the txkea authors"
copyright = "the txkea authors"  # noqa: A001
version = release = __version__
extensions = ["reference", "rinoh.frontend.sphinx"]
exclude_patterns = ["_build"]
default_role = "code"
highlight_language = "none"
html_theme = "alabaster"
html_theme_options = {"page_width": "1100px", "sidebar_width": "240px", "show_powered_by": False}
html_show_copyright = False
html_copy_source = False
text_secnumber_suffix = " "
rinoh_documents = [{"doc": "index", "target": "txkea", "title": "txkea", "subtitle": "The manual", "author": author}]
