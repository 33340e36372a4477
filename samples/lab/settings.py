#!/usr/bin/env python3
"""Captures and triage copies in which a setting of the machine is the cause, for
tests/settings.rs: one capture for each rule, and three copies of the machine's
hives beside it. `on` has the setting, `off` has it not, `alike` has one that
looks like it. The captures are real, the hives synthetic.

    settings.py [NAME…]      into tests/data/host/settings
"""

import base64
import datetime as dt
import sys
from pathlib import Path

import run
import causes
import causes_pki as pki
from run import HOSTS, HERE, UTC, Lab, fetch, visit, zip_files
import machine

OUT = HERE / "../../tests/data/host/settings"
MIRROR, MIRROR_ADDRESS = "mirror.corp.lab.example", "203.0.113.71"
ALL = sorted(set(HOSTS.values()))
AUTO = r"Microsoft\SystemCertificates\AuthRoot\AutoUpdate"
ROOT_POLICY = r"Policies\Microsoft\SystemCertificates\AuthRoot"
UPDATE_POLICY = r"Policies\Microsoft\Windows\WindowsUpdate"
LEFT_ASIDE = "DoNotEnforceEnterpriseTLSCertPinningForUpdateDetection"
ENGINE_POLICY = r"Policies\Microsoft\SystemCertificates\ChainEngine\Config"


def encoded(lab, variant):
    data = (lab.work / f"pki/ctl/{variant}.stl").read_bytes()
    return {"EncodedCtl": ["binary", base64.b64encode(data).decode()]}


def write(folder, copies, roots=None, stores=None):
    """`copies`: settings by name of the copy; `roots` and `stores` likewise."""
    written = int((dt.datetime.now(UTC) - dt.timedelta(days=30)).timestamp())
    at = dt.datetime.fromtimestamp(written, UTC)
    for name, keys in copies.items():
        hives = machine.hives((roots or {}).get(name, []), "", "", written, keys,
                              (stores or {}).get(name))
        zip_files(folder / f"{name}.zip", {Path(path): (data, at) for path, data in hives.items()})


def aia():
    """The server sends its own certificate alone; nobody asks for the issuer."""
    folder = OUT / "aia-disabled-by-policy"
    with Lab(tls={"shop.lab.example": "shop-leaf"}, allow=ALL) as lab:
        lab.capture(folder / "client.pcapng", [visit(lab, proxy=None)])
    write(folder, {
        "on": {ENGINE_POLICY: {"Options": ["dword", 2]}},
        "off": {ENGINE_POLICY: {"Options": ["dword", 0]}},
        # Another bit: no subject information access.
        "alike": {ENGINE_POLICY: {"Options": ["dword", 4]}}})


def update_disabled():
    """The root is in the list that the machine keeps; nothing is fetched."""
    folder = OUT / "root-update-disabled"
    with Lab(tls={"shop.lab.example": "shop-full"}, allow=ALL) as lab:
        lab.capture(folder / "client.pcapng", [visit(lab, proxy=None, trust=("other",))])
        switched = lambda number: {ROOT_POLICY: {"DisableRootAutoUpdate": ["dword", number]}}
        copies = {"on": switched(1) | {AUTO: encoded(lab, "resigned")},
                  "off": switched(0) | {AUTO: encoded(lab, "resigned")},
                  # The list of September does not have the root yet.
                  "alike": switched(1) | {AUTO: encoded(lab, "older")}}
    write(folder, copies)


def redirected():
    """The machine asks a mirror for the list, which does not have it."""
    folder = OUT / "root-update-redirect-bad"
    mirror = f"server {{ listen {MIRROR_ADDRESS}:80; server_name {MIRROR}; return 404; }}"
    with Lab(tls={"shop.lab.example": "shop-full"}, allow=[*ALL, MIRROR_ADDRESS],
             hosts={MIRROR: MIRROR_ADDRESS}, servers=mirror) as lab:
        meanwhile = [fetch(f"http://{MIRROR}/roots/authrootstl.cab", **{"as": "system"})]
        lab.capture(folder / "client.pcapng", [
            visit(lab, proxy=None, trust=("other",), while_paused=meanwhile)])
    to = lambda host: {AUTO: {"RootDirUrl": ["sz", f"http://{host}/roots"]}}
    write(folder, {"on": to(MIRROR), "off": {}, "alike": to("lists.corp.lab.example")})


def update_server():
    """The update client refuses a server of the house. What the machine trusts, and
    which update servers it is held to, differs from copy to copy."""
    folder = OUT / "update-server-refused"
    with causes.house(servers=causes.iis()) as lab:
        scan = causes.scan(lab) | {"roots": lab.roots("LabSiteRoot"), "also": []}
        lab.capture(folder / "client.pcapng", [scan])
        root = machine.der(lab.roots("corporate"))
        leaf = machine.der(lab.work / f"pki/tls/{pki.WSUS_HOST}.pem")
        other = machine.der(lab.work / f"pki/tls/{pki.WSUS_OUTSIDE}.pem")
    copies = {"untrusted": {}, "trusted": {}, "pinned-other": {}, "pinned-this": {},
              "pinned-aside": {UPDATE_POLICY: {LEFT_ASIDE: ["dword", 1]}}}
    pins = "WindowsServerUpdateServices"
    write(folder, copies,
          roots={name: [root] for name in copies if name != "untrusted"},
          stores={"pinned-other": {pins: [other]}, "pinned-aside": {pins: [other]},
                  "pinned-this": {pins: [other, leaf]}})


if __name__ == "__main__":
    makers = (aia, update_disabled, redirected, update_server)
    for make in [it for it in makers if it.__name__ in sys.argv[1:]] or makers:
        make()
    sys.exit(0)
