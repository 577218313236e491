"""Goods on their way: transfers between our sites, and what suppliers have announced."""
