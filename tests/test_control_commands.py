"""The commands, run through the registry."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from ipaddress import ip_address
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from tests.test_control_request import JSON
from txkea import __version__
from txkea.control.answer import Answer, Listing, encode
from txkea.control.commands import DaemonCommands
from txkea.control.configuration import ConfigurationCommands, Written
from txkea.control.leases import LeaseCommands
from txkea.control.registry import Registry
from txkea.control.request import Request
from txkea.control.statistics import StatisticCommands
from txkea.control.views import VIEWS
from txkea.errors import ConfigError, TxkeaError, Unavailable
from txkea.interfaces import ICommands
from txkea.leases.memory import MemoryLeases
from txkea.logs.logs import Logs
from txkea.model.configuration import Configuration
from txkea.model.lease import Lease4, Lease6, LeaseState, LeaseType

STARTED = 1000000.0
V6 = b"\x20\x01\x0d\xb8"
TREE = {"Dhcp4": {"valid-lifetime": 4000, "subnet4": [{"id": number} for number in range(200)]}}


PARAMETERS = (
    "ip-address", "subnet-id", "identifier-type", "identifier", "subnets", "name", "exit-value", "type", "iaid", "duid",
    "hw-address", "client-id", "from", "limit",
)  # fmt: skip
VALUES = ("hw-address", "client-id", "duid", "192.0.2.1", "2001:db8::1", "00:01", "start", "IA_PD", 1)


class DaemonDouble:
    """A server that remembers what it was told."""

    started = STARTED
    reloaded = STARTED + 50

    def __init__(self) -> None:
        self.configuration = Configuration(family=4, tree=TREE)
        self.told: list[Any] = []
        self.errors: list[str] = []
        self.refusal: TxkeaError | None = None

    @property
    def top(self) -> str:
        return f"Dhcp{self.configuration.family}"

    @property
    def tree(self) -> Mapping[str, Any]:
        return self.configuration.tree

    async def test(self, document: Mapping[str, Any]) -> None:
        self.told.append(("test", document))
        if self.refusal:
            raise self.refusal

    async def reload(self) -> None:
        self.told.append("reload")
        if self.refusal:
            raise self.refusal

    async def replace(self, document: Mapping[str, Any]) -> None:
        self.told.append(("replace", document))
        if self.refusal:
            raise self.refusal

    async def write(self, name: str) -> Written:
        self.told.append(("write", name))
        if self.refusal:
            raise self.refusal
        return Written(f"/etc/kea/{name or 'kea.conf'}", 42)

    async def change(self, edit: Callable[[dict[str, Any]], Any]) -> Any:
        raise AssertionError("none of the commands here changes the configuration")

    def shutdown(self, exit_value: int) -> None:
        self.told.append(("shutdown", exit_value))

    def conditions(self) -> Mapping[str, Any]:
        return {"sockets": {"status": "failed", "errors": self.errors} if self.errors else {"status": "ready"}}


@implementer(ICommands)
class Some:
    """Commands of a third party."""

    def __init__(self, **commands: Callable[[Any], Any]) -> None:
        self._commands = commands

    def commands(self) -> Mapping[str, Callable[[Any], Any]]:
        return self._commands


class CommandsCase(SynchronousTestCase):
    """A registry with everything in it."""

    family = 4

    def setUp(self) -> None:
        self.log_file = self.mktemp()
        self.logs = Logs(default=self.log_file)
        self.addCleanup(self.logs.close)
        self.daemon = DaemonDouble()
        self.leases = MemoryLeases()
        self.deleted: list[Any] = []
        self.statistics = {"pkt4-received": 7, "subnet[1].assigned-addresses": 2}
        self.providers: list[Any] = [
            DaemonCommands(self.daemon, lambda: STARTED + 60.9),
            ConfigurationCommands(self.daemon),
            LeaseCommands(self.leases, VIEWS[self.family], self.deleted.append),
            StatisticCommands(self.statistics, lambda: 1000000000.25),
        ]
        self.registry = Registry(self.logs.logger("commands"), self.providers)

    def ask(self, command: str, arguments: Any = None) -> Any:
        """The answer as a client sees it."""

        async def answer() -> str:
            return "".join([piece async for piece in encode(await self.registry.run(Request(command, arguments)))])

        return json.loads(self.successResultOf(Deferred.fromCoroutine(answer())))

    def fill(self, *leases: Lease4 | Lease6) -> None:
        async def fill() -> None:
            for lease in leases:
                await self.leases.add(lease)

        self.successResultOf(Deferred.fromCoroutine(fill()))

    def log(self) -> str:
        self.logs.flush()
        with open(self.log_file, encoding="utf-8") as file:
            return file.read()


class RegistryTests(CommandsCase):
    """Commands by name."""

    def test_interface(self) -> None:
        """Every provider provides commands."""
        for provider in (self.registry, *self.providers):
            self.assertTrue(verifyObject(ICommands, provider))

    def test_list_commands(self) -> None:
        """list-commands lists what there is, in order."""
        answer = self.ask("list-commands")
        self.assertEqual(answer["result"], 0)
        self.assertEqual(answer["arguments"], sorted(answer["arguments"]))
        for name in ("list-commands", f"lease{self.family}-get-all", "config-test", "statistic-get-all", "shutdown"):
            self.assertIn(name, answer["arguments"])

    def test_unknown(self) -> None:
        """An unknown command has result 2 and Kea's text."""
        self.assertEqual(self.ask("nope"), {"result": 2, "text": "'nope' command not supported."})

    def test_duplicate(self) -> None:
        """Two providers of one command are refused, and the old commands stay."""
        with self.assertRaisesRegex(ConfigError, "version-get"):
            self.registry.provide([Some(**{"version-get": Answer}), *self.providers])
        self.assertEqual(self.ask("version-get")["result"], 0)

    def test_replaced(self) -> None:
        """What a new set does not provide is gone."""
        self.registry.provide([Some(mine=lambda arguments: Answer(text=str(arguments)))])
        self.assertEqual(self.ask("mine", 5), {"result": 0, "text": "5"})
        self.assertEqual(self.ask("version-get")["result"], 2)

    def test_refusal(self) -> None:
        """An error raised on purpose is result 1 with its text."""

        def refuse(arguments: Any) -> Answer:
            raise Unavailable("the disk is full")

        self.registry.provide([Some(mine=refuse)])
        self.assertEqual(self.ask("mine"), {"result": 1, "text": "the disk is full"})

    def test_fault(self) -> None:
        """A fault in a command is result 1 and a traceback in the log, and does not come out."""
        self.registry.provide([Some(mine=lambda arguments: arguments["x"])])
        self.assertEqual(self.ask("mine")["result"], 1)
        self.assertIn("ERROR", self.log())
        self.assertIn("TypeError", self.log())

    def test_not_an_answer(self) -> None:
        """A provider that answers nonsense is a fault like any other."""
        self.registry.provide([Some(mine=lambda arguments: 3)])
        self.assertEqual(self.ask("mine")["result"], 1)

    def test_hostile_name(self) -> None:
        """A command's name cannot write lines of its own into the log."""
        self.ask("a\nb\x1b[31m" * 1000)
        self.assertEqual(self.log().count("\n"), 1)
        self.assertLess(len(self.log()), 500)


