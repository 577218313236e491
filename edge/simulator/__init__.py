"""Simulated floors: scanners and goods that work a gateway as people would.

For demos, benches and tests. Uses ``shared`` and the gateway's public door (its local HTTPS API)
and nothing inside the gateway, so what works here works with real scanners.
"""
