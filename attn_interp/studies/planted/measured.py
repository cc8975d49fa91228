"""What claims are measured by: Case -> the measure with its 95 % interval over test documents."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from attn_interp.data.corpus import Corpus
from attn_interp.experiments.jain_wallace.adversary import adversary
from attn_interp.experiments.jain_wallace.agreement import agreement
from attn_interp.experiments.jain_wallace.permutation import permutation
from attn_interp.experiments.other_question import other_question, why_not
from attn_interp.experiments.people.faithfulness import AOPC, ATTENTION, faithfulness
from attn_interp.experiments.people.faithfulness import per_document as areas_of
from attn_interp.experiments.people.plausibility import plausibility
from attn_interp.experiments.people.roar import AREA, roar
from attn_interp.experiments.reach import reach
from attn_interp.experiments.result import Result
from attn_interp.experiments.serrano_smith.erasure import OPTIMUM, RANDOM, erasure, per_document
from attn_interp.experiments.serrano_smith.single_erasure import single_erasure
from attn_interp.experiments.why.conicity import RHO, conicity
from attn_interp.experiments.why.mixing import mixing
from attn_interp.experiments.why.polarity import polarity
from attn_interp.experiments.wiegreffe_pinter.guide import guide
from attn_interp.experiments.wiegreffe_pinter.necessity import necessity
from attn_interp.experiments.wiegreffe_pinter.seeds import seeds
from attn_interp.models.attention_model import AttentionModel
from attn_interp.models.classifiers.frozen_attention import uniform
from attn_interp.models.classifiers.trained import UnderAttention
from attn_interp.statistics.bootstrap import Interval, interval
from attn_interp.statistics.scores import ACCURACY, DIFFERENCE
from attn_interp.studies.planted.situations import AGAIN, GRADIENT, LEAVE_ONE_OUT, Case
from attn_interp.studies.retraining.roar import ranking, removed_and_retrained

REMOVED = 0.2  # of the words, before a model is trained again


def tau_with(method: str) -> Callable[[Case], Interval]:
    """Mean Kendall's tau between attention and the method."""

    def measured(case: Case) -> Interval:
        frame = agreement(case.reading, methods=(GRADIENT, LEAVE_ONE_OUT)).frame
        own = frame[(frame["first"] == "attention") & (frame["second"] == method)]
        return interval(own["tau"], seed=case.seed)

    return measured


def change_under_permutation(case: Case) -> Interval:
    return interval(permutation(case.reading).frame["median_tvd"], seed=case.seed)


def adversarial_divergence(case: Case) -> Interval:
    return interval(adversary(case.reading).frame["jsd"], seed=case.seed)


def unflippable_share(case: Case) -> Interval:
    return interval(reach(case.reading).frame["unflippable"], "share")


def gain_over_random_order(case: Case) -> Interval:
    """Fraction of the words erased in random order minus that in the order of attention."""
    frame = per_document(_erased(case))
    return interval(frame.loc[frame["ordering"] == RANDOM, "minus_attention"], seed=case.seed)


def one_word_erasures(case: Case) -> Interval:
    """Share of the decisions which some erasure changes where one word is enough."""
    frame = _erased(case).frame
    removed = frame.loc[frame["ordering"] == OPTIMUM, "removed"]
    return interval((removed == 1).astype(float).where(removed.notna()), "share")


def _erased(case: Case) -> Result:
    """Erasure in the orders that need no attribution."""
    return erasure(case.reading, methods=())


def effect_of_most_attended(case: Case) -> Interval:
    return interval(single_erasure(case.reading).frame["js_difference"], seed=case.seed)


def gain_by_attention(case: Case) -> Interval:
    result = necessity(
        {"attention": {case.seed: case.trained}, "uniform attention": {case.seed: case.without_attention}},
        case.documents,
    )
    return _difference(result)


def gain_by_guide(case: Case) -> Interval:
    guided = {
        "uniform": {case.seed: UnderAttention(case.under_uniform, uniform)},
        "guide": {case.seed: UnderAttention(case.trained, case.attention)},
    }
    return _difference(guide(guided, case.documents))


def divergence_between_seeds(case: Case) -> Interval:
    result = seeds(case.reading, {case.seed + AGAIN: case.again})
    return interval(result.frame["jsd"], seed=case.seed)


def mass_on_evidence(case: Case) -> Interval:
    """Attention on the words of the rationale minus their share of the words, which is what chance gives them."""
    gains = []
    for read_batch in case.reading.batches:
        for document, weights in zip(read_batch.batch.documents, read_batch.weights.numpy()):
            rationale = np.asarray(document.rationales[0])
            gains.append(float(weights[: len(document)] @ rationale - rationale.mean()))
    return interval(gains, seed=case.seed)


def plausibility_of_attention(case: Case) -> Interval:
    """Chance that a word of the rationale has more attention than another word of its document."""
    frame = plausibility(case.reading, baselines={}, methods=()).frame
    return interval(frame.loc[frame["scorer"] == ATTENTION, "auroc"], seed=case.seed)


def mass_that_leaves(case: Case) -> Interval:
    """Attention on the word that decides, minus what it has there under the other question; undefined where all
    documents are asked the same."""
    if why_not(case.reading):
        return Interval(np.nan, np.nan, np.nan, 0, len(case.documents))
    return interval(other_question(case.reading).frame["left"], seed=case.seed)


def mass_on_rivals(case: Case) -> Interval:
    """Attention on words that, read alone, put the rival before the decision."""
    return interval(polarity(case.reading, methods=()).frame["vote_weight"], seed=case.seed)


def conicity_without_change(case: Case) -> Interval:
    """How well conicity tells documents in which permuting does less: Spearman's rho with the TVD, the sign turned."""
    summary = conicity(case.reading).summary()
    (row,) = summary[(summary["quantity"] == "conicity") & (summary["statistic"] == RHO)].to_dict("records")
    return Interval(-row["estimate"], -row["high"], -row["low"], row["n"], row["undefined"])


def own_share(case: Case) -> Interval:
    return interval(mixing(case.reading).frame["own_share"], seed=case.seed)


def missed_when_trained_again(case: Case) -> Interval:
    """Area between the accuracies of models that are trained again without random words and without those that
    attention ranks first, of one share of words.

    Without any words both orders leave the same texts, so that no model is trained on them: any decides them alike.
    """
    models = {"share 0": case.model, "share 1": case.model}

    def fit(corpus: Corpus, name: str) -> AttentionModel:
        return models.get(name) or case.trained_on(corpus)

    frames = [
        removed_and_retrained(case.corpus, fit, ranking(order), (REMOVED,), case.seed).assign(method=order)
        for order in (ATTENTION, RANDOM)
    ]
    summary = roar(pd.concat(frames), {}).summary()
    (row,) = summary[summary["quantity"] == AREA].to_dict("records")
    return Interval(row["estimate"], row["low"], row["high"], row["n"], row["undefined"])


def faithfulness_of_attention(case: Case) -> Interval:
    """Comprehensiveness of the order of attention minus that of random orders, words deleted, mean over the shares."""
    frame = areas_of(faithfulness(case.reading, methods=()))
    own = frame[(frame["method"] == ATTENTION) & (frame["size"] == AOPC)]
    return interval(own["comprehensiveness_minus_random"], seed=case.seed)


def _difference(result: Result) -> Interval:
    """The one difference in accuracy in the summary."""
    summary: pd.DataFrame = result.summary()
    (row,) = summary[(summary["statistic"] == DIFFERENCE) & (summary["quantity"] == ACCURACY)].to_dict("records")
    return Interval(row["estimate"], row["low"], row["high"], row["n"], 0)