class Registry6Tests(RegistryTests):
    """The same for DHCPv6."""

    family = 6


class HostileTests(CommandsCase):
    """Commands of both families at once."""

    def setUp(self) -> None:
        super().setUp()
        self.registry.provide([*self.providers, LeaseCommands(self.leases, VIEWS[6], self.deleted.append)])

    @given(st.data(), JSON | st.dictionaries(st.sampled_from(PARAMETERS), JSON | st.sampled_from(VALUES)))
    def test_any_arguments(self, data: st.DataObject, arguments: Any) -> None:
        """Arguments of every wrong type are an answer, never a fault."""
        command = data.draw(st.sampled_from(self.ask("list-commands")["arguments"]))
        self.assertIn(self.ask(command, arguments)["result"], (0, 1, 3))
        self.assertNotIn("COMMAND_FAILED", self.log())


class DaemonTests(CommandsCase):
    """Commands about the server."""

    def test_status(self) -> None:
        """status-get tells process, times in whole seconds, and how the sockets are."""
        arguments = self.ask("status-get")["arguments"]
        self.assertEqual((arguments["uptime"], arguments["reload"]), (60, 10))
        self.assertEqual(arguments["sockets"], {"status": "ready"})
        self.daemon.errors = ["eth0 is down"]
        sockets = self.ask("status-get")["arguments"]["sockets"]
        self.assertEqual(sockets, {"status": "failed", "errors": ["eth0 is down"]})

    def test_version(self) -> None:
        """version-get names this version, and what it runs on."""
        answer = self.ask("version-get")
        self.assertEqual(answer["text"], __version__)
        self.assertIn("Twisted", answer["arguments"]["extended"])
        self.assertIn(__version__, self.ask("build-report")["text"])

    def test_config_get(self) -> None:
        """config-get gives the effective configuration with the hash that config-hash-get gives."""
        arguments = self.ask("config-get")["arguments"]
        digest = self.ask("config-hash-get")["arguments"]["hash"]
        self.assertEqual(arguments, {**TREE, "hash": digest})
        self.assertRegex(digest, "^[0-9a-f]{64}$")

    def test_hash_follows(self) -> None:
        """Another configuration has another hash, the same one the same."""
        first = self.ask("config-hash-get")["arguments"]["hash"]
        self.daemon.configuration = Configuration(family=4, tree={"Dhcp4": {}})
        self.assertNotEqual(self.ask("config-hash-get")["arguments"]["hash"], first)
        self.daemon.configuration = Configuration(family=4, tree=json.loads(json.dumps(TREE)))
        self.assertEqual(self.ask("config-hash-get")["arguments"]["hash"], first)

    def test_config_test(self) -> None:
        """config-test hands the whole document over, and answers what is wrong with it."""
        self.assertEqual(self.ask("config-test", {"Dhcp4": {}})["result"], 0)
        self.assertEqual(self.daemon.told, [("test", {"Dhcp4": {}})])
        self.daemon.refusal = ConfigError("no such keyword", "Dhcp4.bogus")
        self.assertEqual(self.ask("config-test", {"Dhcp4": {}}), {"result": 1, "text": "Dhcp4.bogus: no such keyword"})
        nonsense: list[Any] = [None, {}, {"Dhcp6": {}}, []]
        for arguments in nonsense:
            self.assertEqual(self.ask("config-test", arguments)["result"], 1)
        self.daemon.configuration = Configuration(family=6)
        self.daemon.refusal = None
        self.assertEqual(self.ask("config-test", {"Dhcp6": {}})["result"], 0)
        self.assertEqual(self.ask("config-test", {"Dhcp4": {}})["result"], 1)

    def test_reload(self) -> None:
        """config-reload succeeds with Kea's text, or says why not."""
        self.assertEqual(self.ask("config-reload"), {"result": 0, "text": "Configuration successful."})
        self.daemon.refusal = ConfigError("bad")
        self.assertEqual(self.ask("config-reload"), {"result": 1, "text": "bad"})

    def test_config_set(self) -> None:
        """config-set hands the whole document over without the hash that config-get adds, and gives the new hash."""
        answer = self.ask("config-set", {"Dhcp4": {}, "hash": "0" * 64})
        self.assertEqual((answer["result"], answer["text"]), (0, "Configuration successful."))
        self.assertEqual(answer["arguments"], self.ask("config-hash-get")["arguments"])
        self.assertEqual(self.daemon.told, [("replace", {"Dhcp4": {}})])
        self.daemon.refusal = ConfigError("no such keyword", "Dhcp4.bogus")
        self.assertEqual(self.ask("config-set", {"Dhcp4": {}}), {"result": 1, "text": "Dhcp4.bogus: no such keyword"})

    def test_config_write(self) -> None:
        """config-write names the file and its size; the name is a text or absent."""
        text = "Configuration written to /etc/kea/kea.conf successful"
        written = {"filename": "/etc/kea/kea.conf", "size": 42}
        self.assertEqual(self.ask("config-write"), {"result": 0, "text": text, "arguments": written})
        self.assertEqual(self.ask("config-write", {"filename": "a"})["arguments"]["filename"], "/etc/kea/a")
        nonsense: list[Any] = [{"filename": 1}, {"filename": ""}, {"file": "a"}, [], 3, "a"]
        for arguments in nonsense:
            self.assertEqual(self.ask("config-write", arguments)["result"], 1, arguments)
        self.assertEqual(self.daemon.told, [("write", ""), ("write", "a")])

    def test_shutdown(self) -> None:
        """shutdown ends the server with the exit status asked for, and refuses one that is none."""
        self.assertEqual(self.ask("shutdown"), {"result": 0, "text": "Shutting down."})
        self.ask("shutdown", {"exit-value": 3})
        nonsense: list[Any] = [{"exit-value": "3"}, {"exit-value": True}, {"exit-value": -1}, {"exit": 3}, [], 3]
        for arguments in nonsense:
            self.assertEqual(self.ask("shutdown", arguments)["result"], 1)
        self.assertEqual(self.daemon.told, [("shutdown", 0), ("shutdown", 3)])


