"""Leases as an operator enters them, and arguments that are none."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.commanding import NOW, ONE6, PREFIX, WHOLE4, WHOLE6, WRONG, LeaseCase
from tests.test_control_request import JSON
from txkea.model.lease import INFINITE, LeaseState, LeaseType

__all__ = ["Arguments4Tests", "Arguments6Tests", "Client4Tests", "Entered4Tests", "Entered6Tests"]


class Entered4Tests(LeaseCase):
    """What an operator must and may say of a lease of DHCPv4 (Kea G039, G041)."""

    whole: dict[str, Any] = WHOLE4
    elsewhere = "198.51.100.1"
    nowhere = "203.0.113.1"
    last_state = 3

    def entered(self, **more: Any) -> Any:
        """The lease that is added."""
        self.build()
        self.done("add", **{**self.whole, **more})
        (lease,) = self.leases.table
        return lease

    def test_least(self) -> None:
        """Address and client are enough: subnet and lifetime are found, and the client was heard just now."""
        lease = self.entered()
        self.assertEqual(lease.address, bytes((192, 0, 2, 10)))
        self.assertEqual(lease.hwaddr, bytes.fromhex("02000000aa01"))
        self.assertEqual((lease.subnet_id, lease.valid_lifetime, lease.cltt), (1, 7000, NOW))
        self.assertEqual(lease[6:], (False, False, "", 0, "", 0))

    def test_subnet(self) -> None:
        """A subnet that is not named, or 0, is found by the address, also where no client might; another is refused."""
        for more in ({}, {"subnet_id": 0}, {"subnet_id": 2}):
            lease = self.entered(ip_address=self.elsewhere, **more)
            self.assertEqual((lease.subnet_id, lease.valid_lifetime), (2, 1234))
        self.assertIn("in none of the subnets", self.refused("add", **{**self.whole, "ip_address": self.nowhere}))
        self.assertIn("'subnet-id' 2", self.refused("add", **{**self.whole, "subnet_id": 2}))
        self.assertIn("'subnet-id' 9", self.refused("add", **{**self.whole, "subnet_id": 9}))

    def test_times(self) -> None:
        """A lease ends its lifetime from now on, or when it is said, from which follows when its client was heard."""
        self.assertEqual(self.entered(valid_lft=60).expires, NOW + 60)
        lease = self.entered(valid_lft=60, expire=NOW + 1000)
        self.assertEqual((lease.expires, lease.cltt), (NOW + 1000, NOW + 940))
        self.assertEqual(self.entered(expire=NOW - 7000).cltt, NOW - 14000)
        self.assertEqual(self.entered(valid_lft=INFINITE).valid_lifetime, INFINITE)
        self.assertEqual(self.entered(valid_lft=0).expires, NOW)
        self.build()
        for more, word in (
            ({"expire": 0}, "'expire'"),
            ({"expire": 59, "valid_lft": 60}, "'expire'"),
            ({"expire": 1 << 63}, "'expire'"),
            ({"valid_lft": 1 << 32}, "'valid-lft'"),
        ):
            self.assertIn(word, self.refused("add", **self.whole, **more))

    def test_names(self) -> None:
        """A hostname is kept in lower case; flags that speak of one demand it."""
        lease = self.entered(hostname="Host.Example.ORG", fqdn_fwd=True, fqdn_rev=True)
        self.assertEqual((lease.hostname, lease.fqdn_fwd, lease.fqdn_rev), ("host.example.org", True, True))
        self.build()
        for more in ({"fqdn_fwd": True}, {"fqdn_rev": True, "hostname": ""}):
            self.assertIn("'hostname'", self.refused("add", **self.whole, **more))
        for hostname in ("n" * 256, "\ud800"):
            self.assertIn("'hostname'", self.refused("add", **self.whole, hostname=hostname))

    def test_states(self) -> None:
        """A lease may be entered in every state that the family has."""
        for state in range(self.last_state + 1):
            self.assertEqual(self.entered(state=state).state, state)
        self.build()
        self.assertIn("'state'", self.refused("add", **self.whole, state=self.last_state + 1))

    def test_remarks(self) -> None:
        """A user context is kept, and shown again; a comment is a part of it."""
        self.entered(user_context={"a": [1, {"b": None}], "é": "\u2028"}, comment="x", pool_id=7)
        shown = self.lease("get", ip_address=self.whole["ip_address"])["arguments"]
        self.assertEqual(shown["user-context"], {"a": [1, {"b": None}], "é": "\u2028", "comment": "x"})
        self.assertEqual(shown["pool-id"], 7)
        self.assertEqual(self.entered(user_context={}).user_context, "")
        self.build()
        twice = {"user_context": {"comment": "a"}, "comment": "b"}
        self.assertIn("'comment'", self.refused("add", **self.whole, **twice))

    def test_missing(self) -> None:
        """What is missing is named."""
        for name in self.whole:
            less = {other: value for other, value in self.whole.items() if other != name}
            self.assertIn(f"'{name.replace('_', '-')}' is missing", self.refused("add", **less))
        self.assertIn("'arguments'", self.refused("add"))

    def test_more(self) -> None:
        """What nobody asks for is not minded: other servers' leases may be sent as they show them."""
        self.entered(origin="ha-partner", cltt=5, bogus=None, force_create=True)

    def test_shown_again(self) -> None:
        """A lease that is shown may be added again as it is, and is the same but for its time."""
        first = self.entered(hostname="a", state=1, user_context={"x": 1})
        shown = self.lease("get", ip_address=self.whole["ip_address"])["arguments"]
        self.build()
        self.assertEqual(self.ask(f"lease{self.family}-add", shown)["result"], 0)
        self.assertEqual(list(self.leases.table), [first])


