"""The few messages of LDAP (RFC 4511) that the lab speaks, in BER."""

import hashlib


def tlv(tag, *parts):
    body = b"".join(parts)
    size = len(body)
    if size < 128:
        return bytes([tag, size]) + body
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + body


def octets(text):
    return tlv(4, text if isinstance(text, bytes) else text.encode())


def number(value, tag=2):
    return tlv(tag, bytes([value]))


def message(ident, operation):
    return tlv(0x30, number(ident), operation)


def bind(sealed):
    """Anonymous, or SASL with a token that proves nothing."""
    if not sealed:
        return tlv(0x60, number(3), octets(""), tlv(0x80))
    token = b"\x60\x1a" + hashlib.sha256(b"whychain lab, no ticket").digest()[:26]
    return tlv(0x60, number(3), octets(""), tlv(0xA3, octets("GSS-SPNEGO"), octets(token)))


def bound(sealed):
    extra = tlv(0x87, b"\xa1\x07\x30\x05\xa0\x03\x0a\x01\x00") if sealed else b""
    return tlv(0x61, number(0, 10), octets(""), octets(""), extra)


def search(base, attribute):
    return tlv(0x63, octets(base), number(0, 10), number(0, 10), number(0), number(0),
               number(0, 1), tlv(0x87, b"objectClass"), tlv(0x30, octets(attribute)))


def entry(base, attribute, value):
    values = tlv(0x31, octets(value))
    return tlv(0x64, octets(base), tlv(0x30, tlv(0x30, octets(attribute), values)))


def done():
    return tlv(0x65, number(0, 10), octets(""), octets(""))


def unbind():
    return tlv(0x42)


def sealed(payload):
    """What a sealed message looks like from outside: a length, then bytes that
    only the two sides can read (RFC 4422 3.7). Here a hash stands for them."""
    stream = b""
    block = payload
    while len(stream) < len(payload):
        block = hashlib.sha256(block).digest()
        stream += block
    body = b"\x05\x04\x06\xff\0\0\0\0" + bytes(8) + stream[:len(payload) + 16]
    return len(body).to_bytes(4, "big") + body


def read(connection, is_sealed=False):
    """One message off a socket; nothing at the end."""
    head = take(connection, 4 if is_sealed else 2)
    if not head:
        return b""
    if is_sealed:
        return take(connection, int.from_bytes(head, "big"))
    if head[1] < 128:
        return head + take(connection, head[1])
    more = take(connection, head[1] & 0x7F)
    return head + more + take(connection, int.from_bytes(more, "big"))


def take(connection, count):
    got = b""
    while len(got) < count:
        part = connection.recv(count - len(got))
        if not part:
            return b""
        got += part
    return got
