"""txkea's Control Agent beside Debian's, before servers of both, asked by Debian's kea-shell and by curl."""

from __future__ import annotations

import atexit
import json
import re
import shutil
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final

from twisted.trial.unittest import SynchronousTestCase

from tests.certifying import certified
from tests.real.agents import HOST, Scene, curl, post, shell
from tests.real.daemons import free_port
from txkea.testing.namespaces import wait_for

MISSING: Final = [
    name for name in ("kea-ctrl-agent", "kea-shell", "kea-dhcp4", "kea-dhcp6", "curl") if not shutil.which(name)
]
BOTH: Final = ["dhcp4", "dhcp6"]
JSON: Final = "Content-Type: application/json"


def command(name: str, *services: str, **more: Any) -> dict[str, Any]:
    """A request."""
    return {"command": name, **({"service": list(services)} if services else {}), **more}


FORWARDED: Final[tuple[Any, ...]] = (
    command("list-commands", "dhcp4"),
    command("list-commands", "dhcp6"),
    command("list-commands", *BOTH),
    command("version-get", "dhcp6", "dhcp4"),
    command("version-get", "dhcp4", "dhcp4"),
    command("build-report", *BOTH),
    command("status-get", *BOTH),
    command("status-get", *BOTH, arguments={}),
    command("config-get", *BOTH),
    command("config-reload", "dhcp4"),
    command("config-test", "dhcp4", arguments={"Dhcp4": {"subnet4": []}}),
    command("config-test", *BOTH, arguments={"Dhcp4": {"subnet4": []}}),
    command("config-test", "dhcp4", arguments={"Dhcp4": {"valid-lifetime": "long"}}),
    command("config-test", "dhcp4", arguments=[1, 2]),
    command("config-test", "dhcp4"),
    command("statistic-get-all", *BOTH),
    command("statistic-get", "dhcp4", arguments={"name": "pkt4-received"}),
    command("statistic-get", *BOTH, arguments={"name": "no-such-statistic"}),
    command("statistic-get", "dhcp4", arguments={"name": "grüße €"}),
    command("statistic-get", "dhcp4", arguments={"name": 1}),
    command("dhcp-disable", *BOTH, arguments={"max-period": 100}),
    command("dhcp-enable", *BOTH),
    command("dhcp-disable", "dhcp4", arguments={"max-period": -1}),
    command("leases-reclaim", *BOTH, arguments={"remove": True}),
    command("leases-reclaim", "dhcp6"),
    command("no-such-command", *BOTH),
    command("", "dhcp4"),
    json.dumps(command("version-get", "dhcp4"), indent=3),
    '{ "service": [ "dhcp4" ], "command": "version-get" }',
)
"""What is passed on: the answers must be equal, for the servers are the same."""

UNREACHABLE: Final[tuple[Any, ...]] = (
    command("version-get", "d2"),
    command("version-get", "dhcp4", "d2", "dhcp6"),
    command("version-get", "no-such-service"),
    command("version-get", ""),
)
"""What cannot be passed on, wholly or in part: the answers must be equal too."""

OWN: Final[tuple[Any, ...]] = (
    command("list-commands"),
    command("list-commands", service=[]),
    command("version-get"),
    command("build-report"),
    command("status-get"),
    command("config-get"),
    command("config-test"),
    command("config-test", arguments={}),
    command("config-test", arguments={"Control-agent": {"http-port": 1}}),
    command("config-test", arguments={"Control-agent": {"http-port": "x"}}),
    command("config-reload"),
    command("no-such-command"),
    command("dhcp-disable"),
    command("lease4-get", arguments={"ip-address": "192.0.2.1"}),
)
"""What the agent answers itself: result and shape must be equal."""

MALFORMED: Final[tuple[Any, ...]] = (
    "[]",
    "{}",
    '[ { "command": "version-get" } ]',
    command("version-get", service="dhcp4"),
    command("version-get", service=[4]),
    command("version-get", service={}),
    {"command": 1, "service": ["dhcp4"]},
    {"service": ["dhcp4"]},
    command("version-get", "dhcp4", extra=1),
    '{ "command": "version-get" ',
    "hello",
)
"""What is no request."""