class LeaseCase(CommandsCase):
    """Leases of one family; what both promise is tested with both."""

    def one(self) -> Any:
        """A lease of the address number 1, in subnet 1."""
        raise NotImplementedError

    def at(self, number: int, subnet_id: int) -> Any:
        """A lease of another address, which grows with the number."""
        raise NotImplementedError

    def lease(self, what: str, **arguments: Any) -> Any:
        """What a lease command answers; ``_`` stands for ``-``."""
        named = {name.rstrip("_").replace("_", "-"): value for name, value in arguments.items()}
        return self.ask(f"lease{self.family}-{what}", named or None)

    def addresses(self, answer: Any) -> list[str]:
        return [lease["ip-address"] for lease in answer["arguments"]["leases"]]


class BothTests(LeaseCase):
    """What lease commands of both families do, here DHCPv4."""

    def one(self) -> Any:
        return LeaseTests.ONE

    def at(self, number: int, subnet_id: int) -> Any:
        return self.one()._replace(address=bytes((10, 0, number >> 8, number & 255)), subnet_id=subnet_id)

    def text(self, lease: Any) -> str:
        return str(ip_address(lease.address))

    def test_get_all(self) -> None:
        """All leases come in the order of their addresses, over many pages; result 3 tells that there are none."""
        nothing = f"0 IPv{self.family} lease(s) found."
        self.assertEqual(self.lease("get-all"), {"arguments": {"leases": []}, "result": 3, "text": nothing})
        leases = [self.at(number, number % 2) for number in range(1234)]
        self.fill(*leases)
        answer = self.lease("get-all")
        self.assertEqual((answer["result"], answer["text"]), (0, f"1234 IPv{self.family} lease(s) found."))
        self.assertEqual(self.addresses(answer), [self.text(lease) for lease in leases])

    def test_get_all_of_subnets(self) -> None:
        """Only leases of the subnets that are named; naming none gives none."""
        self.fill(*[self.at(number, number % 3) for number in range(900)])
        self.assertEqual(self.lease("get-all", subnets=[1])["text"], f"300 IPv{self.family} lease(s) found.")
        self.assertEqual(self.lease("get-all", subnets=[1, 2])["text"], f"600 IPv{self.family} lease(s) found.")
        self.assertEqual(self.lease("get-all", subnets=[])["result"], 3)
        self.assertEqual(self.lease("get-all", subnets=["1"])["result"], 1)

    def test_pages(self) -> None:
        """G046: pages of any size, each from the last address of the one before, give all leases once and in order."""
        leases = [self.at(number, 1) for number in range(700)]
        self.fill(*leases)
        for limit in (1, 499, 500, 501, 700, 4294967295):
            found: list[str] = []
            start = "start"
            while limit > 1 or len(found) < 3:
                answer = self.lease("get-page", from_=start, limit=limit)
                count = answer["arguments"]["count"]
                self.assertEqual(count, len(answer["arguments"]["leases"]))
                self.assertEqual(count, min(limit, 700 - len(found)))
                self.assertEqual(answer["result"], 0 if count else 3)
                if not count:
                    break
                found += self.addresses(answer)
                start = found[-1]
            self.assertEqual(found, [self.text(lease) for lease in leases][: len(found)])
            self.assertEqual(len(found), 3 if limit == 1 else 700)

    def test_pages_refused(self) -> None:
        """A page needs a start and a size, and says which is wrong."""
        nowhere = "192.0.2.1" if self.family == 6 else "2001:db8::1"
        for wrong, word in (
            ({"limit": 5}, "from"),
            ({"from_": "start"}, "limit"),
            ({"from_": "start", "limit": 0}, "limit"),
            ({"from_": "start", "limit": "5"}, "limit"),
            ({"from_": "start", "limit": 1 << 32}, "limit"),
            ({"from_": 3, "limit": 5}, "from"),
            ({"from_": "", "limit": 5}, "from"),
            ({"from_": nowhere, "limit": 5}, "from"),
        ):
            answer = self.lease("get-page", **wrong)
            self.assertEqual((answer["result"], f"'{word}'" in answer["text"]), (1, True), (wrong, answer))

    def test_delete(self) -> None:
        """G047: a lease is deleted once, with whoever counts told of it; one that is not there is result 3."""
        lease = self.one()
        self.fill(lease)
        address = self.text(lease)
        self.assertEqual(self.lease("del", ip_address=address)["text"], f"IPv{self.family} lease deleted.")
        self.assertEqual(self.deleted, [lease])
        missing = {"result": 3, "text": f"IPv{self.family} lease not found."}
        self.assertEqual(self.lease("del", ip_address=address), missing)
        self.assertEqual((self.deleted, list(self.leases.table)), ([lease], []))
        self.assertEqual(self.lease("del")["result"], 1)

    def test_delete_race(self) -> None:
        """A lease that changes while it is being deleted is deleted as it is then."""
        lease = self.one()
        self.fill(lease)
        renewed = lease._replace(expires=lease.expires + 100)
        remove = self.leases.remove

        async def late(lease: Any) -> bool:
            self.leases.remove = remove  # type: ignore[method-assign]
            await self.leases.update(renewed, lease)
            return await remove(lease)

        self.leases.remove = late  # type: ignore[method-assign]
        self.assertEqual(self.lease("del", ip_address=self.text(lease))["result"], 0)
        self.assertEqual((self.deleted, list(self.leases.table)), ([renewed], []))


