"""The registry of gateways: who they are, which keys they hold, what they may still do."""
