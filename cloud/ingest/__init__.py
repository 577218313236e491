"""Gateways' signed segments: verified, de-duplicated, applied once, acknowledged by watermark.

What a segment's events mean is not known here: handlers are handed in (see ``cloud.app``).
"""
