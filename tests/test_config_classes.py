"""Client classes of a configuration, and whom its scopes are for."""

from __future__ import annotations

from typing import Any

from attrs import evolve
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.configuring import SUBNET, SUBNET6, complaints, complaints6, configured, configured6, reloaded, written
from txkea.config.load import configuration4, configuration6
from txkea.config.text import from_json, parse
from txkea.errors import ConfigErrors
from txkea.model.configuration import ClientClass, Configuration, Lifetime
from txkea.wire.definition import OptionDefinition

POOL = {"pool": "192.0.2.0/28"}


def one(**keywords: Any) -> ClientClass:
    """The class ``a`` of these keywords."""
    (found,) = configured(client_classes=[{"name": "a", **written(**keywords)}]).client_classes
    return found


def refused(**keywords: Any) -> list[str]:
    """What is wrong with the class ``a`` of these keywords."""
    found = complaints(client_classes=[{"name": "a", **written(**keywords)}])
    return [line.removeprefix("client-classes[0].") for line in found]


def all_refused(*classes: dict[str, Any]) -> list[str]:
    """What is wrong with these classes."""
    return [line.removeprefix("client-classes") for line in complaints(client_classes=[*classes])]


def warned(found: Configuration) -> list[str]:
    """The warnings, without place and family."""
    return [text.split(": ", 1)[1].split(".", 1)[1] for text in found.warnings]


class Classes(SynchronousTestCase):
    """``client-classes``."""

    def test_everything(self) -> None:
        """A class carries all that it is given, its options encoded."""
        found = one(
            test="option[60].exists",
            only_if_required=True,
            next_server="192.0.2.1",
            server_hostname="h",
            boot_file_name="f",
            valid_lifetime=100,
            max_valid_lifetime=200,
            offer_lifetime=5,
            option_data=[{"name": "routers", "data": "192.0.2.1"}],
            user_context={"x": 1},
            comment="c",
        )
        (option,) = found.options
        self.assertEqual((option.code, option.payload), (3, b"\xc0\0\2\1"))
        self.assertEqual(
            evolve(found, options=()),
            ClientClass(
                name="a",
                test="option[60].exists",
                only_if_additional=True,
                next_server=b"\xc0\0\2\1",
                server_hostname="h",
                boot_file_name="f",
                valid_lifetime=Lifetime(100, 100, 200),
                offer_lifetime=5,
                user_context={"x": 1, "comment": "c"},
            ),
        )
        self.assertEqual(one(template_test="option[60].hex").template_test, "option[60].hex")

    def test_nothing(self) -> None:
        """A class may have a name alone, in both families."""
        self.assertEqual(one(), ClientClass(name="a"))
        self.assertEqual(configured6(client_classes=[{"name": "a"}]).client_classes, (ClientClass(name="a"),))
        self.assertEqual(configured().client_classes, ())

    def test_order(self) -> None:
        """Classes keep the order of the file."""
        found = configured(client_classes=[{"name": name} for name in "zay"]).client_classes
        self.assertEqual([each.name for each in found], ["z", "a", "y"])

    def test_lifetimes6(self) -> None:
        """In DHCPv6 a class has a preferred lifetime too; one that outlives the valid one is told of."""
        found = configured6(client_classes=[{"name": "a", "preferred-lifetime": 9, "valid-lifetime": 5}])
        (each,) = found.client_classes
        self.assertEqual((each.preferred_lifetime, each.valid_lifetime), (Lifetime(9, 9, 9), Lifetime(5, 5, 5)))
        self.assertEqual(
            warned(found),
            ["client-classes[0].preferred-lifetime: this is longer than valid-lifetime 5, so it ends with that"],
        )

    def test_one_bound(self) -> None:
        """As in Kea a lone bound is the lifetime, which is told; two of them are wrong."""
        for bound in ("min-valid-lifetime", "max-valid-lifetime"):
            found = configured(client_classes=[{"name": "a", bound: 7}])
            self.assertEqual(found.client_classes[0].valid_lifetime, Lifetime(7, 7, 7))
            self.assertEqual(found.tree["Dhcp4"]["client-classes"][0]["valid-lifetime"], 7)
            self.assertNotIn(bound, found.tree["Dhcp4"]["client-classes"][0])
            self.assertEqual(
                warned(found),
                [f"client-classes[0].{bound}: without valid-lifetime this is no bound: it is the lifetime itself"],
            )
        self.assertEqual(
            refused(min_valid_lifetime=1, max_valid_lifetime=2),
            ["min-valid-lifetime: bounds go with the valid-lifetime that they are of; add it"],
        )

    def test_bounds(self) -> None:
        """A lifetime lies within its bounds."""
        self.assertEqual(
            refused(valid_lifetime=5, min_valid_lifetime=6),
            ["min-valid-lifetime: min-valid-lifetime 6 is above valid-lifetime 5; lower it"],
        )

    def test_everybodys_address(self) -> None:
        """The boot server of a class, or of a reservation, has an address of its own."""
        message = "255.255.255.255 is everybody's address; give the server's, or 0.0.0.0 for none"
        self.assertEqual(refused(next_server="255.255.255.255"), [f"next-server: {message}"])
        self.assertEqual(
            complaints(reservations=[{"duid": "01:02", "next-server": "255.255.255.255"}]),
            [f"reservations[0].next-server: {message}"],
        )

    def test_twice(self) -> None:
        """A name is one class's."""
        self.assertEqual(
            all_refused({"name": "a"}, {"name": "b"}, {"name": "a"}),
            ["[2].name: the class 'a' is defined already; give this one another name"],
        )

    def test_nameless(self) -> None:
        """What has no name is told once."""
        self.assertEqual(all_refused({}, {}), [f'[{at}]: "name" is missing; add it' for at in range(2)])

    def test_both_spellings(self) -> None:
        """The old and the new spelling of one thing do not stand together."""
        for line in (
            *refused(only_if_required=True, only_in_additional_list=True),
            *complaints(subnet4=[{**SUBNET, "client-class": "a", "client-classes": ["a"]}]),
            *complaints(subnet4=[{**SUBNET, "require-client-classes": [], "evaluate-additional-classes": []}]),
        ):
            self.assertIn("this says the same as", line)


