"""The commands that look at leases."""

from __future__ import annotations

from typing import Any

from tests.commanding import ONE4, ONE6, PREFIX6, TWO4, V6, LeaseCase

__all__ = ["Both6Tests", "BothTests", "Lease4Tests", "Lease6Tests"]


class BothTests(LeaseCase):
    """What lease commands of both families do, here DHCPv4."""

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

    def test_by_hostname(self) -> None:
        """G052: all leases of a hostname, in whatever case, over many pages; never those without one."""
        leases = [self.at(number, 1)._replace(hostname="" if number % 3 else "a.example") for number in range(1200)]
        self.fill(*leases)
        answer = self.lease("get-by-hostname", hostname="A.Example")
        self.assertEqual((answer["result"], answer["text"]), (0, f"400 IPv{self.family} lease(s) found."))
        self.assertEqual(self.addresses(answer), [self.text(lease) for lease in leases[::3]])
        self.assertEqual(self.lease("get-by-hostname", hostname="b.example")["result"], 3)
        for wrong in ("", 3, None, ["a.example"]):
            self.assertIn("'hostname'", self.refused("get-by-hostname", hostname=wrong))
        self.assertIn("'arguments'", self.refused("get-by-hostname"))

    def test_by_state(self) -> None:
        """G052: all leases in a state, of all subnets or of one."""
        self.fill(*[self.at(number, number % 2)._replace(state=number % 3) for number in range(1200)])
        self.assertEqual(self.lease("get-by-state", state=1)["text"], f"400 IPv{self.family} lease(s) found.")
        answer = self.lease("get-by-state", state=2, subnet_id=1)
        self.assertEqual({(each["state"], each["subnet-id"]) for each in answer["arguments"]["leases"]}, {(2, 1)})
        self.assertEqual(len(answer["arguments"]["leases"]), 200)
        self.assertEqual(self.lease("get-by-state", state=0, subnet_id=0)["text"][:3], "400")
        self.assertEqual(self.lease("get-by-state", state=3)["result"], 3)
        self.assertEqual(self.lease("get-by-state", state=0, subnet_id=77)["result"], 3)
        for wrong in (-1, 5, "0", None, True, 0.0):
            self.assertIn("'state'", self.refused("get-by-state", state=wrong))
        self.assertIn("'subnet-id'", self.refused("get-by-state", state=0, subnet_id="1"))
        self.assertIn("'state'", self.refused("get-by-state", subnet_id=1))

    def test_many_of_one_client(self) -> None:
        """A client with a thousand leases is answered page by page."""
        name = "hw-address" if self.family == 4 else "duid"
        self.fill(*[self.at(number, 1) for number in range(1234)])
        value = self.one().hwaddr if self.family == 4 else self.one().duid
        answer = self.lease(f"get-by-{name}", **{name: value.hex(":")})
        self.assertEqual(len(self.addresses(answer)), 1234)

    def test_identifier_forms(self) -> None:
        """An identifier may be written in all the ways in which Kea takes one."""
        name = "hw-address" if self.family == 4 else "duid"
        lease = self.at(0, 1)._replace(**{"hwaddr" if self.family == 4 else "duid": bytes.fromhex("0a010203")})
        self.fill(lease)
        for form in ("0a:01:02:03", "0A:01:02:03", "a:1:2:3", "0a 01 02 03", "0a010203", "0x0A010203", "a010203"):
            answer = self.lease("get", subnet_id=1, identifier_type=name, identifier=form, iaid=7)
            self.assertEqual(answer["result"], 0, form)


class Both6Tests(BothTests):
    """The same for DHCPv6."""

    family = 6


class Lease4Tests(LeaseCase):
    """Commands about leases of DHCPv4."""

    def test_shape(self) -> None:
        """A lease has Kea's keys; those that a lease does not have are left out."""
        self.fill(ONE4, TWO4)
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
        self.fill(ONE4, TWO4)
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
            ({**whole, "identifier": "2g"}, "identifier"),
            ({**whole, "identifier": ""}, "identifier"),
        ):
            answer = self.ask("lease4-get", wrong)
            self.assertEqual(answer["result"], 1, wrong)
            self.assertIn(word, answer["text"])

    def test_by_hardware_address(self) -> None:
        """G052: all leases of a hardware address, of which there may be none."""
        self.fill(ONE4, ONE4._replace(address=bytes((192, 0, 2, 3)), subnet_id=2), TWO4)
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
        self.fill(ONE4, TWO4)
        self.assertEqual(self.addresses(self.lease("get-by-client-id", client_id="01:02:03")), ["192.0.2.2"])
        self.assertEqual(self.lease("get-by-client-id", client_id="01:02")["result"], 3)
        self.assertEqual(self.lease("get-by-client-id")["result"], 1)


class Lease6Tests(LeaseCase):
    """Commands about leases of DHCPv6."""

    family = 6

    def test_shape(self) -> None:
        """G050: an address and a prefix have Kea's keys; those that they do not have are left out."""
        self.fill(ONE6, PREFIX6)
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
        self.fill(ONE6, PREFIX6)
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
        second = ONE6._replace(address=V6 + bytes(11) + b"\2", iaid=8)
        self.fill(ONE6, second, PREFIX6)
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
        self.fill(ONE6, PREFIX6)
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

    def test_by_hardware_address(self) -> None:
        """G052: all leases of a hardware address, which nothing finds but a look at them all."""
        self.fill(ONE6, PREFIX6)
        answer = self.lease("get-by-hw-address", hw_address="02:00:00:00:aa:01")
        self.assertEqual((answer["result"], self.addresses(answer)), (0, ["2001:db8::1"]))
        self.assertEqual(self.lease("get-by-hw-address", hw_address="02")["result"], 3)
        for wrong in ("", "x", 3, None):
            self.assertIn("'hw-address'", self.refused("get-by-hw-address", hw_address=wrong))

    def test_ambiguous(self) -> None:
        """An identifier that fits several leases is refused: Kea would not say which one it means either."""
        self.fill(ONE6, ONE6._replace(address=V6 + bytes(11) + b"\2"))
        whole = {"identifier_type": "duid", "identifier": "00:01:02:03:04", "subnet_id": 1, "iaid": 7}
        self.assertIn("'ip-address'", self.refused("get", **whole))
        self.assertIn("'ip-address'", self.refused("del", **whole))

    def test_type_numbers(self) -> None:
        """Kea takes numbers in quotes for types too."""
        self.fill(ONE6, PREFIX6)
        self.assertEqual(self.lease("get", ip_address="2001:db8:1::", type="2")["result"], 0)
        self.assertEqual(self.lease("get", ip_address="2001:db8::1", type="0")["result"], 0)
        self.assertEqual(self.lease("get", ip_address="2001:db8::1", type="1")["result"], 3)
