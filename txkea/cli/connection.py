"""How commands of ``txkea`` find a running server, and ask it: the switches, and what they come to."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from ipaddress import ip_address
from typing import Any, Final, NamedTuple

import click
from attrs import evolve, fields, frozen

from txkea.cli.switches import Command, decorated
from txkea.cli.waiting import reactor
from txkea.config.places import AGENT, places
from txkea.config.text import load
from txkea.control.answer import Result
from txkea.control.asking import TIME_LIMIT, ControlClient
from txkea.control.reading import read
from txkea.errors import TxkeaError, Unavailable
from txkea.model.configuration import ControlSocket
from txkea.paths import Paths

__all__ = ["Answered", "Connection", "Reply", "Server", "connected", "worst"]

PASSWORD: Final = "TXKEA_PASSWORD"
"""The environment variable with a password."""
LOOPBACK: Final = {4: "127.0.0.1", 6: "[::1]"}


class Reply(NamedTuple):
    """What one server answered; ``service`` is its name, ``""`` if only one was asked."""

    service: str
    answer: Mapping[str, Any]

    @property
    def result(self) -> int:
        """Kea's result code."""
        result: int = self.answer["result"]
        return result

    @property
    def text(self) -> str:
        """What it says, maybe nothing."""
        return str(self.answer.get("text") or "")

    @property
    def arguments(self) -> Any:
        """What it gives, None if nothing."""
        return self.answer.get("arguments")


class Answered(NamedTuple):
    """What came back from one channel: one reply for each service, and all of it as it came."""

    replies: Sequence[Reply]
    raw: bytes


class Server(NamedTuple):
    """One channel to ask; ``named`` are the services to name in each request."""

    where: str
    client: ControlClient
    named: Sequence[str] = ()
    service: str = ""
    """What the server is, for people."""

    async def ask(self, command: str, arguments: Any = None) -> Sequence[Reply]:
        """One reply for each service; raises `Unavailable` if there is none."""
        return self._replies(await self.client.ask(self._request(command, arguments)))

    async def forward(self, command: str, arguments: Any = None) -> Answered:
        """The same, and the answer as it came."""
        chunks = (await self.client.forward(self._request(command, arguments))).chunks
        return Answered(self._replies(read(chunks)), b"".join(chunks))

    def _request(self, command: str, arguments: Any) -> Mapping[str, Any]:
        given = {"command": command, "arguments": arguments, "service": list(self.named) or None}
        return {name: value for name, value in given.items() if value is not None}

    def _replies(self, value: Any) -> Sequence[Reply]:
        """Over HTTP answers are a list."""
        answers = value if isinstance(value, list) else [value]
        if not answers or not all(isinstance(each, dict) and isinstance(each.get("result"), int) for each in answers):
            raise Unavailable(f"{self.where}: what answers is no control channel")
        names = self.named if len(self.named) == len(answers) > 1 else [self.service] * len(answers)
        return [Reply(name, each) for name, each in zip(names, answers, strict=True)]


@frozen(kw_only=True)
class Connection:
    """Where servers are, and who asks; the switches by their names."""

    config: str | None = None
    socket: str | None = None
    url: str | None = None
    service: tuple[str, ...] = ()
    user: str = ""
    password: str | None = None
    password_file: str | None = None
    ca: str = ""
    cert: str = ""
    key: str = ""
    timeout: float = TIME_LIMIT

    def of_family(self, family: int) -> Connection:
        """The same, and of several servers in a configuration the one of this family."""
        return evolve(self, service=(f"dhcp{family}",)) if self.config and not self.service else self

    def servers(self) -> Sequence[Server]:
        """Whom to ask. Raises `TxkeaError`; nothing is connected yet."""
        if self.socket is not None:
            return [Server(self.socket, self._client(self.socket), self.service)]
        if self.url is not None:
            return [Server(self.url, self._client(self.url), self.service)]
        return self._configured(self.config or "")

    def server(self) -> Server:
        """The only one to ask. Raises `TxkeaError`."""
        servers = self.servers()
        if len(servers) > 1 or len(self.service) > 1:
            raise TxkeaError("this is for one server at a time; name one --service")
        return servers[0]

    def _client(self, where: str, ca: str = "") -> ControlClient:
        return ControlClient(
            reactor,
            where,
            user=self.user,
            password=self._password() if self.user else "",
            trust_anchor=self.ca or ca,
            certificate=self.cert,
            key=self.key,
            time_limit=self.timeout,
        )

    def _password(self) -> str:
        if self.password_file is not None:
            try:
                with open(self.password_file, encoding="utf-8") as file:
                    return file.readline().rstrip("\r\n")
            except (OSError, ValueError) as error:
                raise TxkeaError(f"{self.password_file} cannot be read: {error}") from None
        if self.password is None and sys.stdin.isatty():
            return str(click.prompt("Password", hide_input=True, default="", show_default=False, err=True))
        return self.password or ""

    # -- the configuration of a server ---------------------------------------------------------------------------------

    def _configured(self, path: str) -> Sequence[Server]:
        found = places(load(path))
        servers = [name for name in found if name != AGENT]
        if not self.service and len(servers) > 1:
            raise TxkeaError(f"{path} has the servers {' and '.join(servers)}; say which by --service")
        wanted = self.service or servers or [AGENT]
        paths = Paths.from_environment(os.environ)
        return [self._placed(path, service, found, paths, len(wanted) > 1) for service in wanted]

    def _placed(
        self, path: str, service: str, found: Mapping[str, Sequence[ControlSocket]], paths: Paths, several: bool
    ) -> Server:
        """One server of a configuration; the Control Agent's for what has no channel of its own there."""
        for name, named in ((service, ()), (AGENT, (service,))):
            if sockets := found.get(name):
                where = _address(sockets[0], paths)
                client = self._client(where, sockets[0].parameters.get("trust-anchor", ""))
                return Server(where, client, named, service if several else "")
        if service in found:
            raise TxkeaError(f"{path}: {service} has no control socket; give it one in control-sockets")
        known = ", ".join(found) or "none"
        raise TxkeaError(f"{path} has no server {service}; servers there are: {known}")


