"""attn_interp: do the attention weights of a text classifier explain its decisions?"""
