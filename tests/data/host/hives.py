"""Writes synthetic registry hives with hivex (libhivex, an independent tool).

Run with the Python that has python3-hivex (Debian: /usr/bin/python3). `build`
takes a tree {path: {value name: (type, bytes)}} and writes a primary file.
"""
import os
import struct
import subprocess
import tempfile

import hivex

SZ, EXPAND_SZ, BINARY, DWORD, MULTI_SZ = 1, 2, 3, 4, 7


def sz(text):
    return SZ, (text + "\0").encode("utf-16-le")


def multi(*texts):
    return MULTI_SZ, ("\0".join(texts) + "\0\0").encode("utf-16-le")


def dword(number):
    return DWORD, struct.pack("<I", number)


def binary(data):
    return BINARY, bytes(data)


def filetime(unix):
    return int((unix + 11_644_473_600) * 10_000_000)


def text(value):
    data = value.encode("ascii")
    return struct.pack("<I", len(data)) + data


def win_http(proxy="", bypass=""):
    flags = 3 if proxy else 1
    return binary(struct.pack("<III", 0x18, 0, flags) + text(proxy) + text(bypass))


def connections(proxy="", bypass="", script="", detects=False, found="", found_at=0, changes=3):
    flags = 1 | (2 if proxy else 0) | (4 if script else 0) | (8 if detects else 0)
    data = struct.pack("<III", 0x46, changes, flags) + text(proxy) + text(bypass) + text(script)
    data += struct.pack("<I", 4) + text(found)
    data += struct.pack("<Q", filetime(found_at) if found_at else 0) + bytes(24)
    return binary(data)


def blob(der, friendly=None):
    """The value `Blob` of a certificate in a store."""
    import hashlib
    out = b""
    def item(number, data):
        return struct.pack("<III", number, 1, len(data)) + data
    out += item(3, hashlib.sha1(der).digest())
    if friendly:
        out += item(11, (friendly + "\0").encode("utf-16-le"))
    return binary(out + item(32, der))


def store(base, name, ders):
    """Keys of one store; an empty store keeps its Certificates key."""
    import hashlib
    tree = {base + "\\" + name + "\\Certificates": {}}
    for der in ders:
        thumbprint = hashlib.sha1(der).hexdigest().upper()
        tree[base + "\\" + name + "\\Certificates\\" + thumbprint] = {"Blob": blob(der)}
    return tree


# The smallest hive: what `hivex` needs to start from (one root key).
def minimal():
    root_name = b"ROOT"
    nk = b"nk" + struct.pack("<H", 0x2C) + struct.pack("<Q", filetime(1_700_000_000)) + bytes(4)
    nk += struct.pack("<i", -1) + struct.pack("<II", 0, 0) + struct.pack("<ii", -1, -1)
    nk += struct.pack("<I", 0) + struct.pack("<i", -1) + struct.pack("<I", 0x20 + 0x58)
    nk += struct.pack("<i", -1) + bytes(20) + struct.pack("<HH", len(root_name), 0) + root_name
    size = (4 + len(nk) + 7) // 8 * 8
    cell = struct.pack("<i", -size) + nk.ljust(size - 4, b"\0")
    sk_at = 0x20 + size
    cell = bytearray(cell)
    struct.pack_into("<I", cell, 4 + 44, sk_at)
    sk_data = b"sk" + bytes(2) + struct.pack("<III", sk_at, sk_at, 1) + struct.pack("<I", 20)
    sk_data += struct.pack("<BBHIIII", 1, 0, 0x8000, 0, 0, 0, 0)
    sk_size = (4 + len(sk_data) + 7) // 8 * 8
    sk = struct.pack("<i", -sk_size) + sk_data.ljust(sk_size - 4, b"\0")
    body = bytes(cell) + sk
    free = 4096 - 32 - len(body)
    hbin = b"hbin" + struct.pack("<II", 0, 4096) + bytes(8) + struct.pack("<Q", 0) + bytes(4)
    hbin += body + struct.pack("<i", free) + bytes(free - 4)
    head = bytearray(4096)
    head[0:4] = b"regf"
    struct.pack_into("<IIQIIIIIII", head, 4, 1, 1, filetime(1_700_000_000), 1, 5, 0, 1, 0x20, 4096, 1)
    checksum = 0
    for at in range(0, 508, 4):
        checksum ^= struct.unpack_from("<I", head, at)[0]
    struct.pack_into("<I", head, 508, checksum)
    return bytes(head) + hbin


