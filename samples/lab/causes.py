"""Scenarios of single causes, each with a twin that has all but the cause."""

import datetime as dt
import shutil
import subprocess
import sys
import time

import build
import causes_pki as pki
import cryptnet
import run
from run import (ALICE, HERE, HOSTS, PROXY, PROXY_IP, PROXY_NAME, ROUTER_IP, SYSTEM, UTC, Lab,
                 fetch, folder_files, keep, proxied, visit, zip_files)

ALL = sorted(set(HOSTS.values()))
SITE_ADDRESSES = {host: f"203.0.113.{90 + n}" for n, host in enumerate(pki.PUBLIC_SITES)}
TICKETS_ADDRESS, PORTAL_ADDRESS, HOUSE = "203.0.113.55", "203.0.113.61", "203.0.113.80"
GUEST_LOGIN = "login.guest.lab.example"


# ------------------------------------------------------------ inspecting proxy

def inspected(out, trusted, inspect=True):
    with Lab(tls={host: host for host in pki.PUBLIC_SITES}, hosts=SITE_ADDRESSES,
             prepare=pki.public_sites) as lab:
        proxy = run.VIA_PROXY
        if inspect:
            lab.spawn(PROXY, sys.executable, HERE / "inspect_proxy.py", PROXY_IP, 8080,
                      lab.work / "pki/inspection.pem", lab.roots("LabSiteRoot"), ROUTER_IP)
            time.sleep(2)
            proxy = f"{PROXY_NAME}:8080"
        trust = ("LabSiteRoot", "inspection") if trusted else ("LabSiteRoot",)
        return lab.capture(out / "client.pcapng", [
            visit(lab, host, proxy, trust=trust) for host in pki.PUBLIC_SITES])


# ------------------------------------------------------------------ wrong clock

# The clock of a board whose battery is empty: this many days behind.
CLOCK_BEHIND = 2150


def clock(out, wrong):
    """The client starts with a clock years behind; the capture is its own."""
    with Lab(tls={"shop.lab.example": "shop-full"}, allow=ALL,
             clock=f"-{CLOCK_BEHIND}d" if wrong else None) as lab:
        f = lab.facts
        before = [fetch(f["new_ctl_url"], query="41d07fe6a2c3958b"), fetch(f["root_crl_url"]),
                  fetch(f["ocsp_url"]), fetch(f["pca_url"])]
        log = lab.capture(out / "client.pcapng", before + [visit(lab, proxy=None)])
        if wrong:
            shifted = lab.work / "shifted.pcapng"
            subprocess.run(["editcap", "-t", str(-CLOCK_BEHIND * 86400),
                            out / "client.pcapng", shifted], check=True)
            (out / "client.pcapng").write_bytes(shifted.read_bytes())
        return log


def clock_ahead(out):
    """Ten years ahead, the capture made by a neighbour with the right time."""
    with Lab(tls={"shop.lab.example": "shop-full"}, allow=ALL, clock="+3700d") as lab:
        f = lab.facts
        return lab.capture(out / "client.pcapng", [
            fetch(f["root_crl_url"]), fetch(f["ocsp_url"]), fetch(f["new_root_url"]),
            visit(lab, proxy=None)])


# ------------------------------------------------------------------ trust lists

def signer_lapsed(out, lapsed):
    """alice has a list whose signer ran out twelve hours ago."""
    now = dt.datetime.now(UTC).replace(microsecond=0)
    ends = (now - dt.timedelta(hours=12)).replace(tzinfo=None).isoformat() if lapsed \
        else "2035-01-01"
    with Lab(ctl="lapsed", tls={"shop.lab.example": "shop-full"}, allow=ALL,
             prepare=lambda p: pki.lapsed(p, ends)) as lab:
        f = lab.facts
        files = {}
        alice = cryptnet.Folder(ALICE, files)
        old = lab.client([fetch(f["new_ctl_url"])])[0]
        alice.add_list(f["new_ctl_url"], lab.body(old),
                       now - dt.timedelta(days=2, hours=1, minutes=7), old["headers"])
        steps = [fetch(f["root_crl_url"]), {"do": "sleep", "s": 1}]
        if lapsed:
            steps += [visit(lab, proxy=None, trust=("other",))]
        else:
            steps += [visit(lab, proxy=None, while_paused=[
                fetch(f["new_root_url"]), fetch(f["ocsp_url"]), fetch(f["root_crl_url"])])]
        log = lab.capture(out / "client.pcapng", steps)
        keep(lab, log, alice, "alice", [f["root_crl_url"]])
        zip_files(out / "caches.zip", files)
        return log


