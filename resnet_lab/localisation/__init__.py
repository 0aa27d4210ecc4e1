"""Localisation on ImageNet: a class and a box, by a per-class RPN and R-CNN behind it.

Paper: Appendix C; Tables 13 and 14.
Notebook: notebooks/09_localisation.py. Tests: tests/test_localisation_testing.py.
"""
