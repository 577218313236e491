"""The ledger: append-only movements and the balances that are their fold."""
