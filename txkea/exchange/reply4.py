"""The answer: its header, its options, and where it is sent (Kea A.9, A.11; RFC 2131 section 4.1)."""

from __future__ import annotations

from txkea.exchange.options import Blocks
from txkea.exchange.options4 import configured
from txkea.exchange.query import Query4
from txkea.exchange.reply import Reply
from txkea.exchange.subnets import ANY, LIMITED_BROADCAST, LiveSubnet
from txkea.wire.dhcp4 import (
    BOOTREPLY,
    BROADCAST,
    MessageType4,
    PackedOptions,
    decode4,
    encode4,
    header4,
    option,
    options_limit,
    pack_options,
)

__all__ = ["CLIENT_PORT", "SERVER_PORT", "lease_answer", "negative_answer", "plain_answer", "revised"]

SERVER_PORT = 67
CLIENT_PORT = 68
RELAY_PORT = 19
ACK = int(MessageType4.ACK)
INFORM = int(MessageType4.INFORM)
NAK = int(MessageType4.NAK)
ETHERNET = 6
NOTHING = Blocks(b"", ())
FITS_ANYWAY = options_limit(0)


TYPES: dict[int, bytes] = {kind: option(53, bytes((kind,))) for kind in MessageType4}


def lease_answer(query: Query4, kind: int, subnet: LiveSubnet, address: bytes, lifetime: int) -> Reply:
    """An OFFER or ACK that carries an address, with its lifetime in seconds."""
    pool = subnet.pool_of(address)
    if query.site.classes is not None:
        query.site.classes.add(query, subnet, () if pool is None else (pool,))
    blocks = configured(query, subnet, pool, leasing=True)
    front = TYPES[kind] + _server_identifier(query, subnet) + times(subnet, lifetime)
    ciaddr = query.message.ciaddr if kind == ACK else ANY
    return _reply(query, kind, subnet, ciaddr, address, front, blocks)


def plain_answer(query: Query4, kind: int, subnet: LiveSubnet | None) -> Reply:
    """An answer with options only: the ACK to an INFORM, an OFFER to a client that prefers IPv6 only."""
    if query.site.classes is not None:
        query.site.classes.add(query, subnet, ())
    blocks = configured(query, subnet, None, leasing=False) if subnet is not None else NOTHING
    front = TYPES[kind] + _server_identifier(query, subnet)
    ciaddr = query.message.ciaddr if kind == ACK else ANY
    return _reply(query, kind, subnet, ciaddr, ANY, front, blocks)


def negative_answer(query: Query4) -> Reply:
    """A NAK: nothing but who says no to whom (RFC 2131 table 3)."""
    query.name = None
    front = TYPES[NAK] + _server_identifier(query, query.subnet)
    return _reply(query, NAK, None, ANY, ANY, front, NOTHING)


async def revised(query: Query4, reply: Reply) -> Reply:
    """The answer after third parties had their say about its options (`IAnswerReady`)."""
    message = decode4(reply.data, op=BOOTREPLY)
    options = message.options
    overload = options.pop(52, b"\0")[0]
    file, sname = b"" if overload & 1 else message.file, b"" if overload & 2 else message.sname
    for facet in query.site.answer_ready:
        await facet.answer_ready(query, options)
    pairs = [(code, option(code, payload)) for code, payload in options.items()]
    packed = pack_options(pairs, _limit(query), not file.strip(b"\0"), not sname.strip(b"\0"))
    header = header4(
        BOOTREPLY, message.htype, message.hlen, message.hops, message.xid, message.secs, message.flags, message.ciaddr,
        message.yiaddr, message.siaddr, message.giaddr, message.chaddr, packed.sname or sname, packed.file or file,
    )  # fmt: skip
    return reply._replace(data=encode4(header, packed.blocks))


# -- options -----------------------------------------------------------------------------------------------------------


def _server_identifier(query: Query4, subnet: LiveSubnet | None) -> bytes:
    """Option 54: what the relay wants (RFC 5107), what is configured, else the receiving address (Kea A111)."""
    override = query.suboptions.get(11) if query.suboptions else None
    if override is not None and len(override) == 4:
        return b"\x36\x04" + override
    configured_identifiers = query.site.server_identifiers
    if configured_identifiers:
        found = configured_identifiers.get(subnet.id if subnet is not None else 0)
        if found is not None:
            return b"\x36\x04" + found
    return b"\x36\x04" + query.origin.socket.local  # type: ignore[no-any-return]


def times(subnet: LiveSubnet, lifetime: int) -> bytes:
    """Options 51, 58 and 59, T1 < T2 < lifetime or left out (Kea A109)."""
    found = subnet.times.get(lifetime)
    if found is None:
        if len(subnet.times) > 4096:
            subnet.times.clear()
        found = subnet.times[lifetime] = _times(subnet, lifetime)
    return found


def _times(subnet: LiveSubnet, lifetime: int) -> bytes:
    parameters = subnet.parameters
    computed = parameters.calculate_tee_times
    rebind = parameters.rebind_timer
    renew = parameters.renew_timer
    if rebind is None and computed:
        rebind = int(parameters.t2_percent * lifetime + 0.5)
    if renew is None and computed:
        renew = int(parameters.t1_percent * lifetime + 0.5)
    encoded = option(51, lifetime.to_bytes(4, "big"))
    ceiling = lifetime
    later = b""
    if rebind and rebind < ceiling:
        later = option(59, rebind.to_bytes(4, "big"))
        ceiling = rebind
    if renew and renew < ceiling:
        encoded += option(58, renew.to_bytes(4, "big"))
    return encoded + later


