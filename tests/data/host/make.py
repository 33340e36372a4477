"""Makes the synthetic hives and event logs of tests/data/host.

    /usr/bin/python3 tests/data/host/make.py

Needs python3-hivex. Fixed times and objects: the same bytes in every run.
"""
import os
import sys
import xml.etree.ElementTree as ET

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import evtxwriter as log
import hives as reg

DATA = os.path.join(HERE, "..")
WRITTEN = 1_790_000_000  # 2026-09-21T14:13:20Z


def der(name):
    return open(os.path.join(DATA, "diagnosis", name + ".der"), "rb").read()


def software(path, roots=("site-root",), extra=None):
    certificates = r"Microsoft\SystemCertificates"
    tree = {}
    tree.update(reg.store(certificates, "ROOT", [der(name) for name in roots]))
    tree.update(reg.store(certificates, "AuthRoot", []))
    tree.update(reg.store(certificates, "CA", [der("issuing-ca")]))
    tree.update(reg.store(certificates, "Disallowed", []))
    tree.update({
        certificates + r"\AuthRoot\AutoUpdate": {
            "EncodedCtl": reg.binary(open(os.path.join(DATA, "pki", "ctl-limits.stl"), "rb").read()),
            "LastSyncTime": reg.binary((reg.filetime(WRITTEN)).to_bytes(8, "little")),
            "RootDirUrl": reg.sz("http://mirror.corp.example/roots"),
        },
        r"Policies\Microsoft\SystemCertificates\AuthRoot": {"DisableRootAutoUpdate": reg.dword(1)},
        r"Policies\Microsoft\SystemCertificates\ChainEngine\Config": {"Options": reg.dword(2)},
        r"Policies\Microsoft\Windows\WindowsUpdate": {"WUServer": reg.sz("https://wsus.corp.example:8531")},
        r"Microsoft\Windows\CurrentVersion\Internet Settings\Connections": {
            "WinHttpSettings": reg.win_http(),
        },
        r"Microsoft\Windows NT\CurrentVersion\ProfileList\S-1-5-21-1-2-3-1001": {
            "ProfileImagePath": (reg.EXPAND_SZ, "C:\\Users\\alice\0".encode("utf-16-le")),
        },
        # More than one segment: a value above 16,344 bytes.
        r"Microsoft\Large": {"Value": reg.binary(bytes(range(256)) * 200)},
    })
    tree.update(extra or {})
    reg.build(path, tree)
    reg.settle(path, WRITTEN)


def user(path):
    internet = r"Software\Microsoft\Windows\CurrentVersion\Internet Settings"
    reg.build(path, {
        internet: {"ProxyEnable": reg.dword(1), "ProxyServer": reg.sz("proxy.corp.example:3128")},
        internet + r"\Connections": {
            "DefaultConnectionSettings": reg.connections(
                "proxy.corp.example:3128", "<local>", found="http://wpad.corp.example/wpad.dat", found_at=WRITTEN),
        },
        r"Software\Microsoft\SystemCertificates\Root\Certificates": {},
    })
    reg.settle(path, WRITTEN)


def system(path):
    reg.build(path, {
        "Select": {"Current": reg.dword(2)},
        r"ControlSet001\Control\ComputerName\ComputerName": {"ComputerName": reg.sz("OLD-NAME")},
        r"ControlSet002\Control\ComputerName\ComputerName": {"ComputerName": reg.sz("PC-17")},
        r"ControlSet002\Services\Tcpip\Parameters": {"Hostname": reg.sz("PC-17"), "Domain": reg.sz("corp.example")},
        r"ControlSet002\Services\Tcpip\Parameters\Interfaces\{A}": {"DhcpIPAddress": reg.sz("10.20.0.15")},
        r"ControlSet002\Services\Tcpip\Parameters\Interfaces\{B}": {"IPAddress": reg.multi("0.0.0.0")},
    })
    reg.settle(path, WRITTEN)


def wire(url, kind, result, actions, process, task):
    data = ET.Element("UserData")
    body = ET.SubElement(data, "CryptRetrieveObjectByUrlWire")
    ET.SubElement(body, "URL", {"scheme": "http"}).text = url
    ET.SubElement(body, "Object", {"type": kind, "constant": "1"})
    info = ET.SubElement(body, "AdditionalInfo")
    for name, attributes, error in actions:
        action = ET.SubElement(info, "Action", {"name": name, **attributes})
        if error:
            ET.SubElement(action, "Error", {"value": error})
    ET.SubElement(body, "EventAuxInfo", {"ProcessName": process})
    ET.SubElement(body, "CorrelationAuxInfo", {"TaskId": task, "SeqNumber": "2"})
    ET.SubElement(body, "Result", {"value": result})
    return data


def application(texts):
    data = ET.Element("EventData")
    for text in texts:
        ET.SubElement(data, "Data").text = text
    return data


