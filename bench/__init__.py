"""Measurements: how fast the core is, side by side with its peers, in one run."""
