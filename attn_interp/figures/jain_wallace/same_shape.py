"""The adversary of the same shape is drawn as the adversary is."""

from __future__ import annotations

from attn_interp.figures.jain_wallace.adversary import caption, drawn, figure, plot, violins

__all__ = ["caption", "drawn", "figure", "plot", "violins"]