def capi2(path):
    at = WRITTEN + 3_600
    task = "{15140D67-0627-40B3-8D5E-137AD20679F2}"
    channel = "Microsoft-Windows-CAPI2/Operational"
    provider = "Microsoft-Windows-CAPI2"
    make = lambda n, t, i, level, sid, data: (t, log.event(n, t, provider, i, level, channel, "PC-17.corp.example", sid, 900, data))
    direct = [("NoProxy", {}, None), ("Call_WinHttpSendRequest", {}, "2EFD")]
    by_proxy = [("ProxyListAndByPassList", {"parameter1": "10.20.0.8:3128"}, None)]
    url = "http://aia.example/ca.crt"
    log.write(path, [
        make(1, at, 53, 2, "S-1-5-18", wire(url, "CONTEXT_OID_CERTIFICATE", "2EFD", direct, "svchost.exe", task)),
        make(2, at + 5, 53, 4, "S-1-5-21-1-2-3-1001", wire(url, "CONTEXT_OID_CERTIFICATE", "0", by_proxy, "iexplore.exe", task)),
        make(3, at + 9, 4102, 4, None, application(["50", "60"])),
    ])


def read(path):
    with open(path, "rb") as file:
        return file.read()


def write(path, data):
    with open(path, "wb") as file:
        file.write(data)


def dirty(folder):
    """A hive caught in the middle of writing, with its logs in both forms.

    First state: the proxy of services is not set. Then two more states, each
    in an entry of a new log (the second one in the other log), and both
    together in an old log."""
    key = r"Microsoft\Windows\CurrentVersion\Internet Settings\Connections"
    policy = r"Policies\Microsoft\SystemCertificates\AuthRoot"
    states = []
    for number, (proxy, disabled) in enumerate([("", 0), ("proxy.corp.example:3128", 0), ("proxy.corp.example:3128", 1)]):
        path = os.path.join(folder, "state.tmp")
        tree = {key: {"WinHttpSettings": reg.win_http(proxy)}, policy: {"DisableRootAutoUpdate": reg.dword(disabled)}}
        reg.build(path, tree)
        reg.settle(path, WRITTEN + number)
        states.append(read(path))
        os.remove(path)
    first, second, third = states
    longest = max(map(len, states))
    pages = lambda old, new: [(at, page) for at, page in reg.changed_pages(old, new.ljust(longest, b"\0"), 4096)]
    write(os.path.join(folder, "dirty.hive"), reg.dirty(first, 8, 7))
    write(os.path.join(folder, "dirty.hive.LOG1"), reg.new_log(second, 7, [pages(first, second)]))
    write(os.path.join(folder, "dirty.hive.LOG2"), reg.new_log(third, 8, [pages(second, third)]))
    write(os.path.join(folder, "dirty-old-form.hive"), reg.dirty(first, 8, 7))
    write(os.path.join(folder, "dirty-old-form.hive.LOG"), reg.old_log(first, third, 8))


def limits(path):
    """Every limit of the chain engine and the policies of updates."""
    engine = r"Microsoft\Cryptography\OID\EncodingType 0\CertDllCreateCertificateChainEngine\Config"
    update = r"Policies\Microsoft\Windows\WindowsUpdate"
    reg.build(path, {
        engine: {
            "ChainUrlRetrievalTimeoutMilliseconds": reg.dword(5000),
            "ChainRevAccumulativeUrlRetrievalTimeoutMilliseconds": reg.dword(7000),
            "MaxAIAUrlCountInCert": reg.dword(3),
            "DisableAIAUrlRetrieval": reg.dword(1),
        },
        update: {
            "WUServer": reg.sz("https://wsus.corp.example:8531"),
            "WUStatusServer": reg.sz("https://wsus.corp.example:8531"),
            "UpdateServiceUrlAlternate": reg.sz("http://localhost:8005"),
            "SetProxyBehaviorForUpdateDetection": reg.dword(1),
            "DoNotEnforceEnterpriseTLSCertPinningForUpdateDetection": reg.dword(1),
        },
        update + r"\AU": {"UseWUServer": reg.dword(1)},
        r"Policies\Microsoft\Windows\DeliveryOptimization": {
            "DODownloadMode": reg.dword(99), "DOCacheHost": reg.sz("cache.corp.example")},
        r"Microsoft\SystemCertificates\AuthRoot\AutoUpdate": {
            "Flags": reg.dword(4), "SyncDeltaTime": reg.dword(86400), "SyncFromDirUrl": reg.sz("file:////server/roots"),
            "DisallowedCertLastSyncTime": reg.binary(reg.filetime(WRITTEN).to_bytes(8, "little"))},
        r"Policies\Microsoft\Windows\CurrentVersion\Internet Settings": {"ProxySettingsPerUser": reg.dword(0)},
        r"Microsoft\Windows\CurrentVersion\Internet Settings\Connections": {
            "WinHttpSettings": reg.win_http("http=px:8080;https=px:8443", "<local>;*.corp.example")},
    })
    reg.settle(path, WRITTEN)


if __name__ == "__main__":
    limits(os.path.join(HERE, "limits.hive"))
    dirty(HERE)
    software(os.path.join(HERE, "software.hive"))
    user(os.path.join(HERE, "ntuser.hive"))
    system(os.path.join(HERE, "system.hive"))
    capi2(os.path.join(HERE, "capi2-two-accounts.evtx"))
