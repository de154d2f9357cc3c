"""Find a provider by the name that a configuration gives it."""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import entry_points
from typing import Any

from attrs import frozen
from zope.interface.exceptions import Invalid
from zope.interface.verify import verifyObject

from txkea.errors import ConfigError, NoSuchProvider
from txkea.interfaces import ILeaseStore, ILogger, IProviderFactory
from txkea.leases.factory import MEMFILE
from txkea.model.configuration import Configuration
from txkea.paths import Paths

__all__ = ["GROUP", "Surroundings", "lease_store", "provider_factory"]

GROUP = "txkea.providers"
"""The entry point group in which third parties announce their factories."""


@frozen(kw_only=True)
class Surroundings:
    """What a factory may need beyond its parameters."""

    configuration: Configuration
    reactor: Any
    log: ILogger
    paths: Paths


BUILT_IN: dict[str, IProviderFactory] = {"memfile": MEMFILE}


def provider_factory(name: str, path: str) -> Any:
    """The factory that is called ``name``: built in, announced by an installed package, or given as a dotted path.

    ``path`` is the place in the configuration. Raises `NoSuchProvider`, or `ConfigError` for one that is not what it
    should be.
    """
    factory = _load(name, path)
    try:
        verifyObject(IProviderFactory, factory)
    except Invalid as error:
        raise ConfigError(f"provider {name!r} is no IProviderFactory: {error}", path) from None
    return factory


def _load(name: str, path: str) -> Any:
    if name in BUILT_IN:
        return BUILT_IN[name]
    for entry in entry_points(group=GROUP):
        if entry.name == name:
            return entry.load()
    module, _, attribute = name.rpartition(".")
    if module:
        try:
            return getattr(import_module(module), attribute)
        except (ImportError, AttributeError) as error:
            raise NoSuchProvider(f"provider {name!r} cannot be imported: {error}", path) from None
    known = ", ".join(sorted({*BUILT_IN, *(entry.name for entry in entry_points(group=GROUP))}))
    raise NoSuchProvider(f"there is no provider {name!r}; installed are {known}", path)


def lease_store(configuration: Configuration, *, reactor: Any, log: ILogger, paths: Paths) -> ILeaseStore:
    """The lease store that a configuration names; not yet open."""
    database = configuration.lease_database
    path = f"Dhcp{configuration.family}.lease-database"
    paths = paths.configured(configuration.data_directory)
    surroundings = Surroundings(configuration=configuration, reactor=reactor, log=log, paths=paths)
    store = provider_factory(database.type, path).make(database.parameters, surroundings)
    try:
        verifyObject(ILeaseStore, store)
    except Invalid as error:
        raise ConfigError(f"what {database.type!r} made is no ILeaseStore: {error}", path) from None
    return store  # type: ignore[no-any-return]
