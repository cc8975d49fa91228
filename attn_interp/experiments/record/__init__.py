"""The record of an experiment: its words, its columns, its statistics, and the rules of its verdict."""

from attn_interp.experiments.record.column import Column
from attn_interp.experiments.record.experiment import Card, Experiment
from attn_interp.experiments.record.pooling import Pooling
from attn_interp.experiments.record.rule import HALF_LN2, Rule
from attn_interp.experiments.record.statement import Statement
from attn_interp.experiments.record.summary import Summary, grouped, rows_of
