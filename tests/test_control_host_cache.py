"""The commands about a cache of hosts, in Kea's words (Kea J008-J017)."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from tests.editing import EditCase
from tests.test_control_request import JSON
from txkea.control.answer import encode
from txkea.control.files import Directory
from txkea.control.host_cache import HostCacheCommands
from txkea.control.hosts import HostCommands
from txkea.control.request import Request
from txkea.hosts.cache import HostCache
from txkea.hosts.memory import Policy
from txkea.model.configuration import Configuration, Host
from txkea.model.identifier import Identifier, IdentifierKind
from txkea.testing.hosts import MemoryHosts

T = TypeVar("T")
UNUSED = 4294967295


async def at_once(call: Callable[..., T], *arguments: Any) -> T:
    """No thread."""
    return call(*arguments)


class Turning(Clock):
    """A clock that counts what is put off to another turn of the reactor."""

    turns = 0

    def callLater(self, *arguments: Any, **more: Any) -> Any:
        self.turns += 1
        return super().callLater(*arguments, **more)


class CacheCase(EditCase):
    """A server of one family with a cache around a store."""

    SUBNETS: Any = ({"id": 4, "subnet": "192.0.2.0/24"}, {"id": 5, "subnet": "198.51.100.0/24"})
    ONE: Any = {
        "hw-address": "01:02:03:04:05:06", "subnet-id4": 4, "subnet-id6": UNUSED, "ip-address": "192.0.2.100",
        "hostname": "somehost.example.org", "client-classes4": [], "client-classes6": [], "option-data4": [],
        "option-data6": [], "next-server": "192.0.0.2", "server-hostname": "server-hostname.example.org",
        "boot-file-name": "bootfile.efi", "host-id": 0,
    }  # fmt: skip
    TWO: Any = {**ONE, "hw-address": "07:08:09:0a:0b:0c", "ip-address": "192.0.2.200", "hostname": "otherhost"}
    STORED: Any = {"hw-address": "02:00:00:00:00:03", "ip-address": "192.0.2.3"}

    def setUp(self) -> None:
        super().setUp()
        self.clock = Turning()
        self.cache = HostCache(Policy(), Configuration(family=self.number), seconds=self.clock.seconds, statistics={})
        self.store = MemoryHosts()
        self.source = self.cache.around(self.store)
        self.directory = Path(self.mktemp()).absolute()
        self.directory.mkdir()
        self.begin(
            lambda daemon: HostCacheCommands(
                daemon, self.cache, files=Directory(str(self.directory), at_once), reactor=self.clock
            ),
            **{f"subnet{self.number}": list(self.SUBNETS)},
        )

    def ask(self, command: str, arguments: Any = None) -> Any:
        async def answer() -> str:
            return "".join([piece async for piece in encode(await self.registry.run(Request(command, arguments)))])

        asked = Deferred.fromCoroutine(answer())
        while not asked.called:
            self.clock.advance(0)
        return json.loads(self.successResultOf(asked))

    def find(self, identifier: Identifier, subnet_id: int = 4) -> Any:
        """What the cached source finds."""

        async def run() -> Any:
            return await self.source.find([identifier], subnet_id)

        return self.successResultOf(Deferred.fromCoroutine(run()))

    def fill(self, *entries: Any) -> None:
        """Enter these, or both."""
        for each in entries or (self.ONE, self.TWO):
            self.assertEqual(self.told("cache-insert", each)[0], 0, each)

    def own(self, name: str) -> str:
        """A keyword with the number of the family."""
        return f"{name}{self.number}"

    def identified(self, entry: Any) -> Any:
        """The identifier of an entry, as an argument."""
        return {name: value for name, value in entry.items() if name in ("hw-address", "duid", "client-id")}


class CacheCommandTests(CacheCase):
    """Each command, here of DHCPv4."""

    def test_size(self) -> None:
        """J014: how many entries there are."""
        self.assertEqual(self.ask("cache-size"), {"result": 0, "text": "0 entries.", "arguments": {"size": 0}})
        self.fill()
        self.assertEqual(self.ask("cache-size"), {"result": 0, "text": "2 entries.", "arguments": {"size": 2}})

    def test_get(self) -> None:
        """J012: all entries as they were entered, in a list; none is result 3."""
        empty = {"result": 3, "text": "0 entries returned.", "arguments": []}
        self.assertEqual(self.ask("cache-get"), empty)
        self.fill()
        answer = self.ask("cache-get")
        self.assertEqual((answer["result"], answer["text"]), (0, "2 entries returned."))
        self.assertEqual(answer["arguments"], [self.ONE, self.TWO])

    def test_get_by_id(self) -> None:
        """J013: the entries of a client in all subnets, by its identifier under its own name."""
        elsewhere = {**self.ONE, self.own("subnet-id"): 5}
        self.fill(self.ONE, self.TWO, elsewhere)
        answer = self.ask("cache-get-by-id", self.identified(self.ONE))
        self.assertEqual((answer["result"], answer["text"]), (0, "2 entries returned."))
        self.assertEqual(answer["arguments"], [self.ONE, elsewhere])
        absent = {"result": 3, "text": "0 entries returned.", "arguments": []}
        self.assertEqual(self.ask("cache-get-by-id", {"hw-address": "01:02"}), absent)
        for wrong, word in (
            (None, "missing"),
            ({}, "missing"),
            ({**self.identified(self.ONE), "flex-id": "01"}, "keep one"),
            ({"hw-address": ""}, "'hw-address'"),
            ({"hw-address": "xyz"}, "'hw-address'"),
            ({"hw-address": 1}, "'hw-address'"),
            ({"ip-address": "192.0.2.1"}, "'ip-address'"),
            ([], "not a map"),
        ):
            self.refused("cache-get-by-id", wrong, word)

    def test_insert(self) -> None:
        """J015: one entry or a list; a newer one overwrites older ones of its client, and of what it reserves."""
        text = "1 entries inserted (0 overwritten by more recent entries)."
        self.assertEqual(self.told("cache-insert", self.ONE), (0, text))
        text = "2 entries inserted (1 overwritten by more recent entries)."
        self.assertEqual(self.told("cache-insert", [self.ONE, self.TWO]), (0, text))
        thief = {**self.TWO, **{name: self.ONE[name] for name in self.ONE if name.startswith("ip-address")}}
        text = "1 entries inserted (2 overwritten by more recent entries)."
        self.assertEqual(self.told("cache-insert", thief), (0, text))
        self.assertEqual(self.ask("cache-get")["arguments"], [thief])

    def test_insert_refused(self) -> None:
        """J015: nothing is entered if one of the entries is wrong, and that one is named."""
        subnet, other = self.own("subnet-id"), f"subnet-id{10 - self.number}"
        without = {name: value for name, value in self.ONE.items() if name != subnet}
        for wrong, *words in (
            (None, "missing"),
            ("x", "entry 1: an entry is a map"),
            ([self.ONE, 7], "entry 2: an entry is a map"),
            ({**self.ONE, "hostnmae": "x"}, "entry 1:", "hostnmae"),
            ({**self.ONE, "flex-id": "'x'"}, "entry 1:", "exactly one of"),
            ({subnet: 4}, "exactly one of"),
            (without, "other family"),
            ({**without, "subnet-id": 4, subnet: 4}, "keep one"),
            ({**self.ONE, subnet: UNUSED}, "other family"),
            ({**self.ONE, subnet: -1}, subnet),
            ({**self.ONE, subnet: True}, subnet),
            ({**self.ONE, "negative": 1}, "'negative'"),
            ({**self.ONE, f"client-classes{10 - self.number}": ["x"]}, "other family"),
            ({name: value for name, value in without.items() if name != other}, "is missing"),
        ):
            self.refused("cache-insert", wrong, *words)
            self.assertEqual(self.cache.size(), 0)

    def test_subnet(self) -> None:
        """J015: ``subnet-id`` is that of the server's family."""
        entry = {name: value for name, value in self.ONE.items() if not name.startswith("subnet-id")}
        self.fill({**entry, "subnet-id": 4})
        self.assertEqual(self.ask("cache-get")["arguments"], [self.ONE])

    def test_holds(self) -> None:
        """What is entered holds before what sources say, and they are not asked; so does a negative entry."""
        (value,) = self.identified(self.ONE).values()
        (keyword,) = self.identified(self.ONE)
        identifier = Identifier(
            IdentifierKind[keyword.upper().replace("-", "_")], bytes.fromhex(value.replace(":", ""))
        )
        stored = Host(identifier=identifier, subnet_id=4, hostname="stored")
        self.store = MemoryHosts([stored])
        self.source = self.cache.around(self.store)
        self.assertEqual(self.find(identifier), stored)
        self.fill(self.ONE)
        self.assertEqual(self.find(identifier).hostname, self.ONE["hostname"])
        self.fill({**self.identified(self.ONE), "subnet-id": 4, "negative": True})
        self.assertIsNone(self.find(identifier))
        self.fill({**self.identified(self.ONE), "subnet-id": 4, "refused": True})
        self.assertTrue(self.find(identifier).refused)

    def test_negative(self) -> None:
        """J006: negative entries are shown as such, with whose answer they are, and can be entered again."""
        self.assertIsNone(self.find(Identifier(IdentifierKind.FLEX_ID, b"\xab\x0c")))
        refused = {**self.identified(self.ONE), "subnet-id": 4, "refused": True}
        self.fill(refused)
        one, two = self.ask("cache-get")["arguments"]
        self.assertEqual((one["flex-id"], one["negative"], one["source"]), ("AB0C", True, "memory"))
        self.assertEqual((two["negative"], two["refused"], "source" in two), (True, True, False))
        self.assertEqual(self.told("cache-clear"), (0, "Cache cleared."))
        self.fill(one, two)
        del one["source"]
        self.assertEqual(self.ask("cache-get")["arguments"], [one, two])

    def test_all_of_a_host(self) -> None:
        """J015: options, classes and context come back as they were given."""
        more = {
            "user-context": {"radius": {"Class": ["0x01"]}},
            self.own("client-classes"): ["gold"],
            self.own("option-data"): [
                {"code": 12 if self.number == 4 else 24, "data": "x.example", "csv-format": True}
            ],
        }
        self.fill({**self.ONE, **more})
        (shown,) = self.ask("cache-get")["arguments"]
        self.assertEqual(shown["user-context"], more["user-context"])
        self.assertEqual(shown[self.own("client-classes")], ["gold"])
        self.assertEqual(len(shown[self.own("option-data")]), 1)
        before = [*self.cache.entries()]
        self.fill(shown)
        self.assertEqual([*self.cache.entries()], before)

    def test_remove(self) -> None:
        """J016: an entry is removed by its subnet and an identifier or address; one that is not there is result 3."""
        absent = (3, "Host not removed (not found).")
        by_address = {"ip-address": self.address(self.ONE)}
        for subnet in ("subnet-id", self.own("subnet-id")):
            for selector in (self.identified(self.ONE), by_address):
                self.fill()
                self.assertEqual(self.told("cache-remove", {subnet: 5, **selector}), absent)
                self.assertEqual(self.told("cache-remove", {subnet: 4, **selector}), (0, "Host removed."))
                self.assertEqual(self.told("cache-remove", {subnet: 4, **selector}), absent)
                self.assertEqual(self.ask("cache-get")["arguments"], [self.TWO])
        for wrong, word in (
            (None, "is missing"),
            ({"subnet-id": 4}, "exactly one of"),
            (by_address, "is missing"),
            ({"subnet-id": 4, **by_address, **self.identified(self.ONE)}, "exactly one of"),
            ({f"subnet-id{10 - self.number}": 4, **by_address}, "other family"),
            ({"subnet-id": 4, "ip-address": "x"}, "'ip-address'"),
            ({"subnet-id": 4, "duid": ""}, "'duid'"),
        ):
            self.refused("cache-remove", wrong, word)

    def address(self, entry: Any) -> Any:
        return entry.get("ip-address") or entry["ip-addresses"][0]

    def test_flush(self) -> None:
        """J009: so many entries go, those used longest ago; for all of them there is another command."""
        self.fill()
        self.assertEqual(self.told("cache-flush", 1), (0, "Cache flushed (1 entries removed)."))
        self.assertEqual(self.ask("cache-get")["arguments"], [self.TWO])
        self.assertEqual(self.told("cache-flush", 10**12), (0, "Cache flushed (1 entries removed)."))
        self.assertEqual(self.told("cache-flush", 1), (0, "Cache flushed (0 entries removed)."))
        wrongs: list[Any] = [None, 0, -1, True, 1.5, "1", {}, []]
        for wrong in wrongs:
            self.refused("cache-flush", wrong, "cache-clear")

    def test_clear(self) -> None:
        """J008: all entries go."""
        self.fill()
        self.assertEqual(self.told("cache-clear"), (0, "Cache cleared."))
        self.assertEqual(self.cache.size(), 0)
        self.assertEqual(self.told("cache-clear"), (0, "Cache cleared."))

    # -- files

    def test_write_and_load(self) -> None:
        """J010, J011: what is written is JSON, nobody else's to read, and what is loaded is what was written."""
        path = self.directory / "dump.json"
        self.assertEqual(self.told("cache-write", "dump.json"), (0, f"0 entries dumped to '{path}'."))
        self.assertEqual(json.loads(path.read_text()), [])
        self.fill()
        self.assertEqual(self.told("cache-write", str(path)), (0, f"2 entries dumped to '{path}'."))
        self.assertEqual(json.loads(path.read_text()), [self.ONE, self.TWO])
        self.assertEqual(os.stat(path).st_mode & 0o777, 0o640)
        for overwritten in (2, 0):
            text = f"2 entries loaded from 'dump.json' ({overwritten} overwritten by more recent entries)."
            self.assertEqual(self.told("cache-load", "dump.json"), (0, text))
            self.assertEqual(self.ask("cache-get")["arguments"], [self.ONE, self.TWO])
            self.ask("cache-clear")

    def test_many(self) -> None:
        """A large cache is written and loaded in many turns of the reactor."""
        entries = [{"flex-id": f"{number:06x}", "subnet-id": 4, "hostname": f"h{number}"} for number in range(1500)]
        self.fill(entries)
        names: list[str] = []
        for command, arguments in (("cache-write", "many"), ("cache-load", "many"), ("cache-get", None)):
            self.clock.turns = 0
            names = [each["hostname"] for each in self.ask(command, arguments).get("arguments", ())]
            self.assertGreater(self.clock.turns, 5, command)
            if command == "cache-write":
                self.ask("cache-clear")
        self.assertEqual(names, [f"h{number}" for number in range(1500)])

    def test_kea_file(self) -> None:
        """J017: a file of Kea's, with its blanks and the unused subnet of an older release, is loaded."""
        old = {**self.ONE, f"subnet-id{10 - self.number}": 0}
        (self.directory / "kea.json").write_text(json.dumps([old, self.TWO], indent=4) + "\n")
        self.assertEqual(self.told("cache-load", "kea.json")[0], 0)
        self.assertEqual(self.ask("cache-get")["arguments"], [self.ONE, self.TWO])

    def test_load_refused(self) -> None:
        """J011: a file that is no list of entries is told with its line, and nothing of it is entered."""
        good = json.dumps(self.ONE)
        for text, *words in (
            ("", "line 1", "'['"),
            ("{}", "line 1", "'['"),
            (f"[\n{good},\n", "line 3", "an entry"),
            (f"[\n{good}\n{good}]", "line 3", "']'"),
            (f"[{good}]]", "nothing more"),
            (f"[{good},\n7]", "entry 2"),
            ("[" * 5000, "an entry"),
            ('[{"user-context": {"a": NaN}}]', "an entry"),
            ("[\udcff]", "not UTF-8"),
        ):
            (self.directory / "bad").write_bytes(text.encode("utf-8", "surrogateescape"))
            self.refused("cache-load", "bad", "bad", *words)
            self.assertEqual(self.cache.size(), 0)

    def test_no_way_out(self) -> None:
        """CVE-2025-32802: files are written and read in one directory, and never through a link."""
        outside = Path(self.mktemp()).absolute()
        outside.write_text("[]")
        (self.directory / "link").symlink_to(outside)
        os.mkfifo(self.directory / "pipe")
        names: list[Any] = [str(outside), f"../{outside.name}", "..", "a/b", "link", "pipe", "x\0", "", None, 1, {}]
        for command in ("cache-write", "cache-load"):
            for name in names:
                self.refused(command, name)
        self.assertEqual(outside.read_text(), "[]")
        self.refused("cache-load", "absent", "cannot be read")

    @settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.data())
    def test_anything(self, data: st.DataObject) -> None:
        """Whatever the arguments are, the answer is one, and no command fails inside the server."""
        values = JSON | st.sampled_from(("01:02", "192.0.2.1", "2001:db8:1::1", [], ["2001:db8:1::1"], 0, 1, 4, True))
        names = st.sampled_from([*self.ONE, "ip-addresses", "prefixes", "subnet-id", "negative", "refused", "flex-id"])
        entry = st.dictionaries(names, values, max_size=5)
        arguments = entry | JSON | st.lists(entry, max_size=3) | st.builds(lambda more: {**self.ONE, **more}, entry)
        command = data.draw(st.sampled_from(self.ask("list-commands")["arguments"]))
        answer = self.ask(command, data.draw(arguments))
        self.assertIn(answer["result"], (0, 1, 3))
        self.assertNotIn("inside the server", answer.get("text", ""), command)


