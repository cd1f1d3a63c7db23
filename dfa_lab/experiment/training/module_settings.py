"""The settings of a module's run, whose table leaves out what makes an MLP."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from dfa_lab.experiment.settings import Settings
from dfa_lab.experiment.training.learner import OF_AN_MLP


class ModuleSettings(Settings):
    """Settings, equal to any others of the same values, of a run that has a module of its own."""

    unused: ClassVar[Sequence[str]] = OF_AN_MLP


def settings_for(module: Any, settings: Settings) -> Settings:
    """The same settings as those of a run of ``module``, None for an MLP's."""
    if isinstance(settings, ModuleSettings) == (module is not None):
        return settings
    kind = Settings if module is None else ModuleSettings
    return kind.model_construct(**settings.values())