class Client4Tests(LeaseCase):
    """Whose lease of DHCPv4 it is."""

    def test_client(self) -> None:
        """There is a hardware address, a client identifier or both, but for an address that was declined."""
        self.done("add", ip_address="192.0.2.10", hw_address="", client_id="01:02")
        self.done("add", ip_address="192.0.2.11", hw_address="01", client_id="0102")
        self.done("add", ip_address="192.0.2.12", hw_address="", state=1)
        self.assertIn("'client-id'", self.refused("add", ip_address="192.0.2.13", hw_address=""))
        self.assertIn("'client-id'", self.refused("add", **WHOLE4, client_id="01"))
        self.assertIn("'client-id'", self.refused("add", **WHOLE4, client_id=""))
        self.assertIn("'client-id'", self.refused("add", **WHOLE4, client_id="01" * 256))
        self.assertIn("'hw-address'", self.refused("add", ip_address="192.0.2.13", hw_address="01" * 21))

    def test_text(self) -> None:
        """The answer names address and subnet."""
        answer = self.lease("add", **WHOLE4)
        self.assertEqual(answer, {"result": 0, "text": "Lease for address 192.0.2.10, subnet-id 1 added."})


class Entered6Tests(Entered4Tests):
    """What an operator must and may say of a lease of DHCPv6 (Kea G040, G041)."""

    family = 6
    whole = WHOLE6
    elsewhere = "2001:db8:2::1"
    nowhere = "2001:db8:3::1"
    last_state = 4

    def test_least(self) -> None:
        """Address, DUID and association are enough; the preferred lifetime is the subnet's preferred one."""
        lease = self.entered()
        wanted = ONE6._replace(
            address=lease.address, hwaddr=b"", valid_lifetime=7000, expires=NOW + 7000, preferred_lifetime=5000
        )
        self.assertEqual(lease, wanted)

    def test_preferred(self) -> None:
        """A preferred lifetime that is not given is no longer than the valid one; one that is given is taken."""
        self.assertEqual(self.entered(valid_lft=60).preferred_lifetime, 60)
        self.assertEqual(self.entered(valid_lft=60, preferred_lft=90).preferred_lifetime, 90)
        self.assertEqual(self.entered(ip_address=self.elsewhere).preferred_lifetime, 600)

    def test_hardware(self) -> None:
        """A hardware address is of an Ethernet card; there need not be one."""
        lease = self.entered(hw_address="02:00:00:00:00:01")
        self.assertEqual((lease.hwaddr.hex(), lease.hwtype), ("020000000001", 1))
        self.assertEqual(self.entered(hw_address="").hwtype, 0)

    def test_prefix(self) -> None:
        """A prefix has a length, begins where it does, and may be outside its subnet, which must be named."""
        lease = self.entered(**PREFIX)
        self.assertEqual((lease.type, lease.prefix_length, lease.subnet_id), (LeaseType.PD, 56, 1))
        self.build()
        self.assertEqual(self.done("add", **PREFIX)["text"], "Lease for prefix 3001:db8:0:100::/56, subnet-id 1 added.")
        for more, word in (
            ({"subnet_id": 0}, "'subnet-id'"),
            ({"subnet_id": 9}, "'subnet-id'"),
            ({"prefix_len": 0}, "'prefix-len'"),
            ({"prefix_len": 129}, "'prefix-len'"),
            ({"prefix_len": "56"}, "'prefix-len'"),
            ({"ip_address": "3001:db8:0:200::1"}, "first address of a prefix"),
            ({"type": "IA_XX"}, "'type'"),
            ({"type": 2}, "'type'"),
            ({"state": LeaseState.REGISTERED}, "'state'"),
        ):
            self.assertIn(word, self.refused("add", **{**PREFIX, **more}), more)
        less = {name: value for name, value in PREFIX.items() if name != "prefix_len"}
        self.assertIn("'prefix-len' is missing", self.refused("add", **less))

    def test_temporary(self) -> None:
        """A temporary address is an address like any other; a length is none of its business."""
        lease = self.entered(type="IA_TA", prefix_len=64)
        self.assertEqual((lease.type, lease.prefix_length), (LeaseType.TA, 128))
        self.assertEqual(self.lease("get", ip_address="2001:db8::10", type="IA_TA")["result"], 0)

    def test_nobody(self) -> None:
        """A DUID of zeros is nobody's, and only what was declined has it."""
        nobody = {**WHOLE6, "duid": "00"}
        self.assertIn("'duid'", self.refused("add", **nobody))
        self.done("add", **nobody, state=1)

    def test_overlap(self) -> None:
        """An address inside a prefix that is leased, or a prefix around a leased address, is refused with a name."""
        self.done("add", **PREFIX)
        self.done("add", **WHOLE6)
        inside = {**PREFIX, "ip_address": "3001:db8:0:180::", "prefix_len": 60}
        told = "3001:db8:0:180::/60 overlaps the lease of 3001:db8:0:100::/56"
        around = {**PREFIX, "ip_address": "2001:db8::", "prefix_len": 64}
        for what, more in (("add", {}), ("update", {"force_create": True})):
            self.assertIn(told, self.conflicts(what, **inside, **more))
            self.assertIn("2001:db8::/64 overlaps the lease of 2001:db8::10", self.conflicts(what, **around, **more))
        longer = {**PREFIX, "ip_address": "3001:db8:0:100::", "prefix_len": 48}
        self.done("add", **{**PREFIX, "ip_address": "3001:db8:0:200::"})
        self.done("add", **{**PREFIX, "ip_address": "3001:db8:1::"})
        self.assertIn("first address", self.refused("update", **longer))
        longer = {**PREFIX, "ip_address": "3001:db8::", "prefix_len": 64}
        self.done("add", **longer)
        told = self.conflicts("update", **{**longer, "prefix_len": 48})
        self.assertIn("3001:db8::/48 overlaps the lease of 3001:db8:0:100::/56", told)
        self.done("update", **{**longer, "prefix_len": 56})