def _address(place: ControlSocket, paths: Paths) -> str:
    if place.type == "unix":
        return paths.socket(place.address)
    address = ip_address(place.address)
    host = f"[{address}]" if address.version == 6 else str(address)
    return f"{place.type}://{LOOPBACK[address.version] if address.is_unspecified else host}:{place.port}/"


# -- switches ----------------------------------------------------------------------------------------------------------

SWITCHES: Final = (
    click.option(
        "-c", "--config", metavar="FILE", help="The server's configuration: its first UNIX control socket, or HTTP."
    ),
    click.option("--socket", metavar="PATH", help="A UNIX control socket."),
    click.option("--url", metavar="URL", help="HTTP or HTTPS, such as http://127.0.0.1:8000."),
    click.option(
        "--service", multiple=True, metavar="NAME", help="The server that is meant: dhcp4 or dhcp6. May be repeated."
    ),
    click.option("--user", "--auth-user", "user", default="", metavar="NAME", help="Who asks, over HTTP."),
    click.option("--password-file", metavar="FILE", help="A file with the user's password in its first line."),
    click.option(
        "--password",
        "--auth-password",
        "password",
        envvar=PASSWORD,
        metavar="TEXT",
        help=f"The password itself, which everybody on this machine can see here; better the file, or {PASSWORD}.",
    ),
    click.option("--ca", default="", metavar="FILE", help="Authorities that may have signed the server's certificate."),
    click.option("--cert", default="", metavar="FILE", help="Our own certificate, for servers that want one."),
    click.option("--key", default="", metavar="FILE", help="Its key."),
    click.option(
        "--timeout",
        default=TIME_LIMIT,
        type=click.FloatRange(0.1, 3600),
        metavar="SECONDS",
        show_default=True,
        help="How long an answer may take.",
    ),
)
NAMES: Final = tuple(field.name for field in fields(Connection))


def connected(required: bool = True) -> Callable[[Command], Command]:
    """A decorator: the switches that tell whom to ask, given as one parameter ``connection``.

    It is None if there is none of them and none is ``required``.
    """

    def decorate(function: Command) -> Command:
        @wraps(function)
        def run(**given: Any) -> None:
            connection = Connection(**{name: given.pop(name) for name in NAMES})
            ways = [each for each in (connection.config, connection.socket, connection.url) if each is not None]
            if len(ways) > 1 or (required and not ways):
                raise click.UsageError("say where the server is: one of --config, --socket and --url")
            if connection.url is not None and not connection.url.startswith(("http://", "https://")):
                raise click.UsageError(f"--url {connection.url} begins with neither http:// nor https://")
            function(connection=connection if ways else None, **given)

        return decorated(SWITCHES)(run)

    return decorate


def worst(replies: Sequence[Reply]) -> int:
    """The exit status for what servers answered: 0 for success, 3 if nothing was found, 1 for all else."""
    results = {reply.result for reply in replies}
    if results - {Result.SUCCESS, Result.EMPTY} or not results:
        return 1
    return int(min(results))
