"""Control channels in a configuration: where they listen, for whom, and what is wrong with them."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.configuring import complaints, complaints6, configured, configured6, mistakes, reloaded
from tests.test_config_kea_doc import examples
from txkea.config.agent import MAPS, agent_configuration, load_agent
from txkea.config.load import configuration
from txkea.config.maps import SHARED_MAPS
from txkea.config.text import from_json
from txkea.control.access import Access
from txkea.errors import ConfigErrors
from txkea.model.configuration import ControlSocket

ADMIN = {"user": "admin", "password": "1234"}
USERS = {"authentication": {"clients": [ADMIN]}}
FILES = {"cert-file": "server.pem", "key-file": "server.key"}
ANCHOR = {**FILES, "trust-anchor": "ca.pem"}

MISTAKEN = """{
  "Dhcp4": {
    "control-sockets": [
      { "socket-name": "/run/a" },
      { "socket-type": "htpps", "socket-port": 0 },
      { "socket-type": "http", "socket-address": "localhost", "socket-port": 8001 },
      { "socket-type": "https", "socket-port": 8002, "trust-anchor": "",
        "cert-required": "yes" },
      { "socket-type": "http", "socket-port": 8003, "serves": [ "commands", "page" ],
        "http-headers": [ { "name": "X Y", "value": "z" }, { "name": "Date", "value": "a\\nb" }, { "name": "X" } ] },
      { "socket-type": "http", "socket-port": 8004, "serves": [],
        "authentication": {
          "type": "digest",
          "realm": "caf\u00e9",
          "clients": [
            { "password": "1" },
            { "user": "", "password": "1" },
            { "user": "a:b", "password": "1" },
            { "user": "a", "user-file": "b", "password": "1", "password-file": "2" },
            { "user": "a", "password": "1\\n", "rol": "x" },
            { "user": "b", "password": "1", "role": "king" }
          ],
          "roles": [
            { "accept-commands": "*" },
            { "name": "reader" },
            { "name": "reader", "reject-commands": [ "" ] }
          ]
        } },
      { "socket-type": "http", "socket-port": 8004 }
    ]
  }
}"""

COMPLAINTS = """
4:7: [0]: "socket-type" is missing; add it
5:24: [1].socket-type: "htpps" is not one of unix, http, https; did you mean https?
5:48: [1].socket-port: 0 is out of range; a number from 1 to 65535 would be right
6:50: [2].socket-address: "localhost" is not an IP address; write it like 192.0.2.1 or 2001:db8::1
7:7: [3]: "cert-file" is missing; give the file in PEM format
7:7: [3]: "key-file" is missing; give the file in PEM format
7:70: [3].trust-anchor: the string is empty; write a name
8:26: [3].cert-required: a string cannot stand here; true or false would be right
9:77: [4].serves[1]: "page" is not one of commands, metrics, events
10:37: [4].http-headers[0].name: "X Y" is not the name of a header
10:70: [4].http-headers[1].name: every answer has this header already; leave it to the server
10:87: [4].http-headers[1].value: printable ASCII without spaces around it would be right
10:97: [4].http-headers[2]: "value" is missing; add it
11:63: [5].serves: the list is empty; add what it shall name
13:19: [5].authentication.type: "digest" is not one of basic
14:20: [5].authentication.realm: printable ASCII without spaces around it would be right
16:13: [5].authentication.clients[0]: "user" is missing; give it, or user-file
17:23: [5].authentication.clients[1].user: a name without a colon would be right
18:23: [5].authentication.clients[2].user: a name without a colon would be right
19:23: [5].authentication.clients[3].user: there is a user-file too; keep one of the two
19:58: [5].authentication.clients[3].password: there is a password-file too; keep one of the two
20:40: [5].authentication.clients[4].password: up to 255 printable characters would be right
20:47: [5].authentication.clients[4].rol: unknown keyword; did you mean role?
21:53: [5].authentication.clients[5].role: no role "king" is among the roles; describe it there
24:34: [5].authentication.roles[0].accept-commands: a list would be right: [...]
24:13: [5].authentication.roles[0]: "name" is missing; add it
26:23: [5].authentication.roles[2].name: another role has this name; give each its own
26:54: [5].authentication.roles[2].reject-commands[0]: the string is empty; write a name
29:47: [6].socket-port: another control socket has the same place; give each its own
"""


def http(**keywords: Any) -> dict[str, Any]:
    """A socket of type ``http`` unless told otherwise, with ``_`` for ``-``."""
    return {"socket-type": "http", **{name.replace("_", "-"): value for name, value in keywords.items()}}


def only(*sockets: dict[str, Any]) -> ControlSocket:
    """The one socket of a configuration of DHCPv4."""
    (found,) = configured(control_sockets=list(sockets)).control_sockets
    return found


class PlaceTests(SynchronousTestCase):
    """Where a channel listens."""

    def test_defaults(self) -> None:
        """It listens on port 8000 of this machine alone, in the server's family (Kea G017)."""
        for made, address in ((configured, "127.0.0.1"), (configured6, "::1")):
            self.assertEqual(
                made(control_sockets=[http()]).control_sockets,
                (ControlSocket(type="http", address=address, port=8000),),
                address,
            )

    def test_place(self) -> None:
        """Address and port arrive, one address in one form."""
        found = only(http(socket_address="127.0.0.2", socket_port=1))
        self.assertEqual(found, ControlSocket(type="http", address="127.0.0.2", port=1))
        self.assertEqual(only(http(socket_address="0:0::1")).address, "::1")

    def test_several(self) -> None:
        """UNIX sockets and several HTTP channels stand beside each other, in the order of the file."""
        sockets = [http(), {"socket-type": "unix", "socket-name": "/run/kea/4"}, http(socket_port=8001)]
        found = configured(control_sockets=sockets).control_sockets
        self.assertEqual([(each.type, each.port) for each in found], [("http", 8000), ("unix", 0), ("http", 8001)])

    def test_collisions(self) -> None:
        """Two sockets in one place are refused, also when one listens on all addresses of a port."""
        exposed = {"allow-unauthenticated-beyond-localhost": True}
        for one, other, wrong in (
            ("127.0.0.1", "127.0.0.1", True),
            ("::1", "0::1", True),
            ("127.0.0.1", "127.0.0.2", False),
            ("127.0.0.1", "0.0.0.0", True),
            ("0.0.0.0", "192.0.2.1", True),
            ("0.0.0.0", "::1", False),
            ("::", "127.0.0.1", True),
        ):
            sockets = [http(socket_address=address, **exposed) for address in (one, other)]
            message = "control-sockets[1].socket-port: another control socket has the same place; give each its own"
            missing = [f"control-sockets[1]: {message.partition(': ')[2]}"]
            self.assertEqual(complaints(control_sockets=sockets), missing if wrong else [], (one, other))
            sockets[1]["socket-port"] = 8001
            self.assertEqual(complaints(control_sockets=sockets), [], (one, other))
        unix = {"socket-type": "unix", "socket-name": "/run/a"}
        self.assertEqual(len(complaints(control_sockets=[unix, unix])), 1)