class Expressions(SynchronousTestCase):
    """``test`` and ``template-test``."""

    def mistake(self, text: str, family: int = 4) -> tuple[str, int, int]:
        """Path, line and column of what is wrong in a configuration."""
        with self.assertRaises(ConfigErrors) as caught:
            (configuration4 if family == 4 else configuration6)(parse(text, "file"))
        (error,) = caught.exception.errors
        assert error.position is not None
        return error.path, error.position.line, error.position.column

    def test_place(self) -> None:
        """A mistake is told with the line and column at which it stands in the file."""
        text = '{"Dhcp4": {"client-classes": [\n  {"name": "a",\n   "test": "option[60].exist"}]}}'
        self.assertEqual(
            self.mistake(text), ("Dhcp4.client-classes[0].test", 3, text.splitlines()[2].index("exist") + 1)
        )

    def test_place_after_escapes(self) -> None:
        """What is escaped in the file takes the room there that it takes."""
        line = '{"Dhcp6": {"client-classes": [{"name": "a", "test": "\'\\u00e9\\/\' ==\\n option[1].exist"}]}}'
        self.assertEqual(self.mistake(line, 6)[2], line.index('exist"') + 1)

    def test_place_without_file(self) -> None:
        """In a command the character of the expression is told."""
        with self.assertRaises(ConfigErrors) as caught:
            configuration4(from_json({"Dhcp4": {"client-classes": [{"name": "a", "test": "not member('b')"}]}}))
        (error,) = caught.exception.errors
        self.assertIsNone(error.position)
        self.assertTrue(error.message.endswith(" (character 5)"), error.message)

    def test_kinds(self) -> None:
        """A test is true or false, a template has a value, and a class has one of them."""
        self.assertEqual(len(refused(test="option[60].hex")), 1)
        self.assertEqual(len(refused(template_test="option[60].exists")), 1)
        self.assertEqual(
            refused(test="option[60].exists", template_test="option[60].hex"),
            ["template-test: a class has a test or a template-test; keep one of the two"],
        )

    def test_empty(self) -> None:
        """An expression is not empty."""
        for expression in ("", " "):
            self.assertEqual(len(refused(test=expression)), 1)
            self.assertEqual(len(refused(template_test=expression)), 1)

    def test_families(self) -> None:
        """An expression asks for what its family has."""
        for expression in ("pkt6.msgtype == 1", "relay6[0].peeraddr == 2001:db8::1", "option[256].exists"):
            self.assertEqual(len(refused(test=expression)), 1, expression)
            self.assertEqual(complaints6(client_classes=[{"name": "a", "test": expression}]), [], expression)
        for expression in ("pkt4.mac == 1", "relay4[1].exists", "option[host-name].exists"):
            self.assertEqual(refused(test=expression), [], expression)
            self.assertEqual(len(complaints6(client_classes=[{"name": "a", "test": expression}])), 1, expression)

    def test_own_options(self) -> None:
        """Names of options are those of the standard and of the global definitions, wherever these stand."""
        own = [{"name": "x", "code": 224, "type": "uint8"}]
        found = configured(client_classes=[{"name": "a", "test": "option[x].exists"}], option_def=own)
        self.assertEqual(len(found.client_classes), 1)
        self.assertEqual(len(refused(test="option[x].exists", option_def=own)), 1)

    def test_members(self) -> None:
        """A test asks for classes above it, or built in, and for no others."""
        for name in (
            "b",
            "ALL",
            "KNOWN",
            "UNKNOWN",
            "BOOTP",
            "VENDOR_CLASS_x",
            "HA_x",
            "AFTER_x",
            "EXTERNAL_x",
            "SPAWN_x_y",
        ):
            self.assertEqual(all_refused({"name": "b"}, {"name": "a", "test": f"member('{name}')"}), [], name)
        for name in ("a", "c", "DROP", "SKIP_DDNS", "VENDOR_CLASS_", "HA_", "B", ""):
            (line,) = all_refused({"name": "b"}, {"name": "a", "test": f"not member('{name}')"}, {"name": "c"})
            self.assertTrue(line.startswith("[1].test: "), line)

    def test_built_in(self) -> None:
        """A class that is built in may be given options, but no test."""
        for name in ("ALL", "KNOWN", "UNKNOWN", "BOOTP"):
            self.assertEqual(all_refused({"name": name, "valid-lifetime": 5}), [])
            for more in ({"test": "member('HA_x')"}, {"template-test": "'a'"}, {"only-if-required": True}):
                self.assertEqual(len(all_refused({"name": name, **more})), 1, (name, more))
        self.assertEqual(all_refused({"name": "DROP", "test": "member('KNOWN')"}), [])
        self.assertEqual(len(all_refused({"name": "DROP", "only-if-required": True})), 1)


