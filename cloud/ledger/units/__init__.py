"""Logistic units (SSCC): what is on this pallet, and where it is, at any moment."""
