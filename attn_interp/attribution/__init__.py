"""What a word contributed to a decision, by any of several methods: (model, batch, classes) -> `Attribution`.

`list_methods` says which there are, and `named` gives them to an experiment:

>>> list(named("leave-one-out", "LIME"))
['leave-one-out', 'LIME']
"""

from attn_interp.attribution.attribution import Attribution, Method
from attn_interp.attribution.methods import list_methods, named

__all__ = ["Attribution", "Method", "list_methods", "named"]
