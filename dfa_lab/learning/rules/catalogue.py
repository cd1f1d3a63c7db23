"""The learning rules. ``rule.py`` says what a rule is.

Sign-concordant rules (Liao, Leibo & Poggio 2016) carry δ with sign(W) ⊙ M, where M holds magnitudes from the weight
init's own family times ``feedback_scale``: uSF their root mean square everywhere, frSF absolute values drawn once,
brSF absolute values drawn anew for every optimizer step.

>>> import dfa_lab as dfa
>>> dfa.RULES["dfa"].equation
"δ_l = B_l e ⊙ f'(a_l)"
"""

from __future__ import annotations

from typing import Any

from torch import Tensor

from dfa_lab.learning.rules.feedback_updates import direct_kolen_pollack, kolen_pollack, weight_mirror
from dfa_lab.learning.rules.low_rank import low_rank_learning
from dfa_lab.learning.rules.rule import RULES, Direct, Frozen, Layerwise


def _own_weight(weight: Tensor, feedback: Any) -> Tensor:
    return weight


def _fixed_feedback(weight: Tensor, feedback: Any) -> Any:
    return feedback


def _concordant(weight: Tensor, feedback: Any) -> Tensor:
    return weight.sign().mul_(feedback)


def _error_itself(error: Tensor, lesson: Any) -> Tensor:
    return error


def _error_sign(error: Tensor, lesson: Any) -> Tensor:
    return error.sign() * lesson.scale


def _target(error: Tensor, lesson: Any) -> Any:
    return lesson.scaled.expand_as(error)


BP = Layerwise(
    name="bp",
    title="backpropagation",
    paper="Rumelhart, Hinton & Williams 1986, Nature 323",
    equation="δ_l = W_{l+1}ᵀ δ_{l+1} ⊙ f'(a_l)",
    carrier=_own_weight,
    symbol="Wᵀ",
)
RULES.add(BP)
for _rule in (
    Layerwise(
        name="fa",
        title="feedback alignment",
        paper="Lillicrap, Cownden, Tweed & Akerman 2016, Nature Communications 7",
        equation="δ_l = B_{l+1} δ_{l+1} ⊙ f'(a_l)",
        needs_feedback=True,
        carrier=_fixed_feedback,
    ),
    Direct(
        name="dfa",
        title="direct feedback alignment",
        paper="Nøkland 2016, NeurIPS",
        equation="δ_l = B_l e ⊙ f'(a_l)",
        broadcast=_error_itself,
    ),
    Layerwise(
        name="usf",
        title="uniform sign-concordant feedback",
        paper="Liao, Leibo & Poggio 2016, AAAI; Moskovitz, Litwin-Kumar & Abbott 2018",
        equation="δ_l = m sign(W_{l+1})ᵀ δ_{l+1} ⊙ f'(a_l)",
        needs_feedback=True,
        carrier=_concordant,
        magnitudes="constant",
        symbol="m sign(W)ᵀ",
    ),
    Layerwise(
        name="brsf",
        title="batchwise random-magnitude sign-concordant feedback",
        paper="Liao, Leibo & Poggio 2016, AAAI; Moskovitz, Litwin-Kumar & Abbott 2018",
        equation="δ_l = (|B_{l+1}| ⊙ sign(W_{l+1}ᵀ)) δ_{l+1} ⊙ f'(a_l), |B| drawn anew each step",
        needs_feedback=True,
        carrier=_concordant,
        magnitudes="redrawn",
        symbol="|B| ⊙ sign(W)ᵀ",
    ),
    Layerwise(
        name="frsf",
        title="fixed random-magnitude sign-concordant feedback",
        paper="Moskovitz, Litwin-Kumar & Abbott 2018; Liao, Leibo & Poggio 2016",
        equation="δ_l = (|B_{l+1}| ⊙ sign(W_{l+1}ᵀ)) δ_{l+1} ⊙ f'(a_l)",
        needs_feedback=True,
        carrier=_concordant,
        magnitudes="drawn",
        symbol="|B| ⊙ sign(W)ᵀ",
    ),
    Layerwise(
        name="kp",
        title="Kolen–Pollack: feedback that learns as the weights do",
        paper="Akrout, Wilson, Humphreys, Lillicrap & Tweed 2019, NeurIPS",
        equation="as FA; ΔB_{l+1} = ΔW_{l+1}ᵀ, then both decay by 1 − λ",
        needs_feedback=True,
        carrier=_fixed_feedback,
        move=kolen_pollack,
        decay=1e-3,
    ),
    Layerwise(
        name="wm",
        title="weight mirror: feedback that learns the weights from noise",
        paper="Akrout, Wilson, Humphreys, Lillicrap & Tweed 2019, NeurIPS",
        equation="as FA; B_{l+1} ← (1 − λ) B_{l+1} + λ E[ξ (W_{l+1} ξ)ᵀ]",
        needs_feedback=True,
        carrier=_fixed_feedback,
        move=weight_mirror,
        decay=0.02,
    ),
    Direct(
        name="sdfa",
        title="direct feedback alignment by the sign of the error",
        paper="Frenkel, Lefebvre & Bol 2021, Frontiers in Neuroscience 15",
        equation="δ_l = B_l sign(e) ⊙ f'(a_l)",
        broadcast=_error_sign,
        sends="sign(e)",
        needs_lesson=True,
    ),
    Direct(
        name="drtp",
        title="direct random target projection",
        paper="Frenkel, Lefebvre & Bol 2021, Frontiers in Neuroscience 15",
        equation="δ_l = B_l t ⊙ f'(a_l)",
        broadcast=_target,
        sends="t",
        needs_lesson=True,
    ),
    Direct(
        name="dkp",
        title="direct Kolen–Pollack: direct feedback that learns",
        paper="Webster, Choi & Ahn 2020",
        equation="as DFA; B_l ← (1 − λ) B_l − 0.1 h_l eᵀ",
        broadcast=_error_itself,
        move=direct_kolen_pollack,
        decay=1e-3,
        listens=True,
    ),
    Direct(
        name="ndfa",
        title="normalised direct feedback alignment",
        paper="after Nøkland 2016, NeurIPS; the normalisation as in AiDotNet",
        equation="δ_l = ‖e‖ B̂_l e / ‖B̂_l e‖ ⊙ f'(a_l), B̂_l with columns of length 1",
        broadcast=_error_itself,
        normalised=True,
        symbol="B̂",
    ),
    Direct(
        name="ldfa",
        title="low-rank direct feedback that learns",
        paper="after Hanut & Kadmon 2025, arXiv 2502.20580; P by Oja 1989",
        equation="as DFA; B_l = Q_l P of rank r; ΔP = η P C (I − PᵀP), Q_l ← (1 − λ) Q_l − 0.1 h_l (P e)ᵀ",
        broadcast=_error_itself,
        move=low_rank_learning,
        decay=1e-3,
        listens=True,
        rank=8,
        symbol="Q P",
    ),
    Frozen(
        name="shallow",
        title="hidden layers frozen, the baseline every result needs",
        paper="the control in Nøkland 2016 and Launay et al. 2020",
        equation="δ_l = 0",
    ),
):
    RULES.add(_rule)
