"""Puts the pieces on machines: the command, the development PKI, broker, database, demo."""
