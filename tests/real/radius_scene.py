"""A server that asks a real FreeRADIUS, and clients of both families behind relays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from tests.real.freeradius import FreeRadius
from tests.real.relays4 import Relay
from tests.real.relays6 import Relay6
from tests.real.scene_faults import RELAY, SERVER, Scene, configuration4
from tests.real.servers import TXKEA6, Server
from txkea.testing.namespaces import requires_root

__all__ = ["LIBRARY", "OTHER", "OTHER6", "RADIUS6", "SUBNETS4", "SUBNETS6", "RadiusScene", "user"]

LIBRARY: Final = "/usr/lib/kea/hooks/libdhcp_radius.so"
SERVER6, RADIUS6, RELAY6 = "2001:db8::1", "2001:db8::1", "2001:db8::2"
OTHER, OTHER6 = "10.9.0.1", "2001:db8:2::9"
"""The relay address, and the link address, of the second subnet."""
SUBNETS4: Final = (
    {
        "id": 1,
        "subnet": "10.0.0.0/16",
        "relay": {"ip-addresses": [RELAY]},
        "pools": [{"pool": "10.0.1.0/24"}, {"pool": "10.0.2.0/24", "client-class": "gold"}],
    },
    {
        "id": 2,
        "subnet": "10.2.0.0/16",
        "relay": {"ip-addresses": [RELAY]},
        "pools": [{"pool": "10.2.1.0/24", "client-class": "silver"}],
    },
)
"""Clients of the relay select the first one, and could select the second one too."""
SUBNETS6: Final = (
    {
        "id": 1,
        "subnet": "2001:db8:1::/64",
        "pools": [{"pool": "2001:db8:1::100/120"}, {"pool": "2001:db8:1::200/120", "client-class": "gold"}],
        "pd-pools": [
            {"prefix": "2001:db8:8000::", "prefix-len": 40, "delegated-len": 56},
            {"prefix": "2001:db8:9000::", "prefix-len": 40, "delegated-len": 56, "client-class": "office"},
        ],
    },
)
LINK6: Final = "2001:db8:1::9"


def user(name: str, **attributes: Any) -> str:
    """Whom FreeRADIUS accepts, with these attributes; ``_`` for ``-``."""
    pairs = [f"{key.replace('_', '-')} = {value}" for key, value in attributes.items()]
    return f"{name} Auth-Type := Accept\n" + ("\t" + ",\n\t".join(pairs) + "\n" if pairs else "")


class RadiusScene(Scene):
    """See the module; a server has the parameters of `Scene.server`, and those of the library radius."""

    skip = requires_root("freeradius")

    def setUp(self) -> None:
        super().setUp()
        for namespace, address in ((self.there, SERVER6), (self.here, RELAY6)):
            namespace.run(["ip", "addr", "add", f"{address}/32", "dev", "eth0", "nodad"])
        self.radius = self.freeradius()
        self.relay = Relay(self.here, RELAY, SERVER)
        self.addCleanup(self.relay.close)
        self.relay6 = Relay6(self.here, RELAY6, SERVER6)
        self.addCleanup(self.relay6.close)

    def freeradius(self, **more: Any) -> FreeRadius:
        """Another one, not yet started."""
        found = FreeRadius(namespace=self.there, **more)
        self.addCleanup(found.remove)
        return found

    def parameters(self, *servers: Mapping[str, Any], **more: Any) -> dict[str, Any]:
        """Those of the library; ``_`` for ``-``. Tests are in more of a hurry than people."""
        words = {name.replace("_", "-"): value for name, value in more.items()}
        access = {"servers": list(servers) or [self.radius.server()], **words.pop("access", {})}
        return {
            "timeout": 1,
            "retries": 0,
            "identifier-type4": "hw-address",
            "canonical-mac-address": True,
            **words,
            "access": access,
        }

    def server4(self, parameters: Mapping[str, Any], **keywords: Any) -> Server:
        """A DHCPv4 server, started."""
        hooks = [{"library": LIBRARY, "parameters": parameters}, *keywords.pop("more_hooks", ())]
        server = self.server(hooks_libraries=hooks, **{"subnet4": list(SUBNETS4), **keywords})
        server.start()
        return server

    def server6(self, parameters: Mapping[str, Any], **keywords: Any) -> Server:
        """A DHCPv6 server, started."""
        document = configuration4(hooks_libraries=[{"library": LIBRARY, "parameters": parameters}])
        del document["subnet4"], document["interfaces-config"]
        document |= {
            "interfaces-config": {"interfaces": [f"eth0/{SERVER6}"]},
            "subnet6": list(SUBNETS6),
            "loggers": [{"name": "kea-dhcp6", "output_options": [{"output": "@DIRECTORY@/server.log"}]}],
            **{name.replace("_", "-"): value for name, value in keywords.items()},
        }
        server = self.program(TXKEA6, {"Dhcp6": document})
        server.start()
        return server
