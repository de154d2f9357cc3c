"""Options and their definitions in a configuration."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.configuring import SUBNET, complaints, configured
from txkea.model.configuration import OptionData


def option(definitions: Any = (), **keywords: Any) -> OptionData:
    """The one global option that these keywords configure."""
    data = {name.replace("_", "-"): value for name, value in keywords.items()}
    (found,) = configured(option_def=list(definitions), option_data=[data]).options
    return found


def refused(definitions: Any = (), **keywords: Any) -> list[str]:
    """What is wrong with one global option."""
    data = {name.replace("_", "-"): value for name, value in keywords.items()}
    found = complaints(option_def=list(definitions), option_data=[data])
    return [line.removeprefix("option-data[0].") for line in found]


def refused_definition(**keywords: Any) -> list[str]:
    """What is wrong with one definition, before the remedy."""
    data = {"name": "own", "code": 224, "type": "uint8"}
    data.update({name.replace("_", "-"): value for name, value in keywords.items()})
    return [line.removeprefix("option-def[0].").split(";")[0] for line in complaints(option_def=[data])]


class Data(SynchronousTestCase):
    """``option-data``."""

    def test_name_or_code(self) -> None:
        """An option is named by its name, by its code, or by both if they agree."""
        expected = OptionData(code=3, space="dhcp4", payload=bytes([192, 0, 2, 1]), name="routers")
        self.assertEqual(option(name="routers", data="192.0.2.1"), expected)
        self.assertEqual(option(code=3, data="192.0.2.1"), expected)
        self.assertEqual(option(code=3, name="routers", space="dhcp4", csv_format=True, data="192.0.2.1"), expected)
        self.assertEqual(
            refused(code=3, name="time-servers", data="192.0.2.1"),
            ["name: code 3 is routers, not time-servers; keep one of the two"],
        )
        self.assertEqual(
            complaints(option_data=[{"data": "1"}]),
            ["option-data[0]: an option is named by its name or its code; add one"],
        )

    def test_unknown_name(self) -> None:
        """A name that no option has is refused, with the one that was meant; case counts."""
        for name, meant in (
            ("router", "routers"),
            ("Routers", "routers"),
            ("domain-name-server", "domain-name-servers"),
        ):
            self.assertEqual(
                refused(name=name, data="192.0.2.1"),
                [f'name: there is no option "{name}" in the space dhcp4; did you mean {meant}?'],
            )

    def test_text(self) -> None:
        """Data that does not fit the definition is refused where it stands."""
        (message,) = refused(name="routers", data="192.0.2.256")
        self.assertTrue(message.startswith("data: "), message)
        self.assertTrue(refused(name="ip-forwarding", data="2")[0].startswith("data: "))

    def test_surplus(self) -> None:
        """Values beyond an option's fields are left out, as in Kea, and a warning says so; too few are refused."""
        found = configured(option_data=[{"name": "boot-file-name", "data": "/a,b, c"}])
        self.assertEqual(found.options[0].payload, b"/a")
        (warning,) = found.warnings
        self.assertIn('Dhcp4.option-data[0].data: "b, c" is left out', warning)
        self.assertTrue(refused(name="client-ndi", data="1, 2")[0].startswith("data: "))

    def test_hexadecimal(self) -> None:
        """With csv-format false the data is hexadecimal, and must be what the definition says all the same."""
        self.assertEqual(option(code=3, csv_format=False, data="C0000201").payload, bytes([192, 0, 2, 1]))
        self.assertEqual(option(code=12, csv_format=False, data="'abc'").payload, b"abc")
        self.assertTrue(refused(code=3, csv_format=False, data="C000")[0].startswith("data: "))
        self.assertTrue(refused(code=3, csv_format=False, data="xy")[0].startswith("data: "))

    def test_undefined(self) -> None:
        """An option without definition needs its code, hexadecimal, and csv-format false to say so."""
        self.assertEqual(
            option(code=230, csv_format=False, data="01:02"), OptionData(code=230, space="dhcp4", payload=b"\1\2")
        )
        self.assertEqual(option(code=230, csv_format=False, data="01", name="own").name, "own")
        for keywords in ({}, {"csv_format": True}):
            (message,) = refused(code=230, data="01", **keywords)
            self.assertTrue(message.startswith("code: option 230 of the space dhcp4 has no definition"), message)

    def test_codes(self) -> None:
        """Codes run from 1 to 254, for 0 is padding and 255 the end."""
        for code in (0, 255, 256, 70000):
            self.assertTrue(refused(code=code, csv_format=False, data="01")[0].startswith("code: "), code)

    def test_spaces(self) -> None:
        """Options may stand in a vendor's space or in one that a definition names; a bad name is refused."""
        self.assertEqual(option(space="vendor-4491", name="tftp-servers", data="192.0.2.1").code, 2)
        self.assertEqual(option(space="vendor-9", code=5, csv_format=False, data="aa").space, "vendor-9")
        self.assertEqual(
            refused(space="a b", code=1, data="01"),
            ['space: "a b" is no name of an option space; use letters, digits, - and _'],
        )

    def test_flags(self) -> None:
        """always-send and never-send are kept, and what is never sent needs no data."""
        self.assertTrue(option(name="routers", data="192.0.2.1", always_send=True).always_send)
        self.assertEqual(option(name="domain-name", never_send=True).payload, b"")
        self.assertEqual(option(name="routers").payload, b"")

    def test_every_scope(self) -> None:
        """Options stand at the global scope, networks, subnets, pools and reservations, several of one code too."""
        data = [{"name": "routers", "data": "192.0.2.1"}, {"name": "routers", "data": "192.0.2.2"}]
        subnet = {
            **SUBNET,
            "option-data": data,
            "pools": [{"pool": "192.0.2.0/28", "option-data": data}],
            "reservations": [{"hw-address": "1:2", "option-data": data}],
        }
        found = configured(
            option_data=data,
            shared_networks=[{"name": "n", "option-data": data, "subnet4": [subnet]}],
            reservations=[{"duid": "01", "option-data": data}],
        )
        (inner,) = found.subnets
        for holder in (found, found.networks[0], inner, inner.pools[0], inner.hosts[0], found.hosts[0]):
            self.assertEqual([each.payload[-1] for each in holder.options], [1, 2])


