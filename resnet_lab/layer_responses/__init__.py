"""Figure 7: how strongly each layer of a net responds.

Paper: Figure 7; Section 4.2, "Analysis of Layer Responses".
Notebook: notebooks/06_layer_responses.py. Tests: tests/test_layer_responses.py.
"""

from resnet_lab.layer_responses.find import Found, Role, Site, find
from resnet_lab.layer_responses.measure import BnMode, Response, Responses, measure
from resnet_lab.layer_responses.moments import Moments

__all__ = [
    "BnMode",
    "Found",
    "Moments",
    "Response",
    "Responses",
    "Role",
    "Site",
    "find",
    "measure",
]
