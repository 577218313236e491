"""Snapshots of the ledger, so that a past moment needs a week's movements and not a year's."""
