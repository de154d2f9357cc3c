"""Commands about subnets."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.editing import EditCase
from tests.test_control_request import JSON
from txkea.control.subnets import SubnetCommands

ROUTERS = {"name": "routers", "data": "192.0.2.1"}


class SubnetCase(EditCase):
    """A server with two subnets by themselves and one in a network, here of DHCPv4."""

    ONE: Any = {
        "id": 1,
        "subnet": "192.0.2.0/24",
        "pools": [{"pool": "192.0.2.10 - 192.0.2.20"}, {"pool": "192.0.2.64/28", "option-data": [ROUTERS]}],
        "option-data": [ROUTERS],
        "reservations": [{"hw-address": "02:00:00:00:00:01", "ip-address": "192.0.2.9"}],
    }
    TWO: Any = {"id": 7, "subnet": "198.51.100.0/24"}
    INSIDE: Any = {"id": 3, "subnet": "203.0.113.0/24"}
    NEW: Any = {"subnet": "10.0.0.0/8", "pools": [{"pool": "10.0.0.1 - 10.0.0.9"}]}

    def setUp(self) -> None:
        super().setUp()
        key = f"subnet{self.number}"
        networks = [{"name": "floor1", "valid-lifetime": 300, key: [self.INSIDE]}]
        self.begin(SubnetCommands, **{key: [self.ONE, self.TWO], "shared_networks": networks, "valid_lifetime": 600})

    def name(self, what: str) -> str:
        return f"subnet{self.number}-{what}"

    def given(self, **subnet: Any) -> Any:
        """The arguments with which a subnet is sent."""
        return {f"subnet{self.number}": [{name.replace("_", "-"): value for name, value in subnet.items()}]}

    def ids(self) -> list[int]:
        return [subnet.id for subnet in self.daemon.configuration.subnets]

    def written_subnet(self, number: int = 1) -> Any:
        key = f"subnet{self.number}"
        networks = [network[key] for network in self.daemon.written.get("shared-networks", ())]
        found = [subnet for subnets in (*networks, self.daemon.written[key]) for subnet in subnets]
        return next(subnet for subnet in found if subnet["id"] == number)


class SubnetTests(SubnetCase):
    """Whole subnets."""

    def test_list(self) -> None:
        """G057: all subnets with id, prefix and network, in the order in which they are tried."""
        answer = self.ask(self.name("list"))
        self.assertEqual((answer["result"], answer["text"]), (0, f"3 IPv{self.number} subnets found"))
        wanted = [(1, self.ONE["subnet"], None), (3, self.INSIDE["subnet"], "floor1"), (7, self.TWO["subnet"], None)]
        found = answer["arguments"]["subnets"]
        self.assertEqual([(each["id"], each["subnet"], each["shared-network-name"]) for each in found], wanted)

    def test_list_of_few(self) -> None:
        """G057: one is no plural, and none is result 3 with an empty list."""
        self.begin(SubnetCommands, **{f"subnet{self.number}": [self.TWO]})
        self.assertEqual(self.told(self.name("list")), (0, f"1 IPv{self.number} subnet found"))
        self.begin(SubnetCommands)
        answer = {"arguments": {"subnets": []}, "result": 3, "text": f"0 IPv{self.number} subnets found"}
        self.assertEqual(self.ask(self.name("list")), answer)

    def test_get(self) -> None:
        """G058: a subnet is found by its id or prefix wherever it is, and shown as config-get shows it."""
        for number, subnet in ((1, self.ONE), (3, self.INSIDE)):
            for selector in ({"id": number}, {"subnet": subnet["subnet"]}):
                answer = self.ask(self.name("get"), selector)
                text = f"Info about IPv{self.number} subnet {subnet['subnet']} (id {number}) returned"
                self.assertEqual((answer["result"], answer["text"]), (0, text))
                (shown,) = answer["arguments"]["subnets"]
                self.assertEqual((shown["id"], shown["valid-lifetime"]), (number, 600 if number == 1 else 300))

    def test_get_absent(self) -> None:
        """A subnet that is not there is result 3; what names none is an error."""
        self.assertEqual(self.told(self.name("get"), {"id": 2}), (3, f"no IPv{self.number} subnet with id 2 found"))
        self.assertEqual(self.told(self.name("get"), {"subnet": self.NEW["subnet"]})[0], 3)
        wrong: Any
        for wrong in (None, {}, {"id": 1, "subnet": "x"}, {"id": "1"}, {"id": True}, {"subnet": "x"}, {"subnet": 1}):
            self.refused(self.name("get"), wrong)

    def test_add(self) -> None:
        """G059: a new subnet is in force, inherits, and stands in what was written as it was sent."""
        answer = self.ask(self.name("add"), self.given(**self.NEW, id=123))
        added = {"id": 123, "subnet": self.NEW["subnet"]}
        self.assertEqual(answer, {
            "result": 0, "text": f"IPv{self.number} subnet added", "arguments": {"subnets": [added]}
        })  # fmt: skip
        self.assertEqual(self.written_subnet(123), {**self.NEW, "id": 123})
        (found,) = [subnet for subnet in self.daemon.configuration.subnets if subnet.id == 123]
        self.assertEqual(found.parameters.valid_lifetime.default, 600)

    def test_add_without_id(self) -> None:
        """A new subnet without an id (or with id 0, as in the file) has the lowest free one, which is told."""
        answer = self.ask(self.name("add"), self.given(**self.NEW))
        self.assertEqual(answer["arguments"]["subnets"][0]["id"], 2)
        self.ask(self.name("del"), {"id": 2})
        self.assertEqual(self.ask(self.name("add"), self.given(**self.NEW, id=0))["arguments"]["subnets"][0]["id"], 2)

    def test_first(self) -> None:
        """A subnet can be added where there was none, and the last one deleted."""
        self.begin(SubnetCommands)
        self.assertEqual(self.ask(self.name("add"), self.given(**self.NEW))["result"], 0)
        self.assertEqual(self.ids(), [1])
        self.assertEqual(self.ask(self.name("del"), {"id": 1})["result"], 0)
        self.assertEqual(self.ids(), [])

    def test_add_refused(self) -> None:
        """An id or prefix that is taken, and whatever else is wrong with the result, is told with its place."""
        key = f"subnet{self.number}"
        self.refused(self.name("add"), self.given(**self.NEW, id=3), "id 3", f"Dhcp{self.number}.{key}")
        self.refused(self.name("add"), self.given(subnet=self.ONE["subnet"], id=9), self.ONE["subnet"])
        self.refused(self.name("add"), self.given(**self.NEW, poools=[]), "poools", "did you mean pools")
        self.refused(self.name("add"), self.given(id=9), '"subnet" is missing')
        wrong: Any
        for wrong in (None, {}, {key: []}, {key: {}}, {key: [self.NEW, self.NEW]}, {key: [1]}, {"x": 1}):
            self.refused(self.name("add"), wrong)

    def test_update(self) -> None:
        """G062: a subnet is replaced where it is; only its reservations stay, for they have commands of their own."""
        answer = self.ask(self.name("update"), self.given(id=1, subnet=self.ONE["subnet"], valid_lifetime=60))
        self.assertEqual((answer["result"], answer["text"]), (0, f"IPv{self.number} subnet updated"))
        self.assertEqual(answer["arguments"], {"subnets": [{"id": 1, "subnet": self.ONE["subnet"]}]})
        reservations = self.ONE["reservations"]
        wanted = {"id": 1, "subnet": self.ONE["subnet"], "valid-lifetime": 60, "reservations": reservations}
        self.assertEqual(self.written_subnet(), wanted)
        self.ask(self.name("update"), self.given(id=1, subnet=self.ONE["subnet"], reservations=[]))
        self.assertEqual(self.daemon.configuration.subnets[0].hosts, ())
        self.assertEqual(self.ask(self.name("update"), self.given(**{**self.INSIDE, "valid-lifetime": 5}))["result"], 0)
        self.assertEqual(self.daemon.configuration.networks[0].subnet_ids, (3,))

    def test_update_as_in_1_6(self) -> None:
        """The list may be called ``subnets`` too, as the manual of Kea 1.6 has it."""
        self.assertEqual(self.ask(self.name("update"), {"subnets": [{**self.TWO, "valid-lifetime": 5}]})["result"], 0)
        self.assertEqual(self.written_subnet(7)["valid-lifetime"], 5)

    def test_update_refused(self) -> None:
        """A subnet that is not there is result 3; one without an id, and one that cannot be, is an error."""
        absent = (3, f"no IPv{self.number} subnet with id 9 found")
        self.assertEqual(self.told(self.name("update"), self.given(**self.NEW, id=9)), absent)
        self.refused(self.name("update"), self.given(**self.NEW), "'id' is missing")
        self.refused(self.name("update"), self.given(**self.NEW, id=1), "reservations", "outside")

    def test_delete(self) -> None:
        """G060: a subnet is deleted wherever it is, with its reservations; its neighbours stay."""
        answer = self.ask(self.name("del"), {"id": 3})
        text = f"IPv{self.number} subnet {self.INSIDE['subnet']} (id 3) deleted"
        self.assertEqual((answer["result"], answer["text"]), (0, text))
        self.assertEqual(answer["arguments"], {"subnets": [{"id": 3, "subnet": self.INSIDE["subnet"]}]})
        self.assertEqual(self.ids(), [1, 7])
        self.assertEqual(self.told(self.name("del"), {"id": 3}), (3, f"no IPv{self.number} subnet with id 3 found"))
        wrong: Any
        for wrong in (None, {}, {"id": "1"}, {"id": 0}, {"id": -1}, {"id": 1 << 32}, {"id": 1.0}, {"id": 1, "x": 1}):
            self.refused(self.name("del"), wrong)

    @settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.data())
    def test_anything(self, data: st.DataObject) -> None:
        """Whatever the arguments are, the answer is one, and no command fails inside the server."""
        key = f"subnet{self.number}"
        pool = st.fixed_dictionaries({}, optional=dict.fromkeys(("pool", "option-data", "prefix", "prefix-len"), JSON))
        option = st.fixed_dictionaries({}, optional=dict.fromkeys(("code", "name", "space"), JSON))
        optional = {
            "id": st.sampled_from((1, 3, 9)) | JSON,
            "subnet": st.just(self.ONE["subnet"]) | JSON,
            **dict.fromkeys(("pools", "pd-pools"), st.lists(pool, max_size=2) | JSON),
            "option-data": st.lists(option, max_size=2) | JSON,
            **dict.fromkeys(("client-class", "reservation-mode", "relay", "require-client-classes", "interface"), JSON),
        }
        subnet = st.fixed_dictionaries({}, optional=optional)
        arguments = st.dictionaries(st.sampled_from(("id", key, "subnet")), JSON | st.lists(subnet, max_size=2)) | JSON
        command = data.draw(st.sampled_from(self.ask("list-commands")["arguments"]))
        answer = self.ask(command, data.draw(arguments | st.builds(lambda one: {key: [one]}, subnet)))
        self.assertIn(answer["result"], (0, 1, 3))
        self.assertNotIn("inside the server", answer.get("text", ""), command)


class Subnet6Tests(SubnetTests):
    """The same of DHCPv6."""

    number = 6
    ONE: Any = {
        "id": 1,
        "subnet": "2001:db8:1::/64",
        "pools": [{"pool": "2001:db8:1::10 - 2001:db8:1::20"}],
        "pd-pools": [{"prefix": "2001:db8:8::", "prefix-len": 48, "delegated-len": 56}],
        "reservations": [{"duid": "00:01:02:03", "ip-addresses": ["2001:db8:1::9"]}],
    }
    TWO: Any = {"id": 7, "subnet": "2001:db8:2::/64"}
    INSIDE: Any = {"id": 3, "subnet": "2001:db8:3::/64"}
    NEW: Any = {"subnet": "2001:db8:4::/64", "pools": [{"pool": "2001:db8:4::/120"}]}


class DeltaTests(SubnetCase):
    """G062: parts of subnets."""

    def add(self, number: int = 1, **delta: Any) -> Any:
        answer = self.ask(self.name("delta-add"), self.given(id=number, **delta))
        self.assertEqual((answer["result"], answer["text"]), (0, f"IPv{self.number} subnet updated"), answer)
        return self.written_subnet(number)

    def delete(self, number: int = 1, **delta: Any) -> Any:
        answer = self.ask(self.name("delta-del"), self.given(id=number, **delta))
        self.assertEqual((answer["result"], answer["text"]), (0, f"IPv{self.number} subnet updated"), answer)
        return self.written_subnet(number)

    def test_answer(self) -> None:
        """The answer tells id and prefix, also when the prefix was not sent."""
        answer = self.ask(self.name("delta-add"), self.given(id=1, valid_lifetime=60))
        self.assertEqual(answer["arguments"], {"subnets": [{"id": 1, "subnet": "192.0.2.0/24"}]})

    def test_values(self) -> None:
        """A value is added, replaced, and taken away whatever it is; what is not named stays."""
        self.assertEqual(self.add(valid_lifetime=60), {**self.ONE, "valid-lifetime": 60})
        self.assertEqual(self.add(valid_lifetime=90), {**self.ONE, "valid-lifetime": 90})
        self.assertEqual(self.delete(valid_lifetime=0, renew_timer=0), self.ONE)

    def test_options(self) -> None:
        """An option is known by its name or its code, which are the same; it is replaced as a whole."""
        changed = self.add(option_data=[{"code": 3, "data": "192.0.2.2"}, {"code": 6, "data": "192.0.2.3"}])
        self.assertEqual(changed["option-data"], [{"code": 3, "data": "192.0.2.2"}, {"code": 6, "data": "192.0.2.3"}])
        changed = self.add(option_data=[{"name": "routers", "code": 3, "csv-format": False, "data": "C0000201"}])
        self.assertEqual(changed["option-data"][0]["data"], "C0000201")
        self.assertEqual(self.delete(option_data=[{"name": "routers"}])["option-data"], changed["option-data"][1:])
        self.assertEqual(self.delete(option_data=[{"code": 6, "space": "dhcp4", "data": "x"}])["option-data"], [])

    def test_pools(self) -> None:
        """A pool is known by its addresses, however they are written; what is said of it is merged."""
        changed = self.add(pools=[{"pool": "192.0.2.10-192.0.2.20", "pool-id": 5}, {"pool": "192.0.2.30-192.0.2.31"}])
        self.assertEqual([pool.id for pool in self.daemon.configuration.subnets[0].pools], [5, 0, 0])
        self.assertEqual(changed["pools"][1], self.ONE["pools"][1])
        changed = self.delete(pools=[{"pool": "192.0.2.10-192.0.2.20", "pool-id": 0}])
        self.assertEqual(changed["pools"][0], {"pool": "192.0.2.10-192.0.2.20"})
        changed = self.delete(pools=[{"pool": "192.0.2.64 - 192.0.2.79", "option-data": [{"code": 3}]}])
        self.assertEqual(changed["pools"][1], {"pool": "192.0.2.64/28", "option-data": []})
        changed = self.delete(pools=[{"pool": "192.0.2.64/28"}, {"pool": "192.0.2.30 - 192.0.2.31", "option-data": []}])
        self.assertEqual(changed["pools"], [{"pool": "192.0.2.10-192.0.2.20"}])

    def test_what_is_not_there(self) -> None:
        """Taking away what is not there leaves all as it was."""
        self.assertEqual(self.delete(pools=[{"pool": "192.0.2.99-192.0.2.99"}], option_data=[{"code": 6}]), self.ONE)

    def test_names_and_maps(self) -> None:
        """Names of a list and members of a map come and go one by one."""
        self.add(client_classes=["a"], user_context={"site": 1}, relay={"ip-addresses": ["192.0.2.250"]})
        changed = self.add(client_classes=["a", "b"], user_context={"rack": 2}, relay={"ip-addresses": ["192.0.2.251"]})
        self.assertEqual(changed["client-classes"], ["a", "b"])
        self.assertEqual(changed["user-context"], {"site": 1, "rack": 2})
        self.assertEqual(changed["relay"], {"ip-addresses": ["192.0.2.250", "192.0.2.251"]})
        changed = self.delete(client_classes=["a"], user_context={"site": 0}, relay={})
        self.assertEqual((changed["client-classes"], changed["user-context"]), (["b"], {"rack": 2}))
        self.assertNotIn("relay", changed)

    def test_old_spellings(self) -> None:
        """An old spelling on one side and a new one on the other are the same thing."""
        old = {"client-class": "a", "reservation-mode": "global", "relay": {"ip-address": "192.0.2.250"}}
        self.ask(self.name("update"), self.given(**self.TWO, **old))
        changed = self.add(
            7, client_classes=["b"], reservations_in_subnet=True, relay={"ip-addresses": ["192.0.2.251"]}
        )
        self.assertEqual(changed["client-classes"], ["a", "b"])
        self.assertEqual(changed["relay"], {"ip-addresses": ["192.0.2.250", "192.0.2.251"]})
        parameters = self.daemon.configuration.subnets[2].parameters
        self.assertEqual((parameters.reservations_global, parameters.reservations_in_subnet), (True, True))
        self.assertEqual(self.delete(7, client_class="a")["client-classes"], ["b"])

    def test_refused(self) -> None:
        """What tells not what it is about, another prefix, and reservations are refused and named."""
        for command in ("delta-add", "delta-del"):
            for wrong, word in (
                ({"pools": [{}]}, "'pools'"),
                ({"pools": [{"pool": "x"}]}, "'pools'"),
                ({"pools": ["192.0.2.10-192.0.2.20"]}, "'pools'"),
                ({"option-data": [{"data": "x"}]}, "'option-data'"),
                ({"option-data": [{"code": []}]}, "'option-data'"),
                ({"subnet": "198.51.100.0/24"}, "192.0.2.0/24"),
                ({"subnet": 5}, "192.0.2.0/24"),
                ({"reservations": []}, "reservation-add"),
            ):
                self.refused(self.name(command), self.given(id=1, **wrong), word)
            self.assertEqual(self.told(self.name(command), self.given(id=9))[0], 3)
        self.refused(self.name("delta-add"), self.given(id=1, pools=[{"pool": "192.0.2.15-192.0.2.30"}]), "overlaps")
        self.refused(self.name("delta-add"), self.given(id=1, valid_lifetime="soon"), "valid-lifetime")


class Delta6Tests(SubnetCase):
    """Parts of subnets that only DHCPv6 has."""

    number = 6
    ONE, TWO, INSIDE = Subnet6Tests.ONE, Subnet6Tests.TWO, Subnet6Tests.INSIDE

    def test_prefix_pools(self) -> None:
        """A pool of prefixes is known by prefix and lengths, however the prefix is written."""
        same = {"prefix": "2001:0db8:0008::0", "prefix-len": 48, "delegated-len": 56}
        other = {"prefix": "2001:db8:9::", "prefix-len": 48, "delegated-len": 64}
        self.ask(self.name("delta-add"), self.given(id=1, pd_pools=[{**same, "pool-id": 4}, other]))
        pools = self.daemon.configuration.subnets[0].prefix_pools
        self.assertEqual([(pool.id, pool.delegated_length) for pool in pools], [(4, 56), (0, 64)])
        self.ask(self.name("delta-del"), self.given(id=1, pd_pools=[{**same, "pool-id": 0}]))
        self.assertEqual([pool.id for pool in self.daemon.configuration.subnets[0].prefix_pools], [0, 0])
        self.ask(self.name("delta-del"), self.given(id=1, pd_pools=[same]))
        self.assertEqual([pool.delegated_length for pool in self.daemon.configuration.subnets[0].prefix_pools], [64])
        self.refused(self.name("delta-del"), self.given(id=1, pd_pools=[{"prefix": "2001:db8:9::"}]), "delegated-len")
