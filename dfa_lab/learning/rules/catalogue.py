"""The learning rules, each a frozen value that both forms of a network read: see ``rule.py`` for what a rule is.

Sign-concordant rules (Liao, Leibo & Poggio 2016) carry δ with sign(W) ⊙ M, where M holds magnitudes from the weight
init's own family times ``feedback_scale``: uSF their root mean square everywhere, frSF absolute values drawn once,
brSF absolute values drawn anew for every optimizer step.
"""

from __future__ import annotations

from torch import Tensor

from dfa_lab.learning.rules.feedback_updates import direct_kolen_pollack, kolen_pollack, weight_mirror
from dfa_lab.learning.rules.rule import RULES, Lesson, Route, Rule

__all__ = ["BP", "RULES"]


def _own_weight(weight: Tensor, feedback: Tensor | None) -> Tensor:
    return weight


def _fixed_feedback(weight: Tensor, feedback: Tensor | None) -> Tensor:
    assert feedback is not None
    return feedback


def _concordant(weight: Tensor, feedback: Tensor | None) -> Tensor:
    assert feedback is not None
    return weight.sign().mul_(feedback)


def _error_itself(error: Tensor, lesson: Lesson | None) -> Tensor:
    return error


def _error_sign(error: Tensor, lesson: Lesson | None) -> Tensor:
    assert lesson is not None
    return error.sign() * lesson.scale


def _target(error: Tensor, lesson: Lesson | None) -> Tensor:
    assert lesson is not None
    return lesson.scaled.expand_as(error)


BP = Rule(
    name="bp",
    title="backpropagation",
    paper="Rumelhart, Hinton & Williams 1986, Nature 323",
    equation="δ_l = W_{l+1}ᵀ δ_{l+1} ⊙ f'(a_l)",
    route=Route.LAYERWISE,
    carrier=_own_weight,
)
FA = Rule(
    name="fa",
    title="feedback alignment",
    paper="Lillicrap, Cownden, Tweed & Akerman 2016, Nature Communications 7",
    equation="δ_l = B_{l+1} δ_{l+1} ⊙ f'(a_l)",
    route=Route.LAYERWISE,
    needs_feedback=True,
    carrier=_fixed_feedback,
)
DFA = Rule(
    name="dfa",
    title="direct feedback alignment",
    paper="Nøkland 2016, NeurIPS",
    equation="δ_l = B_l e ⊙ f'(a_l)",
    route=Route.DIRECT,
    needs_feedback=True,
    broadcast=_error_itself,
)
USF = Rule(
    name="usf",
    title="uniform sign-concordant feedback",
    paper="Liao, Leibo & Poggio 2016, AAAI; Moskovitz, Litwin-Kumar & Abbott 2018",
    equation="δ_l = m sign(W_{l+1})ᵀ δ_{l+1} ⊙ f'(a_l)",
    route=Route.LAYERWISE,
    needs_feedback=True,
    carrier=_concordant,
    magnitudes="constant",
)
BRSF = Rule(
    name="brsf",
    title="batchwise random-magnitude sign-concordant feedback",
    paper="Liao, Leibo & Poggio 2016, AAAI; Moskovitz, Litwin-Kumar & Abbott 2018",
    equation="δ_l = (|B_{l+1}| ⊙ sign(W_{l+1}ᵀ)) δ_{l+1} ⊙ f'(a_l), |B| drawn anew each step",
    route=Route.LAYERWISE,
    needs_feedback=True,
    carrier=_concordant,
    magnitudes="redrawn",
)
FRSF = Rule(
    name="frsf",
    title="fixed random-magnitude sign-concordant feedback",
    paper="Moskovitz, Litwin-Kumar & Abbott 2018; Liao, Leibo & Poggio 2016",
    equation="δ_l = (|B_{l+1}| ⊙ sign(W_{l+1}ᵀ)) δ_{l+1} ⊙ f'(a_l)",
    route=Route.LAYERWISE,
    needs_feedback=True,
    carrier=_concordant,
    magnitudes="drawn",
)
KP = Rule(
    name="kp",
    title="Kolen–Pollack: feedback that learns as the weights do",
    paper="Akrout, Wilson, Humphreys, Lillicrap & Tweed 2019, NeurIPS",
    equation="as FA; ΔB_{l+1} = ΔW_{l+1}ᵀ, then both decay by 1 − λ",
    route=Route.LAYERWISE,
    needs_feedback=True,
    carrier=_fixed_feedback,
    move=kolen_pollack,
    decay=1e-3,
)
WM = Rule(
    name="wm",
    title="weight mirror: feedback that learns the weights from noise",
    paper="Akrout, Wilson, Humphreys, Lillicrap & Tweed 2019, NeurIPS",
    equation="as FA; B_{l+1} ← (1 − λ) B_{l+1} + λ E[ξ (W_{l+1} ξ)ᵀ]",
    route=Route.LAYERWISE,
    needs_feedback=True,
    carrier=_fixed_feedback,
    move=weight_mirror,
    decay=0.02,
)
SDFA = Rule(
    name="sdfa",
    title="direct feedback alignment by the sign of the error",
    paper="Frenkel, Lefebvre & Bol 2021, Frontiers in Neuroscience 15",
    equation="δ_l = B_l sign(e) ⊙ f'(a_l)",
    route=Route.DIRECT,
    needs_feedback=True,
    broadcast=_error_sign,
    needs_lesson=True,
)
DRTP = Rule(
    name="drtp",
    title="direct random target projection",
    paper="Frenkel, Lefebvre & Bol 2021, Frontiers in Neuroscience 15",
    equation="δ_l = B_l t ⊙ f'(a_l)",
    route=Route.DIRECT,
    needs_feedback=True,
    broadcast=_target,
    needs_lesson=True,
)
DKP = Rule(
    name="dkp",
    title="direct Kolen–Pollack: direct feedback that learns",
    paper="Webster, Choi & Ahn 2020",
    equation="as DFA; B_l ← (1 − λ) B_l − 0.1 h_l eᵀ",
    route=Route.DIRECT,
    needs_feedback=True,
    broadcast=_error_itself,
    move=direct_kolen_pollack,
    decay=1e-3,
    listens=True,
)
SHALLOW = Rule(
    name="shallow",
    title="hidden layers frozen, the baseline every result needs",
    paper="the control in Nøkland 2016 and Launay et al. 2020",
    equation="δ_l = 0",
    route=Route.NONE,
)

#: Every rule above, in its order: none can be left out.
for _rule in [one for one in list(globals().values()) if isinstance(one, Rule)]:
    RULES.register(_rule.name, _rule)
