"""A Cassandra of the tests' own, one node or three: durable, on ports of its own, killed and frozen at will.

Its jars come from Maven Central once, as ``tests/cassandra/pom.xml`` names them, and are kept in ``build/cassandra``.
"""

from __future__ import annotations

import fcntl
import socket
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Final

from cassandra.cluster import (  # type: ignore[import-untyped]
    EXEC_PROFILE_DEFAULT,
    Cluster,
    ExecutionProfile,
    NoHostAvailable,
    Session,
)
from cassandra.policies import WhiteListRoundRobinPolicy  # type: ignore[import-untyped]

from tests.real.daemons import Daemon, free_port
from txkea.backend.parameters import Parameters
from txkea.cassandra.connection import connected
from txkea.cassandra.parameters import settings
from txkea.cassandra.schema import make_tables, tables_of
from txkea.testing.namespaces import wait_for

__all__ = ["Cassandra", "Cluster3", "Node"]

ROOT: Final = Path(__file__).resolve().parents[2]
POM: Final = ROOT / "tests" / "cassandra" / "pom.xml"
JARS: Final = ROOT / "build" / "cassandra" / "lib"

EXPORTS: Final = """
java.base/jdk.internal.misc java.base/jdk.internal.ref java.base/sun.nio.ch java.base/java.lang.ref
java.base/java.lang.reflect java.management.rmi/com.sun.jmx.remote.internal.rmi java.rmi/sun.rmi.registry
java.rmi/sun.rmi.server java.rmi/sun.rmi.transport.tcp java.sql/java.sql jdk.unsupported/sun.misc
jdk.compiler/com.sun.tools.javac.file jdk.compiler/com.sun.tools.javac.parser
"""
"""What Cassandra 5 reaches into of Java 17."""
OPENS: Final = """
java.base/java.lang.module java.base/jdk.internal.loader java.base/jdk.internal.ref java.base/jdk.internal.reflect
java.base/jdk.internal.math java.base/jdk.internal.module java.base/jdk.internal.util.jar java.base/sun.nio.ch
java.base/java.io java.base/java.lang java.base/java.lang.reflect java.base/java.util java.base/java.util.concurrent
java.base/java.util.concurrent.atomic java.base/java.nio java.base/java.net
jdk.management/com.sun.management.internal jdk.compiler/com.sun.tools.javac
"""
YAML: Final = """
cluster_name: txkea
num_tokens: 1
partitioner: org.apache.cassandra.dht.Murmur3Partitioner
data_file_directories: ["{directory}/data"]
commitlog_directory: "{directory}/commitlog"
saved_caches_directory: "{directory}/saved_caches"
hints_directory: "{directory}/hints"
cdc_raw_directory: "{directory}/cdc_raw"
commitlog_sync: batch
paxos_variant: v2
auto_snapshot: false
listen_address: "{address}"
storage_port: {storage_port}
rpc_address: "{address}"
native_transport_port: {port}
start_native_transport: true
endpoint_snitch: SimpleSnitch
seed_provider:
  - class_name: org.apache.cassandra.locator.SimpleSeedProvider
    parameters: [{{seeds: "127.0.0.1:{storage_port}"}}]
"""
LOGBACK: Final = """
<configuration>
  <appender name="FILE" class="ch.qos.logback.core.FileAppender">
    <file>{directory}/system.log</file>
    <encoder><pattern>%-5level %date{{ISO8601}} %logger{{0}} %msg%n</pattern></encoder>
  </appender>
  <root level="INFO"><appender-ref ref="FILE"/></root>
</configuration>
"""