EVER_NEW: Final = ("pid", "uptime", "reload")
TIME: Final = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+")


def settled(value: Any) -> Any:
    """An answer without what differs from one moment to the next."""
    if isinstance(value, dict):
        return {name: 0 if name in EVER_NEW else settled(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [settled(inner) for inner in value]
    return TIME.sub("now", value) if isinstance(value, str) else value


def shape(value: Any) -> Any:
    """What scripts look at: how many answers there are, their results, and what they have."""
    if isinstance(value, list):
        return [shape(answer) for answer in value]
    if isinstance(value, dict):
        return {
            **dict.fromkeys(value),
            "result": value.get("result"),
            "arguments": type(value.get("arguments")).__name__,
        }
    return value


@cache
def shared() -> Scene:
    """A scene for all tests that leave it as it is: it takes seconds to start."""
    scene = Scene()
    atexit.register(scene.close)
    for servers in ("kea", "txkea"):
        scene.serve(servers)
        for product in ("kea", "txkea"):
            scene.agent(f"{product}-{servers}", product, servers)
    return scene


class AgentCase(SynchronousTestCase):
    """Two servers of Kea and two of txkea; before each pair an agent of Kea (``kea-*``) and one of txkea."""

    skip = f"needs these programs: {', '.join(MISSING)}" if MISSING else None

    def setUp(self) -> None:
        self.scene = shared()

    def both(self, requests: tuple[Any, ...], servers: str) -> Iterator[tuple[Any, Any, Any]]:
        """Each request with what Kea's agent and ours reply before the same servers."""
        for request in requests:
            yield request, self.scene.post(f"kea-{servers}", request), self.scene.post(f"txkea-{servers}", request)


class SameAnswers(AgentCase):
    """The same request to both agents."""

    maxDiff = None  # noqa: N815 - unittest's own

    def test_forwarded(self) -> None:
        """What a server answers comes through ours as it comes through Kea's, from servers of either product."""
        for servers in ("kea", "txkea"):
            for request, kea, ours in self.both(FORWARDED, servers):
                self.assertEqual(ours.status, kea.status, request)
                self.assertEqual(settled(ours.value), settled(kea.value), request)

    def test_unreachable(self) -> None:
        """A server that is not configured has the same answer in its place, and the others theirs."""
        for request, kea, ours in self.both(UNREACHABLE, "kea"):
            self.assertEqual((ours.status, ours.value), (kea.status, kea.value), request)

    def test_own(self) -> None:
        """What the agent answers itself has Kea's result and shape."""
        for request, kea, ours in self.both(OWN, "kea"):
            self.assertEqual((ours.status, shape(ours.value)), (kea.status, shape(kea.value)), request)

    def test_stricter(self) -> None:
        """A keyword that nobody knows is an error in a command too; Kea's agent finds it in files alone."""
        request = command("config-test", arguments={"Control-agent": {"http-prot": 1}})
        ((_, kea, ours),) = self.both((request,), "kea")
        self.assertEqual((kea.value[0]["result"], ours.value[0]["result"]), (0, 1))
        self.assertIn("did you mean http-port?", ours.value[0]["text"])

    def test_null(self) -> None:
        """Arguments that are null are passed on as none at all: the server's words differ, its result does not."""
        ((_, kea, ours),) = self.both((command("statistic-get", "dhcp4", arguments=None),), "kea")
        self.assertEqual((kea.value[0]["result"], ours.value[0]["result"]), (1, 1))

    def test_own_commands(self) -> None:
        """Kea's agent can do nothing that ours cannot."""
        for _, kea, ours in self.both((command("list-commands"),), "kea"):
            self.assertEqual(set(kea.value[0]["arguments"]) - set(ours.value[0]["arguments"]), set())
            self.assertEqual(set(ours.value[0]["arguments"]) - set(kea.value[0]["arguments"]), {"config-hash-get"})

    def test_malformed(self) -> None:
        """What is no request is refused with the same status, and a map or a list with result 1 or the status."""
        for request, kea, ours in self.both(MALFORMED, "kea"):
            self.assertEqual((ours.status, shape(ours.value)), (kea.status, shape(kea.value)), request)

    def test_http(self) -> None:
        """Methods, types and places other than Kea's form are taken or refused as by Kea's agent."""
        request = command("version-get", "dhcp4")
        for method, path, headers in (
            ("POST", "/", {}),
            ("POST", "/any/path", {}),
            ("GET", "/", {}),
            ("PUT", "/", {}),
            ("POST", "/", {"Content_Type": "text/plain"}),
            ("POST", "/", {"Connection": "close"}),
        ):
            kea, ours = (
                post(self.scene.ports[name], request, method, path, **headers) for name in ("kea-kea", "txkea-kea")
            )
            self.assertEqual((ours.status, shape(ours.value)), (kea.status, shape(kea.value)), (method, path, headers))
            self.assertEqual(ours.headers.get("content-type"), kea.headers.get("content-type"))


class OfflineTests(AgentCase):
    """Servers that come and go."""

    def test_offline(self) -> None:
        """A server that ended has result 1 and says so, the others answer; when it is back it answers again."""
        server = self.scene.running["txkea6"]
        server.stop()
        request = command("version-get", "dhcp4", "dhcp6")
        for agent in ("kea-txkea", "txkea-txkea"):
            four, six = self.scene.post(agent, request).value
            self.assertEqual((four["result"], six["result"]), (0, 1), agent)
            self.assertTrue(six["text"].startswith("unable to forward command to the dhcp6 service: "), six)
            self.assertIn("No such file or directory", six["text"])
            self.assertIn("The server is likely to be offline", six["text"].replace("; the", "; The"))
        server.start()
        for agent in ("kea-txkea", "txkea-txkea"):
            self.assertEqual([each["result"] for each in self.scene.post(agent, request).value], [0, 0], agent)


class ShellTests(AgentCase):
    """Debian's kea-shell, as it is."""

    def same(self, *words: str, arguments: str = "") -> Any:
        """What it prints of our agent, which is what it prints of Kea's."""
        found = [shell(self.scene.ports[f"{product}-kea"], *words, arguments=arguments) for product in ("kea", "txkea")]
        self.assertEqual([status for status, _ in found], [0, 0], found)
        kea, ours = (json.loads(text) for _, text in found)
        self.assertEqual(settled(ours), settled(kea), words)
        return ours

    def test_services(self) -> None:
        """One service, both, one that is not there."""
        self.assertEqual(self.same("--service", "dhcp4", "version-get")[0]["result"], 0)
        self.assertEqual(len(self.same("--service", "dhcp4", "--service", "dhcp6", "status-get")), 2)
        self.assertEqual(self.same("--service", "d2", "version-get")[0]["result"], 1)

    def test_arguments(self) -> None:
        """Arguments from its standard input."""
        answer = self.same("--service", "dhcp4", "statistic-get", arguments='"name": "pkt4-received"\n')
        self.assertIn("pkt4-received", answer[0]["arguments"])

    def test_its_own(self) -> None:
        """Without a service the agent answers, and ``list-commands`` is what it asks unless told otherwise."""
        status, text = shell(self.scene.ports["txkea-txkea"])
        self.assertEqual((status, json.loads(text)[0]["result"]), (0, 0))
        self.assertIn("config-set", json.loads(text)[0]["arguments"])

    def test_our_servers(self) -> None:
        """Both families of txkea through our agent."""
        status, text = shell(self.scene.ports["txkea-txkea"], "--service", "dhcp4", "--service", "dhcp6", "config-get")
        self.assertEqual(status, 0)
        self.assertEqual([next(iter(answer["arguments"])) for answer in json.loads(text)], ["Dhcp4", "Dhcp6"])


class CurlTests(AgentCase):
    """The forms that scripts use."""

    def address(self, name: str, path: str = "/") -> str:
        return f"http://{HOST}:{self.scene.ports[name]}{path}"

    def test_forms(self) -> None:
        """Each form gets the same answer from both agents."""
        request = json.dumps(command("version-get", *BOTH))
        file = Path(self.mktemp())
        file.write_text(request)
        for form in (
            ("-X", "POST", "-H", JSON, "-d", request),
            ("--request", "POST", "--header", JSON, "--data", request),
            ("-H", JSON, "--data-binary", f"@{file}"),
            ("-0", "-H", JSON, "-d", request),
            ("-H", JSON, "-H", "Accept: application/json", "-d", request),
            ("-H", JSON, "-H", "Connection: close", "-d", request),
            ("-H", JSON, "--compressed", "-d", request),
            ("-H", "Content-Type:application/json", "-d", request),
            ("-i", "-H", JSON, "-d", "{"),
            ("-d", request),
        ):
            status, kea = curl(*form, self.address("kea-kea"))
            our_status, ours = curl(*form, self.address("txkea-kea"))
            self.assertEqual(our_status, status, form)
            # A refusal is a map, and has words of its own.
            compare = shape if isinstance(answers(kea)[1], dict) else settled
            self.assertEqual(compare(answers(ours)), compare(answers(kea)), form)

    def test_again(self) -> None:
        """One connection serves several requests."""
        once = ["-H", JSON, "-d", json.dumps(command("version-get", "dhcp4")), self.address("txkea-txkea")]
        status, text = curl(*once, "--next", "-s", "-w", "%{num_connects}", *once)
        self.assertEqual((status, text[-1]), (0, "0"))


def answers(text: str) -> list[Any]:
    """The status line's number, 0 without one, and the JSON of what curl printed."""
    head, _, body = text.rpartition("\n\n")
    found = re.match(r"HTTP/1\.[01] (\d+)", head)
    return [int(found[1]) if found else 0, json.loads(body)]


class ProtectedTests(SynchronousTestCase):
    """Users and certificates."""

    skip = AgentCase.skip

    def setUp(self) -> None:
        self.scene = Scene()
        self.addCleanup(self.scene.close)

    def test_users(self) -> None:
        """Users are let in by name and password, and nobody else, as by Kea's agent; by kea-shell and by curl."""
        clients = [{"user": "admin", "password": "1234"}, {"user": "ü", "password": "p:w"}]
        for product in ("kea", "txkea"):
            self.scene.agent(product, product, "kea", authentication={"type": "basic", "clients": clients})
            port = self.scene.ports[product]
            form = ("-i", "-H", JSON, "-d", json.dumps(command("version-get")), f"http://{HOST}:{port}/")
            for user, status in (("admin:1234", 200), ("ü:p:w", 200), ("admin:1", 401), ("x:1234", 401), ("", 401)):
                _, text = curl(*(("-u", user) if user else ()), *form)
                self.assertEqual(answers(text)[0], status, (product, user))
            self.assertIn("www-authenticate: basic realm=", text.lower())
            self.assertEqual(answers(text)[1]["result"], 401, product)
            words = ("--auth-user", "admin", "--auth-password")
            self.assertEqual(json.loads(shell(port, *words, "1234", "version-get")[1])[0]["result"], 0)
            self.assertEqual(
                shell(port, *words, "4321", "version-get"), (1, "Failed to run: HTTP Error 401: Unauthorized\n")
            )

    def test_certificates(self) -> None:
        """Over TLS the server shows its certificate and asks for the client's, unless that is optional."""
        files = certified(self.scene.directory)
        tls = {"trust_anchor": files.authority, "cert_file": files.server, "key_file": files.server_key}
        ours = ("--cert", files.client, "--key", files.client_key)
        for product in ("kea", "txkea"):
            for required in (True, False):
                name = f"{product}-{required}"
                self.scene.agent(name, product, "kea", cert_required=required, **tls)
                form = (
                    "-H",
                    JSON,
                    "-d",
                    json.dumps(command("version-get")),
                    f"https://{HOST}:{self.scene.ports[name]}/",
                )
                status, text = curl("--cacert", files.authority, *ours, *form)
                self.assertEqual((status, json.loads(text)[0]["result"]), (0, 0), name)
                status, text = curl("--cacert", files.authority, *form)
                self.assertEqual((status == 0, bool(text)), (not required, not required), name)
                self.assertNotEqual(curl(*ours, *form)[0], 0, name)
                words = ("--ca", files.authority, *ours, "--service", "dhcp4", "version-get")
                status, text = shell(self.scene.ports[name], *words)
                self.assertEqual((status, json.loads(text)[0]["result"]), (0, 1), name)


class LifeTests(SynchronousTestCase):
    """The program."""

    skip = AgentCase.skip

    def setUp(self) -> None:
        self.scene = Scene()
        self.addCleanup(self.scene.close)
        self.agent = self.scene.agent("agent", "txkea", "txkea")

    def configure(self, **more: Any) -> None:
        """Change its file."""
        written = json.loads(self.agent.configuration.read_text())
        written["Control-agent"].update({name.replace("_", "-"): value for name, value in more.items()})
        self.agent.configuration.write_text(json.dumps(written))

    def test_moves(self) -> None:
        """``config-set``, ``config-reload`` and SIGHUP move it to another port; a wrong file changes nothing."""
        new = self.scene.ports["new"] = free_port()
        tree = self.scene.post("agent", command("config-get")).value[0]["arguments"]
        tree.pop("hash")
        tree["Control-agent"]["http-port"] = new
        self.assertEqual(self.scene.post("agent", command("config-set", arguments=tree)).value[0]["result"], 0)
        self.assertEqual(self.scene.post("new", command("version-get")).value[0]["result"], 0)
        self.assertRaises(OSError, self.scene.post, "agent", command("version-get"))
        self.assertEqual(self.scene.post("new", command("config-reload")).value[0]["result"], 0)
        self.assertEqual(self.scene.post("agent", command("version-get")).value[0]["result"], 0)
        self.configure(http_port="x")
        (answer,) = self.scene.post("agent", command("config-reload")).value
        self.assertEqual(answer["result"], 1)
        self.assertIn("Control-agent.http-port", answer["text"])
        self.configure(http_port=new)
        assert self.agent.process is not None
        self.agent.process.send_signal(1)
        wait_for(lambda: reachable(new), "the agent to move")

    def test_writes(self) -> None:
        """``config-write`` writes into its own file, from which it starts again, and into none elsewhere."""
        tree = self.scene.post("agent", command("config-get")).value[0]["arguments"]
        tree["Control-agent"]["comment"] = "by command"
        self.assertEqual(self.scene.post("agent", command("config-set", arguments=tree)).value[0]["result"], 0)
        (answer,) = self.scene.post("agent", command("config-write")).value
        self.assertEqual(answer["result"], 0, answer)
        self.assertEqual(Path(answer["arguments"]["filename"]), self.agent.configuration)
        self.assertEqual(answer["arguments"]["size"], self.agent.configuration.stat().st_size)
        self.assertEqual(self.agent.stop(), 0)
        self.agent.start()
        found = self.scene.post("agent", command("config-get")).value[0]["arguments"]["Control-agent"]
        self.assertEqual((found["comment"], found["http-port"]), ("by command", self.scene.ports["agent"]))
        outside = command("config-write", arguments={"filename": "/tmp/../etc/txkea-test"})
        self.assertEqual(self.scene.post("agent", outside).value[0]["result"], 1)

    def test_ends(self) -> None:
        """SIGTERM and ``shutdown`` end it in order; its pid file is gone then."""
        pid_file = self.agent.directory / "server.kea-ctrl-agent.pid"
        self.assertEqual(int(pid_file.read_text()), self.agent.pid)
        self.assertEqual(self.agent.stop(), 0)
        self.assertFalse(pid_file.exists())
        self.agent.start()
        answer = self.scene.post("agent", command("shutdown", arguments={"exit-value": 3})).value
        self.assertEqual(answer, [{"result": 0, "text": "Shutting down."}])
        assert self.agent.process is not None
        self.assertEqual(self.agent.process.wait(10), 3)
        self.assertIn("DCTL_SHUTDOWN", self.agent.log.read_text())


def reachable(port: int) -> bool:
    """Whether somebody answers there."""
    try:
        return post(port, command("version-get")).status == 200
    except OSError:
        return False