class AccessTests(SynchronousTestCase):
    """For whom it listens."""

    def test_exposed(self) -> None:
        """Nobody is served from elsewhere unless he is asked who he is, or the file says that this is meant."""
        elsewhere = {"socket-address": "192.0.2.1"}
        for made, socket, exposed in (
            (complaints, {}, False),
            (complaints, {"socket-address": "127.9.9.9"}, False),
            (complaints6, {"socket-address": "::1"}, False),
            (complaints, elsewhere, True),
            (complaints, {"socket-address": "0.0.0.0"}, True),
            (complaints6, {"socket-address": "::"}, True),
            (complaints6, {"socket-address": "fe80::1"}, True),
            (complaints, {**elsewhere, **USERS}, False),
            (complaints, {**elsewhere, "authentication": {"clients": []}}, True),
            (complaints, {**elsewhere, **FILES, "socket-type": "https"}, True),
            (complaints, {**elsewhere, **ANCHOR, "socket-type": "https"}, False),
            (complaints, {**elsewhere, **ANCHOR, "socket-type": "https", "cert-required": False}, True),
            (complaints, {**elsewhere, **ANCHOR, "socket-type": "https", "cert-required": False, **USERS}, False),
            (complaints, {**elsewhere, "allow-unauthenticated-beyond-localhost": True}, False),
            (complaints, {**elsewhere, "allow-unauthenticated-beyond-localhost": False}, True),
        ):
            found = made(control_sockets=[{"socket-type": "http", **socket}])
            self.assertEqual(len(found), exposed, socket)
            if exposed:
                address = socket["socket-address"]
                self.assertIn(f"control-sockets[0].socket-address: {address} can be reached from elsewhere", found[0])

    def test_users(self) -> None:
        """Users and roles arrive whole: with them somebody is let in, and may do what his role says."""
        roles = [{"name": "reader", "accept-commands": ["*-get"]}, {"name": "any"}]
        clients = [ADMIN, {"user": "b", "password": "", "role": "reader"}, {"user": "c", "password": "", "role": "any"}]
        found = only(http(authentication={"realm": "here", "clients": clients, "roles": roles}))
        access = Access(found.parameters["authentication"], str)
        self.assertIn('realm="here"', access.challenge)
        for credentials, name, reads, writes in (
            ("YWRtaW46MTIzNA==", "admin", True, True),
            ("Yjo=", "b", True, False),
            ("Yzo=", "c", True, True),
        ):
            user = access.user(f"Basic {credentials}")
            assert user is not None, name
            self.assertEqual(
                (user.name, user.permits("lease4-get"), user.permits("lease4-add")), (name, reads, writes), name
            )

    def test_certificates(self) -> None:
        """HTTPS needs a certificate with its key; whose clients must have one needs who signed them."""
        https = {"socket-type": "https", **FILES}
        self.assertEqual(only(https).parameters, FILES)
        self.assertEqual(only({**https, "cert-required": False}).parameters, {**FILES, "cert-required": False})
        self.assertEqual(
            complaints(control_sockets=[{**https, "cert-required": True}]),
            [
                "control-sockets[0].cert-required: somebody must have signed those certificates;"
                " give trust-anchor, or say false"
            ],
        )

    def test_secure_anyway(self) -> None:
        """Certificates make a socket of type ``http`` secure, as in Kea, and that deserves a word."""
        found = configured(control_sockets=[http(**ANCHOR)])
        self.assertEqual([each.type for each in found.control_sockets], ["https"])
        (warning,) = found.warnings
        self.assertIn("socket-type: certificates make this https", warning)

    def test_agent(self) -> None:
        """The Control Agent has the same rules under its own names."""

        def agent(**keywords: Any) -> ControlSocket:
            written = {name.replace("_", "-"): value for name, value in keywords.items()}
            return agent_configuration(from_json({"Control-agent": written})).listener

        self.assertEqual(agent(http_host="192.0.2.1", **USERS).address, "192.0.2.1")
        self.assertEqual(agent(**ANCHOR).type, "https")
        for keywords, words in (
            ({"http-host": "192.0.2.1"}, "Control-agent.http-host: 192.0.2.1 can be reached"),
            ({"trust-anchor": "x"}, '"cert-file" is missing'),
            ({"authentication": {"clients": [{}]}}, 'authentication.clients[0]: "user" is missing'),
            ({"http-headers": [{"name": "content-length", "value": "1"}]}, "http-headers[0].name: every answer"),
        ):
            with self.assertRaises(ConfigErrors) as caught:
                agent(**keywords)
            self.assertIn(words, str(caught.exception))

    def test_kea_example(self) -> None:
        """The users of Kea's own example are known, those whose names are in files too."""
        found = load_agent(str(examples() / "agent" / "comments.json")).listener
        clients = found.parameters["authentication"]["clients"]
        self.assertEqual([(client["user"], client["password"]) for client in clients], [("admin", "1234")])
        secure = load_agent(str(examples() / "agent" / "https.json")).listener
        self.assertEqual((secure.type, secure.parameters["trust-anchor"]), ("https", "my-ca"))