class Both6Tests(BothTests):
    """The same for DHCPv6."""

    family = 6

    def one(self) -> Any:
        return Lease6Tests.ONE

    def at(self, number: int, subnet_id: int) -> Any:
        return self.one()._replace(address=V6 + (number << 64).to_bytes(12, "big"), subnet_id=subnet_id)


class LeaseTests(LeaseCase):
    """Commands about leases of DHCPv4."""

    ONE = Lease4(bytes((192, 0, 2, 1)), bytes.fromhex("02000000aa01"), b"", 4000, 1000004000, 1)
    TWO = Lease4(
        bytes((192, 0, 2, 2)), b"\2\2", b"\1\2\3", 60, 1000000060, 2, True, True, "a.example", 0, '{"x": 1}', 5
    )

    def test_shape(self) -> None:
        """A lease has Kea's keys; those that a lease does not have are left out."""
        self.fill(self.ONE, self.TWO)
        answer = self.ask("lease4-get", {"ip-address": "192.0.2.1"})
        self.assertEqual((answer["result"], answer["text"]), (0, "IPv4 lease found."))
        self.assertEqual(
            answer["arguments"],
            {
                "ip-address": "192.0.2.1", "subnet-id": 1, "hw-address": "02:00:00:00:aa:01", "cltt": 1000000000,
                "valid-lft": 4000, "fqdn-fwd": False, "fqdn-rev": False, "hostname": "", "state": 0,
            },
        )  # fmt: skip
        two = self.ask("lease4-get", {"ip-address": "192.0.2.2"})["arguments"]
        self.assertEqual((two["client-id"], two["user-context"], two["pool-id"]), ("01:02:03", {"x": 1}, 5))

    def test_by_identifier(self) -> None:
        """A lease is found by either identifier in its subnet, and in no other."""
        self.fill(self.ONE, self.TWO)
        for kind, text, subnet, found in (
            ("hw-address", "02:00:00:00:AA:01", 1, "192.0.2.1"),
            ("hw-address", "02000000aa01", 1, "192.0.2.1"),
            ("client-id", "01:02:03", 2, "192.0.2.2"),
            ("client-id", "01:02:03", 1, None),
            ("hw-address", "02:02:02", 1, None),
        ):
            answer = self.ask("lease4-get", {"identifier-type": kind, "identifier": text, "subnet-id": subnet})
            self.assertEqual(answer.get("arguments", {}).get("ip-address"), found)
            self.assertEqual(answer["result"], 0 if found else 3)

    def test_refused(self) -> None:
        """What is not an address, an identifier or a subnet is refused and named."""
        whole = {"identifier-type": "hw-address", "identifier": "02:02", "subnet-id": 1}
        for wrong, word in (
            ({"ip-address": "192.0.2"}, "ip-address"),
            ({"ip-address": "192.0.2.256"}, "ip-address"),
            ({"ip-address": "192.0.2.1 "}, "ip-address"),
            ({"ip-address": "١٩٢.0.2.1"}, "ip-address"),
            ({"ip-address": 3221225985}, "ip-address"),
            ({**whole, "subnet-id": "1"}, "subnet-id"),
            ({**whole, "subnet-id": True}, "subnet-id"),
            ({**whole, "identifier-type": "duid"}, "identifier-type"),
            ({**whole, "identifier": "2"}, "identifier"),
            ({**whole, "identifier": ""}, "identifier"),
        ):
            answer = self.ask("lease4-get", wrong)
            self.assertEqual(answer["result"], 1, wrong)
            self.assertIn(word, answer["text"])

    def test_by_hardware_address(self) -> None:
        """G052: all leases of a hardware address, of which there may be none."""
        self.fill(self.ONE, self.ONE._replace(address=bytes((192, 0, 2, 3)), subnet_id=2), self.TWO)
        answer = self.lease("get-by-hw-address", hw_address="02:00:00:00:aa:01")
        self.assertEqual((answer["result"], answer["text"]), (0, "2 IPv4 lease(s) found."))
        self.assertEqual(sorted(self.addresses(answer)), ["192.0.2.1", "192.0.2.3"])
        answer = self.lease("get-by-hw-address", hw_address="01:01")
        self.assertEqual((answer["result"], answer["arguments"]), (3, {"leases": []}))
        for wrong in ("", "x", 3, None):
            answer = self.lease("get-by-hw-address", hw_address=wrong)
            self.assertEqual((answer["result"], "'hw-address'" in answer["text"]), (1, True))

    def test_by_client(self) -> None:
        """G052: all leases of a client identifier."""
        self.fill(self.ONE, self.TWO)
        self.assertEqual(self.addresses(self.lease("get-by-client-id", client_id="01:02:03")), ["192.0.2.2"])
        self.assertEqual(self.lease("get-by-client-id", client_id="01:02")["result"], 3)
        self.assertEqual(self.lease("get-by-client-id")["result"], 1)


