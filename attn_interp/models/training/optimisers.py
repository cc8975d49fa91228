"""The optimisers of a classifier: what learns how fast, and what is kept small."""

from __future__ import annotations

from torch.optim import Adam, Optimizer, SparseAdam

from attn_interp.models.classifiers.attention_pooling import AdditiveScores, DotScores
from attn_interp.models.classifiers.classifier import Classifier
from attn_interp.models.classifiers.settings import TrainingSettings


def build_optimisers(module: Classifier, training: TrainingSettings) -> list[Optimizer]:
    """Adam (amsgrad) for encoder, attention and head, and for the word vectors what the settings say.

    A document holds a few of many thousand words, so an Adam over all their vectors spends most of a step on rows
    without a gradient. "touched" updates the rows of the batch alone (lazy Adam).

    Reference: the groups and their weight decay are those of Jain & Wallace 2019, in code.
    """
    rate, decay = training.learning_rate, training.weight_decay
    attending = [part for part in module.modules() if isinstance(part, AdditiveScores | DotScores)]
    undecayed = [parameter for part in attending for parameter in part.parameters()]
    apart = {id(parameter) for parameter in (*undecayed, *module.embedding.parameters())}
    decayed = [parameter for parameter in module.parameters() if id(parameter) not in apart]
    optimisers: list[Optimizer] = []
    module.embedding.sparse = training.embedding_updates == "touched"
    if module.embedding.sparse:
        optimisers.append(SparseAdam(list(module.embedding.parameters()), lr=rate))
    else:
        decayed.append(module.embedding.weight)
    groups = [{"params": decayed, "weight_decay": decay}, {"params": undecayed, "weight_decay": 0.0}]
    optimisers.append(Adam([group for group in groups if group["params"]], lr=rate, amsgrad=True, fused=True))
    return optimisers
