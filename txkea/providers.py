"""Find a provider by the name that a configuration gives it, and the places where it has its say."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, MutableMapping
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any, Final, NamedTuple

from attrs import field, frozen
from zope.interface import implementer
from zope.interface.exceptions import Invalid
from zope.interface.verify import verifyObject

from txkea.errors import ConfigError, ConfigErrors, NoSuchProvider, Position
from txkea.flex.entries import FLEX_OPTION
from txkea.flex.identifier import FLEX_ID
from txkea.interfaces import (
    IAnswerReady,
    IBackends,
    ICommands,
    IDatabaseAdmin,
    IHostCache,
    IHostSource,
    IHostStore,
    IIdentifierSource,
    ILeaseObserver,
    ILeaseSelected,
    ILeaseStore,
    ILogger,
    IProviderFactory,
    IQueryArrived,
    IQueryFilter,
    IQueryReceived,
    IRunning,
    IStatus,
    ISubnetSelected,
)
from txkea.leases.factory import MEMFILE
from txkea.model.configuration import Configuration, Database, HookLibrary
from txkea.paths import Paths

__all__ = [
    "BUILT_IN",
    "DATABASE_ADMINS",
    "FACETS",
    "GROUP",
    "HOOKS",
    "HOST_STORES",
    "LEASE_STORES",
    "OURS",
    "Surroundings",
    "Unwatched",
    "by_facet",
    "database_admin",
    "hook_providers",
    "host_store",
    "lease_store",
    "provider_factory",
    "refuse_absent",
]

GROUP = "txkea.providers"
"""The entry point group in which third parties announce their factories."""


@implementer(IBackends)
class Unwatched:
    """For those who do not want to know."""

    def lost(self, name: str, problem: str, stop: bool) -> None:
        """See `IBackends`."""

    def back(self, name: str) -> None:
        """See `IBackends`."""

    def gave_up(self, name: str, reason: str) -> None:
        """See `IBackends`."""


@frozen(kw_only=True)
class Surroundings:
    """What a factory may need beyond its parameters."""

    configuration: Configuration
    """The one that the provider is for, as a whole."""
    reactor: Any
    """Twisted's: for connections (``Agent(site.reactor)``), timers and the time."""
    log: ILogger
    """Its own logger, which ``loggers`` may name: ``NAME-hooks``, an underscore of the name being a hyphen."""
    paths: Paths
    """Where files belong, as ``data-directory`` has it."""
    backends: IBackends = field(factory=Unwatched)
    """Told by a backend whether it can be used."""
    statistics: MutableMapping[str, int] = field(factory=dict)
    """The server's counters by name, which ``statistic-get`` and the page of metrics show; they outlast a provider."""


BUILT_IN: dict[str, IProviderFactory] = {each.name: each for each in (MEMFILE, FLEX_ID, FLEX_OPTION)}


class Extra(NamedTuple):
    """A factory of ours that needs packages which not everybody has installed."""

    place: str
    """Its dotted path."""
    extra: str
    """What is to be installed with it, as ``txkea[extra]``."""


LEASE_STORES: Final[Mapping[str, Extra]] = {
    "postgresql": Extra("txkea.sql.factory.POSTGRESQL_LEASES", "sql"),
    "mysql": Extra("txkea.sql.factory.MYSQL_LEASES", "sql"),
    "cql": Extra("txkea.cassandra.factory.CASSANDRA_LEASES", "cassandra"),
    "redis": Extra("txkea.redis.factory.REDIS_LEASES", "redis"),
}
"""What else ``lease-database`` may be."""
HOST_STORES: Final[Mapping[str, Extra]] = {
    "postgresql": Extra("txkea.sql.hosts.POSTGRESQL_HOSTS", "sql"),
    "mysql": Extra("txkea.sql.hosts.MYSQL_HOSTS", "sql"),
    "cql": Extra("txkea.cassandra.factory.CASSANDRA_HOSTS", "cassandra"),
}
"""What each of ``hosts-databases`` may be."""
DATABASE_ADMINS: Final[Mapping[str, Extra]] = {
    "postgresql": Extra("txkea.sql.admin.POSTGRESQL_ADMIN", "sql"),
    "mysql": Extra("txkea.sql.admin.MYSQL_ADMIN", "sql"),
    "cql": Extra("txkea.cassandra.factory.CASSANDRA_ADMIN", "cassandra"),
    "redis": Extra("txkea.redis.factory.REDIS_ADMIN", "redis"),
}
"""What makes each of them ready: factories of `IDatabaseAdmin`."""

