"""Report files that marketplaces write in forms of their own."""
