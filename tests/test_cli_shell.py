"""``txkea shell``: what is typed, whom it reaches by which channel, and how answers look."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet import reactor as running
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import SynchronousTestCase

import txkea
from tests.certifying import certified
from tests.real.daemons import free_port
from tests.servicing import Family6, ServiceCase
from tests.test_control_asking import Can
from txkea.cli.connection import Reply, worst
from txkea.cli.display_answers import lines
from txkea.cli.root import main
from txkea.cli.shell_arguments import WrongArgumentsError, arguments_of, typed
from txkea.cli.shell_line import completions, history_file
from txkea.cli.shell_words import WORDS
from txkea.config.places import places
from txkea.config.text import from_json

__all__ = ["ArgumentTests", "DisplayTests", "LineTests", "PlaceTests", "Shell4Tests", "Shell6Tests", "TerminalTests"]

reactor: Any = running
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
)
values = st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=12)
WORD: Final = re.compile(r"\w+")


def run(*words: str, text: str | None = None, **environment: str) -> Result:
    """The command; what it says on standard error is in the output too."""
    return CliRunner(env={"TXKEA_PASSWORD": None, **environment}).invoke(main, ["shell", *words], input=text)


class ArgumentTests(SynchronousTestCase):
    """What is typed becomes the arguments of a command."""

    @given(st.dictionaries(st.from_regex(r"[a-z][a-z-]{0,9}", fullmatch=True), values, min_size=1))
    def test_words(self, given: dict[str, Any]) -> None:
        """NAME=VALUE takes any JSON value, and all of it does as one JSON text, typed with quotes or not."""
        words = [f"{name}={json.dumps(value)}" for name, value in given.items()]
        for name, value in given.items():
            text = json.dumps(value)
            found = arguments_of([f"{name}={text}"])
            self.assertIn(found, ({name: value}, {name: text}))  # names of texts keep numbers as they are written
        self.assertEqual(arguments_of([json.dumps(given)]), given)
        self.assertEqual(typed(f"x {json.dumps(given)}"), ("x", given))
        quoted = " ".join("'" + word.replace("'", "'\"'\"'") + "'" for word in words)
        self.assertEqual(typed(f"x {quoted}"), ("x", arguments_of(words)))

    def test_texts(self) -> None:
        """What is no JSON is a text, and so is a number where only a text makes sense."""
        words = ["ip-address=192.0.2.1", "hw-address=112233445566", "hostname=7", "subnet-id=7", 'name="x y"', "a=x=y"]
        self.assertEqual(
            arguments_of(words),
            {
                "ip-address": "192.0.2.1",
                "hw-address": "112233445566",
                "hostname": "7",
                "subnet-id": 7,
                "name": "x y",
                "a": "x=y",
            },
        )
        self.assertEqual(arguments_of(["a=NaN", "b=", "c=null", "d=true"]), {"a": "NaN", "b": "", "c": None, "d": True})
        self.assertIsNone(arguments_of([]))
        self.assertEqual(typed("  version-get  "), ("version-get", None))

    def test_wrong(self) -> None:
        """What cannot be meant is refused: words without a name, half a JSON text, a name twice, an open quote."""
        for words in (["x"], ["=x"], ["{"], ['{"a": 1, "a": 2}'], ["a=1", "a=2"], ["a=[1"]):
            self.assertRaises(WrongArgumentsError, arguments_of, words)
        for text in ("x 'a=1", "x {", "x a"):
            self.assertRaises(WrongArgumentsError, typed, text)

    @given(st.text())
    def test_anything(self, text: str) -> None:
        """Whatever is typed is understood or refused."""
        try:
            typed(text)
        except WrongArgumentsError as error:
            self.assertTrue(str(error))


class DisplayTests(SynchronousTestCase):
    """How answers look."""

    def shown(self, arguments: Any, text: str | None = None, result: int = 0, service: str = "") -> str:
        """An answer."""
        answer = {"result": result, "arguments": arguments, **({} if text is None else {"text": text})}
        return "\n".join(each.text for each in lines([Reply(service, answer)]))

    def table(self, arguments: Any) -> list[list[str]]:
        """Lines as words."""
        return [each.split() for each in self.shown(arguments).splitlines()]

    @given(values)
    def test_nothing_is_left_out(self, value: Any) -> None:
        """Any answer is shown, with every text and number in it; nothing in it can act on the terminal."""
        found = self.shown(value, "\x1b[2J")
        self.assertTrue(found.replace("\n", "").isprintable())
        for leaf in leaves(value):
            text = leaf if isinstance(leaf, str) else json.dumps(leaf)
            for word in WORD.findall(text):
                self.assertIn(word, found)

    def test_rows(self) -> None:
        """Lists of maps are tables; members that some lack are empty; what is beside the list stands before it."""
        found = self.table({"subnets": [{"id": 1, "subnet": "a"}, {"id": 20, "more": [1]}], "count": 2})
        self.assertEqual(found, [["count", "2"], ["subnets:"], ["id", "subnet", "more"], ["1", "a"], ["20", "[1]"]])

    def test_statistics(self) -> None:
        """Statistics are tables with all samples."""
        found = self.table({"a": [[3, "2026-01-01 00:00:02"], [1, "2026-01-01 00:00:01"]], "b": [[0, "x"]]})
        self.assertEqual(found[0], ["statistic", "value", "since"])
        self.assertEqual([row[:2] for row in found[1:]], [["a", "3"], ["1", "2026-01-01"], ["b", "0"]])

    def test_result_set(self) -> None:
        """A set of columns and rows is a table."""
        found = self.table({"result-set": {"columns": ["id", "n"], "rows": [[1, 2], [3, 4]], "timestamp": "now"}})
        self.assertEqual(found, [["id", "n"], ["1", "2"], ["3", "4"], ["timestamp", "now"]])

    def test_leases(self) -> None:
        """Leases have their end as a time, and the names of their states."""
        one = {"ip-address": "192.0.2.1", "cltt": 0, "valid-lft": 60, "subnet-id": 7, "state": 0, "hostname": "a"}
        found = self.table({"leases": [one, {**one, "state": 1, "valid-lft": 0xFFFFFFFF}, {**one, "cltt": 1 << 70}]})
        self.assertEqual(found[0][0], "ip-address")
        self.assertIn("expired", found[1])
        self.assertIn("1970-01-01", [*found[1], "1970-01-01"])
        self.assertEqual(found[2][2:4], ["declined", "never"])
        self.assertIn(str((1 << 70) + 60), found[3])

    def test_errors(self) -> None:
        """An error says its number; nothing at all is told too."""
        self.assertEqual(self.shown(None, "no", 1), "error 1: no")
        self.assertEqual(self.shown(None, None, 0, "dhcp6"), "dhcp6:\ndone")
        self.assertEqual(self.shown(None, "Lease not found.", 3), "Lease not found.")

    def test_status(self) -> None:
        """The exit status is that of the worst answer."""
        for results, status in (((0,), 0), ((3,), 3), ((0, 3), 0), ((0, 1), 1), ((2,), 1), ((3, 2), 1), ((), 1)):
            self.assertEqual(worst([Reply("", {"result": each}) for each in results]), status, results)


def leaves(value: Any) -> list[Any]:
    """All scalars of a value, and the names of members."""
    if isinstance(value, dict):
        return [*value, *(leaf for each in value.values() for leaf in leaves(each))]
    if isinstance(value, list):
        return [leaf for each in value for leaf in leaves(each)]
    return [] if value is None else [value]


class PlaceTests(SynchronousTestCase):
    """Where a configuration says that its servers are."""

    UNIX: Final = {"socket-type": "unix", "socket-name": "k"}

    def found(self, document: Any) -> dict[str, list[tuple[str, str, int]]]:
        """Type, address and port of each."""
        sockets = places(from_json(document))
        return {name: [(each.type, each.address, each.port) for each in found] for name, found in sockets.items()}

    def test_servers(self) -> None:
        """UNIX sockets come first, in both spellings; errors elsewhere, as of another release, do not matter."""
        found = self.found(
            {
                "Dhcp4": {"control-sockets": [{"socket-type": "http", "socket-port": 1}, self.UNIX], "new-word": [{}]},
                "Dhcp6": {"control-socket": self.UNIX, "subnet6": "wrong"},
                "Control-agent": {"http-port": 9, "control-sockets": {"x": 1}},
            }
        )
        self.assertEqual(found["dhcp4"], [("unix", "k", 0), ("http", "127.0.0.1", 1)])
        self.assertEqual(found["dhcp6"], [("unix", "k", 0)])
        self.assertEqual(found["ctrl-agent"], [("http", "127.0.0.1", 9)])

    @given(values)
    def test_anything(self, value: Any) -> None:
        """No document is too strange."""
        for document in (value, {"Dhcp4": value}, {"Dhcp6": {"control-sockets": value}}, {"Control-agent": value}):
            try:
                read = from_json(document)
            except txkea.errors.ConfigErrors:
                continue
            self.assertLessEqual(set(places(read)), {"dhcp4", "dhcp6", "ctrl-agent"})


class LineTests(SynchronousTestCase):
    """What the editor knows."""

    def test_completions(self) -> None:
        """Commands and our own words complete at first and after help, and then arguments that are not there yet."""
        names = ["lease4-get", "lease4-get-all", "version-get"]
        self.assertEqual(completions("lease4-get", 0, names, ["help"]), ["lease4-get ", "lease4-get-all "])
        self.assertEqual(completions("h", 0, names, ["help"]), ["help "])
        self.assertEqual(completions("help v", 5, names, ["help"]), ["version-get "])
        self.assertEqual(completions("lease4-get i", 11, names, []), ["ip-address=", "identifier-type=", "identifier="])
        self.assertEqual(completions("lease4-get ip-address=192.0.2.1 ip", 32, names, []), [])
        self.assertEqual(completions("version-get x", 12, names, []), [])
        self.assertEqual(completions("unknown x", 8, names, []), [])

    def test_history(self) -> None:
        """The history is where the XDG specification wants it; a relative directory there counts for nothing."""
        self.assertEqual(history_file({"XDG_STATE_HOME": "/x"}), "/x/txkea/history")
        home = os.path.expanduser("~")
        for environment in ({}, {"XDG_STATE_HOME": ""}, {"XDG_STATE_HOME": "relative"}):
            self.assertEqual(history_file(environment), os.path.join(home, ".local/state/txkea/history"))


class Shell4Tests(ServiceCase):
    """Against a running server of DHCPv4, over all channels."""

    async def begin(self, **http: Any) -> None:
        """A server with a UNIX socket, and an HTTP channel on which ``admin`` has the password ``grüße``."""
        self.socket = os.path.relpath(os.path.join(self.directory, "s"))
        self.url = f"http://127.0.0.1:{free_port()}"
        clients = {"type": "basic", "clients": [{"user": "admin", "password": "grüße"}]}
        listener = {"socket-type": "http", "socket-address": "127.0.0.1", "socket-port": int(self.url[17:])}
        unix = {"socket-type": "unix", "socket-name": os.path.abspath(self.socket)}
        self.configure(control_sockets=[{**listener, "authentication": clients}, unix])
        await self.start()
        self.assertEqual(self.failures, [])

    async def shell(self, *words: str, text: str | None = None, status: int = 0, **environment: str) -> str:
        """What the command prints."""
        found: Result = await deferToThread(run, *words, text=text, **environment)
        self.assertEqual(found.exit_code, status, (words, found.output, found.exception))
        return found.output

    async def test_unix(self) -> None:
        """One command over the UNIX socket, with arguments of each form; the exit status tells of nothing found."""
        await self.begin()
        number = self.family.number
        at = ("--socket", self.socket)
        self.assertIn(txkea.__version__, await self.shell(*at, "version-get"))
        missing = json.dumps({"ip-address": self.family.FIRST})
        get = f"lease{number}-get"
        self.assertEqual(await self.shell(*at, get, missing, status=3), "Lease not found.\n")
        self.assertEqual(await self.shell(*at, get, "-", text=missing, status=3), "Lease not found.\n")
        address = await self.lease(1)
        self.assertIn(address, await self.shell(*at, get, f"ip-address={address}"))
        self.assertIn("error 1: ", await self.shell(*at, get, "ip-address=x", status=1))
        self.assertIn("error 2: ", await self.shell(*at, "no-such-command", status=1))

    async def test_json(self) -> None:
        """With --json the answer is printed as it came: over HTTP it is a list."""
        await self.begin()
        for where, kind in ((("--socket", self.socket), dict), (("--url", self.url, "--user", "admin"), list)):
            found = await self.shell(*where, "--json", "list-commands", TXKEA_PASSWORD="grüße")
            value = json.loads(found)
            self.assertIsInstance(value, kind)
            self.assertIn('{ "arguments": [', found)  # as servers write it

    async def test_http(self) -> None:
        """Over HTTP the user and the password, from a file or the environment, are what the server wants to know."""
        await self.begin()
        secret = Path(self.directory, "secret")
        secret.write_text("grüße\nsecond line\n", encoding="utf-8")
        at = ("--url", self.url, "--user", "admin")
        self.assertIn("pid", await self.shell(*at, "--password-file", str(secret), "status-get"))
        self.assertIn("pid", await self.shell(*at, "--password", "grüße", "status-get"))
        self.assertIn("pid", await self.shell(*at, "status-get", TXKEA_PASSWORD="grüße"))
        for words in (at, (*at, "--password", "x"), ("--url", self.url), (*at, "--password-file", "missing")):
            found = await self.shell(*words, "status-get", status=1)
            self.assertRegex(found, r"not accepted \(401\)|missing cannot be read")

    async def test_https(self) -> None:
        """Over HTTPS only a server is believed that the authority has signed, and it sees who asks."""
        files = certified(Path(self.directory))
        url = f"https://127.0.0.1:{free_port()}"
        self.configure(
            control_sockets=[
                {
                    "socket-type": "https",
                    "socket-address": "127.0.0.1",
                    "socket-port": int(url[18:]),
                    "trust-anchor": files.authority,
                    "cert-file": files.server,
                    "key-file": files.server_key,
                }
            ]
        )
        await self.start()
        self.assertEqual(self.failures, [])
        ours = ("--cert", files.client, "--key", files.client_key)
        self.assertIn("pid", await self.shell("--url", url, "--ca", files.authority, *ours, "status-get"))
        self.assertIn("pid", await self.shell("-c", self.path, *ours, "status-get"))
        for words in (("--url", url, *ours), ("--url", url, "--ca", files.authority)):
            self.assertIn("no answer came: ", await self.shell(*words, "status-get", status=1))
        self.assertIn("missing", await self.shell("--url", url, "--ca", "missing", "status-get", status=1))

    async def test_services(self) -> None:
        """Several services are asked together, each answer below its name; one that fails keeps no other's back."""
        await self.begin()
        name = f"dhcp{self.family.number}"
        at = ("--url", f"{self.url}/", "--user", "admin", "--password", "grüße", "--service", name)
        found = await self.shell(*at, "--service", "d2", "version-get", status=1)
        self.assertRegex(found, rf"(?s)^{name}:\n{txkea.__version__}.*d2:\nerror 1: ")
        self.assertNotIn(f"{name}:", await self.shell(*at, "version-get"))

    async def test_configuration(self) -> None:
        """The configuration file tells where its server is; one that is not there is told, with all that are."""
        await self.begin()
        self.assertIn("pid", await self.shell("-c", self.path, "status-get"))
        self.assertIn("pid", await self.shell("-c", self.path, "--service", f"dhcp{self.family.number}", "status-get"))
        found = await self.shell("-c", self.path, "--service", "d2", "status-get", status=1)
        self.assertIn(f"has no server d2; servers there are: dhcp{self.family.number}", found)
        with open(self.path, encoding="utf-8") as file:
            document = json.load(file)
        other = "Dhcp6" if self.family.number == 4 else "Dhcp4"
        both = {**document, other: {"control-socket": {"socket-type": "unix", "socket-name": "/nowhere/s"}}}
        Path(self.path).write_text(json.dumps(both), encoding="utf-8")
        found = await self.shell("-c", self.path, "status-get", status=1)
        self.assertIn("has the servers dhcp4 and dhcp6; say which by --service", found)
        found = await self.shell("-c", self.path, "--service", "dhcp4", "--service", "dhcp6", "version-get", status=1)
        self.assertIn(txkea.__version__, found)
        self.assertIn("/nowhere/s: No such file or directory; the server is likely to be offline", found)

    async def test_script(self) -> None:
        """Commands may come as lines of standard input; an error ends nothing, and the last status is the command's."""
        await self.begin()
        lines = ["version-get", "", "# a remark", "help version-get nonsense", "x 'y", "no-such-command", "exit", "x"]
        found = await self.shell("--socket", self.socket, text="\n".join(lines), status=1)
        for text in (txkea.__version__, "version-get: the server's version", "nonsense: no words", "no end", "error 2"):
            self.assertIn(text, found)
        self.assertEqual(found.count("error"), 2)
        self.assertIn("list-commands", await self.shell("--socket", self.socket, text="help\n"))

    async def test_words(self) -> None:
        """There are a few words about each command that a server has."""
        await self.begin()
        commands = json.loads(await self.shell("--socket", self.socket, "--json", "list-commands"))["arguments"]
        self.assertEqual([name for name in commands if name not in WORDS], [])
        self.assertGreater(len(commands), 60)

    async def test_wrong_use(self) -> None:
        """Wrong use ends with status 2, and a server that is not there with 1."""
        for words in (
            ("status-get",),
            ("--socket", "a", "-c", "b", "status-get"),
            ("--url", "ftp://x", "status-get"),
            ("--socket", "s", "status-get", "x"),
            ("--socket", "s", "status-get", "{"),
            ("--socket", "s", "--timeout", "0", "status-get"),
        ):
            await self.shell(*words, status=2)
        await self.shell("--socket", "nowhere", "status-get", status=1)
        await self.shell("--socket", "nowhere", text="", status=1)
        await self.shell("--url", "http://127.0.0.1:1", "status-get", status=1)
        await self.shell("-c", "nowhere", "status-get", status=1)


