"""Commands about shared networks."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.editing import EditCase
from tests.test_control_request import JSON
from txkea.control.networks import NetworkCommands


class NetworkTests(EditCase):
    """A server with a network of one subnet and one subnet by itself, here of DHCPv4."""

    OUTSIDE: Any = {"id": 1, "subnet": "192.0.2.0/24"}
    INSIDE: Any = {"id": 3, "subnet": "203.0.113.0/24"}
    NEW: Any = {"subnet": "10.0.0.0/8"}

    def setUp(self) -> None:
        super().setUp()
        self.key = f"subnet{self.number}"
        networks = [{"name": "floor1", "valid-lifetime": 300, self.key: [self.INSIDE]}, {"name": "floor2"}]
        self.begin(NetworkCommands, **{self.key: [self.OUTSIDE], "shared_networks": networks, "valid_lifetime": 600})

    def name(self, what: str) -> str:
        return f"network{self.number}-{what}"

    def lifetimes(self) -> dict[int, tuple[str, int]]:
        """Network and lifetime of each subnet."""
        subnets = self.daemon.configuration.subnets
        return {each.id: (each.network_name, each.parameters.valid_lifetime.default) for each in subnets}

    def test_list(self) -> None:
        """G061: the names of all networks; none is result 3."""
        answer = self.ask(self.name("list"))
        self.assertEqual((answer["result"], answer["text"]), (0, f"2 IPv{self.number} network(s) found"))
        self.assertEqual(answer["arguments"], {"shared-networks": [{"name": "floor1"}, {"name": "floor2"}]})
        self.begin(NetworkCommands)
        self.assertEqual(self.told(self.name("list")), (3, f"0 IPv{self.number} network(s) found"))

    def test_get(self) -> None:
        """A network is shown as config-get shows it, with its subnets."""
        answer = self.ask(self.name("get"), {"name": "floor1"})
        text = f"Info about IPv{self.number} shared network 'floor1' returned"
        self.assertEqual((answer["result"], answer["text"]), (0, text))
        (shown,) = answer["arguments"]["shared-networks"]
        self.assertEqual((shown["valid-lifetime"], [each["id"] for each in shown[self.key]]), (300, [3]))
        absent = (3, f"no IPv{self.number} shared network with name 'floor9' found")
        self.assertEqual(self.told(self.name("get"), {"name": "floor9"}), absent)

    def test_add(self) -> None:
        """A new network comes with its subnets, those without an id with the lowest free ones."""
        network = {"name": "floor3", "valid-lifetime": 90, self.key: [self.NEW]}
        answer = self.ask(self.name("add"), {"shared-networks": [network]})
        self.assertEqual(answer, {
            "result": 0, "text": f"A new IPv{self.number} shared network 'floor3' added",
            "arguments": {"shared-networks": [{"name": "floor3"}]},
        })  # fmt: skip
        self.assertEqual(self.lifetimes()[2], ("floor3", 90))

    def test_add_refused(self) -> None:
        """A name, id or prefix that is taken is told, and what is no network."""
        self.refused(self.name("add"), {"shared-networks": [{"name": "floor1"}]}, "floor1")
        taken = {"name": "floor3", self.key: [{**self.NEW, "id": 3}]}
        self.refused(self.name("add"), {"shared-networks": [taken]}, "id 3")
        wrong: Any
        for wrong in (None, {}, {"shared-networks": []}, {"shared-networks": [{}]}, {"shared-networks": [{"name": 1}]}):
            self.refused(self.name("add"), wrong)
        subnets: Any
        for subnets in (5, [5], [{"id": "1"}], {}):
            self.refused(self.name("add"), {"shared-networks": [{"name": "floor3", self.key: subnets}]}, self.key)

    def test_delete(self) -> None:
        """The subnets of a deleted network go on by themselves, and inherit no longer what they had from it."""
        answer = self.ask(self.name("del"), {"name": "floor1"})
        self.assertEqual((answer["result"], answer["text"]), (0, f"IPv{self.number} shared network 'floor1' deleted"))
        self.assertEqual(answer["arguments"], {"shared-networks": [{"name": "floor1"}]})
        self.assertEqual(self.lifetimes(), {1: ("", 600), 3: ("", 600)})
        self.assertEqual([network.name for network in self.daemon.configuration.networks], ["floor2"])

    def test_delete_all(self) -> None:
        """The subnets are deleted with the network where the command says so."""
        given = {"name": "floor1", "subnets-action": "delete"}
        self.assertEqual(self.ask(self.name("del"), given)["result"], 0)
        self.assertEqual(self.lifetimes(), {1: ("", 600)})
        self.assertEqual(self.ask(self.name("del"), {"name": "floor2", "subnets-action": "keep"})["result"], 0)
        absent = (3, f"no IPv{self.number} shared network with name 'floor2' found")
        self.assertEqual(self.told(self.name("del"), {"name": "floor2"}), absent)
        wrong: Any
        for wrong in (None, {}, {"name": 1}, {"name": "floor1", "subnets-action": "lose"}):
            self.refused(self.name("del"), wrong)

    def test_subnet_add(self) -> None:
        """A subnet becomes part of a network, and inherits from it."""
        text = f"IPv{self.number} subnet {self.OUTSIDE['subnet']} (id 1) is now part of shared network 'floor1'"
        self.assertEqual(self.ask(self.name("subnet-add"), {"name": "floor1", "id": 1}), {"result": 0, "text": text})
        self.assertEqual(self.lifetimes(), {1: ("floor1", 300), 3: ("floor1", 300)})

    def test_subnet_add_refused(self) -> None:
        """A subnet of a network has to leave that first; what is not there is result 3."""
        self.refused(self.name("subnet-add"), {"name": "floor2", "id": 3}, "floor1", f"network{self.number}-subnet-del")
        self.assertEqual(self.told(self.name("subnet-add"), {"name": "floor9", "id": 1})[0], 3)
        self.assertEqual(self.told(self.name("subnet-add"), {"name": "floor1", "id": 9})[0], 3)
        wrong: Any
        for wrong in (None, {}, {"name": "floor1"}, {"id": 1}, {"name": "floor1", "id": True}):
            self.refused(self.name("subnet-add"), wrong)

    def test_subnet_del(self) -> None:
        """A subnet leaves its network, and inherits from it no longer; of another network it cannot."""
        elsewhere = f"IPv{self.number} subnet with id 3 is not part of shared network 'floor2'"
        self.assertEqual(self.told(self.name("subnet-del"), {"name": "floor2", "id": 3}), (3, elsewhere))
        text = f"IPv{self.number} subnet {self.INSIDE['subnet']} (id 3) is now removed from shared network 'floor1'"
        self.assertEqual(self.ask(self.name("subnet-del"), {"name": "floor1", "id": 3}), {"result": 0, "text": text})
        self.assertEqual(self.lifetimes(), {1: ("", 600), 3: ("", 600)})

    @settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.data())
    def test_anything(self, data: st.DataObject) -> None:
        """Whatever the arguments are, the answer is one, and no command fails inside the server."""
        names = st.sampled_from(("name", "id", "subnets-action", "shared-networks"))
        values = JSON | st.sampled_from(("floor1", "keep", 3))
        network = st.dictionaries(st.sampled_from(("name", self.key, "relay")), values, max_size=3)
        arguments = st.dictionaries(names, values | st.lists(network, max_size=2)) | JSON
        command = data.draw(st.sampled_from(self.ask("list-commands")["arguments"]))
        answer = self.ask(command, data.draw(arguments))
        self.assertIn(answer["result"], (0, 1, 3))
        self.assertNotIn("inside the server", answer.get("text", ""), command)


class Network6Tests(NetworkTests):
    """The same of DHCPv6."""

    number = 6
    OUTSIDE: Any = {"id": 1, "subnet": "2001:db8:1::/64"}
    INSIDE: Any = {"id": 3, "subnet": "2001:db8:3::/64"}
    NEW: Any = {"subnet": "2001:db8:4::/64"}
