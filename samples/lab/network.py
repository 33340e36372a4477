"""Scenarios of the network alone: both sides of a proxy, a directory, a
stranger that offers a proxy script.
"""

import subprocess
import sys
import time

import build
import run
from run import AUTOPROXY, HERE, HOSTS, NET, PROXY, WPAD_HOST, Lab, fetch, visit

ALL = sorted(set(HOSTS.values()))

DIRECTORY, DIRECTORY_ADDRESS = "dc1.corp.lab.example", "203.0.113.71"
SERVICE = "_ldap._tcp.dc._msdcs.corp.lab.example"
BASE = ("CN=Lab Site Issuing CA 1,CN=dc1,CN=CDP,CN=Public Key Services,CN=Services,"
        "CN=Configuration,DC=corp,DC=lab,DC=example")
ATTRIBUTE = "certificateRevocationList;binary"


def directory(out, sealed):
    """The machine fetches a CRL from its domain's directory, in clear or sealed."""
    with Lab(tls={"vpn.lab.example": "vpn-full"}, allow=[*ALL, DIRECTORY_ADDRESS],
             hosts={DIRECTORY: DIRECTORY_ADDRESS},
             dns=[f"--srv-host={SERVICE},{DIRECTORY},389"]) as lab:
        crl = lab.work / "pki/www" / build.CRL_HOST / build.ISSUING_CRL_PATH.lstrip("/")
        lab.spawn(NET, sys.executable, HERE / "directory_server.py", DIRECTORY_ADDRESS, crl,
                  BASE, ATTRIBUTE, "sealed" if sealed else "clear")
        time.sleep(1)
        search = {"do": "directory", "service": SERVICE, "server": DIRECTORY, "base": BASE,
                  "attribute": ATTRIBUTE, "sealed": sealed}
        return lab.capture(out / "client.pcapng", [
            visit(lab, "vpn.lab.example", None,
                  while_paused=[fetch(lab.facts["root_crl_url"]), search])])


STRANGER = "10.20.0.66"


def stranger(out, published):
    """A host of the local network offers itself as `wpad`; or it is the one that
    the name server names."""
    named = [f"--host-record={WPAD_HOST},{STRANGER}"] if published else []
    script = "function FindProxyForURL(url, host) { return 'DIRECT'; }"
    with Lab(tls={"shop.lab.example": "shop-full"}, option_252="", allow=ALL, dns=named,
             no_name=(WPAD_HOST,)) as lab:
        subprocess.run(["ip", "-n", PROXY, "addr", "add", f"{STRANGER}/24", "dev", "eth0"],
                       check=True)
        page = lab.work / "stranger"
        page.mkdir()
        (page / "wpad.dat").write_text(script)
        lab.spawn(PROXY, sys.executable, "-m", "http.server", 80, "--bind", STRANGER,
                  "--directory", page, stderr=subprocess.DEVNULL)
        if not published:
            lab.spawn(PROXY, sys.executable, HERE / "llmnr_responder.py", STRANGER)
        time.sleep(1)
        f = lab.facts
        label = WPAD_HOST if published else "wpad"
        return lab.capture(out / "client.pcapng", [
            {"do": "inform", "name": "PC-0415"},
            {"do": "lookup", "name": WPAD_HOST, "then": ["llmnr"]},
            fetch(f"http://{label}/wpad.dat", agent=AUTOPROXY),
            visit(lab, proxy=None, while_paused=[fetch(f["ocsp_url"]), fetch(f["root_crl_url"])])])


SCENARIOS = {
    "stale-copy-both-sides": lambda out: run.stale_copy(out, False, both_sides=True),
    "stale-copy-both-sides-purged": lambda out: run.stale_copy(out, True, both_sides=True),
    "directory-sealed": lambda out: directory(out, True),
    "directory-clear": lambda out: directory(out, False),
    "wpad-stranger": lambda out: stranger(out, False),
    "wpad-stranger-published": lambda out: stranger(out, True),
}
