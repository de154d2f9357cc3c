"""``txkea explain`` shows what a RADIUS server is told of a client, and what it says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from click.testing import CliRunner
from twisted.trial.unittest import SynchronousTestCase

from tests.authorising import asking4
from tests.explaining import explained
from txkea.cli.root import main
from txkea.explain.explanation import Inquiry
from txkea.testing.radius import REJECT, SERVERS, MemoryRadius

CLIENT = "hw-address=02:00:5e:10:00:07,interface=eth0/192.0.2.1"
NAME = "02:00:5e:10:00:07"
SENT = (("User-Name", NAME), ("NAS-Port", "1"), ("NAS-IP-Address", "127.0.0.1"))


class ServerTests(SynchronousTestCase):
    """What a running server tells."""

    def inquiry(self, radius: MemoryRadius, **parameters: Any) -> tuple[Inquiry, Any]:
        found = explained(asking4(radius, parameters).server, CLIENT)
        (inquiry,) = found.inquiries
        return inquiry, found

    def test_accepted(self) -> None:
        """What was sent, and what came."""
        said = {"Framed-IP-Address": "192.0.2.200", "Class": "0x0102"}
        inquiry, found = self.inquiry(MemoryRadius({NAME: said}))
        received = (("Framed-IP-Address", "192.0.2.200"), ("Class", "0x0102"))
        self.assertEqual(inquiry, Inquiry("radius", SENT, "accepted", received))
        self.assertEqual(found.leases[0].what, "192.0.2.200")

    def test_refused(self) -> None:
        """Why there is no answer for somebody who is refused."""
        inquiry, found = self.inquiry(MemoryRadius({NAME: (REJECT, {"Reply-Message": "unpaid"})}))
        self.assertEqual((inquiry.outcome, inquiry.received), ("refused", (("Reply-Message", "unpaid"),)))
        self.assertEqual((found.answer, found.reason), ("", "radius refuses the client: no subnet for it"))

    def test_silence(self) -> None:
        """That nobody answers."""
        radius = MemoryRadius()
        radius.silent = True
        inquiry, found = self.inquiry(radius)
        self.assertIn("no RADIUS server", inquiry.outcome)
        self.assertEqual(found.statistic, "radius-access-dropped")

    def test_remembered(self) -> None:
        """What is remembered is shown too; it costs no request."""
        radius = MemoryRadius({NAME: {"Filter-Id": "x"}})
        found = asking4(radius)
        for _ in range(2):
            (inquiry,) = explained(found.server, CLIENT).inquiries
            self.assertEqual(inquiry.received, (("Filter-Id", "x"),))
        self.assertEqual(len(radius.requests), 1)

    def test_secrets(self) -> None:
        """A password is not shown."""
        access = {"servers": SERVERS, "attributes": [{"name": "User-Password", "data": "hush"}]}
        inquiry, _ = self.inquiry(MemoryRadius(), access=access)
        self.assertIn(("User-Password", "*****"), inquiry.sent)
        self.assertNotIn("hush", repr(inquiry))


class CommandTests(SynchronousTestCase):
    """The command."""

    def test_not_asked(self) -> None:
        """Unless it shall, nobody is asked: it shows what would be sent, and says so; accounting is left alone."""
        library = {
            "library": "libdhcp_radius.so",
            "parameters": {
                "identifier-type4": "hw-address",
                "access": {"servers": SERVERS},
                "accounting": {"servers": SERVERS},
            },
        }
        subnet = {"id": 1, "subnet": "192.0.2.0/24", "pools": [{"pool": "192.0.2.10 - 192.0.2.19"}]}
        cache = {"library": "libdhcp_host_cache.so"}
        path = Path(self.mktemp())
        path.write_text(json.dumps({"Dhcp4": {"subnet4": [subnet], "hooks-libraries": [cache, library]}}))
        result = CliRunner().invoke(main, ["explain", "-c", str(path), "--client", CLIENT])
        self.assertEqual(result.exit_code, 0, result.output)
        self.assertIn("Asked of radius: not asked", result.output)
        self.assertIn("tells  User-Name       02:00:5e:10:00:07", result.output)
        self.assertIn("--ask asks it", result.output)
