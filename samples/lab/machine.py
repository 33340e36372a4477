"""What the lab's client would have written of itself, were it Windows: registry
hives and the CAPI2 log, made from the log of the client script. Synthetic: the
forms are those of Windows, the contents come from the story.
"""

import base64
import datetime as dt
import hashlib
import json
import ssl
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "../../tests/data/host"))
import evtxwriter

NAME, DOMAIN, ADDRESS = "LAB-PC15", "corp.lab.example", "10.20.0.15"
SIDS = {"alice": "S-1-5-21-1004336348-1177238915-682003330-1107", "system": "S-1-5-18"}
CONFIG = "C/Windows/System32/config/"
LOG = "C/Windows/System32/winevt/Logs/Microsoft-Windows-CAPI2%4Operational.evtx"
SETTINGS = r"Microsoft\Windows\CurrentVersion\Internet Settings"
STORES = r"Microsoft\SystemCertificates"


def hives(roots, user_proxy, service_proxy, written, extra=None, stores=None):
    """Path in the triage copy -> bytes. `roots` are DER, trusted by the machine;
    `stores` are more stores of it, by name."""
    ders = [base64.b64encode(der).decode() for der in roots]
    with tempfile.TemporaryDirectory() as folder:
        path = lambda name: str(Path(folder) / name)
        described = [
            {"path": path("SOFTWARE"), "written": written,
             "keys": {
                 SETTINGS + r"\Connections": {"WinHttpSettings": ["win_http", [service_proxy]]},
                 r"Microsoft\Windows NT\CurrentVersion\ProfileList" + "\\" + SIDS["alice"]:
                     {"ProfileImagePath": ["sz", "C:\\Users\\alice"]},
                 **(extra or {})},
             "stores": [[STORES, "ROOT", ders], [STORES, "AuthRoot", []], [STORES, "CA", []],
                        [STORES, "Disallowed", []],
                        *[[STORES, name, [base64.b64encode(der).decode() for der in ders]]
                          for name, ders in (stores or {}).items()]]},
            {"path": path("NTUSER.DAT"), "written": written,
             "keys": {
                 "Software\\" + SETTINGS + r"\Connections": {
                     "DefaultConnectionSettings": ["connections", [user_proxy, "<local>"]]},
                 "Software\\" + SETTINGS: {"ProxyEnable": ["dword", 1], "ProxyServer": ["sz", user_proxy]}},
             "stores": [["Software\\" + STORES, "Root", []]]},
            {"path": path("SYSTEM"), "written": written,
             "keys": {
                 "Select": {"Current": ["dword", 1]},
                 r"ControlSet001\Control\ComputerName\ComputerName": {"ComputerName": ["sz", NAME]},
                 r"ControlSet001\Services\Tcpip\Parameters": {
                     "Hostname": ["sz", NAME], "Domain": ["sz", DOMAIN]},
                 r"ControlSet001\Services\Tcpip\Parameters\Interfaces\{0F0F}": {
                     "DhcpIPAddress": ["sz", ADDRESS]}}},
        ]
        subprocess.run(["/usr/bin/python3", HERE / "hive_files.py"], check=True,
                       input=json.dumps(described), text=True)
        read = lambda name: (Path(folder) / name).read_bytes()
        return {CONFIG + "SOFTWARE": read("SOFTWARE"), CONFIG + "SYSTEM": read("SYSTEM"),
                "C/Users/alice/NTUSER.DAT": read("NTUSER.DAT")}


def der(path):
    """The first certificate of a PEM file."""
    text = Path(path).read_text()
    end = "-----END CERTIFICATE-----"
    return ssl.PEM_cert_to_DER_cert(text[:text.index(end) + len(end)])


def unix(text):
    return dt.datetime.fromisoformat(text).timestamp()


def named(parent, tag, attributes=None, text=None):
    node = ET.SubElement(parent, tag, attributes or {})
    node.text = text
    return node


def tail(body, process, task, number, result):
    named(body, "EventAuxInfo", {"ProcessName": process})
    named(body, "CorrelationAuxInfo", {"TaskId": task, "SeqNumber": str(number)})
    if result is not None:
        named(body, "Result", {"value": result})


def wire_end(entry, proxy, process, task, number):
    """Event 53 of one fetch of the client's log."""
    data = ET.Element("UserData")
    body = named(data, "CryptRetrieveObjectByUrlWire")
    named(body, "URL", {"scheme": "http"}, entry["url"])
    named(body, "Object", {"type": "CONTEXT_OID_CAPI2_ANY", "constant": "5"})
    named(body, "Timeout", text="PT10S")
    info = named(body, "AdditionalInfo")
    named(info, "NetworkConnectivityStatus", {"value": "1"})
    if proxy:
        named(info, "Action", {"name": "ProxyListAndByPassList", "parameter1": proxy})
    else:
        named(info, "Action", {"name": "NoProxy"})
    result = "0"
    if "status" in entry:
        headers = named(info, "HTTPResponseHeadersInfo")
        named(headers, "Header", text=f"HTTP/1.1 {entry['status']} OK")
        for key, value in entry["headers"].items():
            named(headers, "Header", text=f"{key}: {value}")
    else:
        result = "2EE2"
        action = named(info, "Action", {"name": "Call_WinHttpSendRequest"})
        named(action, "Error", {"value": result})
    tail(body, process, task, number, result)
    return data


def wire_start(process, task, number):
    data = ET.Element("UserData")
    tail(named(data, "CryptRetrieveObjectByUrlWireStart"), process, task, number, None)
    return data


def chain_end(elements, status, process, task, number):
    """Event 11. `elements`: (DER, short name, error bits)."""
    data = ET.Element("UserData")
    body = named(data, "CertGetCertificateChain")
    ref = lambda der: hashlib.sha1(der).hexdigest().upper() + ".cer"
    leaf, name, _ = elements[0]
    named(body, "Certificate", {"fileRef": ref(leaf), "subjectName": name})
    usage = named(body, "ExtendedKeyUsage")
    named(usage, "Usage", {"oid": "1.3.6.1.5.5.7.3.1", "name": "Server Authentication"})
    named(body, "ChainEngineInfo", {"context": "user"})
    chain = named(body, "CertificateChain", {"chainRef": task})
    trust = named(chain, "TrustStatus")
    named(trust, "ErrorStatus", {"value": f"{status:X}"})
    named(trust, "InfoStatus", {"value": "0"})
    for der, name, bits in elements:
        element = named(chain, "ChainElement")
        named(element, "Certificate", {"fileRef": ref(der), "subjectName": name})
        trust = named(element, "TrustStatus")
        named(trust, "ErrorStatus", {"value": f"{bits:X}"})
        named(trust, "InfoStatus", {"value": "102"})
    tail(body, process, task, number, "800B010A" if status else "0")
    return data


def capi2(records):
    """The log. `records`: (time text, id, level, account, process id, data)."""
    channel, provider = "Microsoft-Windows-CAPI2/Operational", "Microsoft-Windows-CAPI2"
    events = []
    for number, (at, event, level, account, process, data) in enumerate(
            sorted(records, key=lambda record: record[0]), 1):
        node = evtxwriter.event(number, unix(at), provider, event, level, channel,
                                f"{NAME}.{DOMAIN}", SIDS[account], process, data)
        events.append((unix(at), node))
    with tempfile.NamedTemporaryFile() as file:
        evtxwriter.write(file.name, events)
        return Path(file.name).read_bytes()