class Lease6Tests(LeaseCase):
    """Commands about leases of DHCPv6."""

    family = 6
    ONE = Lease6(
        V6 + bytes(11) + b"\1", bytes.fromhex("02000000aa01"), b"\0\1\2\3\4", 4000, 1000004000, 1,
        iaid=7, preferred_lifetime=3000,
    )  # fmt: skip
    PREFIX = ONE._replace(
        address=V6 + b"\0\1" + bytes(10), hwaddr=b"", type=LeaseType.PD, prefix_length=56, state=LeaseState.RECLAIMED
    )

    def test_shape(self) -> None:
        """G050: an address and a prefix have Kea's keys; those that they do not have are left out."""
        self.fill(self.ONE, self.PREFIX)
        answer = self.lease("get", ip_address="2001:db8::1")
        self.assertEqual((answer["result"], answer["text"]), (0, "IPv6 lease found."))
        address = {
            "ip-address": "2001:db8::1", "type": "IA_NA", "iaid": 7, "duid": "00:01:02:03:04", "subnet-id": 1,
            "cltt": 1000000000, "preferred-lft": 3000, "valid-lft": 4000, "fqdn-fwd": False, "fqdn-rev": False,
            "hostname": "", "state": 0, "hw-address": "02:00:00:00:aa:01",
        }  # fmt: skip
        self.assertEqual(answer["arguments"], address)
        prefix = self.lease("get", ip_address="2001:db8:1::", type="IA_PD")["arguments"]
        del address["hw-address"]
        self.assertEqual(
            prefix, {**address, "ip-address": "2001:db8:1::", "type": "IA_PD", "prefix-len": 56, "state": 2}
        )

    def test_type(self) -> None:
        """G043: a lease is looked for among addresses unless the type says otherwise."""
        self.fill(self.ONE, self.PREFIX)
        for address, kind, result in (
            ("2001:db8::1", "IA_NA", 0),
            ("2001:db8::1", "IA_PD", 3),
            ("2001:db8::1", "IA_TA", 3),
            ("2001:db8:1::", None, 3),
            ("2001:db8:1::", "IA_PD", 0),
            ("2001:0DB8:1:0::", "IA_PD", 0),
            ("2001:db8::2", None, 3),
        ):
            more = {"type": kind} if kind else {}
            self.assertEqual(self.lease("get", ip_address=address, **more)["result"], result, (address, kind))
        self.assertEqual(self.lease("del", ip_address="2001:db8:1::")["result"], 3)
        self.assertEqual(self.lease("del", ip_address="2001:db8:1::", type="IA_PD")["result"], 0)

    def test_by_identifier(self) -> None:
        """G043: a lease is found by DUID, identity association, subnet and type, all of them."""
        second = self.ONE._replace(address=V6 + bytes(11) + b"\2", iaid=8)
        self.fill(self.ONE, second, self.PREFIX)
        whole = {"identifier_type": "duid", "identifier": "00:01:02:03:04", "subnet_id": 1, "iaid": 7}
        more: dict[str, Any]
        for more, found in (
            ({}, "2001:db8::1"),
            ({"iaid": 8}, "2001:db8::2"),
            ({"iaid": 9}, None),
            ({"type": "IA_PD"}, "2001:db8:1::"),
            ({"type": "IA_PD", "iaid": 8}, None),
            ({"subnet_id": 2}, None),
            ({"identifier": "00:01:02:03"}, None),
        ):
            answer = self.lease("get", **{**whole, **more})
            self.assertEqual(answer.get("arguments", {}).get("ip-address"), found, more)
            self.assertEqual(answer["result"], 0 if found else 3)

    def test_by_duid(self) -> None:
        """G052: all leases of a DUID, addresses and prefixes."""
        self.fill(self.ONE, self.PREFIX)
        self.assertEqual(
            sorted(self.addresses(self.lease("get-by-duid", duid="0001020304"))), ["2001:db8:1::", "2001:db8::1"]
        )
        self.assertEqual(self.lease("get-by-duid", duid="00:01")["result"], 3)
        self.assertEqual(self.lease("get-by-duid", duid="zz")["result"], 1)

    def test_refused(self) -> None:
        """What is not an address, a type, an identifier or a number is refused and named."""
        whole = {"identifier_type": "duid", "identifier": "00:01", "subnet_id": 1, "iaid": 1}
        wrong: dict[str, Any]
        for wrong, word in (
            ({"ip_address": "192.0.2.1"}, "ip-address"),
            ({"ip_address": "2001:db8::1%lo"}, "ip-address"),
            ({"ip_address": "2001:db8::1 "}, "ip-address"),
            ({"ip_address": "::1\0"}, "ip-address"),
            ({"ip_address": "\ud800"}, "ip-address"),
            ({"ip_address": 1}, "ip-address"),
            ({"ip_address": "::1", "type": "V6"}, "type"),
            ({"ip_address": "::1", "type": 0}, "type"),
            ({**whole, "iaid": -1}, "iaid"),
            ({**whole, "iaid": 1 << 32}, "iaid"),
            ({**whole, "iaid": "1"}, "iaid"),
            ({**whole, "iaid": True}, "iaid"),
            ({**whole, "identifier_type": "hw-address"}, "identifier-type"),
            ({**whole, "identifier": ""}, "identifier"),
            ({**whole, "subnet_id": None}, "subnet-id"),
        ):
            answer = self.lease("get", **wrong)
            self.assertEqual((answer["result"], f"'{word}'" in answer["text"]), (1, True), (wrong, answer))


