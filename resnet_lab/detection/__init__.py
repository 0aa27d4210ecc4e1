"""Faster R-CNN on plain and residual nets, with its data and its evaluation.

Paper: Section 4.3; Appendices A, B and C.
"""
