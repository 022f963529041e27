"""Every model of the zoo runs in a pipeline, or there is a reason why not."""

from __future__ import annotations

import inspect
import re

from cache_dit.verify import pipelines, zoo
from cache_dit.verify.pipelines.absent import ABSENT
from cache_dit.verify.pipelines.entry import PipelineEntry


def models(entry: PipelineEntry) -> set[str]:
    """Classes that the pipeline names as its denoiser's."""
    parameter = inspect.signature(entry.pipeline_class).parameters[entry.denoiser]
    return set(re.findall(r"\w+", str(parameter.annotation)))


IN_ZOO = {entry.class_name for entry in zoo.ENTRIES.values() if entry.available}
IN_PIPELINES = {
    name for entry in pipelines.ENTRIES.values() if entry.available for name in models(entry)
}


def test_every_model_has_a_pipeline_or_a_reason() -> None:
    assert sorted(IN_ZOO - IN_PIPELINES - set(ABSENT)) == []


def test_no_model_has_both() -> None:
    assert sorted(IN_PIPELINES & set(ABSENT)) == []


def test_reasons_are_about_models_of_the_zoo() -> None:
    assert sorted(set(ABSENT) - {entry.class_name for entry in zoo.ENTRIES.values()}) == []
