"""Commands about client classes."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.editing import EditCase
from tests.test_control_request import JSON
from txkea.control.classes import ClassCommands


class ClassTests(EditCase):
    """A server with two classes, one of which depends on the other; here of DHCPv4."""

    CLASSES: Any = [
        {"name": "phones", "test": "option[60].exists"},
        {"name": "lobby", "test": "member('phones')", "valid-lifetime": 60},
    ]

    def setUp(self) -> None:
        super().setUp()
        self.begin(ClassCommands, client_classes=self.CLASSES)

    def names(self) -> list[str]:
        return [each.name for each in self.daemon.configuration.client_classes]

    def test_list(self) -> None:
        """G064: the names of all classes in the order of their evaluation; none is result 3."""
        answer = self.ask("class-list")
        self.assertEqual((answer["result"], answer["text"]), (0, "2 classes found"))
        self.assertEqual(answer["arguments"], {"client-classes": [{"name": "phones"}, {"name": "lobby"}]})
        self.begin(ClassCommands, client_classes=self.CLASSES[:1])
        self.assertEqual(self.told("class-list"), (0, "1 class found"))
        self.begin(ClassCommands)
        answer = {"result": 3, "text": "0 classes found", "arguments": {"client-classes": []}}
        self.assertEqual(self.ask("class-list"), answer)
        self.assertEqual(self.told("class-get", {"name": "phones"})[0], 3)

    def test_get(self) -> None:
        """A class is shown as config-get shows it."""
        answer = self.ask("class-get", {"name": "lobby"})
        self.assertEqual((answer["result"], answer["text"]), (0, "Class 'lobby' definition returned"))
        (shown,) = answer["arguments"]["client-classes"]
        self.assertEqual((shown["name"], shown["test"], shown["valid-lifetime"]), ("lobby", "member('phones')", 60))
        self.assertEqual(self.told("class-get", {"name": "x"}), (3, "Class 'x' not found"))

    def test_add(self) -> None:
        """A new class is the last, so that it may depend on all others."""
        one = {"name": "desk", "test": "member('lobby')"}
        self.assertEqual(self.told("class-add", {"client-classes": [one]}), (0, "Class 'desk' added."))
        self.assertEqual(self.names(), ["phones", "lobby", "desk"])
        self.begin(ClassCommands)
        self.assertEqual(self.told("class-add", {"client-classes": [{"name": "a"}]}), (0, "Class 'a' added."))

    def test_add_refused(self) -> None:
        """A name that is taken, a test that is none, and what is no class are refused."""
        self.refused("class-add", {"client-classes": [{"name": "lobby"}]}, "lobby")
        self.refused("class-add", {"client-classes": [{"name": "a", "test": "member('b')"}]}, "client-classes[2].test")
        self.refused("class-add", {"client-classes": [{"name": "a", "test": "1 =="}]}, "client-classes[2].test")
        wrong: Any
        for wrong in (None, {}, {"client-classes": []}, {"client-classes": [{}]}, {"client-classes": self.CLASSES}):
            self.refused("class-add", wrong)

    def test_update(self) -> None:
        """A class is replaced as a whole and keeps its place; one that is not there is result 3."""
        answer = self.told("class-update", {"client-classes": [{"name": "phones", "test": "1 == 1"}]})
        self.assertEqual(answer, (0, "Class 'phones' updated."))
        self.assertEqual(self.names(), ["phones", "lobby"])
        self.assertEqual(self.daemon.written["client-classes"][0], {"name": "phones", "test": "1 == 1"})
        self.assertEqual(self.told("class-update", {"client-classes": [{"name": "x"}]}), (3, "Class 'x' not found"))
        self.refused("class-update", {"client-classes": [{"name": "phones", "test": "member('lobby')"}]}, "lobby")

    def test_delete(self) -> None:
        """A class on which another one depends stays until that is gone."""
        self.refused("class-del", {"name": "phones"}, "phones", "client-classes[0].test")
        self.assertEqual(self.told("class-del", {"name": "lobby"}), (0, "Class 'lobby' deleted."))
        self.assertEqual(self.told("class-del", {"name": "phones"}), (0, "Class 'phones' deleted."))
        self.assertEqual(self.names(), [])
        self.assertEqual(self.told("class-del", {"name": "phones"}), (3, "Class 'phones' not found"))
        wrong: Any
        for wrong in (None, {}, {"name": ""}, {"name": 5}, {"name": "a", "x": 1}):
            self.refused("class-del", wrong)

    @settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.data())
    def test_anything(self, data: st.DataObject) -> None:
        """Whatever the arguments are, the answer is one, and no command fails inside the server."""
        one = st.dictionaries(
            st.sampled_from(("name", "test", "option-data", "valid-lifetime")), JSON | st.just("phones")
        )
        arguments = (
            st.dictionaries(st.sampled_from(("name", "client-classes")), JSON | st.lists(one, max_size=2)) | JSON
        )
        command = data.draw(st.sampled_from(self.ask("list-commands")["arguments"]))
        answer = self.ask(command, data.draw(arguments))
        self.assertIn(answer["result"], (0, 1, 3))
        self.assertNotIn("inside the server", answer.get("text", ""), command)


class Class6Tests(ClassTests):
    """The same of DHCPv6."""

    number = 6
    CLASSES: Any = [
        {"name": "phones", "test": "option[16].exists"},
        {"name": "lobby", "test": "member('phones')", "valid-lifetime": 60},
    ]