class Arguments4Tests(LeaseCase):
    """Arguments of every wrong type are refused and named."""

    whole: dict[str, Any] = WHOLE4
    names: tuple[str, ...] = (
        "ip-address", "hw-address", "subnet-id", "client-id", "valid-lft", "expire", "fqdn-fwd", "fqdn-rev", "hostname",
        "state", "user-context", "comment", "pool-id", "force-create",
    )  # fmt: skip
    selecting: tuple[str, ...] = ("ip-address", "subnet-id", "identifier-type", "identifier", "update-ddns", "type")

    def fits(self, name: str, value: Any) -> bool:
        """Whether a value is of the type of an argument, after all."""
        if name in ("hostname", "comment"):
            return isinstance(value, str)
        if name in ("fqdn-fwd", "fqdn-rev", "force-create", "update-ddns"):
            return isinstance(value, bool)
        if name == "user-context":
            return isinstance(value, dict)
        return name == "hw-address" and value == "" and self.family == 6

    def test_entering(self) -> None:
        """Every argument of a lease, in every wrong type."""
        whole = {name.replace("_", "-"): value for name, value in self.whole.items()}
        for command in ("add", "update"):
            for name in self.names:
                for value in WRONG:
                    answer = self.ask(f"lease{self.family}-{command}", {**whole, name: value})
                    if not self.fits(name, value):
                        self.assertEqual((answer["result"], f"'{name}'" in answer["text"]), (1, True), (name, answer))

    def test_selecting(self) -> None:
        """Every argument that finds a lease, in every wrong type."""
        kind = "hw-address" if self.family == 4 else "duid"
        whole = {"subnet-id": 1, "identifier-type": kind, "identifier": "01:02:03", "iaid": 1}
        for command in ("get", "del"):
            for name in self.selecting:
                for value in WRONG:
                    answer = self.ask(f"lease{self.family}-{command}", {**whole, name: value})
                    if not self.fits(name, value):
                        self.assertEqual((answer["result"], f"'{name}'" in answer["text"]), (1, True), (name, answer))

    @given(st.data())
    def test_anything(self, data: st.DataObject) -> None:
        """Whatever comes is an answer, never a fault."""
        self.anything(data)

    def anything(self, data: st.DataObject) -> None:
        """One command with any arguments."""
        known = st.sampled_from([*self.names, *self.selecting, "leases", "deleted-leases", "filename", "from", "limit"])
        values = JSON | st.sampled_from(["192.0.2.10", "2001:db8::10", "01:02", "start", "IA_PD", 1, True, "duid"])
        arguments = data.draw(JSON | st.dictionaries(known, values))
        command = data.draw(st.sampled_from(self.ask("list-commands")["arguments"]))
        self.assertIn(self.ask(command, arguments)["result"], (0, 1, 3, 4))
        self.assertEqual([line for line in self.log.lines if line[0] == "ERROR"], [])


class Arguments6Tests(Arguments4Tests):
    """The same for DHCPv6."""

    family = 6
    whole = WHOLE6
    names = (
        "ip-address", "duid", "iaid", "subnet-id", "type", "prefix-len", "preferred-lft", "hw-address", "valid-lft",
        "expire", "fqdn-fwd", "fqdn-rev", "hostname", "state", "user-context", "comment", "pool-id", "force-create",
    )  # fmt: skip
    selecting = (*Arguments4Tests.selecting, "iaid")

    @given(st.data())
    def test_anything(self, data: st.DataObject) -> None:
        """Whatever comes is an answer, never a fault."""
        self.anything(data)
