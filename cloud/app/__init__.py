"""Composition roots: what stands behind each of the cloud's commands."""
