"""Rendered pictures that are kept: their names, their notes, and how a set is completed after a crash."""