class Definitions(SynchronousTestCase):
    """Options that mean something else to each class."""

    def test_own(self) -> None:
        """A class's definitions are for its own options; they replace the global ones of the same code."""
        text = {"name": "x", "code": 224, "type": "string"}
        found = configured(
            option_def=[{"name": "x", "code": 224, "type": "uint8"}],
            option_data=[{"name": "x", "data": "1"}],
            client_classes=[
                {"name": "a", "option-def": [text], "option-data": [{"name": "x", "data": "ab"}]},
                {"name": "b", "option-data": [{"code": 224, "data": "2"}]},
            ],
        )
        everywhere = [*found.options, *(each for scope in found.client_classes for each in scope.options)]
        payloads = [each.payload for each in everywhere]
        self.assertEqual(payloads, [b"\1", b"ab", b"\2"])
        (definition,) = found.client_classes[0].option_definitions
        self.assertEqual(definition, OptionDefinition(code=224, name="x", space="dhcp4", kind="string"))

    def test_option_43(self) -> None:
        """Option 43 holds what the class says; its sub-options are defined globally (Kea A096, C045)."""
        found = configured(
            option_def=[{"name": "url", "space": "own", "code": 1, "type": "string"}],
            client_classes=[
                {
                    "name": "a",
                    "option-def": [{"name": "v", "code": 43, "type": "empty", "encapsulate": "own"}],
                    "option-data": [{"name": "v"}, {"name": "url", "space": "own", "data": "u"}],
                }
            ],
        )
        holder, inner = found.client_classes[0].options
        self.assertEqual((holder.code, holder.encapsulates, holder.payload), (43, "own", b""))
        self.assertEqual((inner.space, inner.code, inner.payload), ("own", 1, b"u"))

    def test_elsewhere(self) -> None:
        """Other options mean the same to everybody."""
        message = "a class defines options 43 and 224-254 of dhcp4 only; move this to the global option-def"
        for definition in ({"code": 223}, {"code": 3}, {"code": 1, "space": "own"}):
            self.assertEqual(
                refused(option_def=[{"name": "x", "type": "uint8", **definition}]), [f"option-def[0].code: {message}"]
            )