def not_in_program(out, listed):
    with Lab(ctl="with-quill" if listed else "resigned", tls={pki.TICKETS: pki.TICKETS},
             hosts={pki.TICKETS: TICKETS_ADDRESS}, allow=[*ALL, TICKETS_ADDRESS],
             prepare=pki.quill) as lab:
        meanwhile = [fetch(lab.facts["new_ctl_url"], query="9c2be7405fd1a836")]
        if listed:
            meanwhile.append(fetch(pki.quill(lab.work / "pki")))
        return lab.capture(out / "client.pcapng", [
            visit(lab, pki.TICKETS, None, trust=("quill",) if listed else ("LabSiteRoot",),
                  while_paused=meanwhile)])


def root_disabled(out, already):
    since = "2026-11-15" if already else "2027-03-01"
    with Lab(ctl="disabling", tls={"shop.lab.example": "shop-full"}, allow=ALL,
             prepare=lambda p: pki.disabled(p, since)) as lab:
        f = lab.facts
        meanwhile = [fetch(f["new_ctl_url"], query="2fb86c1d7ea09534"), fetch(f["new_root_url"])]
        if not already:
            meanwhile += [fetch(f["ocsp_url"]), fetch(f["root_crl_url"])]
        return lab.capture(out / "client.pcapng", [
            visit(lab, proxy=None, trust=("other",) if already else ("LabSiteRoot",),
                  while_paused=meanwhile)])


# ------------------------------------------------------- the wrong object at an address

def list_blocked(out, reachable):
    """The address of the trust list is shut for this client, or open."""
    shut = set() if reachable else {HOSTS[build.NEW_CTL_HOST]}
    with Lab(ctl="resigned", tls={"shop.lab.example": "shop-full"},
             allow=[address for address in ALL if address not in shut]) as lab:
        f = lab.facts
        meanwhile = [fetch(f["new_ctl_url"], query="d3a60c19f72b8e54", timeout=10)]
        if reachable:
            meanwhile += [fetch(f["new_root_url"]), fetch(f["ocsp_url"]),
                          fetch(f["root_crl_url"])]
        return lab.capture(out / "client.pcapng", [
            visit(lab, proxy=None, trust=("LabSiteRoot",) if reachable else ("other",),
                  while_paused=meanwhile)])


def published(pki, host, path, source):
    """A file of the authority's web server is put where another belongs."""
    shutil.copy2(pki / "www" / host / source, pki / "www" / host / path)


def issuer_address(out, right):
    """At the issuer's address lies the certificate of the root above it."""
    def wrong(folder):
        published(folder, build.AIA_HOST, build.ISSUING_PATH.strip("/"), "certs/LabSiteRoot.crt")
    with Lab(tls={"shop.lab.example": "shop-leaf"}, allow=ALL,
             prepare=None if right else wrong) as lab:
        f = lab.facts
        meanwhile = [fetch(f["issuing_url"])]
        if right:
            meanwhile += [fetch(f["ocsp_url"]), fetch(f["root_crl_url"])]
        trust = ("LabSiteRoot", "LabSiteIssuingCA1") if right else ("LabSiteRoot",)
        return lab.capture(out / "client.pcapng", [
            visit(lab, proxy=None, trust=trust, while_paused=meanwhile)])


def crl_of_another(out, right):
    """At the address of the CRL lies the one of the authority above."""
    def wrong(folder):
        published(folder, build.CRL_HOST, build.ISSUING_CRL_PATH.strip("/"), "crl/LabSiteRoot.crl")
    with Lab(tls={"vpn.lab.example": "vpn-full"}, allow=ALL,
             prepare=None if right else wrong) as lab:
        f = lab.facts
        meanwhile = [fetch(f["root_crl_url"]), fetch(f["crl_url"])]
        return lab.capture(out / "client.pcapng", [
            visit(lab, "vpn.lab.example", None, while_paused=meanwhile, abandon=not right)])


def site_name(out, right):
    """vpn.lab.example answers with the certificate of the shop, or its own."""
    with Lab(tls={"vpn.lab.example": "vpn-full" if right else "shop-full"}, allow=ALL) as lab:
        f = lab.facts
        return lab.capture(out / "client.pcapng", [
            fetch(f["root_crl_url"]), fetch(f["crl_url"] if right else f["ocsp_url"]),
            visit(lab, "vpn.lab.example", None)])


# ---------------------------------------------------------------- captive portal

