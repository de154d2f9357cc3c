"""What is shipped: sdist, wheel, the plugin, the unit file, the examples."""

from __future__ import annotations

import re
import shutil
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.programs import output
from txkea import __version__

__all__ = ["DistributionTests", "UnitFileTests"]

ROOT = Path(__file__).resolve().parent.parent
MOST_EXPOSED = 20
"""Tenths of systemd's own measure: 0 is locked up, 100 has no protection at all."""


class DistributionTests(SynchronousTestCase):
    """An sdist made from the tree, a wheel made from the sdist, installed where nothing else is."""

    def setUp(self) -> None:
        self.scratch = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.scratch)

    def test_sdist_wheel_and_installation(self) -> None:
        """The wheel made from the sdist holds all modules and the plugin alone; installed, twistd knows ``kea``."""
        output(sys.executable, "-m", "build", "--outdir", self.scratch, ROOT)
        (sdist,) = self.scratch.glob("*.tar.gz")
        (wheel,) = self.scratch.glob("*.whl")
        self.sdist_is_whole(sdist)
        self.wheel_is_whole(wheel)

        output(sys.executable, "-m", "venv", self.scratch / "venv")
        programs = self.scratch / "venv" / "bin"
        output(programs / "pip", "install", "--quiet", wheel)
        self.assertRegex(output(programs / "twistd", "--help", cwd=self.scratch), r"(?m)^ +kea ")
        self.assertIn(__version__, output(programs / "txkea", "--version", cwd=self.scratch))
        self.assertIn(__version__, output(programs / "python", "-m", "txkea", "--version", cwd=self.scratch))
        output(programs / "pip", "check")

    def sdist_is_whole(self, sdist: Path) -> None:
        """All that git knows is in it, save what only serves git and CI."""
        with tarfile.open(sdist) as archive:
            names = {name.partition("/")[2] for name in archive.getnames()}
        if not (ROOT / ".git").exists():
            return
        tracked = {name for name in output("git", "ls-files").splitlines() if not name.startswith(".")}
        self.assertEqual({name for name in tracked - names if (ROOT / name).exists()}, set())

    def wheel_is_whole(self, wheel: Path) -> None:
        """Every module of txkea, its type marker, and of ``twisted`` the plugin file alone."""
        with zipfile.ZipFile(wheel) as archive:
            names = set(archive.namelist())
            (metadata,) = (name for name in names if name.endswith(".dist-info/METADATA"))
            text = archive.read(metadata).decode()
        sources = {str(path.relative_to(ROOT)) for path in (ROOT / "txkea").rglob("*.py")}
        self.assertEqual(sources - names, set())
        self.assertIn("txkea/py.typed", names)
        self.assertEqual({name for name in names if name.startswith("twisted/")}, {"twisted/plugins/txkea_plugin.py"})
        self.assertEqual({name.split("/")[0] for name in names if ".dist-info" not in name}, {"txkea", "twisted"})
        self.assertIn("License-File: LICENSE", text)
        self.assertRegex(text, r"(?m)^Requires-Dist: Twisted")


class UnitFileTests(SynchronousTestCase):
    """``config/txkea.service`` as systemd sees it."""

    def setUp(self) -> None:
        if shutil.which("systemd-analyze") is None:
            self.skipTest("systemd-analyze is not installed (Debian package systemd)")
        scratch = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, scratch)
        self.unit = scratch / "txkea.service"
        text = (ROOT / "config" / "txkea.service").read_text(encoding="utf-8")
        self.unit.write_text(text.replace("/opt/txkea/bin/txkea", sys.executable), encoding="utf-8")

    def test_systemd_understands_it(self) -> None:
        """Systemd finds nothing to complain about, and runs ``txkea dhcp4`` with Kea's own configuration file."""
        said = output("systemd-analyze", "verify", "--man=no", self.unit).splitlines()
        # It looks at whatever else is installed, too.
        self.assertEqual([], [line for line in said if not re.match(r"/\S+/(?!txkea)[\w@.-]+\.\w+:", line)])
        text = (ROOT / "config" / "txkea.service").read_text(encoding="utf-8")
        self.assertIn("ExecStart=/opt/txkea/bin/txkea dhcp4 -c /etc/kea/kea-dhcp4.conf\n", text)

    def test_two_capabilities_and_no_root(self) -> None:
        """It runs without root, with the two capabilities that DHCP needs and no other, and walled in."""
        text = self.unit.read_text(encoding="utf-8")
        for setting in ("AmbientCapabilities", "CapabilityBoundingSet"):
            self.assertEqual(re.findall(rf"(?m)^{setting}=(.*)$", text), ["CAP_NET_RAW CAP_NET_BIND_SERVICE"], setting)
        self.assertRegex(text, r"(?m)^User=(?!root)\w+$")
        output("systemd-analyze", "security", "--offline=true", f"--threshold={MOST_EXPOSED}", self.unit)
