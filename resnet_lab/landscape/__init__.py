"""The loss around trained weights: filter-normalised slices, measured, stored, drawn and read.

Paper: beyond it; Li, Xu, Taylor, Studer and Goldstein 2018, "Visualizing the Loss Landscape of
Neural Nets" (arXiv 1712.09913).
Notebook: notebooks/10_why_it_works.py. Tests: tests/test_landscape.py.

`directions` says along what, `surface` measures points, `slices` whole slices that can be stopped.
"""
