"""The parameters of a provider held against tables of keywords, as the rest of the configuration is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from txkea.config.families import BY_NUMBER
from txkea.config.keywords import KeywordMap
from txkea.config.structure import Problems, Section, structure
from txkea.config.text import from_json
from txkea.errors import ConfigErrors
from txkea.model.configuration import Configuration
from txkea.wire.definitions import Definitions

__all__ = ["definitions_of", "judged"]


@contextmanager
def judged(parameters: Mapping[str, Any], name: str, tables: Mapping[str, KeywordMap]) -> Iterator[Section]:
    """The parameters, whose table is called ``name``.

    At its end raises `ConfigErrors` for all that is wrong by the tables, and that was reported meanwhile.
    """
    problems = Problems()
    yield structure(from_json(parameters).root, name, tables, problems)
    if problems.errors:
        raise ConfigErrors(problems.errors)


def definitions_of(configuration: Configuration) -> Definitions:
    """The standard options and those of the operator."""
    return BY_NUMBER[configuration.family].standard.extended(configuration.option_definitions)
