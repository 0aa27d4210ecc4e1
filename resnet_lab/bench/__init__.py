"""Measurements: our loops beside a textbook one, what the hardware allows, equality of results."""