class StatisticTests(CommandsCase):
    """Commands about statistics."""

    def test_get(self) -> None:
        """A statistic is a list of one sample: value and local time with microseconds; an unknown one is nothing."""
        answer = self.ask("statistic-get", {"name": "pkt4-received"})
        ((value, time),) = answer["arguments"]["pkt4-received"]
        self.assertEqual((answer["result"], value), (0, 7))
        self.assertRegex(time, r"^2001-09-\d\d \d\d:\d\d:40\.250000$")
        self.assertEqual(self.ask("statistic-get", {"name": "x"}), {"arguments": {}, "result": 0})
        self.assertEqual(self.ask("statistic-get", {})["result"], 1)

    def test_get_all(self) -> None:
        """All statistics at once, as they are now."""
        self.statistics["pkt4-received"] += 1
        arguments = self.ask("statistic-get-all")["arguments"]
        self.assertEqual({name: samples[0][0] for name, samples in arguments.items()}, self.statistics)


class EncodeTests(SynchronousTestCase):
    """Answers as bytes."""

    def text(self, answer: Answer) -> list[str]:
        async def collect() -> list[str]:
            return [piece async for piece in encode(answer)]

        return self.successResultOf(Deferred.fromCoroutine(collect()))

    @given(st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=30,
    ), st.none() | st.text())  # fmt: skip
    def test_round_trip(self, arguments: Any, text: str | None) -> None:
        """Whatever a command answers arrives; a key without value is left out."""
        wanted = {"result": 0, "arguments": arguments, "text": text}
        got = json.loads("".join(self.text(Answer(0, text, arguments))))
        self.assertEqual(got, {name: value for name, value in wanted.items() if value is not None})

    def test_pieces(self) -> None:
        """A large answer comes in pieces of bounded size."""
        answer = Answer(arguments={"Dhcp4": {"subnet4": [{"id": n, "pools": ["x" * 90]} for n in range(10000)]}})
        parts = self.text(answer)
        self.assertLess(max(map(len, parts)), 100_000)
        self.assertEqual(json.loads("".join(parts))["arguments"], answer.arguments)

    def test_failing_listing(self) -> None:
        """A listing whose store fails on the way says so, and is still JSON."""

        async def pages() -> Any:
            yield [1, 2]
            raise Unavailable("the database is gone")

        listing = Listing("leases", pages(), lambda count: (0, "all"))
        got = json.loads("".join(self.text(Answer(arguments=listing))))
        self.assertEqual(got, {"arguments": {"leases": [1, 2]}, "result": 1, "text": "the database is gone"})