class Scopes(SynchronousTestCase):
    """Whom a scope is for."""

    def test_old_and_new(self) -> None:
        """Networks, subnets and pools say so in the old words or the new ones, each for itself."""
        classes = [{"name": "a"}, {"name": "b"}]
        for guards in (
            {"client-class": "a", "require-client-classes": ["b"]},
            {"client-classes": ["a"], "evaluate-additional-classes": ["b", "b"]},
        ):
            found = configured(
                client_classes=classes,
                subnet4=[{**SUBNET, "pools": [{**POOL, **guards}]}],
                shared_networks=[{"name": "n", **guards, "subnet4": [{"id": 2, "subnet": "192.0.3.0/24", **guards}]}],
            )
            (network,), (alone, inner), (pool,) = found.networks, found.subnets, found.subnets[0].pools
            for scope in (network, inner, pool):
                self.assertEqual((scope.client_classes, scope.additional_classes), (("a",), ("b",)))
            self.assertEqual((alone.client_classes, alone.additional_classes), ((), ()))
            self.assertEqual(found.warnings, ())

    def test_prefix_pools(self) -> None:
        """Pools of prefixes are for somebody too."""
        prefixes = {"prefix": "2001:db8:8::", "prefix-len": 48, "delegated-len": 64, "client-classes": ["a", "b"]}
        found = configured6(subnet6=[{**SUBNET6, "pd-pools": [{**prefixes, "require-client-classes": ["ALL"]}]}])
        (pool,) = found.subnets[0].prefix_pools
        self.assertEqual((pool.client_classes, pool.additional_classes), (("a", "b"), ("ALL",)))

    def test_network_does_not_hand_on(self) -> None:
        """What a network says is its own: both conditions hold (Kea D019)."""
        found = configured(
            shared_networks=[{"name": "n", "client-class": "ALL", "subnet4": [{"id": 2, "subnet": "192.0.3.0/24"}]}]
        )
        self.assertEqual(found.subnets[0].client_classes, ())
        self.assertNotIn("client-classes", found.tree["Dhcp4"]["shared-networks"][0]["subnet4"][0])

    def test_reservations(self) -> None:
        """A reservation gives classes; Kea leaves empty names out."""
        reservation = {"hw-address": "01:02", "client-classes": ["b", "", "a", "b"]}
        found = configured(reservations=[reservation], subnet4=[{**SUBNET, "reservations": [reservation]}])
        for host in (*found.hosts, *found.subnets[0].hosts):
            self.assertEqual(host.client_classes, ("b", "a"))
        self.assertEqual(found.tree["Dhcp4"]["reservations"][0]["client-classes"], ["b", "a"])

    def test_options(self) -> None:
        """An option may be for some classes only."""
        found = configured(option_data=[{"code": 3, "data": "192.0.2.1", "client-classes": ["ALL", "ALL"]}])
        self.assertEqual(found.options[0].client_classes, ("ALL",))

    def test_early_lookup(self) -> None:
        """Global reservations may be looked up before the subnet is chosen."""
        self.assertTrue(configured(early_global_reservations_lookup=True).early_global_reservations_lookup)
        self.assertFalse(configured().early_global_reservations_lookup)