class CacheCommand6Tests(CacheCommandTests):
    """The same of DHCPv6."""

    number = 6
    SUBNETS: Any = ({"id": 4, "subnet": "2001:db8:1::/64"}, {"id": 5, "subnet": "2001:db8:2::/64"})
    ONE: Any = {
        "duid": "01:02:03:04:05:06", "subnet-id4": UNUSED, "subnet-id6": 4, "ip-addresses": ["2001:db8:1::cafe"],
        "prefixes": ["2001:db8:dead:beef::/64"], "hostname": "", "client-classes4": [], "client-classes6": [],
        "option-data4": [], "option-data6": [], "next-server": "0.0.0.0", "server-hostname": "", "boot-file-name": "",
        "host-id": 0,
    }  # fmt: skip
    TWO: Any = {
        **{name: value for name, value in ONE.items() if name != "prefixes"},
        "duid": "07:08:09:0a",
        "ip-addresses": ["2001:db8:1::beef"],
    }


class ReservationTests(CacheCase):
    """J018: reservations that commands change are seen at once."""

    ADDED: Any = {"subnet-id": 4, "hw-address": "02:00:00:00:00:03", "ip-address": "192.0.2.3"}

    def setUp(self) -> None:
        super().setUp()
        self.begin(lambda daemon: HostCommands(daemon, [self.store], self.cache), subnet4=list(self.SUBNETS))

    def at(self, last: int) -> Any:
        async def run() -> Any:
            return await self.source.at(bytes((192, 0, 2, last)), 4)

        return [host.identifier for host in self.successResultOf(Deferred.fromCoroutine(run()))]

    def test_changes(self) -> None:
        """What is added, updated and deleted is what is found from then on, by identifier and by address."""
        client = Identifier(IdentifierKind.HW_ADDRESS, bytes.fromhex("020000000003"))
        self.assertEqual((self.find(client), self.at(3), self.at(9)), (None, [], []))
        self.assertEqual(self.told("reservation-add", {"reservation": self.ADDED})[0], 0)
        self.assertEqual((self.find(client).address, self.at(3), self.at(9)), (bytes((192, 0, 2, 3)), [client], []))
        changed = {**self.ADDED, "ip-address": "192.0.2.9"}
        self.assertEqual(self.told("reservation-update", {"reservation": changed})[0], 0)
        self.assertEqual((self.find(client).address, self.at(3), self.at(9)), (bytes((192, 0, 2, 9)), [], [client]))
        selector = {"subnet-id": 4, "ip-address": "192.0.2.9"}
        self.assertEqual(self.told("reservation-del", selector)[0], 0)
        self.assertEqual((self.find(client), self.at(3), self.at(9)), (None, [], []))
