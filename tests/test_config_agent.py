"""The ``Control-agent`` map."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.test_config_kea_doc import examples
from txkea.config.agent import MAPS, agent_configuration, load_agent
from txkea.config.features import AGENT_LIBRARIES, NotBuilt
from txkea.config.text import from_json, parse
from txkea.errors import ConfigErrors
from txkea.model.agent import AgentConfiguration

names = st.sampled_from(sorted({name for table in MAPS.values() for name in table}))
scalars = st.none() | st.booleans() | st.integers(-2, 70000) | st.sampled_from(["", "x", "unix", "127.0.0.1", "basic"])
values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=4))

FILE = """{
  "Control-agent": {
    "http-host": "localhost",
    "http-port": "8000",
    "control-sockets": { "dhcp4": { "socket-type": "udp", "socket-name": "/a" }, "dhcp": {}, "dhcp6": {} },
    "http-prot": 1
  }
}"""


def configured(**keywords: Any) -> AgentConfiguration:
    """The configuration of these keywords, with ``_`` for ``-``."""
    written = {name.replace("_", "-"): value for name, value in keywords.items()}
    return agent_configuration(parse(json.dumps({"Control-agent": written})))


def mistakes(text: str) -> list[str]:
    """What is wrong with a text, line by line."""
    try:
        agent_configuration(parse(text, "file"))
    except ConfigErrors as errors:
        return [str(error) for error in errors.errors]
    return []


class AgentConfigurationTests(SynchronousTestCase):
    """What comes of a file."""

    def test_defaults(self) -> None:
        """An empty map listens on this machine alone, and knows no servers."""
        found = configured()
        listener = found.listener
        self.assertEqual((listener.type, listener.address, listener.port), ("http", "127.0.0.1", 8000))
        self.assertEqual((found.servers, found.loggers), ({}, ()))
        self.assertEqual(
            found.tree["Control-agent"],
            {
                "http-host": "127.0.0.1",
                "http-port": 8000,
                "control-sockets": {},
                "hooks-libraries": [],
                "loggers": [],
            },
        )

    def test_places(self) -> None:
        """Where it listens, and where it finds the servers."""
        found = configured(
            http_host="::1",
            http_port=9000,
            control_sockets={
                "dhcp4": {"socket-type": "unix", "socket-name": "/run/kea/4"},
                "d2": {"socket-name": "d2", "comment": "DNS"},
            },
            comment="all of them",
        )
        self.assertEqual((found.listener.address, found.listener.port), ("::1", 9000))
        self.assertEqual(found.servers, {"dhcp4": "/run/kea/4", "d2": "d2"})
        self.assertEqual(found.user_context, {"comment": "all of them"})

    def test_mistakes(self) -> None:
        """All errors of a file come at once, in its order, each with position, path and mend."""
        sockets = "Control-agent.control-sockets"
        self.assertEqual(
            mistakes(FILE),
            [
                'file:3:18: Control-agent.http-host: "localhost" is not an IP address;'
                " write it like 192.0.2.1 or 2001:db8::1",
                "file:4:18: Control-agent.http-port: a string cannot stand here;"
                " a whole number from 0 to 65535 would be right",
                f'file:5:52: {sockets}.dhcp4.socket-type: "udp" is not one of unix',
                f"file:5:82: {sockets}.dhcp: unknown keyword; did you mean dhcp6?",
                f'file:5:103: {sockets}.dhcp6: "socket-name" is missing; add it',
                "file:6:5: Control-agent.http-prot: unknown keyword; did you mean http-port?",
            ],
        )
        self.assertEqual(mistakes("{}"), ['file:1:1: "Control-agent" is missing; add it'])

    def test_certificates(self) -> None:
        """One file for TLS makes it HTTPS, which needs the others; nothing of it is left out silently."""
        files = {"trust_anchor": "a", "cert_file": "b", "key_file": "c"}
        self.assertEqual(configured(**files).listener.type, "https")
        for missing, messages in (("trust_anchor", []), ("cert_file", ["cert-file"]), ("key_file", ["key-file"])):
            given = {name.replace("_", "-"): file for name, file in files.items() if name != missing}
            found = mistakes(json.dumps({"Control-agent": given}))
            self.assertEqual([name for name in messages if f'"{name}" is missing' in found[0]], messages)
            self.assertEqual(len(found), len(messages))
        self.assertEqual(len(mistakes('{"Control-agent": {"trust-anchor": "a"}}')), 2)

    def test_everybody(self) -> None:
        """Beyond this machine nobody listens unasked who asks nobody."""
        self.assertIn("allow-unauthenticated", mistakes('{"Control-agent": {"http-host": "0.0.0.0"}}')[0])
        clients = {"clients": [{"user": "admin", "password": "1234"}]}
        self.assertEqual(configured(http_host="0.0.0.0", authentication=clients).listener.address, "0.0.0.0")

    def test_other_servers(self) -> None:
        """Maps of other servers in the file are left alone; an old ``Logging`` map gives it its own loggers."""
        document = {
            "Control-agent": {},
            "Dhcp4": {"anything": 1},
            "Logging": {"loggers": [{"name": "kea-dhcp4"}, {"name": "kea-ctrl-agent", "severity": "WARN"}]},
        }
        found = agent_configuration(from_json(document))
        self.assertEqual([(each.name, each.severity) for each in found.loggers], [("kea-ctrl-agent", "WARN")])
        self.assertEqual(found.written, document)

    def test_hook_libraries(self) -> None:
        """Hook libraries are refused by name, never ignored."""
        self.assertEqual(configured(hooks_libraries=[]).tree["Control-agent"]["hooks-libraries"], [])
        with self.assertRaises(ConfigErrors) as raised:
            configured(hooks_libraries=[{"library": "/lib/libca_rbac.so"}])
        (error,) = raised.exception.errors
        assert isinstance(error, NotBuilt)
        self.assertIs(error.feature, AGENT_LIBRARIES)

    def test_kea_examples(self) -> None:
        """Kea's own examples can be used, but for those with hook libraries."""
        outcomes: dict[str, set[Any]] = {}
        for path in sorted((examples() / "agent").glob("*.json")):
            try:
                load_agent(str(path))
                outcomes[path.name] = set()
            except ConfigErrors as wrong:
                outcomes[path.name] = {getattr(error, "feature", error) for error in wrong.errors}
        libraries = {AGENT_LIBRARIES}
        self.assertEqual(
            outcomes,
            {"comments.json": set(), "https.json": set(), "rbac.json": libraries, "simple.json": libraries},
        )

    def test_effective(self) -> None:
        """What ``config-get`` prints can be read again, and means the same."""
        found = configured(
            http_port=1,
            control_sockets={"dhcp6": {"socket-name": "/run/6"}},
            loggers=[{"name": "kea-ctrl-agent", "output_options": [{"output": "stdout"}]}],
        )
        again = agent_configuration(parse(json.dumps(found.tree)))
        self.assertEqual((again.listener, again.servers, again.tree), (found.listener, found.servers, found.tree))
        self.assertEqual(again.loggers, found.loggers)

    @given(st.dictionaries(names, values, max_size=5))
    def test_anything(self, agent: dict[str, Any]) -> None:
        """Whatever stands there, it is a configuration or a list of errors."""
        try:
            agent_configuration(from_json({"Control-agent": agent}))
        except ConfigErrors as wrong:
            self.assertTrue(wrong.errors)