# -- the message -------------------------------------------------------------------------------------------------------


def _reply(
    query: Query4,
    kind: int,
    subnet: LiveSubnet | None,
    ciaddr: bytes,
    yiaddr: bytes,
    front: bytes,
    blocks: Blocks,
) -> Reply:
    message = query.message
    address, port, hwaddr = _destination(query, kind, yiaddr)
    giaddr, hops, flags = message.giaddr, message.hops, message.flags
    if query.type == INFORM and address != giaddr:
        giaddr, hops = ANY, 0  # it goes past the relay (Kea A129)
    elif giaddr != ANY and (kind == NAK or query.type == INFORM):
        flags |= BROADCAST  # the client may have no address (RFC 2131 section 4.3.2)
    siaddr, sname, file = (ANY, b"", b"") if kind == NAK else _fixed_fields(query, subnet)
    if query.name is not None:
        blocks = _with_name(blocks, *query.name)
    echoed, agent = _echoes(query, giaddr)
    options = front + blocks.joined + echoed + agent
    if len(options) > FITS_ANYWAY:
        packed = _squeezed(query, front, blocks, echoed, agent, not file, not sname)
        options, file, sname = packed.blocks, packed.file or file, packed.sname or sname
    header = header4(
        BOOTREPLY,
        message.htype,
        message.hlen,
        hops,
        message.xid,
        0,
        flags,
        ciaddr,
        yiaddr,
        siaddr,
        giaddr,
        message.chaddr,
        sname,
        file,
    )
    return Reply(kind, encode4(header, options), address, port, hwaddr)


def _with_name(blocks: Blocks, code: int, payload: bytes) -> Blocks:
    """The options with the client's name, which replaces a configured one."""
    encoded = option(code, payload)
    if code not in dict(blocks.pairs):
        return Blocks(blocks.joined + encoded, (*blocks.pairs, (code, encoded)))
    pairs = tuple((other, encoded if other == code else block) for other, block in blocks.pairs)
    return Blocks(b"".join(block for _, block in pairs), pairs)


def _echoes(query: Query4, giaddr: bytes) -> tuple[bytes, bytes]:
    """What is given back as it came: 61 and 118; and 82, which comes last (RFC 6842, RFC 3011, RFC 3046)."""
    options = query.message.options
    echoed = agent = b""
    client_id = query.replaced.get(61, query.client_id)
    if client_id and (query.replaced or query.site.configuration.echo_client_id):  # as Kea's flex_id has it
        echoed = option(61, client_id)
    if 118 in options:
        echoed += option(118, options[118])
    if 82 in options and (giaddr != ANY or query.type != INFORM):
        agent = option(82, options[82])
    return echoed, agent


def _squeezed(
    query: Query4, front: bytes, blocks: Blocks, echoed: bytes, agent: bytes, file_free: bool, sname_free: bool
) -> PackedOptions:
    """The options within what the client takes (option 57), the fields of BOOTP used where they are free."""
    pairs = [(53, front), (61, echoed), *blocks.pairs, (82, agent)]
    return pack_options(pairs, _limit(query), file_free, sname_free)


def _limit(query: Query4) -> int:
    """How many bytes of options the client takes (RFC 2132 section 9.10)."""
    size = query.message.options.get(57)
    return options_limit(int.from_bytes(size, "big") if size is not None else None)


def _fixed_fields(query: Query4, subnet: LiveSubnet | None) -> tuple[bytes, bytes, bytes]:
    """``siaddr``, ``sname`` and ``file``: the host's, else the first class's, else the subnet's (Kea A182)."""
    parameters = query.site.configuration.parameters if subnet is None else subnet.parameters
    siaddr, sname, file = parameters.next_server, parameters.server_hostname, parameters.boot_file_name
    if query.site.classes is not None:
        for each in reversed(query.site.classes.of(query)):
            siaddr = each.next_server if each.next_server != ANY else siaddr
            sname, file = each.server_hostname or sname, each.boot_file_name or file
    host = query.host
    if host is not None:
        siaddr = host.next_server if host.next_server != ANY else siaddr
        sname, file = host.server_hostname or sname, host.boot_file_name or file
    return siaddr, sname.encode(), file.encode()


def _destination(query: Query4, kind: int, yiaddr: bytes) -> tuple[bytes, int, bytes]:
    """Address, port, and the hardware address to send to without asking ARP (Kea A133-A139)."""
    message, origin = query.message, query.origin
    back = b"" if query.site.configuration.interfaces.use_routing else origin.source_hwaddr
    if query.type == INFORM and message.ciaddr != ANY:
        return message.ciaddr, CLIENT_PORT, back if message.giaddr == ANY else b""
    if message.giaddr != ANY:
        own_port = query.suboptions is not None and RELAY_PORT in query.suboptions  # RFC 8357
        return message.giaddr, origin.source_port if own_port else SERVER_PORT, back
    if kind == NAK:
        return LIMITED_BROADCAST, CLIENT_PORT, b""  # RFC 2131 section 4.1, even to a client that has an address
    if message.ciaddr != ANY:
        return message.ciaddr, CLIENT_PORT, back
    if yiaddr != ANY:
        if message.flags & BROADCAST or not origin.socket.direct or message.hlen != ETHERNET:
            return LIMITED_BROADCAST, CLIENT_PORT, b""
        return yiaddr, CLIENT_PORT, message.chaddr
    if origin.source != ANY:
        return origin.source, CLIENT_PORT, back
    return LIMITED_BROADCAST, CLIENT_PORT, b""