def captive(out, caught):
    """A guest network sends each request in the clear to its log-on page."""
    portal = f"""server {{ listen {PORTAL_ADDRESS}:80 default_server; server_name _;
        return 302 https://{GUEST_LOGIN}/start?from=$host; }}"""
    with Lab(tls={"shop.lab.example": "shop-leaf"}, hosts={GUEST_LOGIN: PORTAL_ADDRESS},
             servers=portal, captive=f"{PORTAL_ADDRESS}:80" if caught else None,
             allow=[*ALL, PORTAL_ADDRESS]) as lab:
        f = lab.facts
        meanwhile = [fetch(f["issuing_url"])]
        if not caught:
            meanwhile += [fetch(f["ocsp_url"]), fetch(f["root_crl_url"])]
        trust = ("LabSiteRoot",) if caught else ("LabSiteRoot", "LabSiteIssuingCA1")
        return lab.capture(out / "client.pcapng", [
            visit(lab, proxy=None, trust=trust, while_paused=meanwhile)])


# ------------------------------------------------------------- house and updates

def house(**kw):
    return Lab(hosts={pki.INTRANET: "203.0.113.81", pki.WSUS_HOST: HOUSE, "wsus01": HOUSE},
               allow=[*ALL, HOUSE, "203.0.113.81"], prepare=pki.corporate, **kw)


def private_root(out, deployed):
    with house(tls={pki.INTRANET: pki.INTRANET}) as lab:
        trust = ("LabSiteRoot", "corporate") if deployed else ("LabSiteRoot",)
        return lab.capture(out / "client.pcapng", [
            visit(lab, pki.INTRANET, None, trust=trust)])


WUA = "Windows-Update-Agent/10.0.10011.16384 Client-Protocol/2.50"
SOAP = ('<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>'
        '<GetConfig xmlns="http://www.microsoft.com/SoftwareDistribution/Server/'
        'ClientWebService"><protocolVersion>2.50</protocolVersion></GetConfig>'
        '</s:Body></s:Envelope>')
# What IIS tells those who ask from elsewhere when a folder requires TLS.
FORBIDDEN = ("<html><head><title>403 - Forbidden: Access is denied.</title></head><body>"
             "<h2>403 - Forbidden: Access is denied.</h2><h3>You do not have permission to view "
             "this directory or page using the credentials that you supplied.</h3></body></html>")
SERVICE = "/ClientWebService/client.asmx"
CONTENT = "/Content/5A/1F0C9E7D2B8A46F3C5D1E0B7A9F84C6D3E2B1A5A.cab"


def iis(services=False, files=True):
    """An update server: TLS on 8531; on 8530 what is open in the clear."""
    def answer(is_open, kind, text):
        if is_open:
            return f"default_type {kind}; return 200 '{text}';"
        return f"default_type text/html; return 403 '{FORBIDDEN}';"
    service = answer(True, '"text/xml; charset=utf-8"', SOAP.replace("GetConfig", "GetConfigResponse"))
    places = (f"location ~* ^/(ClientWebService|SimpleAuthWebService)/ "
              f"{{ {service if services else answer(False, '', '')} }} "
              f"location ~* ^/(Content|SelfUpdate)/ "
              f"{{ {answer(files, 'application/octet-stream', 'MSCF lab file')} }}")
    return f"""
  server {{ listen {HOUSE}:8530; server_name {pki.WSUS_HOST} wsus01; {places} }}
  server {{ listen {HOUSE}:8531 ssl; server_name {pki.WSUS_HOST} wsus01; ssl_protocols TLSv1.2;
    ssl_certificate @PKI@/tls/{pki.WSUS_HOST}.pem; ssl_certificate_key @PKI@/tls/{pki.WSUS_HOST}.key;
    location / {{ {service} }} }}"""


def scan(lab, host=pki.WSUS_HOST, port=8531, trust=("corporate",)):
    """A search for updates as the machine, over TLS."""
    return visit(lab, host, None, trust=trust, port=port, path=SERVICE, agent=WUA,
                 **{"as": "system"})


def clear(url, post=None):
    step = fetch(url, agent=WUA, **{"as": "system"})
    return step | {"post": post} if post else step


def update_name(out, right):
    with house(servers=iis()) as lab:
        return lab.capture(out / "client.pcapng", [
            scan(lab, pki.WSUS_HOST if right else "wsus01")])


def update_root(out, deployed):
    """The machine has the root of the house, or not."""
    with house(servers=iis()) as lab:
        trust = ("corporate",) if deployed else ("LabSiteRoot",)
        return lab.capture(out / "client.pcapng", [scan(lab, trust=trust)])