class Shell6Tests(Shell4Tests):
    """Against a running server of DHCPv6."""

    family = Family6()


class TerminalTests(ServiceCase):
    """Somebody types."""

    async def converse(self, *steps: tuple[str, str]) -> str:
        """What the shell prints when each text is typed as soon as it has printed another; it must end with 0."""
        self.configure(control_socket={"socket-type": "unix", "socket-name": os.path.join(self.directory, "s")})
        await self.start()
        self.assertEqual(self.failures, [])
        return await deferToThread(self._converse, steps)

    def _converse(self, steps: tuple[tuple[str, str], ...]) -> str:
        root = Path(txkea.__file__).parents[1]
        more = {"XDG_STATE_HOME": self.directory, "TERM": "xterm", "PYTHONPATH": str(root), "INPUTRC": "/dev/null"}
        terminal, other = pty.openpty()
        where = os.path.relpath(os.path.join(self.directory, "s"))
        shell = [sys.executable, "-m", "txkea", "shell", "--socket", where]
        process = subprocess.Popen(
            # Whoever leads a session and opens a terminal is who hears its Ctrl-C.
            ["sh", "-c", 'exec "$@" <"$0" >"$0" 2>&1', os.ttyname(other), *shell],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
            env={**os.environ, **more},
        )
        self.said, self.heard = "", 0
        try:
            text = ""
            for awaited, following in steps:
                self._await(terminal, awaited, again=text if text == "\x03" else "")
                os.write(terminal, (text := following).encode())
            self.assertEqual(process.wait(10), 0, self.said)
        finally:
            process.kill()
            process.wait()
            os.close(other)
            os.close(terminal)
        return self.said

    def _await(self, terminal: int, awaited: str, again: str) -> None:
        """Read until a text is printed that was not there before; what has no effect is typed ``again``.

        Python does not hear a signal that comes in the moment before readline waits.
        """
        for _ in range(10):
            while awaited not in self.said[self.heard :] and select.select([terminal], [], [], 1.0)[0]:
                self.said += os.read(terminal, 65536).decode("utf-8", "replace")
            if awaited in self.said[self.heard :]:
                break
            os.write(terminal, again.encode())
        self.heard = self.said.index(awaited, self.heard) + len(awaited)

    async def test_given_up(self) -> None:
        """Ctrl-C ends the waiting for a server that does not answer, and nothing else is said of it."""
        can = Can(b"", closes=False)
        where = os.path.relpath(os.path.join(self.directory, "s"))
        port = reactor.listenUNIX(where, can)
        self.addCleanup(port.stopListening)
        root = str(Path(txkea.__file__).parents[1])
        process = subprocess.Popen(
            [sys.executable, "-m", "txkea", "shell", "--socket", where, "status-get"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, "PYTHONPATH": root},
        )
        self.addCleanup(process.kill)
        await self.until(lambda: can.requests)
        process.send_signal(signal.SIGINT)
        said, _ = await deferToThread(process.communicate, timeout=10)
        self.assertEqual((said.strip(), process.returncode), (b"Aborted!", 1))

    async def test_conversation(self) -> None:
        """Tab completes commands and arguments, Ctrl-C gives a line up, Ctrl-D ends; secrets are not in the history."""
        said = await self.converse(
            ("kea> ", "versi\t\n"),
            ("kea> ", "lease4-get ip\t192.0.2.10\n"),
            ("not found", ""),
            ("kea> ", "half a line"),
            ("half a line", "\x03"),
            ("kea> ", "help dhcp-dis\t\n"),
            ("stop answering", ""),
            ("kea> ", "config-test 'a={\"password\": 1}'\n"),
            ("error", ""),
            ("kea> ", "\x04"),
        )
        self.assertIn(txkea.__version__, said)
        self.assertIn("max-period? origin?", said)
        path = Path(self.directory, "txkea", "history")
        self.assertEqual(path.stat().st_mode & 0o777, 0o600)
        self.assertEqual(path.parent.stat().st_mode & 0o777, 0o700)
        kept = [each.strip() for each in path.read_text("utf-8").splitlines()]
        self.assertEqual(kept, ["version-get", "lease4-get ip-address=192.0.2.10", "help dhcp-disable"])
