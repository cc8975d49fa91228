"""Encoder-decoders: pairs of texts whose true links are known, models that are trained on them, and their attention."""

from attn_interp.data.corpora.transduction import Transduction, transductions, vocabulary_of
from attn_interp.models.sequences.encoder_decoder import EncoderDecoder, wrap_encoder_decoder
from attn_interp.models.sequences.seq2seq import Seq2SeqSettings, train_seq2seq, untrained_seq2seq

__all__ = [
    "EncoderDecoder",
    "Seq2SeqSettings",
    "Transduction",
    "train_seq2seq",
    "transductions",
    "untrained_seq2seq",
    "vocabulary_of",
    "wrap_encoder_decoder",
]
