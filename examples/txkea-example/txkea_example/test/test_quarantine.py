"""`txkea_example.quarantine`: who is in it, and what that means."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from txkea.control.registry import Result
from txkea.errors import ConfigErrors
from txkea.paths import Paths
from txkea.testing.clients4 import Client, LocalServer
from txkea.testing.clients6 import Client6
from txkea.testing.serving import serve, serve6
from txkea_example.quarantine import Clients

CLASSES = [
    {"name": "quarantine", "valid-lifetime": 60, "option-data": [{"name": "domain-name-servers", "data": "192.0.2.3"}]},
    {"name": "healthy", "test": "not member('quarantine')"},
]
SUBNET = {
    "id": 1,
    "subnet": "192.0.2.0/24",
    "pools": [
        {"pool": "192.0.2.100 - 192.0.2.199", "client-class": "healthy"},
        {"pool": "192.0.2.200 - 192.0.2.219", "client-class": "quarantine"},
    ],
}


class QuarantineTests(SynchronousTestCase):
    """A server with a quarantine."""

    def setUp(self) -> None:
        """Files go to a directory of the test's own."""
        self.directory = Path(self.mktemp()).absolute()
        self.directory.mkdir()

    def server(self, **parameters: Any) -> LocalServer:
        """A server that knows what was said before: as after a restart."""
        hook = {"library": "txkea_example.quarantine.FACTORY", "parameters": parameters}
        return serve(
            client_classes=CLASSES,
            subnet4=[SUBNET],
            valid_lifetime=3600,
            hooks_libraries=[hook],
            paths=Paths().under(str(self.directory)),
        )

    def told(self, server: Any, name: str, arguments: Any = None) -> tuple[int, Any]:
        """Result and arguments of a command's answer."""
        answer = server.command(f"quarantine-{name}", arguments)
        return answer.result, answer.arguments

    def test_in_and_out(self) -> None:
        """A client in quarantine gets an address and a name server of the quarantine, for a minute; outside not."""
        server = self.server()
        client = Client(server, 1)
        self.assertEqual((client.lease().yiaddr, client.lease().number(51)), ("192.0.2.100", 3600))
        who = {"hw-address": client.hwaddr.hex(":")}
        self.assertEqual(self.told(server, "add", who)[0], Result.SUCCESS)
        inside = client.lease()
        self.assertEqual((inside.yiaddr, inside.number(51)), ("192.0.2.200", 60))
        self.assertEqual(inside.options[6], b"\xc0\0\2\3")
        self.assertEqual(Client(server, 2).lease().yiaddr, "192.0.2.101")
        self.assertEqual(self.told(server, "del", who)[0], Result.SUCCESS)
        outside = client.lease()
        self.assertEqual((outside.yiaddr[:9], outside.number(51), 6 in outside.options), ("192.0.2.1", 3600, False))

    def test_renewal(self) -> None:
        """A client that renews the address that it had before is refused, and so comes into quarantine."""
        server = self.server()
        client = Client(server, 1)
        address = client.lease().yiaddr
        self.told(server, "add", {"hw-address": client.hwaddr.hex()})
        refused = client.renew(address)
        assert refused is not None
        self.assertEqual(refused.options[53], b"\6")

    def test_restart(self) -> None:
        """Who is in it stays in it when the configuration is loaded again, and over a restart."""
        self.told(self.server(), "add", {"hw-address": "02:00:00:01:00:01"})
        server = self.server()
        self.assertEqual(self.told(server, "list"), (0, {"clients": [{"hw-address": "02:00:00:01:00:01"}]}))
        self.assertEqual(Client(server, 1).lease().yiaddr, "192.0.2.200")
        self.assertEqual([*Clients(str(self.directory / "quarantine4.json"))], [Client(server, 1).hwaddr])

    def test_answers(self) -> None:
        """A command that changes nothing says so, and one that is wrong names what is."""
        server = self.server(file="other.json")
        who = {"hw-address": "02:00:00:00:00:01"}
        self.assertEqual(self.told(server, "list"), (Result.EMPTY, {"clients": []}))
        self.assertEqual(self.told(server, "del", who)[0], Result.EMPTY)
        self.told(server, "add", who)
        self.assertEqual(self.told(server, "add", who)[0], Result.CONFLICT)
        wrong: list[Any] = [None, [], {}, {"hw-address": 1}, {"hw-address": "xyz"}, {"duid": "01"}]
        for arguments in wrong:
            answer = server.command("quarantine-add", arguments)
            self.assertEqual(answer.result, Result.ERROR)
            self.assertRegex(str(answer.text), "'(arguments|hw-address|duid)'")

    @settings(max_examples=50, deadline=None)
    @given(
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(),
            lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["hw-address", "duid"]) | st.text(), inner),
        )
    )
    def test_anything(self, arguments: Any) -> None:
        """Whatever a command is given, it answers as it should."""
        server = self.server(file="any.json")
        for name in ("add", "del", "list"):
            answer = server.command(f"quarantine-{name}", arguments)
            self.assertNotIn("failed inside", str(answer.text))

    def test_disk(self) -> None:
        """A client that cannot be written down is not in quarantine, and the command says why."""
        server = self.server()
        os.rename(self.directory, f"{self.directory}.away")
        answer = server.command("quarantine-add", {"hw-address": "02:00:00:01:00:01"})
        self.assertEqual(answer.result, Result.ERROR)
        self.assertIn("cannot be written: No such file", str(answer.text))
        self.assertEqual(self.told(server, "list")[0], Result.EMPTY)

    def test_six(self) -> None:
        """In DHCPv6 a client is known by its DUID."""
        subnet = {
            "id": 1,
            "subnet": "2001:db8:1::/64",
            "interface": "eth0",
            "pools": [{"pool": "2001:db8:1:0:1::/80", "client-class": "quarantine"}],
        }
        server = serve6(
            client_classes=[{"name": "quarantine"}],
            subnet6=[subnet],
            hooks_libraries=[{"library": "txkea_example.quarantine.FACTORY"}],
            paths=Paths().under(str(self.directory)),
        )
        client = Client6(server, 1)
        server.command("quarantine-add", {"duid": client.duid.hex(":")})
        self.assertTrue(client.lease().addresses[0].startswith("2001:db8:1:0:1:"))

    def test_configuration(self) -> None:
        """What cannot work is refused, with its place."""
        for classes, parameters, wanted in (
            ([], {}, "client-class: there is no class 'quarantine'; define it"),
            (CLASSES, {"client-class": "jail"}, "client-class: there is no class 'jail'"),
            (CLASSES, {"file": "/etc/passwd"}, 'file: "/etc/passwd" leads elsewhere'),
        ):
            hook = {"library": "txkea_example.quarantine.FACTORY", "parameters": parameters}
            with self.assertRaises(ConfigErrors) as caught:
                serve(client_classes=classes, hooks_libraries=[hook])
            self.assertIn(f"Dhcp4.hooks-libraries[0].parameters.{wanted}", str(caught.exception))
        (self.directory / "broken.json").write_text("{")
        with self.assertRaisesRegex(ConfigErrors, r"broken\.json cannot be read"):
            self.server(file="broken.json")