def fetch_jars() -> Path:
    """The directory of Cassandra's jars; they are fetched if this tree has not got them yet."""
    JARS.parent.mkdir(parents=True, exist_ok=True)
    with (JARS.parent / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not JARS.exists():
            part = JARS.with_name("part")
            goal = ("dependency:copy-dependencies", f"-DoutputDirectory={part}", "-DincludeScope=runtime")
            done = subprocess.run(
                ["mvn", "-q", "-B", "-f", str(POM), *goal], capture_output=True, text=True, check=False
            )
            if done.returncode:
                raise RuntimeError(f"Maven cannot fetch Cassandra:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
            part.rename(JARS)
    return JARS


class Node(Daemon):
    """One Cassandra process with a directory of its own."""

    kind = "cql"
    patience = 120.0

    def __init__(self, address: str, port: int, storage_port: int, ring_delay: int) -> None:
        super().__init__()
        self.address = address
        self.port = port
        self._ring_delay = ring_delay
        places = {"directory": self.directory, "address": address, "port": port, "storage_port": storage_port}
        (self.directory / "conf").mkdir()
        (self.directory / "conf" / "cassandra.yaml").write_text(YAML.format(**places))
        (self.directory / "conf" / "logback.xml").write_text(LOGBACK.format(**places))

    def connect(self) -> Session:
        """A session with this node alone, for tests to look behind a store's back; its ``cluster`` is to be shut."""
        profile = ExecutionProfile(WhiteListRoundRobinPolicy([self.address]), request_timeout=30)
        return Cluster(
            [self.address], self.port, execution_profiles={EXEC_PROFILE_DEFAULT: profile}, connect_timeout=5
        ).connect()

    def ask(self, statement: str, values: Sequence[object] = ()) -> list[Any]:
        """The rows that one statement brings."""
        session = self.connect()
        try:
            return [*session.execute(statement, values or None)]
        finally:
            session.cluster.shutdown()

    def command(self) -> Sequence[str]:
        directory = self.directory
        settings = {
            "cassandra.config": f"file://{directory}/conf/cassandra.yaml",
            "cassandra.storagedir": directory,
            "logback.configurationFile": f"file://{directory}/conf/logback.xml",
            "cassandra-foreground": "yes",
            "cassandra.skip_wait_for_gossip_to_settle": 0,
            "cassandra.ring_delay_ms": self._ring_delay,
            "jdk.attach.allowAttachSelf": "true",
        }
        return [
            "java",
            *("-Xms512m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:+PerfDisableSharedMem"),
            *(f"-D{name}={value}" for name, value in settings.items()),
            *(word for place in EXPORTS.split() for word in ("--add-exports", f"{place}=ALL-UNNAMED")),
            *(word for place in OPENS.split() for word in ("--add-opens", f"{place}=ALL-UNNAMED")),
            *("-cp", f"{directory}/conf:{fetch_jars()}/*"),
            "org.apache.cassandra.service.CassandraDaemon",
        ]

    def answers(self) -> bool:
        try:
            # The driver takes a quarter of a second of the processor to find out what this tells at once.
            socket.create_connection((self.address, self.port), 1).close()
            return bool(self.ask("SELECT key FROM system.local"))
        except (NoHostAvailable, OSError):
            return False

    def said(self) -> str:
        log = self.directory / "system.log"
        return super().said() + (log.read_text(errors="replace")[-3000:] if log.exists() else "")


class _Nodes:
    """Nodes with the same ports on 127.0.0.1 and the addresses behind it, and one keyspace."""

    keyspace: Final = "txkea"

    def __init__(self, count: int) -> None:
        port, storage_port = free_port(), free_port()
        delay = 0 if count == 1 else 2000
        self.nodes = [Node(f"127.0.0.{number + 1}", port, storage_port, delay) for number in range(count)]
        self.port = port
        for node in self.nodes:
            node.start()
        replication = f"{{'class': 'SimpleStrategy', 'replication_factor': {count}}}"
        self._session = connected(settings(Parameters(self.parameters())))
        self._session.execute(f"CREATE KEYSPACE {self.keyspace} WITH replication = {replication}")
        make_tables(self._session, self.keyspace)

    def parameters(self, **more: Any) -> dict[str, Any]:
        """A ``lease-database`` or ``hosts-database`` map."""
        points = ",".join(node.address for node in self.nodes)
        return {"type": "cql", "contact-points": points, "port": self.port, "keyspace": self.keyspace, **more}

    def fresh(self) -> None:
        """Empty every table of the keyspace, but for those that tell its version."""
        names = wait_for(self._tables, "the nodes", 60.0, 0.5)
        session = self._session
        tables = [f"{self.keyspace}.{name}" for name in names if "version" not in name]
        looks = [session.execute_async(f"SELECT * FROM {table} LIMIT 1") for table in tables]
        filled = [table for table, look in zip(tables, looks, strict=True) if look.result().current_rows.rows]
        for truncation in [session.execute_async(f"TRUNCATE {table}", timeout=60) for table in filled]:
            truncation.result()

    def _tables(self) -> set[str] | None:
        """After a test in which nodes were killed or frozen the driver may have given them up."""
        try:
            return tables_of(self._session, self.keyspace)
        except NoHostAvailable:
            self._session.cluster.shutdown()
            self._session = connected(settings(Parameters(self.parameters())))
            return None

    def start(self) -> None:
        """Start the nodes that do not run, and wait until they answer."""
        for node in self.nodes:
            node.start()

    def stop(self) -> None:
        """End all in order."""
        for node in self.nodes:
            node.stop()

    def kill(self) -> None:
        """kill -9 for all."""
        for node in self.nodes:
            node.kill()

    def freeze(self) -> None:
        """Let all do nothing, their connections being open."""
        for node in self.nodes:
            node.freeze()

    def thaw(self) -> None:
        """Let them go on."""
        for node in self.nodes:
            node.thaw()


class Cassandra(_Nodes):
    """One node; `launch` gives the one that all tests share, ended with the tests."""

    shared: ClassVar[Cassandra | None] = None

    def __init__(self) -> None:
        super().__init__(1)

    @classmethod
    def launch(cls) -> Cassandra:
        """The shared one, started on first use."""
        if cls.shared is None:
            cls.shared = cls()
        cls.shared.start()
        return cls.shared


class Cluster3(_Nodes):
    """Three nodes, and every row on each of them."""

    def __init__(self) -> None:
        super().__init__(3)

    def remove(self) -> None:
        """End all, and their files."""
        for node in self.nodes:
            node.remove()
