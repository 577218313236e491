"""X12 with trading partners."""