def update_port(out, right):
    with house(servers=iis()) as lab:
        return lab.capture(out / "client.pcapng", [scan(lab, port=8531 if right else 8530)])


def update_clear(out, encrypted):
    """The policy of the client says http, or https."""
    with house(servers=iis()) as lab:
        mine = [scan(lab)] if encrypted else [
            clear(f"http://{pki.WSUS_HOST}:8530{SERVICE}", SOAP) for _ in range(3)]
        return lab.capture(out / "client.pcapng", mine)


def update_files(out, served):
    with house(servers=iis(files=served)) as lab:
        return lab.capture(out / "client.pcapng", [
            scan(lab), clear(f"http://{pki.WSUS_HOST}:8530{CONTENT}")])


# ------------------------------------------------------------------ silent caches

def asked_again(out):
    """As below, but the cache was empty: all is asked for during the visit."""
    with Lab(ctl="resigned", tls={"shop.lab.example": "shop-full"}, allow=ALL) as lab:
        f = lab.facts
        wanted = [f["new_ctl_url"], f["new_root_url"], f["ocsp_url"], f["root_crl_url"]]
        log = lab.capture(out / "client.pcapng", [
            visit(lab, proxy=None, while_paused=[fetch(url) for url in wanted], abandon=True)])
        files = {}
        keep(lab, log, cryptnet.Folder(ALICE, files), "alice", wanted)
        folder_files(out / "cryptnet", files)
        return log


def from_cache(out, given_up):
    """alice fetched all that was needed before, the last of it in the capture, three
    seconds before the visit; for the visit nothing is asked."""
    with Lab(ctl="resigned", tls={"shop.lab.example": "shop-full"}, allow=ALL) as lab:
        f = lab.facts
        wanted = [f["new_ctl_url"], f["new_root_url"], f["ocsp_url"], f["root_crl_url"]]
        before = lab.client([fetch(url) for url in wanted])
        again = [fetch(f["root_crl_url"]), {"do": "sleep", "s": 3}]
        log = lab.capture(out / "client.pcapng", again + [
            visit(lab, proxy=None, while_paused=[], abandon=given_up)])
        files = {}
        keep(lab, before + log, cryptnet.Folder(ALICE, files), "alice", wanted)
        folder_files(out / "cryptnet", files)
        return log


SCENARIOS = {
    "inspected": lambda out: inspected(out, False),
    "inspected-trusted": lambda out: inspected(out, True),
    "inspected-bypassed": lambda out: inspected(out, False, inspect=False),
    "clock-behind": lambda out: clock(out, True),
    "clock-behind-set": lambda out: clock(out, False),
    "clock-ahead": clock_ahead,
    "list-signer-expired": lambda out: signer_lapsed(out, True),
    "list-signer-expired-valid": lambda out: signer_lapsed(out, False),
    "root-not-listed": lambda out: not_in_program(out, False),
    "root-not-listed-added": lambda out: not_in_program(out, True),
    "root-disabled": lambda out: root_disabled(out, True),
    "root-disabled-later": lambda out: root_disabled(out, False),
    "captive-portal": lambda out: captive(out, True),
    "captive-portal-open": lambda out: captive(out, False),
    "private-root": lambda out: private_root(out, False),
    "private-root-deployed": lambda out: private_root(out, True),
    "update-server-name": lambda out: update_name(out, False),
    "update-server-name-right": lambda out: update_name(out, True),
    "update-server-port": lambda out: update_port(out, False),
    "update-server-port-right": lambda out: update_port(out, True),
    "update-server-clear": lambda out: update_clear(out, False),
    "update-server-clear-encrypted": lambda out: update_clear(out, True),
    "update-server-files": lambda out: update_files(out, False),
    "update-server-files-served": lambda out: update_files(out, True),
    "list-blocked": lambda out: list_blocked(out, False),
    "list-blocked-open": lambda out: list_blocked(out, True),
    "issuer-address": lambda out: issuer_address(out, False),
    "issuer-address-right": lambda out: issuer_address(out, True),
    "crl-of-another": lambda out: crl_of_another(out, False),
    "crl-of-another-right": lambda out: crl_of_another(out, True),
    "site-name": lambda out: site_name(out, False),
    "site-name-right": lambda out: site_name(out, True),
    "update-server-root": lambda out: update_root(out, False),
    "update-server-root-deployed": lambda out: update_root(out, True),
    "answered-from-cache": lambda out: from_cache(out, True),
    "answered-from-cache-asked": asked_again,
    "answered-from-cache-used": lambda out: from_cache(out, False),
}