HOOKS: Final[Mapping[str, Extra]] = {
    "host_cache": Extra("txkea.hosts.cache_factory.HOST_CACHE", "redis"),
    "radius": Extra("txkea.radius.factory.RADIUS", "radius"),
}
"""What else ``hooks-libraries`` may name."""
OURS: Final = (*BUILT_IN, *HOOKS)
"""What no configuration needs to bring along."""

FACETS: Final[Mapping[str, Any]] = {
    "arrived": IQueryArrived,
    "identifier_sources": IIdentifierSource,
    "filters": IQueryFilter,
    "observers": ILeaseObserver,
    "received": IQueryReceived,
    "selected": ISubnetSelected,
    "lease_selected": ILeaseSelected,
    "answer_ready": IAnswerReady,
    "host_sources": IHostSource,
    "host_caches": IHostCache,
    "commands": ICommands,
    "running": IRunning,
    "statuses": IStatus,
}
"""What a provider from ``hooks-libraries`` may be, by the fields of `txkea.exchange.site.Site`."""


def provider_factory(name: str, path: str, extras: Mapping[str, Extra] = {}) -> Any:
    """The factory that is called ``name``: built in, announced by an installed package, or given as a dotted path.

    ``path`` is the place in the configuration, ``extras`` what else of ours may stand there. Raises `NoSuchProvider`,
    or `ConfigError` for one that is not what it should be.
    """
    factory = _extra(name, extras[name], path) if name in extras else _load(name, path)
    try:
        verifyObject(IProviderFactory, factory)
    except Invalid as error:
        raise ConfigError(f"provider {name!r} is no IProviderFactory: {error}", path) from None
    return factory


def _extra(name: str, extra: Extra, path: str) -> Any:
    module, _, attribute = extra.place.rpartition(".")
    try:
        return getattr(import_module(module), attribute)
    except ImportError as error:
        mend = f"pip install 'txkea[{extra.extra}]'"
        raise NoSuchProvider(f"{name!r} needs a package that is not installed ({error}); mend: {mend}", path) from error


def _load(name: str, path: str) -> Any:
    if name in BUILT_IN:
        return BUILT_IN[name]
    entries = {entry.name: entry for entry in entry_points(group=GROUP)}
    try:
        if name in entries:
            return entries[name].load()
        module, _, attribute = name.rpartition(".")
        if module:
            return getattr(import_module(module), attribute)
    except Exception as error:  # a module that is imported may raise anything
        why = str(error) if isinstance(error, (ImportError, AttributeError)) else repr(error)
        raise NoSuchProvider(f"provider {name!r} cannot be imported: {why}", path) from error
    raise _absent(name, entries, path)


def _absent(name: str, announced: Iterable[str], path: str) -> NoSuchProvider:
    known = ", ".join(sorted({*BUILT_IN, *LEASE_STORES, *announced}))
    return NoSuchProvider(f"there is no provider {name!r}; installed are {known}", path)


def refuse_absent(configuration: Configuration) -> None:
    """Raise `NoSuchProvider` for a lease database that nothing installed can be; nothing is imported."""
    name = configuration.lease_database.type
    announced = [entry.name for entry in entry_points(group=GROUP)]
    if name not in (*BUILT_IN, *LEASE_STORES, *announced) and "." not in name:
        raise _absent(name, announced, f"Dhcp{configuration.family}.lease-database")


def lease_store(configuration: Configuration, **surroundings: Any) -> ILeaseStore:
    """The lease store that a configuration names, with these `Surroundings`; not yet open."""
    path = f"Dhcp{configuration.family}.lease-database"
    return _store(configuration, configuration.lease_database, path, LEASE_STORES, ILeaseStore, surroundings)  # type: ignore[no-any-return]


def host_store(configuration: Configuration, index: int, **surroundings: Any) -> IHostStore:
    """One of the host stores that a configuration names, with these `Surroundings`; not yet open."""
    path = f"Dhcp{configuration.family}.hosts-databases[{index}]"
    return _store(configuration, configuration.hosts_databases[index], path, HOST_STORES, IHostStore, surroundings)  # type: ignore[no-any-return]


def database_admin(database: Database, path: str, configuration: Configuration, **surroundings: Any) -> IDatabaseAdmin:
    """What makes a database ready that stands at this place of a configuration, with these `Surroundings`."""
    return _store(configuration, database, path, DATABASE_ADMINS, IDatabaseAdmin, surroundings)  # type: ignore[no-any-return]


