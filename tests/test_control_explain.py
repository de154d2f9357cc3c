"""The arguments of the commands ``explain4`` and ``explain6``, and their answers."""

from __future__ import annotations

import json
from typing import Any

from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from tests.exchanging import LOCAL, serving
from tests.exchanging6 import serving6
from txkea.control.answer import Answer
from txkea.control.explain import ExplainCommands, address_on
from txkea.errors import TxkeaError
from txkea.interfaces import ICommands
from txkea.launch import launch
from txkea.testing.local import Local
from txkea.testing.network import ETH0
from txkea.wire.dhcp4 import Message4, encode_message4


def asked(server: Local[Any, Any], arguments: Any) -> Answer:
    """What the command of a server answers."""
    family = server.site.configuration.family
    provider = ExplainCommands(family, lambda: server.site, lambda: [ETH0], lambda: server.now)
    verifyObject(ICommands, provider)
    answer = launch(provider.commands()[f"explain{family}"](arguments))
    assert isinstance(answer, Answer), "nothing in it waits"
    return answer


class ExplainTests(SynchronousTestCase):
    """What can be asked."""

    def test_packet(self) -> None:
        """A packet on an interface is as from a client on that link: the server's address there is looked up."""
        packet = encode_message4(Message4(chaddr=b"\2\0\0\0\0\1", options={53: b"\1", 55: b"\1\6"})).hex(":")
        answer = asked(serving(), {"packet": packet, "interface": "eth0"})
        self.assertEqual((answer.result, answer.text), (0, "DISCOVER: OFFER 192.0.2.10"))
        self.assertEqual(answer.arguments["selection"]["subnet"], 1)
        missing = [{"name": "domain-name-servers", "code": 6, "reason": "not configured"}]
        self.assertEqual(answer.arguments["missing"], missing)
        there = asked(serving(), {"packet": packet, "interface": "eth9/198.51.100.9"})
        self.assertEqual(there.text, "DISCOVER: OFFER 198.51.100.10")

    def test_client(self) -> None:
        """A client in words; numbers and lists are as good as texts."""
        client = {"relay": "198.51.100.1", "requested": [3, "domain-name-servers"], "class": 7}
        answer = asked(serving(), {"client": client})
        self.assertEqual(answer.text, "DISCOVER: OFFER 198.51.100.10")
        self.assertEqual([each["code"] for each in answer.arguments["missing"]], [3, 6])
        six = asked(serving6(), {"client": {"interface": "eth0", "ia-pd": "any", "rapid-commit": False}})
        self.assertEqual(six.text, "SOLICIT: ADVERTISE 2001:db8:1000::/56")

    def test_no_answer(self) -> None:
        """A query without an answer is explained too: the command has done what it should."""
        answer = asked(serving(), {"client": {"relay": "10.0.0.1"}})
        self.assertEqual((answer.result, answer.text), (0, "DISCOVER: no answer: no subnet for it"))
        unreadable = asked(serving(), {"packet": "0102"})
        self.assertEqual(unreadable.arguments["statistic"], "pkt4-parse-failed")

    def test_json(self) -> None:
        """The whole explanation is JSON: names with hyphens, bytes in hexadecimal, nothing that says nothing."""
        server = serving(client_classes=[{"name": "a", "test": "option[60].hex == 'x'"}])
        answer = asked(server, {"client": {"interface": f"eth0/{LOCAL}", "class": "x"}})
        found = json.loads(json.dumps(answer.arguments))
        self.assertEqual(found["classes"][-2]["expression"]["parts"], [{"text": "option[60].hex", "value": "'x'"}])
        self.assertIn({"name": "subnet-mask", "code": 1, "text": "255.255.255.0", "payload": "ffffff00",
                       "scope": "subnet 1"}, found["options"])  # fmt: skip
        self.assertNotIn("fields", found)

    def test_mistakes(self) -> None:
        """Arguments that make no sense are told apart."""
        for arguments, text in (
            (None, "needs a 'packet' in hexadecimal, or a 'client' map"),
            ({"interface": "eth0"}, "needs a 'packet'"),
            ({"packet": "xyz"}, "'packet': "),
            ({"packet": 7}, "'packet' is not a text"),
            ({"packet": "01", "client": {}}, "'client' goes with client, not with packet"),
            ({"packet": "01", "source": "here"}, "'source': 'here' is not an IPv4 address"),
            ({"client": "relay=192.0.2.1"}, "'client' is not a map"),
            ({"client": {"relay": {}}}, "a client is described by texts and numbers"),
        ):
            error = self.assertRaises(TxkeaError, asked, serving(), arguments)
            self.assertIn(text, str(error), arguments)

    def test_address(self) -> None:
        """The server's address on an interface: in DHCPv6 the link-local one, nothing on an unknown link."""
        self.assertEqual(address_on(4, lambda: [ETH0])("eth0"), bytes((192, 0, 2, 1)))
        self.assertEqual(address_on(6, lambda: [ETH0])("eth0")[:2], b"\xfe\x80")
        self.assertEqual(address_on(4, lambda: [ETH0])("eth7"), b"")