class Definitions(SynchronousTestCase):
    """``option-def``."""

    def test_own(self) -> None:
        """An option of an own definition is encoded by it, and tells what it encapsulates."""
        definitions = [
            {"name": "box", "code": 225, "type": "empty", "encapsulate": "inside"},
            {"name": "pair", "code": 1, "space": "inside", "type": "record", "record-types": "uint8, string"},
        ]
        found = configured(
            option_def=definitions, option_data=[{"name": "box"}, {"name": "pair", "space": "inside", "data": "7, a"}]
        )
        self.assertEqual([each.payload for each in found.options], [b"", b"\7a"])
        self.assertEqual([each.encapsulates for each in found.options], ["inside", ""])
        self.assertEqual([each.name for each in found.option_definitions], ["box", "pair"])

    def test_replaced(self) -> None:
        """Option 43 and the site's own codes may be defined anew, no other standard one by code or name."""
        self.assertEqual(option([{"name": "own", "code": 43, "type": "uint16"}], name="own", data="1").payload, b"\0\1")
        self.assertEqual(refused_definition(code=3), ["code: routers (3) is a standard option"])
        self.assertEqual(refused_definition(name="routers"), ["name: routers (3) is a standard option"])

    def test_twice(self) -> None:
        """A code or a name that is defined twice in a space is refused, and in another space it is not."""
        one = {"name": "own", "code": 224, "type": "uint8"}
        self.assertEqual(
            complaints(option_def=[one, {**one, "name": "other"}]),
            ["option-def[1].code: the space dhcp4 has an option 224 already; choose another code"],
        )
        self.assertEqual(
            complaints(option_def=[one, {**one, "code": 225}]),
            ["option-def[1].name: the space dhcp4 has an option own already; choose another name"],
        )
        self.assertEqual(complaints(option_def=[one, {**one, "space": "other"}]), [])

    def test_rules(self) -> None:
        """What nobody could read back is no definition."""
        self.assertEqual(refused_definition(code=255), ["code: code 255 is too high"])
        self.assertEqual(refused_definition(name="a b"), ['name: "a b" is no name here'])
        self.assertEqual(refused_definition(space="a.b"), ['space: "a.b" is no name here'])
        for keywords in (
            {"type": "uint9"},
            {"type": "record", "record_types": "uint8"},
            {"type": "uint8", "record_types": "uint8, uint8"},
            {"array": True, "encapsulate": "x"},
            {"space": "x", "encapsulate": "x"},
            {"type": "string", "array": True},
        ):
            (message,) = refused_definition(**keywords)
            self.assertTrue(message.startswith("type: "), message)
