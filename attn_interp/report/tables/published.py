"""Published figures to hold ours against, each with where it was read."""

from __future__ import annotations

from typing import NamedTuple


class Tau(NamedTuple):
    """Kendall's tau over the documents of a class: mean, standard deviation (None: not given), share with p <= .05."""

    mean: float
    sd: float | None
    significant: float


JAIN_WALLACE_TAU: dict[tuple[str, str, str], tuple[Tau, Tau]] = {
    ("sst", "lstm", "gradient"): (Tau(0.34, 0.21, 0.48), Tau(0.36, 0.21, 0.49)),
    ("sst", "average", "gradient"): (Tau(0.61, None, 0.87), Tau(0.60, None, 0.83)),
    ("sst", "lstm", "leave-one-out"): (Tau(0.27, None, 0.33), Tau(0.32, None, 0.40)),
}
"""(corpus, encoder, compared with) -> figures for the predicted classes 0 and 1: Jain & Wallace 2019, table 2, additive
attention, as the authors' repository has them."""


class PairFigures(NamedTuple):
    """Accuracy, and mean and standard deviation over all documents of Kendall's tau: attention with gradients, with
    leave-one-out, and the two with each other."""

    accuracy: float
    gradient: float
    gradient_sd: float
    leave_one_out: float
    leave_one_out_sd: float
    ceiling: float
    ceiling_sd: float


JAIN_WALLACE_PAIRS = {
    (task, encoder, attention): PairFigures(*figures)
    for task, encoder, attention, *figures in (
        ("babi-1", "average", "additive", 0.436, 0.717, 0.119, 0.735, 0.099, 0.691, 0.141),
        ("babi-1", "average", "scaled_dot", 0.43, 0.713, 0.136, 0.817, 0.135, 0.684, 0.147),
        ("babi-1", "cnn", "additive", 0.887, 0.245, 0.141, 0.16, 0.127, 0.304, 0.161),
        ("babi-1", "cnn", "scaled_dot", 0.889, 0.169, 0.125, 0.11, 0.128, 0.548, 0.144),
        ("babi-1", "lstm", "additive", 1.0, 0.251, 0.156, 0.16, 0.141, 0.499, 0.158),
        ("babi-1", "lstm", "scaled_dot", 0.998, 0.437, 0.155, 0.422, 0.132, 0.413, 0.158),
        ("babi-2", "average", "additive", 0.167, 0.678, 0.057, 0.647, 0.065, 0.474, 0.058),
        ("babi-2", "average", "scaled_dot", 0.314, 0.6, 0.179, 0.886, 0.067, 0.575, 0.161),
        ("babi-2", "cnn", "additive", 0.333, 0.181, 0.079, 0.186, 0.074, 0.375, 0.101),
        ("babi-2", "cnn", "scaled_dot", 0.34, 0.152, 0.077, 0.244, 0.062, 0.414, 0.093),
        ("babi-2", "lstm", "additive", 0.653, -0.017, 0.137, -0.014, 0.134, 0.437, 0.188),
        ("babi-2", "lstm", "scaled_dot", 0.427, 0.17, 0.147, 0.22, 0.135, 0.28, 0.114),
        ("babi-3", "average", "additive", 0.32, 0.607, 0.127, 0.725, 0.092, 0.546, 0.119),
        ("babi-3", "average", "scaled_dot", 0.316, 0.48, 0.137, 0.748, 0.067, 0.411, 0.146),
        ("babi-3", "cnn", "additive", 0.294, 0.18, 0.058, 0.178, 0.049, 0.465, 0.08),
        ("babi-3", "cnn", "scaled_dot", 0.288, 0.014, 0.054, 0.082, 0.053, 0.525, 0.126),
        ("babi-3", "lstm", "additive", 0.643, 0.239, 0.113, 0.256, 0.104, 0.499, 0.171),
        ("babi-3", "lstm", "scaled_dot", 0.515, 0.299, 0.148, 0.342, 0.152, 0.395, 0.121),
        ("cnn", "average", "additive", 0.367, 0.501, 0.104, 0.689, 0.098, 0.571, 0.11),
        ("cnn", "average", "scaled_dot", 0.372, 0.514, 0.084, 0.635, 0.087, 0.553, 0.08),
        ("cnn", "cnn", "additive", 0.614, 0.196, 0.057, 0.183, 0.057, 0.569, 0.067),
        ("cnn", "cnn", "scaled_dot", 0.64, 0.222, 0.075, 0.216, 0.075, 0.54, 0.069),
        ("cnn", "lstm", "additive", 0.644, 0.236, 0.071, 0.197, 0.075, 0.542, 0.054),
        ("cnn", "lstm", "scaled_dot", 0.466, 0.176, 0.114, 0.215, 0.116, 0.41, 0.074),
        ("snli", "average", "additive", 0.75, 0.582, 0.185, 0.593, 0.189, 0.587, 0.218),
        ("snli", "average", "scaled_dot", 0.753, 0.5, 0.182, 0.527, 0.18, 0.434, 0.223),
        ("snli", "cnn", "additive", 0.775, 0.235, 0.236, 0.264, 0.227, 0.34, 0.221),
        ("snli", "cnn", "scaled_dot", 0.779, 0.271, 0.222, 0.288, 0.212, 0.294, 0.228),
        ("snli", "lstm", "additive", 0.779, 0.314, 0.216, 0.29, 0.237, 0.24, 0.22),
        ("snli", "lstm", "scaled_dot", 0.766, 0.116, 0.235, 0.156, 0.238, 0.31, 0.208),
    )
}
"""(task, encoder, attention) -> what the authors of Jain & Wallace 2019 released with their code (outputs of their
runs, not read off the paper's table); their dot is scaled_dot here, and their tanh additive."""
