"""The manual's page about RADIUS, step by step, with FreeRADIUS as Debian packages it."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from twisted.trial.unittest import SynchronousTestCase

from tests.real.daemons import END_WITH_PARENT
from tests.real.servers import ROOT, TXKEA4, TXKEA6, Product, Server
from tests.test_docs import Listing, blocks
from txkea.testing.namespaces import Lab, Namespace, Port, requires_root, wait_for

PAGE: Final = ROOT / "doc" / "operator" / "radius.rst"
PACKAGED: Final = Path("/etc/freeradius/3.0")
FILE: Final = re.compile(r"# /etc/freeradius/3\.0/(\S+)\n")
PLACES: Final = {"raddbdir": "", "logdir": "log", "run_dir": "run", "localstatedir": "var"}
"""What the packaged configuration says of its directories, and where they are in ours."""
LOG: Final = {"output": "@DIRECTORY@/server.log"}
SERVER, OTHER = "192.0.2.1", "192.0.2.2"


class TutorialTests(SynchronousTestCase):
    """Nothing is done here that is not on the page, but that FreeRADIUS has another directory."""

    skip = requires_root("freeradius", "radclient")
    timeout = 120

    def setUp(self) -> None:
        lab = Lab()
        self.addCleanup(lab.close)
        self.there, self.here = lab.namespace("server", dad=False), lab.namespace("other", dad=False)
        lab.veth(Port(self.there, "eth1", [f"{SERVER}/24"]), Port(self.here, "eth1", [f"{OTHER}/24"]))
        for namespace in (self.there, self.here):
            namespace.wait_for_addresses()
        self.directory = Path(tempfile.mkdtemp(prefix="txkea-freeradius-", dir="/tmp"))
        self.addCleanup(shutil.rmtree, self.directory)
        self.listings = list(blocks(PAGE))
        self.set_up_freeradius()

    def set_up_freeradius(self) -> None:
        """The package's directory elsewhere, with the files of the page."""
        raddb = self.directory / "raddb"
        subprocess.run(["cp", "-a", PACKAGED, raddb], check=True)
        self.directory.chmod(0o755)
        places = {name: raddb / place for name, place in PLACES.items()}
        main = (raddb / "radiusd.conf").read_text()
        for name, place in places.items():
            place.mkdir(exist_ok=True)
            shutil.chown(place, "freerad")
            main, found = re.subn(rf"(?m)^{name} = .*$", f"{name} = {place}", main)
            self.assertEqual(found, 1, name)
        (raddb / "radiusd.conf").write_text(main)
        written = [match[1] for listing in self.listings if (match := FILE.match(listing.text)) and self.write(listing)]
        self.assertEqual(written, ["clients.conf", "users"])
        log = self.directory / "freeradius.log"
        self.there.spawn([*END_WITH_PARENT, "freeradius", "-f", "-l", "stdout", "-d", str(raddb)], log)
        wait_for(lambda: "Ready to process requests" in log.read_text(), "FreeRADIUS", 30)

    def write(self, listing: Listing) -> bool:
        """A file of the page."""
        match = FILE.match(listing.text)
        assert match is not None
        (self.directory / "raddb" / match[1]).write_text(listing.text)
        return True

    def command(self, word: str) -> str:
        """The first command of the page that has this word in it."""
        commands = [each.text.strip() for each in self.listings if each.language == "console"]
        return next(each.removeprefix("# ") for each in commands if word in each)

    def told(self, namespace: Namespace, command: str) -> str:
        """What a command prints; what it complains of is in the test's own output."""
        shell = ["bash", "-c", f'txkea() {{ "{sys.executable}" -m txkea "$@"; }}; cd "{ROOT}"; {command}']
        words = [f"PYTHONPATH={ROOT}", f"KEA_DHCP_DATA_DIR={self.directory}", *shell]
        argv = namespace.argv(["env", *words])
        return subprocess.run(argv, stdout=subprocess.PIPE, text=True, check=False, timeout=60).stdout

    def server(self, product: Product, example: str) -> Server:
        """A server with an example's configuration, and a log, started."""
        logger = {"name": product.argv[-1].replace("dhcp", "kea-dhcp"), "output_options": [LOG]}
        head = f'"loggers": [{json.dumps(logger)}], "valid-lifetime"'
        template = (ROOT / "config" / example).read_text().replace('"valid-lifetime"', head, 1)
        server = Server(product, template, self.directory / product.name, self.there)
        self.addCleanup(server.close)
        server.start()
        return server

    def test_freeradius(self) -> None:
        """FreeRADIUS answers, and signs its answer."""
        said = self.told(self.there, self.command("radclient"))
        self.assertIn("Received Access-Accept", said)
        self.assertIn("Framed-IP-Address = 192.0.2.50", said)
        self.assertIn("Message-Authenticator", said.partition("Received")[2])

    def test_explained(self) -> None:
        """``txkea explain`` says what would become of clients; of the refused one byte for byte what the page has."""
        said = self.told(self.there, self.command("txkea explain"))
        self.assertIn("OFFER 192.0.2.50", said)
        self.assertIn("says   Class              0x636f6e7472616374203137", said)
        texts = [each.text for each in self.listings if each.language == "text"]
        (refused,) = (text for text in texts if text.startswith("# txkea explain"))
        command, _, output = refused.partition("\n")
        self.assertEqual(self.told(self.there, command.removeprefix("# ")), output.rstrip("\n") + "\n")
        self.assertIn("ADVERTISE 2001:db8:1::50", self.told(self.there, self.command("radius6.json")))

    def test_served(self) -> None:
        """Clients get what the page says, and nobody else gets anything."""
        server = self.server(TXKEA4, "radius.json")
        play = self.command("txkea client")
        for number, address in (("02", "192.0.2.100"), ("01", "192.0.2.50"), ("03", "192.0.2.150")):
            self.assertIn(address, self.told(self.here, play.replace("10:00:02", f"10:00:{number}")))
        nothing = self.told(self.here, play.replace("10:00:02", "10:00:09") + " --tries 1; echo status $?")
        self.assertIn("status 1", nothing)
        wait_for(lambda: "unknown device" in server.log.read_text(), "the log")
        rows = (server.directory / "kea-leases4.csv").read_text()
        self.assertNotIn("02:00:5e:10:00:09", rows)

    def test_served6(self) -> None:
        """So do DHCPv6 clients, who get an address and a prefix."""
        self.server(TXKEA6, "radius6.json")
        said = self.told(self.here, self.command("txkea client -6"))
        self.assertIn("2001:db8:1::50", said)
        self.assertIn("2001:db8:8000:100::/56", said)
