"""A small writer of event logs (.evtx): each record's XML as a
template of its own without values. Layout: Microsoft [MS-EVEN6] 2.2 and Schuster 2007; the
result is read back with two independent readers (python-evtx, and the Rust
`evtx` through PyPI's evtx).
"""
import struct
import xml.etree.ElementTree as ET
import zlib


def filetime(unix):
    return int(round((unix + 11_644_473_600) * 10_000_000))


def name_hash(name):
    value = 0
    for unit in struct.unpack("<%dH" % len(name), name.encode("utf-16-le")):
        value = (value * 65599 + unit) & 0xFFFFFFFF
    return value & 0xFFFF


class Chunk:
    def __init__(self, first):
        self.first = first
        self.count = 0
        self.body = bytearray()
        self.last_at = 512

    @property
    def position(self):
        return 512 + len(self.body)

    def name(self, out, base, name):
        """A name, written in line: offset to itself, then the name."""
        at = base + len(out) + 4
        out += struct.pack("<I", at)
        out += struct.pack("<IHH", 0, name_hash(name), len(name))
        out += name.encode("utf-16-le") + b"\0\0"

    def value(self, out, text):
        out += b"\x05\x01" + struct.pack("<H", len(text)) + text.encode("utf-16-le")

    def element(self, out, base, node):
        has_attributes = bool(node.attrib)
        out += b"\x41" if has_attributes else b"\x01"
        out += struct.pack("<H", 0xFFFF)
        size_at = len(out)
        out += bytes(4)
        self.name(out, base, node.tag)
        if has_attributes:
            list_at = len(out)
            out += bytes(4)
            names = list(node.attrib.items())
            for number, (key, value) in enumerate(names):
                out += b"\x46" if number + 1 < len(names) else b"\x06"
                self.name(out, base, key)
                self.value(out, value)
            struct.pack_into("<I", out, list_at, len(out) - list_at - 4)
        text = (node.text or "").strip()
        if len(node) or text:
            out += b"\x02"
            if text:
                self.value(out, text)
            for child in node:
                self.element(out, base, child)
            out += b"\x04"
        else:
            out += b"\x03"
        struct.pack_into("<I", out, size_at, len(out) - size_at - 4)

    def add(self, number, at, node):
        base = self.position + 24
        out = bytearray(b"\x0f\x01\x01\x00")
        # One template for each record, without values to fill in.
        out += b"\x0c\x01" + struct.pack("<II", number, base + len(out) + 10)
        out += struct.pack("<II", 0, number) + bytes(12)
        size_at = len(out)
        out += bytes(4) + b"\x0f\x01\x01\x00"
        self.element(out, base, node)
        out += b"\x00"
        struct.pack_into("<I", out, size_at, len(out) - size_at - 4)
        out += struct.pack("<I", 0) + b"\x00"
        size = (24 + len(out) + 4 + 7) // 8 * 8
        record = b"\x2a\x2a\0\0" + struct.pack("<IQQ", size, number, filetime(at))
        record += bytes(out).ljust(size - 28, b"\0") + struct.pack("<I", size)
        if len(self.body) + len(record) > 65536 - 512:
            return False
        self.last_at = self.position
        self.body += record
        self.count += 1
        return True

    def bytes(self):
        head = bytearray(512)
        head[0:8] = b"ElfChnk\0"
        last = self.first + self.count - 1
        struct.pack_into("<QQQQ", head, 8, self.first, last, self.first, last)
        struct.pack_into("<IIII", head, 40, 128, self.last_at, self.position, zlib.crc32(bytes(self.body)))
        struct.pack_into("<I", head, 124, zlib.crc32(bytes(head[0:120]) + bytes(head[128:512])))
        return (bytes(head) + bytes(self.body)).ljust(65536, b"\0")


def event(number, at, provider, event_id, level, channel, computer, sid, pid, data):
    """The Event element; `at` is unix time, `data` UserData or EventData."""
    import datetime
    stamp = datetime.datetime.fromtimestamp(at, datetime.timezone.utc)
    root = ET.Element("Event", {"xmlns": "http://schemas.microsoft.com/win/2004/08/events/event"})
    system = ET.SubElement(root, "System")
    ET.SubElement(system, "Provider", {"Name": provider, "Guid": "{5bbca4a8-b209-48dc-a8c7-b23d3e5216fb}"})
    ET.SubElement(system, "EventID").text = str(event_id)
    ET.SubElement(system, "Version").text = "0"
    ET.SubElement(system, "Level").text = str(level)
    ET.SubElement(system, "Task").text = str(event_id)
    ET.SubElement(system, "TimeCreated", {"SystemTime": stamp.strftime("%Y-%m-%dT%H:%M:%S.%fZ")})
    ET.SubElement(system, "EventRecordID").text = str(number)
    ET.SubElement(system, "Execution", {"ProcessID": str(pid), "ThreadID": "4"})
    ET.SubElement(system, "Channel").text = channel
    ET.SubElement(system, "Computer").text = computer
    if sid:
        ET.SubElement(system, "Security", {"UserID": sid})
    root.append(data)
    return root


def write(path, events):
    """`events`: (unix time, Event element) in order; records count from 1."""
    chunks = [Chunk(1)]
    for number, (at, node) in enumerate(events, 1):
        if not chunks[-1].add(number, at, node):
            chunks.append(Chunk(number))
            if not chunks[-1].add(number, at, node):
                raise ValueError("a record larger than a chunk")
    head = bytearray(4096)
    head[0:8] = b"ElfFile\0"
    struct.pack_into("<QQQIHHHH", head, 8, 0, len(chunks) - 1, len(events) + 1, 128, 1, 3, 4096, len(chunks))
    struct.pack_into("<I", head, 124, zlib.crc32(bytes(head[0:120])))
    with open(path, "wb") as file:
        file.write(bytes(head))
        for chunk in chunks:
            file.write(chunk.bytes())
