"""Customers' orders: what several feeds say of one order is one order, counted once."""
