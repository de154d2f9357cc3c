"""The identifiers of log messages that operators search for: Kea's where Kea has one, ``TXKEA_`` where not.

The manual's list is made from this table.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

__all__ = ["MESSAGES", "Message", "debug_level"]

DEFAULT_LEVEL: Final = 50
"""The debuglevel from which on a debug message shows that this table does not name."""


class Message(NamedTuple):
    """One kind of message; ``level`` is the debuglevel from which on a DEBUG message shows."""

    identifier: str
    logger: str
    severity: str
    level: int
    meaning: str


# ``{}`` is the number of a family: such a line is two.
TABLE: Final = """
dhcp{} INFO DHCP{}_STARTING the server begins to start; the text has its version
dhcp{} INFO DHCP{}_STARTED the server is ready; the text has its version
dhcp{} INFO DHCP{}_CONFIG_COMPLETE a configuration is in force; the text counts its subnets
dhcp{} ERROR DHCP{}_CONFIG_LOAD_FAIL a configuration was refused; the text says where and why, one line an error
dhcp{} ERROR DHCP{}_INIT_FAIL the server could not start and ends
dhcp{} INFO DHCP{}_DYNAMIC_RECONFIGURATION a reload begins (SIGHUP or the command config-reload)
dhcp{} INFO DHCP{}_DYNAMIC_RECONFIGURATION_SUCCESS a reload succeeded and the new configuration is in force
dhcp{} INFO DHCP{}_SHUTDOWN the server ended in order
dhcp{} FATAL DHCP{}_DB_RECONNECT_FAILED the server ends: a database that it needs stayed away longer than on-fail allows
dhcp{} WARN DHCP{}_CONFIG_WARNING something in the configuration was accepted that deserves a look
dhcp{} WARN DHCP{}_LOGGING_PROBLEM an output or a pattern of a logger cannot be used as configured
dhcp6 INFO DHCP6_USING_SERVERID the DUID of the server, and the file that keeps it
dhcp{} ERROR DHCP{}_DYNAMIC_RECONFIGURATION_FAIL a reload failed; the old configuration stays in force
dhcp{} ERROR DHCP{}_LEASE_STORE_UNAVAILABLE a query is not answered because its lease could not be read or stored
dhcp{} ERROR DHCP{}_PACKET_PROCESS_EXCEPTION a fault in the server; the query is not answered, please report it
leases INFO DHCP{}_LEASE_ALLOC an address was leased, or in DHCPv4 a lease renewed
leases INFO DHCP4_RELEASE a client gave its address back
leases INFO DHCP{}_DECLINE_LEASE a client found its address in use; nobody gets it for the probation period
leases INFO DHCP{}_LEASE_ADVERT an address was offered
leases DEBUG:40 DHCP4_LEASE_NAK a request was refused; the text says why
leases INFO DHCP6_LEASE_RENEW the lease of an address was extended
leases INFO DHCP6_PD_LEASE_ADVERT a prefix was offered
leases INFO DHCP6_PD_LEASE_ALLOC a prefix was delegated
leases INFO DHCP6_PD_LEASE_RENEW the lease of a prefix was extended
leases INFO DHCP6_RELEASE_NA a client gave an address back
leases INFO DHCP6_RELEASE_PD a client gave a prefix back
leases INFO DHCP6_ADDR_REG a client registered an address that it chose itself
leases ERROR TXKEA_LEASE_OBSERVER_FAILED an observer of a lease that a command has changed failed; the change stands
bad-packets DEBUG:40 DHCP{}_PACKET_DROPPED a query was dropped; the text says why
bad-packets DEBUG:40 DHCP4_PACKET_DROP_0001 a query could not be read
bad-packets DEBUG:40 DHCP6_PACKET_DROP_PARSE_FAIL a query could not be read
bad-packets DEBUG:40 DHCP6_PACKET_DROP_SERVERID_MISMATCH a query is meant for another server
bad-packets DEBUG:40 DHCP6_PACKET_DROP_UNICAST a client sent to the server's own address in place of the multicast group
bad-packets DEBUG:40 DHCP6_ADDR_REG_INFORM_FAIL an address could not be registered
bad-packets DEBUG:40 DHCP6_DHCP4O6_RECEIVE_FAIL a DHCPv4 query inside DHCPv6 is not answered
bad-packets DEBUG:40 DHCP6_PACK_FAIL an answer could not be encoded
bad-packets DEBUG:50 DHCP{}_SUBNET_SELECTION_FAILED no subnet fits a query
bad-packets DEBUG:50 DHCP4_RELEASE_FAIL_NO_LEASE a client released an address that is not leased
bad-packets DEBUG:50 DHCP4_RELEASE_FAIL_WRONG_CLIENT a client released an address that is leased to another
bad-packets DEBUG:40 DHCP4_NO_LEASE_INIT_REBOOT a client that rebooted is not known here and gets no answer
bad-packets DEBUG:40 DHCP4_NO_LEASE_REBINDING a client that rebinds is not known here and gets no answer
bad-packets DEBUG:40 ALLOC_ENGINE_V4_ALLOC_FAIL no address could be found for a client
alloc-engine DEBUG:40 ALLOC_ENGINE_V{}_LEASES_RECLAMATION_START reclamation of expired leases begins
alloc-engine DEBUG:40 ALLOC_ENGINE_V{}_LEASES_RECLAMATION_COMPLETE reclamation of expired leases is done
alloc-engine WARN ALLOC_ENGINE_V{}_LEASES_RECLAMATION_SLOW expired leases remain after several cycles of reclamation
alloc-engine ERROR ALLOC_ENGINE_V{}_LEASES_RECLAMATION_FAILED reclamation could not go on; it is tried again
alloc-engine DEBUG:40 ALLOC_ENGINE_V{}_LEASE_RECLAIM a lease expired
alloc-engine INFO ALLOC_ENGINE_V{}_DECLINED_RECOVERED the probation of a declined address is over
alloc-engine DEBUG:40 ALLOC_ENGINE_V{}_RECLAIMED_LEASES_DELETE_COMPLETE old reclaimed leases were deleted
dhcpsrv WARN DHCPSRV_LEASE_SANITY_FAIL a lease is not in the subnet it names
dhcpsrv WARN DHCPSRV_LEASE_SANITY_FIXED a lease's subnet was corrected
dhcpsrv WARN DHCPSRV_LEASE_SANITY_FAIL_DISCARD a lease that fits no subnet was discarded
dhcpsrv WARN TXKEA_HOST_OPTION_UNUSABLE an option of a host in a database cannot be understood and is left out
dhcpsrv WARN TXKEA_LEASE_UNREADABLE a row of a database is no lease, as where its address is none, and is left alone
dhcpsrv WARN TXKEA_KEA_ROW a row of Kea's own Cassandra keyspace is no lease or host, and is left out of a copy
dhcpsrv WARN TXKEA_REDIS_CREATED Redis was empty, and a new store was made in it
dhcpsrv WARN TXKEA_REDIS_NOT_DURABLE Redis may lose leases that were acknowledged, and accept-loss allows that
dhcpsrv WARN TXKEA_REDIS_ACCEPTED an operator said that what Redis has lost is accepted
dhcpsrv INFO DHCPSRV_MEMFILE_DB the lease file is opened
dhcpsrv INFO DHCPSRV_MEMFILE_LEASE_FILE_LOAD leases are read from this file
dhcpsrv ERROR DHCPSRV_MEMFILE_LEASE_LOAD_ROW_ERROR a row of the lease file cannot be read and is left out
dhcpsrv WARN DHCPSRV_MEMFILE_NO_STORAGE leases are kept in memory only and are lost at the end
dhcpsrv WARN DHCPSRV_MEMFILE_NEEDS_UPGRADING the lease file has an older format and is rewritten
dhcpsrv INFO DHCPSRV_MEMFILE_LFC_SETUP how often the lease file is cleaned up
dhcpsrv INFO DHCPSRV_MEMFILE_LFC_START a clean-up of the lease file begins
dhcpsrv INFO DHCPSRV_MEMFILE_LFC_EXECUTE the clean-up runs in a child process
dhcpsrv ERROR DHCPSRV_MEMFILE_LFC_SPAWN_FAIL the clean-up could not be started
dhcpsrv WARN DHCP4_BUFFER_RECEIVE_FAIL a socket reported an error; the server goes on reading
dhcpsrv WARN DHCP6_PACKET_RECEIVE_FAIL a socket reported an error; the server goes on reading
dhcpsrv ERROR DHCP{}_PACKET_SEND_FAIL answers could not be sent
dhcpsrv ERROR DHCP{}_OPEN_SOCKETS_FAILED a DHCP socket that the configuration demands could not be opened
dhcpsrv INFO DHCPSRV_CFGMGR_USE_ADDRESS the server listens on this address of this interface
dhcpsrv WARN DHCPSRV_OPEN_SOCKET_FAIL the server does not listen on an interface; the text says why
dhcpsrv WARN DHCPSRV_NO_SOCKETS_OPEN no DHCP socket is open: the server hears nobody
dhcpsrv WARN DHCPSRV_MEMFILE_NEEDS_DOWNGRADING the lease file is of a newer version, and its unknown columns are dropped
dhcpsrv ERROR DHCPSRV_MEMFILE_LFC_LEASE_FILE_RENAME_FAIL the lease file could not be set aside for its clean-up
dhcpsrv ERROR TXKEA_LFC_FAILED the clean-up of the lease file failed; the leases are safe, the file grows
dhcpsrv WARN TXKEA_LEASE_FILE_TORN the last row of the lease file was incomplete, and is cut off
dhcpsrv ERROR TXKEA_LEASE_FILE_WRITE_FAIL the lease file cannot be written; no lease is granted until it can
dhcpsrv WARN TXKEA_LEASE_FILE_WRITE_AGAIN the lease file can be written again
dhcpsrv INFO TXKEA_LEASE_FILE_SYNC_THREAD the kernel cannot sync files asynchronously; a thread waits for the disk
commands INFO COMMAND_ACCEPTOR_START the control channel listens
commands INFO COMMAND_RECEIVED a command arrived
commands WARN COMMAND_PROCESS_ERROR1 a request on the control channel is not JSON, or too large
commands WARN COMMAND_PROCESS_ERROR2 a request on the control channel is JSON but not a command
commands ERROR COMMAND_FAILED a fault in the server while it ran a command, please report it
commands WARN COMMAND_SOCKET_ACCEPT_FAIL a connection to the control channel was refused: too many are open
commands INFO COMMAND_SOCKET_CONNECTION_TIMEOUT a connection to the control channel was too slow
commands WARN HTTP_CLIENT_REQUEST_NOT_AUTHORIZED somebody came to the HTTP channel without a known name and password
commands WARN HTTP_CONNECTION_HANDSHAKE_FAILED a client of an HTTPS channel and the server did not agree about TLS
commands WARN HTTP_FILES_NOT_USED a certificate or a password has changed and cannot be used; the former one still is
commands WARN HTTP_COMMAND_REJECTED a user of the HTTP channel asked for what his role does not permit
ctrl-agent INFO DCTL_STARTING the Control Agent begins to start; the text has its version
ctrl-agent INFO CTRL_AGENT_STARTED the Control Agent is ready; the text has its version
ctrl-agent INFO DCTL_CONFIG_COMPLETE a configuration is in force; the text tells where the agent listens, and for whom
ctrl-agent ERROR DCTL_CONFIG_FILE_LOAD_FAIL a configuration was refused; the text says where and why, one line an error
ctrl-agent ERROR DCTL_INIT_PROCESS_FAIL the Control Agent could not start and ends
ctrl-agent INFO DCTL_CFG_FILE_RELOAD_SIGNAL_RECVD a reload begins (SIGHUP or the command config-reload)
ctrl-agent INFO CTRL_AGENT_RELOADED a reload succeeded and the new configuration is in force
ctrl-agent ERROR DCTL_CFG_FILE_RELOAD_ERROR a reload failed; the old configuration stays in force
ctrl-agent WARN CTRL_AGENT_CONFIG_WARNING something in the configuration was accepted that deserves a look
ctrl-agent WARN CTRL_AGENT_LOGGING_PROBLEM an output or a pattern of a logger cannot be used as configured
ctrl-agent INFO CTRL_AGENT_COMMAND_FORWARDED a server answered a command that was passed on to it
ctrl-agent DEBUG:40 CTRL_AGENT_COMMAND_FORWARD_FAILED a command could not be passed on; the text says why
ctrl-agent INFO DCTL_SHUTDOWN the Control Agent ended in order
dhcp{} ERROR EVAL_RESULT the test of a client class has no value for a query, which is no member of the class then
hooks ERROR TXKEA_PROVIDER_STOP_FAIL a provider could not be stopped when its configuration was no longer in force
flex-id-hooks ERROR FLEX_ID_PROCESS_ERROR an expression has no value for a query, which has no flexible identifier then
flex-option-hooks ERROR FLEX_OPTION_PROCESS_ERROR an option of an answer could not be changed, and stays as it is
radius-hooks WARN RADIUS_CONFIGURATION a parameter has no effect, or nobody is asked about the clients of a subnet
radius-hooks DEBUG:40 RADIUS_ACCESS_ACCEPT a server accepted a client; the text has what it gives to it
radius-hooks INFO RADIUS_ACCESS_REJECT a server refused a client, or gave it what no subnet has; the text says why
radius-hooks WARN RADIUS_ACCESS_ADDRESS_IGNORED a server gave a client an address that is not in its subnet
radius-hooks DEBUG:40 RADIUS_ACCESS_SUBNET_RESELECT a client belongs in another subnet because of what a server gave it
radius-hooks ERROR RADIUS_ACCESS_ATTRIBUTE_ERROR an expression gave no value that can be sent; the request lacks it
radius-hooks DEBUG:40 RADIUS_ACCESS_CONTINUE no server answered, and an unknown client is served nevertheless
bad-packets DEBUG:50 RADIUS_ACCESS_NO_ANSWER no server answered, and an unknown client is not served
bad-packets DEBUG:50 RADIUS_ACCESS_MAX_PENDING_REQUESTS too many requests wait, and an unknown client is not served
bad-packets DEBUG:50 RADIUS_ACCESS_BUILD_FAILED what a server would be told of a client does not fit into a request
radius-hooks WARN RADIUS_SERVER_DEAD a server is silent, and is asked after all others for its deadtime
radius-hooks INFO RADIUS_SERVER_BACK a server that was silent answers again
radius-hooks DEBUG:40 RADIUS_ANSWER_REFUSED an answer was not believed; the text says why
radius-hooks WARN RADIUS_ANSWERS_REFUSED answers of a server are not believed; the text has the reason and the mend
radius-hooks ERROR RADIUS_ACCOUNTING_UNAVAILABLE no accounting server answers; records wait on disk until one does
radius-hooks INFO RADIUS_ACCOUNTING_AVAILABLE an accounting server answers again; the text has how many records wait
radius-hooks ERROR RADIUS_ACCOUNTING_QUEUE_FULL too many records wait for an accounting server, and some were given up
radius-hooks ERROR RADIUS_ACCOUNTING_RECORD_LOST a record cannot be sent at all, as where it is too long, and is lost
radius-hooks ERROR RADIUS_ACCOUNTING_SPOOL_DAMAGED the file with sessions and records is damaged, and begun anew
radius-hooks ERROR RADIUS_ACCOUNTING_SPOOL_FAILED records cannot be written on disk, and wait in memory
radius-hooks INFO RADIUS_ACCOUNTING_KEPT the server ends, and what no accounting server acknowledged is kept on disk
radius-hooks WARN RADIUS_SESSION_HISTORY_LOAD_FAILED Kea's file of sessions cannot be read; they do not go on
radius-hooks INFO RADIUS_SESSION_HISTORY_LOADED Kea's file of sessions was read; the text tells how many go on
twisted DEBUG:50 TXKEA_TWISTED an event of the networking framework; at ERROR or FATAL a fault, please report it
"""


def _read(table: str) -> Iterator[Message]:
    for line in table.strip().splitlines():
        for family in "46" if "{}" in line else ("",):
            logger, severity, identifier, meaning = line.replace("{}", family).split(" ", 3)
            name, _, level = severity.partition(":")
            yield Message(identifier, logger, name, int(level or 0), meaning)


MESSAGES: Final = {message.identifier: message for message in _read(TABLE)}


def debug_level(identifier: str) -> int:
    """The debuglevel from which on a DEBUG message of this identifier shows."""
    message = MESSAGES.get(identifier)
    return message.level if message is not None else DEFAULT_LEVEL