def _store(
    configuration: Configuration,
    database: Database,
    path: str,
    extras: Mapping[str, Extra],
    interface: Any,
    surroundings: Mapping[str, Any],
) -> Any:
    paths = surroundings["paths"].configured(configuration.data_directory)
    around = Surroundings(configuration=configuration, **{**surroundings, "paths": paths})
    store = _made(database.type, database.parameters, around, path, database.locate, extras)
    try:
        verifyObject(interface, store)
    except Invalid as error:
        raise ConfigError(f"what {database.type!r} made is no {interface.__name__}: {error}", path) from None
    return store


def _made(
    name: str,
    parameters: Mapping[str, Any],
    surroundings: Surroundings,
    path: str,
    locate: Callable[[str], Position | None] = lambda inner: None,
    extras: Mapping[str, Extra] = {},
) -> Any:
    """What the factory of this name makes; what it finds wrong gets its whole path, and its position if it is known."""

    def placed(error: ConfigError) -> ConfigError:
        return ConfigError(error.message, f"{path}.{error.path}".rstrip("."), locate(error.path))

    factory = provider_factory(name, path, extras)
    try:
        return factory.make(parameters, surroundings)
    except ConfigError as error:
        raise placed(error) from None
    except ConfigErrors as wrong:
        raise ConfigErrors([placed(error) for error in wrong.errors]) from None
    except Exception as error:  # a third party's fault is told with its place, too
        raise placed(ConfigError(f"the factory of {name!r} failed: {error!r}")) from error


def hook_providers(
    configuration: Configuration,
    *,
    reactor: Any,
    logger: Callable[[str], ILogger],
    paths: Paths,
    statistics: MutableMapping[str, int],
    only: Iterable[str] | None = None,
) -> dict[str, list[Any]]:
    """The providers that ``hooks-libraries`` name, by the fields of `Site` that hold them, in the order of the file.

    ``only`` names those that are wanted. Raises `ConfigErrors`, or `ConfigError` for one that is not what it should be.
    """
    found: dict[str, list[Any]] = {}
    errors: list[ConfigError] = []
    for hook in configuration.hooks:
        if only is None or hook.name in only:
            surroundings = Surroundings(
                configuration=configuration,
                reactor=reactor,
                log=logger(f"{hook.name.replace('_', '-')}-hooks"),
                paths=paths.configured(configuration.data_directory),
                statistics=statistics,
            )
            try:
                provider = _made(hook.name, hook.parameters, surroundings, hook.path, hook.locate, HOOKS)
                for field, one in _placed(provider, hook).items():
                    found.setdefault(field, []).append(one)
            except ConfigErrors as wrong:
                errors += wrong.errors
            except ConfigError as error:
                errors.append(error if error.position else ConfigError(error.message, error.path, hook.locate("")))
    if errors:
        raise ConfigErrors(sorted(errors, key=lambda error: error.position or ("", 0, 0)))
    return found


def _placed(provider: Any, hook: HookLibrary) -> dict[str, Any]:
    """What stands for a provider in each field where it has its place."""
    found = dict.fromkeys(by_facet(provider, hook.name, hook.path), provider)
    if "commands" in found:
        found["commands"] = HookCommands(_commands(provider, hook), hook.path, hook.locate(""))
    return found


def by_facet(provider: Any, name: str, path: str = "") -> list[str]:
    """The fields of `Site` where a provider has its place.

    ``name`` is what the configuration calls it. Raises `ConfigError`, with this path, if it has no place, or does not
    keep an interface's shape.
    """
    fields = [field for field, facet in FACETS.items() if facet.providedBy(provider)]
    if not fields:
        known = ", ".join(facet.__name__ for facet in FACETS.values())
        raise ConfigError(f"what {name!r} made provides none of {known}", path)
    for place in fields:
        try:
            verifyObject(FACETS[place], provider)
        except Invalid as error:
            raise ConfigError(f"what {name!r} made is no {FACETS[place].__name__}: {error}", path) from None
    return fields


@implementer(ICommands)
@frozen
class HookCommands:
    """The commands of one provider, and where the configuration names it."""

    provided: Mapping[str, Callable[[Any], Any]]
    path: str
    position: Position | None

    def commands(self) -> Mapping[str, Callable[[Any], Any]]:
        """See `ICommands`."""
        return self.provided


def _commands(provider: Any, hook: HookLibrary) -> Mapping[str, Callable[[Any], Any]]:
    try:
        found = dict(provider.commands())
    except Exception as error:  # a third party's fault is told with its place
        raise ConfigError(f"the commands of {hook.name!r} cannot be listed: {error!r}", hook.path) from error
    wrong = [name for name, call in found.items() if not (isinstance(name, str) and name and callable(call))]
    if wrong:
        raise ConfigError(f"{hook.name!r} has a command {wrong[0]!r} that cannot be called by this name", hook.path)
    return found