def build(path, tree):
    with tempfile.NamedTemporaryFile(delete=False) as file:
        file.write(minimal())
    hive = hivex.Hivex(file.name, write=True)
    for key, values in tree.items():
        node = hive.root()
        for part in key.split("\\"):
            child = hive.node_get_child(node, part)
            node = child if child else hive.node_add_child(node, part)
        items = [{"key": name, "t": kind, "value": data} for name, (kind, data) in values.items()]
        if items:
            hive.node_set_values(node, items)
    hive.commit(path)
    del hive
    os.unlink(file.name)


def settle(path, written):
    """hivex stamps each key with the time of the run; the header keeps its own.
    Sets every key's time to `written` (unix), so that the file is the same in
    every run."""
    data = bytearray(open(path, "rb").read())
    at = 4096
    stamp = struct.pack("<Q", filetime(written))
    while at + 4 <= len(data):
        if data[at:at + 4] == b"hbin":
            data[at + 20:at + 28] = stamp
            at += 32
            continue
        size = abs(struct.unpack_from("<i", data, at)[0])
        if size < 8:
            break
        if data[at + 4:at + 6] == b"nk":
            data[at + 8:at + 16] = stamp
        at += size
    data[12:20] = stamp
    checksum = 0
    for place in range(0, 508, 4):
        checksum ^= struct.unpack_from("<I", data, place)[0]
    struct.pack_into("<I", data, 508, checksum)
    open(path, "wb").write(data)


# Transaction logs: what lies between two states of one hive.

def rotate(word, count):
    return ((word << count) | (word >> (32 - count))) & 0xFFFFFFFF


def marvin(data, seed=0xC5554E7A884DEF82):
    low, high = seed & 0xFFFFFFFF, seed >> 32

    def mix(low, high):
        high ^= low
        low = (rotate(low, 20) + high) & 0xFFFFFFFF
        high = rotate(high, 9) ^ low
        low = (rotate(low, 27) + high) & 0xFFFFFFFF
        return low, rotate(high, 19)

    whole = len(data) // 4 * 4
    for at in range(0, whole, 4):
        low = (low + int.from_bytes(data[at:at + 4], "little")) & 0xFFFFFFFF
        low, high = mix(low, high)
    rest = data[whole:]
    low = (low + (int.from_bytes(rest, "little") | 0x80 << 8 * len(rest))) & 0xFFFFFFFF
    low, high = mix(*mix(low, high))
    return high << 32 | low


def checksummed(base):
    """A base block (512 bytes) with its checksum."""
    total = 0
    for at in range(0, 508, 4):
        total ^= struct.unpack_from("<I", base, at)[0]
    total = {0: 1, 0xFFFFFFFF: 0xFFFFFFFE}.get(total, total)
    return base[:508] + struct.pack("<I", total)


def base_block(hive, primary, secondary, file_type):
    base = bytearray(hive[:512])
    struct.pack_into("<II", base, 4, primary, secondary)
    struct.pack_into("<I", base, 28, file_type)
    return checksummed(bytes(base))


def changed_pages(old, new, size):
    """(offset among the bins, bytes) of every page that differs."""
    for at in range(4096, len(new), size):
        if old[at:at + size] != new[at:at + size]:
            yield at - 4096, new[at:at + size]


def log_entry(sequence, bins, pages):
    references = b"".join(struct.pack("<II", at, len(page)) for at, page in pages)
    body = references + b"".join(page for _, page in pages)
    size = -(-(40 + len(body)) // 512) * 512
    body += bytes(size - 40 - len(body))
    head = b"HvLE" + struct.pack("<IIIII", size, 0, sequence, bins, len(pages))
    head += struct.pack("<Q", marvin(body))
    return head + struct.pack("<Q", marvin(head)) + body


def new_log(hive, sequence, entries):
    """A log of Windows 8.1 and later: `entries` are lists of pages."""
    bins = len(hive) - 4096
    log = base_block(hive, sequence, sequence, 6)
    for number, pages in enumerate(entries):
        log += log_entry(sequence + number, bins, pages)
    return log


def old_log(old, new, sequence):
    """A log of Windows up to 8."""
    bins = len(new) - 4096
    base = bytearray(base_block(new, sequence, sequence, 1))
    struct.pack_into("<I", base, 40, bins)
    vector = bytearray(-(-(bins // 512) // 8))
    pages = b""
    for at, page in changed_pages(old, new, 512):
        vector[at // 512 // 8] |= 1 << at // 512 % 8
        pages += page
    body = b"DIRT" + bytes(vector)
    body += bytes(-len(body) % 512)
    return checksummed(bytes(base)) + body + pages


def dirty(hive, primary, secondary):
    return base_block(hive, primary, secondary, 0) + hive[512:]