class MistakeTests(SynchronousTestCase):
    """What is wrong with it."""

    maxDiff = None  # noqa: N815 - unittest's own

    def test_mistakes(self) -> None:
        """Each mistake is reported with its position, its path and the mend, all in one go."""
        found = [line.replace("file:", "").replace("Dhcp4.control-sockets", "") for line in mistakes(MISTAKEN)]
        self.assertEqual(sorted(found), sorted(COMPLAINTS.strip().splitlines()))

    def test_warnings(self) -> None:
        """What is without effect, or hardly meant, is accepted with a warning."""
        unix = {"socket-type": "unix", "socket-name": "/run/a"}
        for socket, words in (
            (
                {**unix, "socket-port": 8000},
                "socket-port: this has no effect: it is for sockets of type http and https",
            ),
            ({**unix, **USERS}, "authentication: this has no effect: it is for sockets of type http and https"),
            (http(socket_name="/run/a"), "socket-name: this has no effect: it is for sockets of type unix"),
            (http(cert_required=False), "cert-required: this has no effect: it is for sockets of type https"),
            (http(authentication={}), "authentication: there are none, so that nobody is asked who he is"),
            (http(authentication={"clients": [{"user": "a"}]}), "authentication.clients[0]: a has no password"),
            (http(authentication={"clients": [{"user-file": "a"}]}), "clients[0]: a user has no password"),
        ):
            (warning,) = configured(control_sockets=[socket]).warnings
            self.assertTrue(warning.endswith(words), warning)
        for good in (http(), http(**USERS), http(authentication={"clients": [{"password-file": "both"}]}), unix):
            self.assertEqual(configured(control_sockets=[good]).warnings, (), good)


