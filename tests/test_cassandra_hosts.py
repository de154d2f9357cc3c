"""Reservations as values of Cassandra, and what becomes of changes, without a Cassandra."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from txkea.cassandra.hosts_changes import Change, decide, wanted
from txkea.cassandra.hosts_encoding import FIRST_ADDRESS, decode, encode, hash_of, identifier_key, number_bound
from txkea.model.configuration import Host
from txkea.testing.contracts.samples_hosts import HOSTS4, HOSTS6
from txkea.testing.hosts import MemoryHosts

__all__ = ["ChangeTests", "EncodingTests"]


class EncodingTests(SynchronousTestCase):
    """The values and keys of rows."""

    @given(st.one_of(HOSTS4.every, HOSTS6.every), st.text(max_size=4))
    def test_round_trip(self, host: Host, stamp: str) -> None:
        """A host comes back from its value, which is ASCII, whatever stamp is on it."""
        value = encode(host, stamp)
        self.assertTrue(value.isascii())
        self.assertEqual(decode(value), host)

    def test_excluded(self) -> None:
        """What prefixes lack comes back too."""
        prefix = (bytes(15) + b"\1", 56)
        host = Host(
            identifier=HOSTS6.host(1).identifier, prefixes=(prefix, prefix), excluded_prefixes=(None, (bytes(16), 64))
        )
        self.assertEqual(decode(encode(host)), host)

    @given(HOSTS4.every)
    def test_keys(self, host: Host) -> None:
        """A host's key lies behind those of lower numbers, and before those of higher ones and of addresses."""
        key, number = identifier_key(host.identifier), hash_of(host.identifier)
        self.assertTrue(number_bound(number) < key < number_bound(number + 1) < FIRST_ADDRESS)


class ChangeTests(SynchronousTestCase):
    """What becomes of several changes at once."""

    @given(
        st.lists(
            st.tuples(
                st.sampled_from(("add", "update", "remove")), st.integers(0, 3), st.integers(0, 3), st.booleans()
            ),
            max_size=12,
        ),
        st.booleans(),
        st.integers(0, 2000),
    )
    def test_one_after_the_other(self, history: list[tuple[str, int, int, bool]], unique: bool, most: int) -> None:
        """Changes that are decided together come to what they come to one by one, however few fit into a batch."""
        model = MemoryHosts(unique=unique)
        changes, expected = [], []
        for change, number, address, known in history:
            host = HOSTS4.host(number, addresses=(HOSTS4.address(address),) if address else (), hostname=str(address))
            was = next((each for each in model.hosts if each.identifier == host.identifier), host) if known else host
            arguments = (host, was) if change == "update" else (host,)
            expected.append(self.successResultOf(Deferred.fromCoroutine(getattr(model, change)(*arguments))))
            changes.append({"add": Change(host), "update": Change(host, was), "remove": Change(None, host)}[change])
        table: dict[bytes, bytes] = {}
        outcomes: list[bool] = []
        while len(outcomes) < len(changes):
            rest = changes[len(outcomes) :]
            rows: dict[bytes, bytes] = {}
            while keys := wanted(rest, rows):
                rows.update({key: table.get(key, b"") for key in keys})
            decided = decide(rest, rows, unique, most)
            for row in decided.rows:
                self.assertEqual(table.pop(row.key, None), row.was)
                if row.now is not None:
                    table[row.key] = row.now
            outcomes += decided.outcomes
        self.assertEqual(outcomes, expected)
        kept = [decode(value) for key, value in table.items() if key < FIRST_ADDRESS]
        self.assertEqual(sorted(kept, key=str), sorted(model.hosts, key=str))
        addresses = (
            sum(len(host.addresses) for host in kept) if unique else len({host.addresses for host in kept} - {()})
        )
        self.assertEqual(sum(key >= FIRST_ADDRESS for key in table), addresses)