class Names(SynchronousTestCase):
    """Names that lead nowhere are told; Kea takes them without a word."""

    def test_undefined(self) -> None:
        """A name that is no class's is told wherever it guards something."""
        for keywords, place in (
            ({"subnet4": [{**SUBNET, "client-class": "x"}]}, "subnet4[0].client-class"),
            ({"subnet4": [{**SUBNET, "require-client-classes": ["x"]}]}, "subnet4[0].require-client-classes"),
            (
                {"subnet4": [{**SUBNET, "pools": [{**POOL, "client-classes": ["x"]}]}]},
                "subnet4[0].pools[0].client-classes",
            ),
            ({"shared-networks": [{"name": "n", "client-class": "x"}]}, "shared-networks[0].client-class"),
            ({"option-data": [{"code": 3, "client-classes": ["x"]}]}, "option-data[0].client-classes"),
        ):
            self.assertEqual(
                warned(configured(**keywords)),
                [f'{place}: there is no class "x", nor does a reservation give it; add it to client-classes'],
            )

    def test_known(self) -> None:
        """Classes that are defined, built in or given by a reservation are no surprise."""
        given = [{"hw-address": "01:02", "client-classes": ["given"]}]
        for name in ("defined", "given", "ALL", "UNKNOWN", "VENDOR_CLASS_x", "HA_server1", "SPAWN_a_b"):
            found = configured(
                client_classes=[{"name": "defined"}],
                reservations=given,
                early_global_reservations_lookup=True,
                subnet4=[{**SUBNET, "client-class": name, "pools": [{**POOL, "client-class": name}]}],
            )
            self.assertEqual(found.warnings, (), name)

    def test_too_late(self) -> None:
        """A class that is evaluated once a scope was chosen cannot keep it for members."""
        late = {"name": "a", "test": "member('ALL')", "only-if-required": True}
        found = configured(
            client_classes=[late], subnet4=[{**SUBNET, "client-class": "a", "require-client-classes": ["a"]}]
        )
        self.assertEqual(
            warned(found),
            ['subnet4[0].client-class: the class "a" is evaluated when this is chosen already: nobody may use it'],
        )

    def test_before_reservations(self) -> None:
        """Networks, and subnets in none, are chosen before a reservation is looked up: no guards by it there."""
        classes = [{"name": "deep", "test": "not member('KNOWN')"}, {"name": "deeper", "test": "member('deep')"}]
        given = [{"hw-address": "01:02", "client-classes": ["given"]}]
        for name in ("KNOWN", "UNKNOWN", "deep", "deeper", "given"):
            message = (
                f'the class "{name}" depends on reservations, which are looked up later:'
                " guard pools, or set early-global-reservations-lookup"
            )
            pools = {"pools": [{**POOL, "client-class": name}]}
            inner = [{"id": 2, "subnet": "192.0.3.0/24", "client-class": name}]
            keywords: dict[str, Any] = {
                "client_classes": classes,
                "reservations": given,
                "subnet4": [{**SUBNET, **pools, "client-class": name}],
                "shared_networks": [{"name": "n", "client-class": name, "subnet4": inner}],
            }
            self.assertEqual(
                warned(configured(**keywords)),
                [f"subnet4[0].client-class: {message}", f"shared-networks[0].client-class: {message}"],
            )
            self.assertEqual(warned(configured(early_global_reservations_lookup=True, **keywords)), [])

    def test_never(self) -> None:
        """A class that waits to be asked for, and never is, is told."""
        found = configured(client_classes=[{"name": "a", "only-if-required": True}])
        self.assertEqual(
            warned(found),
            [
                "client-classes[0].only-if-required: this class is never evaluated:"
                " no scope has it in evaluate-additional-classes"
            ],
        )


texts = st.sampled_from(["a", "b", "KNOWN", "x y"])
guard = st.fixed_dictionaries(
    {},
    optional={
        "client-class": texts,
        "require-client-classes": st.lists(texts, max_size=2),
    },
)


class Tree(SynchronousTestCase):
    """The effective configuration, which ``config-get`` prints."""

    @settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow], deadline=None)
    @given(guard, guard, guard, st.lists(texts, max_size=2), st.booleans())
    def test_loads_again(
        self, network: dict[str, Any], subnet: dict[str, Any], pool: dict[str, Any], given_to: list[str], late: bool
    ) -> None:
        """Loaded again it gives the same configuration, its own effective configuration included."""
        text = {"name": "v", "code": 43, "type": "empty", "encapsulate": "own"}
        first = configured(
            client_classes=[
                {"name": "a", "min-valid-lifetime": 4, "comment": "c"},
                {"name": "b", "test": "member('a')", "only-if-required": late, "option-def": [text]},
                {
                    "name": "c",
                    "template-test": "option[60].hex",
                    "option-data": [{"code": 3, "client-classes": given_to}],
                },
            ],
            shared_networks=[{"name": "n", **network}],
            subnet4=[{**SUBNET, **subnet, "pools": [{**POOL, **pool}]}],
            reservations=[{"hw-address": "01:02", "client-classes": given_to}],
        )
        self.assertEqual(evolve(reloaded(first), warnings=()), evolve(first, warnings=()))