NAMES = sorted({name for each in ("authentication", "clients", "roles", "http-headers") for name in MAPS[each]})
SOCKET = sorted({*SHARED_MAPS["control-sockets"], *NAMES})
WORDS = ["unix", "http", "https", "basic", "127.0.0.1", "::1", "192.0.2.1", "/run/a", "metrics", "x", "", "a:b"]
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-1, 70000) | st.sampled_from(WORDS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=4),
    max_leaves=10,
)
USEFUL = st.fixed_dictionaries(
    {"socket-type": st.sampled_from(["http", "https"]), "cert-file": st.just("c"), "key-file": st.just("k")},
    optional={
        "socket-address": st.sampled_from(["127.0.0.1", "::1", "127.1.2.3"]),
        "socket-port": st.integers(1, 65535),
        "trust-anchor": st.just("a"),
        "serves": st.lists(st.sampled_from(["commands", "metrics", "events"]), min_size=1),
        "http-headers": st.lists(
            st.fixed_dictionaries({"name": st.just("X"), "value": st.text("ab ", max_size=3).map(str.strip)}),
            max_size=2,
        ),
        "authentication": st.fixed_dictionaries(
            {},
            optional={
                "realm": st.text('a"\\ ', min_size=1, max_size=3).map(str.strip),
                "directory": st.just("/etc/kea"),
                "clients": st.lists(
                    st.fixed_dictionaries({"user": st.just("a"), "password": st.text("a:é", max_size=3)}), max_size=2
                ),
            },
        ),
        "user-context": st.just({"a": 1}),
    },
)


class AnythingTests(SynchronousTestCase):
    """Whatever is written."""

    @settings(deadline=None, max_examples=100, suppress_health_check=list(HealthCheck))
    @given(st.lists(st.dictionaries(st.sampled_from(SOCKET), VALUES, max_size=5), max_size=2))
    def test_anything(self, sockets: list[dict[str, Any]]) -> None:
        """It is a configuration, or a list of errors."""
        try:
            configuration(from_json({"Dhcp4": {"control-sockets": sockets}}), 4)
        except ConfigErrors as wrong:
            self.assertTrue(wrong.errors)

    @settings(deadline=None, max_examples=100, suppress_health_check=list(HealthCheck))
    @given(USEFUL)
    def test_effective(self, socket: dict[str, Any]) -> None:
        """What ``config-get`` prints of a good one can be read again, and means the same."""
        found = configured(control_sockets=[socket])
        again = reloaded(found)
        self.assertEqual((again.control_sockets, again.tree), (found.control_sockets, found.tree))
