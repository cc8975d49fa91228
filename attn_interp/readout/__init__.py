"""Attention over votes: closed forms, exact and certified optima. Pure tensors, no model inside."""
