#!/usr/bin/env python3
"""Makes the captures and caches of the samples in network namespaces.

    run.py                       every scenario, into the folder above this one
    run.py NAME…                 only these
    run.py --list
    run.py --out DIR NAME…       somewhere else

Needs root, and the packages named in README.md. Nothing leaves the namespaces.
"""

import argparse
import datetime as dt
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

sys.dont_write_bytecode = True
import build
import cryptnet
import facts
import machine

HERE = Path(__file__).resolve().parent
UTC = dt.timezone.utc

# Two labs at once need two names.
LAB = os.environ.get("WHYCHAIN_LAB", "wl")
CLIENT, PROXY, ROUTER, NET = (f"{LAB}-{part}" for part in ("client", "proxy", "router", "net"))
CLIENT_IP, PROXY_IP, ROUTER_IP = "10.20.0.15", "10.20.0.8", "10.20.0.1"
PROXY_NAME = "proxy.corp.lab.example"
VIA_PROXY = f"{PROXY_NAME}:3128"
HOSTS = {
    build.CTL_HOST: "203.0.113.10", build.NEW_CTL_HOST: "203.0.113.10",
    build.PKI_HOST: "203.0.113.20", build.AIA_HOST: "203.0.113.21",
    build.CRL_HOST: "203.0.113.30", build.OCSP_HOST: "203.0.113.40",
    "shop.lab.example": "203.0.113.50", "portal.lab.example": "203.0.113.51",
    "vpn.lab.example": "203.0.113.52", "block.lab.example": "203.0.113.60",
    "wpad.corp.lab.example": "203.0.113.70",
}
WPAD_HOST = "wpad.corp.lab.example"
WPAD_URL = f"http://{WPAD_HOST}/wpad.dat"
AUTOPROXY = "WinHttp-Autoproxy-Service/5.1"
IE8 = "Mozilla/4.0 (compatible; MSIE 8.0; Windows NT 6.1; WOW64; Trident/4.0)"
IE11 = "Mozilla/5.0 (Windows NT 10.0; WOW64; Trident/7.0; rv:11.0) like Gecko"
CAPI10 = "Microsoft-CryptoAPI/10.0"
ALICE = "C/Users/alice/AppData/LocalLow/Microsoft/CryptnetUrlCache"
SYSTEM = ("C/Windows/System32/config/systemprofile/AppData/LocalLow/"
          "Microsoft/CryptnetUrlCache")


def sh(command):
    subprocess.run(command, shell=True, check=True)


class Lab:
    """Namespaces and servers of one scenario; a context manager."""

    def __init__(self, *, ctl="first", tls=None, allow=(), squid="", no_name=(),
                 ctl_age="max-age=3600", half_crl=False, squid_cache=False, auth=False,
                 pac=None, option_252=None, hosts=None, prepare=None, servers="",
                 clock=None, captive=None, old_status=(),
                 intercept=False, small_mtu=None, tls_version="TLSv1.2", dns=()):
        self.hosts = HOSTS | (hosts or {})
        self.prepare, self.servers = prepare, servers
        self.clock, self.captive = clock, captive
        self.ctl, self.tls, self.allow = ctl, tls or {}, allow
        self.squid_extra, self.no_name = squid, no_name
        self.ctl_age, self.half_crl = ctl_age, half_crl
        self.squid_cache, self.auth = squid_cache, auth
        self.pac, self.option_252 = pac, option_252
        self.old_status = old_status
        self.intercept, self.small_mtu = intercept, small_mtu
        self.tls_version = tls_version
        self.dns = dns
        self.children = []

    def __enter__(self):
        self.work = Path(tempfile.mkdtemp(prefix="whychain-lab-"))
        self.work.chmod(0o755)
        try:
            today = dt.datetime.now(UTC).date()
            self.facts = build.build(self.work / "pki", today)
            if self.old_status:
                # What was published eight days ago, and never since.
                build.build(self.work / "old", today - dt.timedelta(days=8))
                for name in self.old_status:
                    shutil.copy2(self.work / "old/www" / name, self.work / "pki/www" / name)
            if self.prepare:
                self.prepare(self.work / "pki")
            self.namespaces()
            self.start_dns()
            self.start_origin()
            self.start_proxy()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for child in reversed(self.children):
            # The child is `ip netns exec`, which has become the server itself.
            if child.poll() is None:
                child.terminate()
                try:
                    child.wait(5)
                except subprocess.TimeoutExpired:
                    child.kill()
                    child.wait()
        for ns in (CLIENT, PROXY, ROUTER, NET):
            subprocess.run(["ip", "netns", "del", ns], stderr=subprocess.DEVNULL)
        shutil.rmtree(self.work)

    def spawn(self, ns, *args, **kw):
        child = subprocess.Popen(["ip", "netns", "exec", ns, *map(str, args)], **kw)
        self.children.append(child)
        return child

    def namespaces(self):
        sh(f"""set -e
        for n in {CLIENT} {PROXY} {ROUTER} {NET}; do
            ip netns add $n
            ip netns exec $n sysctl -qw net.ipv6.conf.all.disable_ipv6=1 \
                net.ipv6.conf.default.disable_ipv6=1
            ip -n $n link set lo up
        done
        ip -n {ROUTER} link add lan type bridge
        ip -n {ROUTER} link set lan address 02:00:0a:14:00:01
        cable() {{  # namespace, its device, device in the router, MAC, address
            ip -n $1 link add $2 address $4 type veth peer name $3 netns {ROUTER}
            ip -n $1 addr add $5 dev $2
            ip -n $1 link set $2 up
            ip -n {ROUTER} link set $3 up
            ip netns exec $1 ethtool -K $2 tx off rx off tso off gso off gro off >/dev/null
            ip netns exec {ROUTER} ethtool -K $3 tx off rx off tso off gso off gro off >/dev/null
        }}
        cable {CLIENT} eth0 client 02:00:0a:14:00:0f {CLIENT_IP}/24
        cable {PROXY} eth0 proxy 02:00:0a:14:00:08 {PROXY_IP}/24
        cable {NET} eth0 wan 02:00:cb:00:71:02 203.0.113.2/24
        ip -n {ROUTER} link set client master lan
        ip -n {ROUTER} link set proxy master lan
        ip -n {ROUTER} addr add {ROUTER_IP}/24 dev lan
        ip -n {ROUTER} link set lan up
        ip -n {ROUTER} addr add 203.0.113.1/24 dev wan
        ip -n {CLIENT} route add default via {ROUTER_IP}
        ip -n {PROXY} route add default via {ROUTER_IP}
        ip -n {NET} route add default via 203.0.113.1
        # Closer to Windows: no timestamps, TTL 128, SYNs repeated with growing gaps.
        ip netns exec {CLIENT} sysctl -qw net.ipv4.tcp_timestamps=0 net.ipv4.ip_default_ttl=128
        ip netns exec {CLIENT} sysctl -qw net.ipv4.tcp_syn_linear_timeouts=0 2>/dev/null || true
        ip netns exec {ROUTER} sysctl -qw net.ipv4.ip_forward=1
        ip netns exec {ROUTER} iptables -P FORWARD DROP
        ip netns exec {ROUTER} iptables -A FORWARD -m conntrack \
            --ctstate ESTABLISHED,RELATED -j ACCEPT
        ip netns exec {ROUTER} iptables -A FORWARD -i lan -o lan -j ACCEPT
        ip netns exec {ROUTER} iptables -A FORWARD -i lan -s {PROXY_IP} -j ACCEPT
        """)
        for address in sorted(set(self.hosts.values())):
            sh(f"ip -n {NET} addr add {address}/24 dev eth0")
        if self.intercept:
            # The client's web requests turn off to the proxy, unasked.
            sh(f"ip netns exec {ROUTER} iptables -t nat -A PREROUTING -i lan -s {CLIENT_IP} "
               f"-p tcp --dport 80 -j DNAT --to-destination {PROXY_IP}:3129")
            sh(f"ip netns exec {ROUTER} iptables -t nat -A POSTROUTING -o lan -s {CLIENT_IP} "
               f"-d {PROXY_IP} -p tcp --dport 3129 -j MASQUERADE")
        if self.small_mtu is not None:
            # A link with a smaller MTU before the client; with "mute" nobody says so.
            mtu, mute = self.small_mtu
            sh(f"ip -n {ROUTER} route replace {CLIENT_IP}/32 dev lan mtu lock {mtu}")
            if mute:
                sh(f"ip netns exec {ROUTER} iptables -A OUTPUT -p icmp "
                   "--icmp-type fragmentation-needed -j DROP")
        for address in self.allow:
            sh(f"ip netns exec {ROUTER} iptables -A FORWARD -i lan -s {CLIENT_IP} "
               f"-d {address} -j ACCEPT")
        if self.captive:
            sh(f"ip netns exec {ROUTER} iptables -t nat -A PREROUTING -i lan -s {CLIENT_IP} "
               f"-p tcp --dport 80 -j DNAT --to-destination {self.captive}")
        # One packet each, so that the bridge knows who sits where.
        for ns, there in ((CLIENT, PROXY_IP), (CLIENT, ROUTER_IP), (PROXY, "203.0.113.2")):
            sh(f"ip netns exec {ns} bash -c 'echo > /dev/udp/{there}/9'")

    def start_dns(self):
        records = dict(self.hosts) | {PROXY_NAME: PROXY_IP}
        for name in self.no_name:
            del records[name]
        self.spawn(ROUTER, "dnsmasq", "-k", "--conf-file=/dev/null", "--no-resolv",
                   "--no-hosts", "--user=root", f"--listen-address={ROUTER_IP}",
                   "--bind-interfaces", "--pid-file=", "--local=/example/",
                   "--local-ttl=300", "--log-facility=/dev/null",
                   *self.dhcp(), *self.dns,
                   *[f"--host-record={n},{a}" for n, a in records.items()])

    def dhcp(self):
        """Options that make dnsmasq a DHCP server too."""
        if self.option_252 is None:
            return []
        script = [f"--dhcp-option=252,{self.option_252}"] if self.option_252 else []
        return ["--interface=lan", "--dhcp-range=10.20.0.100,10.20.0.120,255.255.255.0,1h",
                f"--dhcp-leasefile={self.work}/leases", "--dhcp-authoritative",
                "--dhcp-option=15,corp.lab.example", *script]

    def start_origin(self):
        pki = self.work / "pki"
        www = pki / "www"
        (pki / "www/block.lab.example").mkdir()
        (pki / "www/block.lab.example/index.html").write_text(
            "<html><head><title>Access to this site is restricted</title></head>\n"
            "<body><h1>Access to this site is restricted</h1>\n"
            "<p>The category \"software downloads\" is not allowed for your group.</p>\n"
            "<p>Ask the service desk if you need it for your work.</p></body></html>\n")
        (www / WPAD_HOST).mkdir()
        if self.pac:
            (www / WPAD_HOST / "wpad.dat").write_text(self.pac)
        (pki / "page").mkdir()
        (pki / "page/index.html").write_text(
            "<html><head><title>Lab shop</title></head><body>Welcome.</body></html>\n")
        self.configure_origin()
        self.web = self.spawn(NET, "nginx", "-c", self.work / "nginx.conf",
                              stderr=subprocess.DEVNULL)
        time.sleep(0.5)
        if self.web.poll() is not None:
            raise SystemExit("nginx did not start: " + (self.work / "nginx.log").read_text())
        if self.half_crl:
            self.spawn(NET, sys.executable, HERE / "half_server.py", HOSTS[build.CRL_HOST],
                       www / build.CRL_HOST, build.ISSUING_CRL_PATH)

    def publish(self, ctl, age):
        """Another list at the same address, from now on."""
        self.ctl, self.ctl_age = ctl, age
        self.configure_origin()
        self.web.send_signal(signal.SIGHUP)
        time.sleep(1)

    def tls_key(self, chain):
        own = self.work / f"pki/tls/{chain}.key"
        return own if own.exists() else self.work / "pki/tls/server.key"

    def configure_origin(self):
        pki = self.work / "pki"
        www = pki / "www"
        servers = []
        for host in self.hosts:
            if host == build.CRL_HOST and self.half_crl:
                continue
            root = www / (build.CTL_HOST if host == build.NEW_CTL_HOST else host)
            if not root.exists():
                continue
            extra = ""
            if host == build.OCSP_HOST:
                extra = ("location / { root %s; try_files $answer =404; "
                         "default_type application/ocsp-response; types {} "
                         "add_header Cache-Control max-age=43200; }" % root)
            if host == "block.lab.example":
                extra = "location / { try_files /index.html =404; }"
            if host in (build.CTL_HOST, build.NEW_CTL_HOST):
                extra = ("location = %sauthrootstl.cab { alias %s/ctl/%s/authrootstl.cab; "
                         "add_header Cache-Control %s; }" %
                         (build.CTL_DIR, pki, self.ctl, self.ctl_age))
            servers.append(f"server {{ listen {self.hosts[host]}:80; server_name {host}; "
                           f"root {root}; {extra} }}")
        for host, chain in self.tls.items():
            servers.append(f"server {{ listen {self.hosts[host]}:443 ssl; server_name {host}; "
                           f"ssl_certificate {pki}/tls/{chain}.pem; "
                           f"ssl_certificate_key {self.tls_key(chain)}; "
                           f"ssl_protocols {self.tls_version}; root {pki}/page; }}")
        ocsp = {k: v.partition(build.OCSP_HOST)[2] for k, v in self.facts.items()
                if k.endswith("ocsp_url")}
        (self.work / "nginx.conf").write_text(f"""
user root; worker_processes 1; daemon off; pid {self.work}/nginx.pid;
error_log {self.work}/nginx.log;
events {{ worker_connections 64; }}
http {{
  access_log off; keepalive_timeout 120; map_hash_bucket_size 512;
  client_body_temp_path {self.work}/b; proxy_temp_path {self.work}/p;
  fastcgi_temp_path {self.work}/f; uwsgi_temp_path {self.work}/u; scgi_temp_path {self.work}/s;
  types {{ application/pkix-crl crl; application/x-x509-ca-cert crt;
          application/vnd.ms-cab-compressed cab; text/html html;
          application/x-ns-proxy-autoconfig dat; }}
  map $uri $cache {{ ~\\.crl$ max-age=7200; ~\\.crt$ max-age=86400; default ""; }}
  map $request_uri $answer {{ {ocsp["ocsp_url"]} /shop.der; {ocsp["portal_ocsp_url"]} /portal.der; }}
  add_header Cache-Control $cache;
  {chr(10).join(servers)}
  {self.servers.replace("@PKI@", str(pki))}
}}
""")

    def start_proxy(self):
        logs = self.work / "squid"
        logs.mkdir()
        shutil.chown(logs, "proxy", "proxy")
        login = ""
        if self.auth:
            lib = "/usr/lib/squid"
            ntlm = shutil.copy(HERE / "ntlm_helper.py", self.work)
            refuse = " --refuse-machines" if self.auth == "people" else ""
            os.chmod(ntlm, 0o755)
            login = (f"auth_param negotiate program {lib}/negotiate_wrapper_auth "
                     f"--ntlm /usr/bin/python3 {ntlm}{refuse} --kerberos /bin/false\n"
                     "auth_param negotiate children 1 startup=1\n"
                     f"auth_param ntlm program /usr/bin/python3 {ntlm}{refuse}\n"
                     "auth_param ntlm children 2 startup=1\n"
                     f"auth_param basic program {lib}/basic_fake_auth\n"
                     "auth_param basic children 1 startup=1\n"
                     "auth_param basic realm Lab proxy\n"
                     "acl known proxy_auth REQUIRED\n")
        (self.work / "squid.conf").write_text(f"""
http_port {PROXY_IP}:3128
{f"http_port {PROXY_IP}:3129 accel vhost allow-direct" if self.intercept else ""}
visible_hostname {PROXY_NAME}
via on
dns_nameservers {ROUTER_IP}
cache_effective_user proxy
cache_mem 8 MB
{"" if self.squid_cache else "cache deny all"}
access_log none
cache_log {logs}/cache.log
pid_filename {logs}/squid.pid
coredump_dir {logs}
netdb_filename none
pinger_enable off
shutdown_lifetime 0 seconds
{login}
acl lan src 10.20.0.0/24
{self.squid_extra}
{"http_access allow lan known" if self.auth else "http_access allow lan"}
http_access deny all
""")
        self.spawn(PROXY, "squid", "-N", "-f", self.work / "squid.conf",
                   stderr=subprocess.DEVNULL)
        end = time.time() + 20
        while "Accepting HTTP" not in ((logs / "cache.log").read_text()
                                       if (logs / "cache.log").exists() else ""):
            if time.time() > end:
                raise SystemExit("squid did not start: " + (logs / "cache.log").read_text())
            time.sleep(0.2)
        time.sleep(0.5)

    # -- what a scenario does

    def roots(self, name):
        return str(self.work / "pki/roots" / f"{name}.pem")

    def client(self, steps):
        """Runs steps without a capture. Returns the client's log."""
        save = self.work / "bodies"
        save.mkdir(exist_ok=True)
        script = {"dns": ROUTER_IP, "save": str(save), "steps": steps}
        clock = ["faketime", "-f", self.clock] if self.clock else []
        done = subprocess.run(
            ["ip", "netns", "exec", CLIENT, *clock, sys.executable, HERE / "client.py"],
            input=json.dumps(script), text=True, stdout=subprocess.PIPE, check=True)
        return json.loads(done.stdout)

    def capture(self, path, steps, also=()):
        """Runs steps with tcpdump on the client's interface, and on those of
        the namespaces in `also`, each with the path of its own file."""
        dumps = []
        for ns, target in ((CLIENT, path), *also):
            raw = self.work / f"{ns}.pcap"
            dump = self.spawn(ns, "tcpdump", "-i", "eth0", "-s", "0", "-U", "--immediate-mode",
                              "-Z", "root",
                              "-w", raw, stderr=subprocess.PIPE, text=True)
            dump.stderr.readline()
            dumps.append((dump, raw, target))
        time.sleep(0.3)
        log = self.client(steps)
        time.sleep(1.2)
        for dump, raw, target in dumps:
            dump.send_signal(signal.SIGINT)
            dump.wait(10)
            target.parent.mkdir(parents=True, exist_ok=True)
            subprocess.run(["editcap", "-F", "pcapng", raw, target], check=True)
        return log

    def body(self, entry):
        return (self.work / "bodies" / entry["sha256"]).read_bytes()


def pick(log, url, who):
    """The last good answer for this URL and account."""
    return [e for e in log if e.get("url") == url and e.get("as") == who
            and e.get("status") == 200][-1]


def keep(lab, log, cache, who, urls):
    """Writes cache entries for what the client fetched as `who`."""
    f = lab.facts
    for url in urls:
        e = pick(log, url, who)
        # A refresh answered with 304 keeps the entry and moves its time.
        e = e | {"ended": max(x["ended"] for x in log if x.get("url") == url
                              and x.get("as") == who and x.get("status") in (200, 304))}
        if url in (f["ctl_url"], f["new_ctl_url"]):
            cache.add_list(url, lab.body(e), e["ended"], e["headers"])
        elif url in f["crl_times"]:
            this, following = f["crl_times"][url]
            cache.add(url, lab.body(e), e["ended"], e["headers"], kind=cryptnet.CRL,
                      this=this, following=following)
        elif url == f["ocsp_url"]:
            this, following = f["ocsp_times"]
            cache.add(url, lab.body(e), e["ended"], e["headers"], kind=cryptnet.OCSP,
                      this=this, following=following,
                      cdp_der=bytes.fromhex(f["site_cdp_der"]))
        else:
            cache.add(url, lab.body(e), e["ended"], e["headers"])


def device_crl(lab, cache, start):
    """An entry of the SYSTEM account from that morning, from a server in the
    house, not in the capture."""
    url = lab.facts["device_crl_url"]
    path = lab.work / "pki/www" / build.INTRANET_CRL_HOST / "crl/LabDeviceCA.crl"
    mtime = dt.datetime.fromtimestamp(int(path.stat().st_mtime), UTC)
    headers = {"last-modified": mtime.strftime("%a, %d %b %Y %H:%M:%S GMT"),
               "etag": f'"{int(mtime.timestamp()):x}-{path.stat().st_size:x}"',
               "cache-control": "max-age=7200"}
    this, following = lab.facts["crl_times"][url]
    sync = dt.datetime.fromisoformat(start) - dt.timedelta(hours=5, minutes=12, seconds=41.387)
    cache.add(url, path.read_bytes(), sync, headers, kind=cryptnet.CRL,
              this=this, following=following)


def zip_files(path, files):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as z:
        for name in sorted(files):
            data, t = files[name]
            info = zipfile.ZipInfo(str(name), t.timetuple()[:6])
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = 0o644 << 16
            z.writestr(info, data)


def folder_files(path, files):
    shutil.rmtree(path, ignore_errors=True)
    for name, (data, t) in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(data)
        os.utime(path / name, (t.timestamp(), t.timestamp()))


# ------------------------------------------------------------------ scenarios

def root_update(out, variant):
    broken = variant == "first"
    with Lab(ctl=variant, tls={"shop.lab.example": "shop-full"},
             allow=[HOSTS[build.CTL_HOST]]) as lab:
        f = lab.facts
        proxied = dict(do="get", proxy=VIA_PROXY, conn="alice", **{"as": "alice"})
        direct = dict(do="get", **{"as": "system"})
        visit = dict(do="tls", host="shop.lab.example", proxy=VIA_PROXY, agent=IE8,
                     roots=lab.roots("other" if broken else "LabSiteRoot"),
                     **{"as": "alice"})
        meanwhile = [proxied | {"url": f["ctl_url"]}]
        if broken:
            meanwhile += [proxied | {"url": f["pca_url"]}]
        meanwhile += [{"do": "sleep", "s": 0.2}, direct | {"url": f["ctl_url"]}]
        if broken:
            meanwhile += [direct | {"url": f["pca_url"], "timeout": 10}]
        else:
            meanwhile += [proxied | {"url": f["root_url"]},
                          proxied | {"url": f["ocsp_url"]},
                          proxied | {"url": f["root_crl_url"]}]
        log = lab.capture(out / "client.pcapng", [
            visit | {"while_paused": meanwhile}, {"do": "sleep", "s": 3}, visit])
        files = {}
        alice, system = cryptnet.Folder(ALICE, files), cryptnet.Folder(SYSTEM, files)
        wanted = [f["ctl_url"]] + ([f["pca_url"]] if broken else
                                   [f["root_url"], f["ocsp_url"], f["root_crl_url"]])
        keep(lab, log, alice, "alice", wanted)
        keep(lab, log, system, "system", [f["ctl_url"]])
        device_crl(lab, system, log[0]["started"])
        zip_files(out / "caches.zip", files)
        return log


def fetch(url, **kw):
    """A fetch of the Windows 10 samples, as alice unless said otherwise."""
    return {"do": "get", "url": url, "agent": CAPI10, "as": "alice"} | kw


def proxied(url, **kw):
    return fetch(url, **{"proxy": VIA_PROXY, "conn": "alice"} | kw)


def visit(lab, host="shop.lab.example", proxy=VIA_PROXY, trust=("LabSiteRoot",), **kw):
    roots = [lab.roots(n) for n in trust]
    return {"do": "tls", "host": host, "proxy": proxy, "agent": IE11, "as": "alice",
            "roots": roots[0], "also": roots[1:]} | kw


PAUSE = {"do": "sleep", "s": 2}


def healthy(out):
    with Lab(ctl="first", tls={"shop.lab.example": "shop-full"}) as lab:
        f = lab.facts
        ctl, root = f["new_ctl_url"], f["new_root_url"]
        as_system = {"as": "system", "conn": "system"}
        log = lab.capture(out / "client.pcapng", [
            visit(lab, while_paused=[
                proxied(ctl, query="5d0c7f2f9ab8e416"), proxied(f["pca_url"]),
                proxied(ctl, query="c41e07b65f3a9d28", **as_system),
                proxied(f["pca_url"], **as_system),
                proxied(root), proxied(f["ocsp_url"]), proxied(f["root_crl_url"])]),
            PAUSE,
            proxied(f["root_crl_url"], refresh=True),
            proxied(ctl, query="08f6b1d2c97e543a", refresh=True),
            visit(lab)])
        files = {}
        alice, system = cryptnet.Folder(ALICE, files), cryptnet.Folder(SYSTEM, files)
        keep(lab, log, alice, "alice",
             [ctl, f["pca_url"], root, f["ocsp_url"], f["root_crl_url"]])
        keep(lab, log, system, "system", [ctl, f["pca_url"]])
        folder_files(out / "cryptnet", files)
        return log


def proxy_login(out, allowed):
    hosts = " ".join((build.AIA_HOST, build.OCSP_HOST, build.CRL_HOST))
    free = f"acl certificates dstdomain {hosts}\nhttp_access allow lan certificates"
    with Lab(tls={"shop.lab.example": "shop-leaf"}, auth=True,
             squid=free if allowed else "") as lab:
        return missing_intermediate(lab, out, allowed, user=["LAB", "alice", "PC-0415"])


def proxy_denies(out, allowed):
    deny = f"acl filtered dstdomain {build.AIA_HOST}\nhttp_access deny filtered"
    with Lab(tls={"shop.lab.example": "shop-leaf"}, squid="" if allowed else deny) as lab:
        return missing_intermediate(lab, out, allowed)


def missing_intermediate(lab, out, allowed, **kw):
    """The server sends its own certificate only; the issuer is fetched, or not."""
    f = lab.facts
    if not allowed:
        meanwhile = [proxied(f["issuing_url"])]
        trust = ("LabSiteRoot",)
    else:
        meanwhile = [proxied(u) for u in (f["issuing_url"], f["ocsp_url"], f["root_crl_url"])]
        trust = ("LabSiteRoot", "LabSiteIssuingCA1")
    return lab.capture(out / "client.pcapng",
                       [visit(lab, trust=trust, while_paused=meanwhile, **kw)])


def block_page(out, allowed):
    peer = (f"cache_peer {HOSTS['block.lab.example']} parent 80 0 no-query originserver\n"
            f"acl downloads urlpath_regex \\.cab\n"
            f"cache_peer_access {HOSTS['block.lab.example']} allow downloads\n"
            f"cache_peer_access {HOSTS['block.lab.example']} deny all\n"
            "never_direct allow downloads")
    with Lab(ctl="resigned", tls={"shop.lab.example": "shop-full"},
             squid="" if allowed else peer) as lab:
        f = lab.facts
        meanwhile = [proxied(f["new_ctl_url"], query="7be3a05c41d89f62")]
        if allowed:
            meanwhile += [proxied(u) for u in
                          (f["new_root_url"], f["ocsp_url"], f["root_crl_url"])]
        trust = ("LabSiteRoot",) if allowed else ("other",)
        return lab.capture(out / "client.pcapng",
                           [visit(lab, trust=trust, while_paused=meanwhile)])


def dns_failed(out, works):
    with Lab(tls={"shop.lab.example": "shop-leaf"}, allow=sorted(set(HOSTS.values())),
             no_name=() if works else (build.AIA_HOST,)) as lab:
        f = lab.facts
        if not works:
            meanwhile = [fetch(f["issuing_url"])]
            trust = ("LabSiteRoot",)
        else:
            meanwhile = [fetch(u) for u in
                         (f["issuing_url"], f["ocsp_url"], f["root_crl_url"])]
            trust = ("LabSiteRoot", "LabSiteIssuingCA1")
        return lab.capture(out / "client.pcapng", [
            visit(lab, proxy=None, trust=trust, while_paused=meanwhile)])


def leaf_expired(out, renewed):
    with Lab(tls={"portal.lab.example": "portal-full" if renewed else "portal_expired-full"},
             allow=sorted(set(HOSTS.values()))) as lab:
        f = lab.facts
        meanwhile = {"while_paused": [fetch(f["portal_ocsp_url"]), fetch(f["root_crl_url"])]}
        return lab.capture(out / "client.pcapng", [
            visit(lab, "portal.lab.example", None, **(meanwhile if renewed else {}))])


def tls13(out, with_keys):
    """One recording for both: the twin has the key log beside it."""
    other = out.parent / ("tls13-hidden" if with_keys else "tls13-with-keys")
    other.mkdir(parents=True, exist_ok=True)
    with_log = out if with_keys else other
    log = with_log / "sslkeys.log"
    log.unlink(missing_ok=True)
    with Lab(tls={"portal.lab.example": "portal_expired-full"}, tls_version="TLSv1.3",
             allow=sorted(set(HOSTS.values()))) as lab:
        done = lab.capture(out / "client.pcapng", [
            visit(lab, "portal.lab.example", None, tls13=True, keys=str(log))])
    shutil.copy(out / "client.pcapng", other)
    facts.write_readme(HERE / "stories" / f"{other.name}.md", other)
    return done


def transfer_incomplete(out, whole):
    with Lab(tls={"vpn.lab.example": "vpn-full"}, allow=sorted(set(HOSTS.values())),
             half_crl=not whole) as lab:
        f = lab.facts
        meanwhile = [fetch(f["root_crl_url"]), fetch(f["crl_url"])]
        return lab.capture(out / "client.pcapng", [
            visit(lab, "vpn.lab.example", None, while_paused=meanwhile, abandon=not whole)])


def reset_behind_proxy(out, whole):
    """The transfer breaks off between the origin and the proxy; tcpdump runs
    on both sides of the proxy."""
    with Lab(tls={"vpn.lab.example": "vpn-full"}, half_crl=not whole) as lab:
        f = lab.facts
        meanwhile = [proxied(f["root_crl_url"]), proxied(f["crl_url"])]
        return lab.capture(out / "client.pcapng", [
            visit(lab, "vpn.lab.example", while_paused=meanwhile, abandon=not whole)],
            also=[(PROXY, out / "proxy.pcapng")])


def mtu_black_hole(out, told):
    """A link of 1,300 bytes before the client, and the message about it
    dropped, or let through; captured at the server."""
    with Lab(tls={"vpn.lab.example": "vpn-full"}, allow=sorted(set(HOSTS.values())),
             small_mtu=(1300, not told)) as lab:
        f = lab.facts
        fetches = [fetch(f["root_crl_url"]), fetch(f["crl_url"], timeout=15)]
        return lab.capture(out / "client.pcapng", fetches,
                           also=[(NET, out / "server.pcapng")])


def stale_transparent(out, purged):
    """As `stale-copy`, through a proxy that the client does not know of;
    captured on both sides of it."""
    with Lab(ctl="older", ctl_age="max-age=1209600", squid_cache=True, intercept=True,
             tls={"shop.lab.example": "shop-full"}, allow=sorted(set(HOSTS.values()))) as lab:
        f = lab.facts
        ctl = f["ctl_url"]
        old = {"agent": "Microsoft-CryptoAPI/6.1"}
        if not purged:
            lab.client([fetch(ctl, **old)])
            time.sleep(3)
        lab.publish("resigned", "max-age=1209600")
        if purged:
            meanwhile = [fetch(u, **old) for u in
                         (ctl, f["root_url"], f["ocsp_url"], f["root_crl_url"])]
            steps = [visit(lab, proxy=None, while_paused=meanwhile, agent=IE8)]
        else:
            steps = [visit(lab, proxy=None, trust=("other",), while_paused=[fetch(ctl, **old)],
                           agent=IE8),
                     {"do": "sleep", "s": 4},
                     fetch(ctl, reload=True, agent="CertUtil URL Agent",
                           **{"as": "help desk"})]
        return lab.capture(out / "client.pcapng", steps, also=[(PROXY, out / "proxy.pcapng")])


def stale_copy(out, purged, both_sides=False):
    """`both_sides`: captured at the proxy too, without caches."""
    # The publisher's own web cache held the older list for ten days: see Age.
    with Lab(ctl="older", ctl_age="max-age=1209600; add_header Age 864000", tls={"shop.lab.example": "shop-full"},
             squid_cache=True) as lab:
        f = lab.facts
        ctl = f["ctl_url"]
        old = {"agent": "Microsoft-CryptoAPI/6.1"}
        if not purged:
            # Another computer asked for the list before the newer one came out.
            lab.client([proxied(ctl, **old)])
            time.sleep(3)
        lab.publish("resigned", "max-age=1209600")
        if purged:
            meanwhile = [proxied(u, **old) for u in
                         (ctl, f["root_url"], f["ocsp_url"], f["root_crl_url"])]
            steps = [visit(lab, while_paused=meanwhile, agent=IE8)]
        else:
            steps = [visit(lab, trust=("other",), while_paused=[proxied(ctl, **old)], agent=IE8),
                     {"do": "sleep", "s": 4},
                     proxied(ctl, reload=True, agent="CertUtil URL Agent", conn="help-desk",
                             **{"as": "help desk"})]
        also = [(PROXY, out / "proxy.pcapng")] if both_sides else []
        log = lab.capture(out / "client.pcapng", steps, also=also)
        if both_sides:
            return log
        files = {}
        alice = cryptnet.Folder(ALICE, files)
        keep(lab, log, alice, "alice", [ctl] + (
            [f["root_url"], f["ocsp_url"], f["root_crl_url"]] if purged else []))
        folder_files(out / "cryptnet", files)
        return log


def machine_login(out, allowed):
    """The proxy asks the machine for a login; the machine gives its account."""
    with Lab(tls={"shop.lab.example": "shop-leaf"}, auth=True if allowed else "people") as lab:
        f = lab.facts
        as_machine = dict(login=["LAB", "PC-0415$", "PC-0415"], conn="system",
                          **{"as": "system"})
        urls = [f["issuing_url"]] + ([f["ocsp_url"], f["root_crl_url"]] if allowed else [])
        trust = ("LabSiteRoot", "LabSiteIssuingCA1") if allowed else ("LabSiteRoot",)
        return lab.capture(out / "client.pcapng", [visit(
            lab, trust=trust, user=["LAB", "alice", "PC-0415"],
            while_paused=[proxied(u, **as_machine) for u in urls])])


PAC_ALL = f"""function FindProxyForURL(url, host) {{
    if (isPlainHostName(host) || isInNet(host, "10.0.0.0", "255.0.0.0")) return "DIRECT";
    return "PROXY {VIA_PROXY}; DIRECT";
}}
"""
PAC_SPLIT = f"""// Revocation lists straight, everything else by the proxy.
var direct = ["{build.CRL_HOST}", "{build.OCSP_HOST}"];
function FindProxyForURL(url, host) {{
    for (var i = 0; i < direct.length; i++)
        if (shExpMatch(host, direct[i])) return "DIRECT";
    return "PROXY " + "{VIA_PROXY}";
}}
"""


def search(dhcp=True, **kw):
    """Automatic detection: DHCP INFORM, DNS, then everybody."""
    steps = [{"do": "inform", "name": "PC-0415"}] if dhcp else []
    return steps + [{"do": "lookup", "name": WPAD_HOST, "then": ["llmnr", "nbns"]}]


def wpad(out, how):
    """how: dhcp and dns (works), silent (nobody answers), 404 (no script there)."""
    works = how in ("dhcp", "dns")
    option = {"dhcp": WPAD_URL, "404": WPAD_URL}.get(how, "")
    with Lab(tls={"shop.lab.example": "shop-leaf"}, pac=PAC_ALL if works else None,
             option_252=option, no_name=() if how != "silent" else (WPAD_HOST,),
             allow=[HOSTS[WPAD_HOST], HOSTS["shop.lab.example"]]) as lab:
        f = lab.facts
        script = [fetch(WPAD_URL, agent=AUTOPROXY)] if how != "silent" else []
        found = [{"do": "inform", "name": "PC-0415"}] if how in ("dhcp", "404") else search()
        if works:
            meanwhile = [proxied(u) for u in (f["issuing_url"], f["ocsp_url"], f["root_crl_url"])]
            trust = ("LabSiteRoot", "LabSiteIssuingCA1")
        else:
            meanwhile = [fetch(f["issuing_url"], timeout=10)]
            trust = ("LabSiteRoot",)
        return lab.capture(out / "client.pcapng", found + script + [
            visit(lab, proxy=VIA_PROXY if works else None, trust=trust,
                  while_paused=meanwhile)])


def pac_split(out, allowed):
    """The script sends the lists straight out, which the firewall stops or not."""
    direct = [HOSTS[build.CRL_HOST], HOSTS[build.OCSP_HOST]] if allowed else []
    with Lab(tls={"shop.lab.example": "shop-leaf"}, pac=PAC_SPLIT, option_252=WPAD_URL,
             allow=[HOSTS[WPAD_HOST], *direct]) as lab:
        f = lab.facts
        meanwhile = [proxied(f["issuing_url"]), fetch(f["root_crl_url"], timeout=10)]
        return lab.capture(out / "client.pcapng", [
            {"do": "inform", "name": "PC-0415"}, fetch(WPAD_URL, agent=AUTOPROXY),
            visit(lab, trust=("LabSiteRoot", "LabSiteIssuingCA1"), while_paused=meanwhile)])
def service_route(out, told):
    """A service and a user validate the same site; the issuer that the server
    does not send is fetched by each on its own way."""
    with Lab(tls={"shop.lab.example": "shop-leaf"}, allow=[HOSTS["shop.lab.example"]]) as lab:
        f = lab.facts
        agent = "LabInventoryAgent/2.1"
        proxy = VIA_PROXY if told else None
        by_service = fetch(f["issuing_url"], proxy=proxy, **{"as": "system"})
        by_user = proxied(f["issuing_url"])
        both = ("LabSiteRoot", "LabSiteIssuingCA1")
        service = visit(lab, proxy=None, trust=both if told else ("LabSiteRoot",), agent=agent,
                        while_paused=[by_service], **{"as": "system"})
        log = lab.capture(out / "client.pcapng", [
            service, PAUSE, visit(lab, trust=both, while_paused=[by_user])])
        files = {}
        at = dt.datetime.fromisoformat(log[0]["started"])
        alice, system = cryptnet.Folder(ALICE, files), cryptnet.Folder(SYSTEM, files)
        keep(lab, log, alice, "alice", [f["issuing_url"]])
        device_crl(lab, system, log[0]["started"])
        if told:
            keep(lab, log, system, "system", [f["issuing_url"]])
        issuing, root = (machine.der(lab.roots(name)) for name in ("LabSiteIssuingCA1", "LabSiteRoot"))
        written = (at - dt.timedelta(days=30)).replace(microsecond=0)
        proxy_text = f"{PROXY_IP}:3128"
        for path, data in machine.hives([root], proxy_text, proxy_text if told else "",
                                        int(written.timestamp())).items():
            files[Path(path)] = (data, at)
        files[Path(machine.LOG)] = (machine_log(lab, log, issuing, root, told), at)
        zip_files(out / "triage.zip", files)
        return log


def machine_log(lab, log, issuing, root, told):
    """The CAPI2 log of the two validations."""
    with_proxy = f"{PROXY_IP}:3128"
    records = []
    for who, process, number, ok in (("system", "LabInventoryAgent.exe", 1180, told),
                                     ("alice", "iexplore.exe", 4312, True)):
        task = f"{{0B5F1A00-0000-4000-8000-0000000000{number % 100:02d}}}"
        got = next(e for e in log if e.get("url") and e["as"] == who)
        seen = next(e for e in log if e.get("tls") and e["as"] == who)
        leaf = machine.der(lab.work / "pki/tls/shop-leaf.pem")
        elements = [(leaf, "shop.lab.example", 0)]
        if ok:
            elements += [(issuing, "Lab Site Issuing CA 1", 0), (root, "Lab Site Root", 0)]
        status = 0 if ok else 0x10000
        proxy = with_proxy if who == "alice" or told else None
        records += [
            (got["started"], 52, 4, who, number, machine.wire_start(process, task, 1)),
            (got["ended"], 53, 4 if ok else 2, who, number,
             machine.wire_end(got, proxy, process, task, 2)),
            (got["ended"], 11, 4 if ok else 2, who, number,
             machine.chain_end(elements, status, process, task, 3)),
        ]
    return machine.capi2(records)


def status_unreachable(out, reachable):
    """A program that insists on a status, and servers that do not answer."""
    silent = {HOSTS[build.OCSP_HOST], HOSTS[build.CRL_HOST]}
    allow = set(HOSTS.values()) - (set() if reachable else silent)
    with Lab(tls={"shop.lab.example": "shop-full"}, allow=sorted(allow)) as lab:
        f = lab.facts
        if reachable:
            meanwhile = [fetch(f["ocsp_url"]), fetch(f["root_crl_url"])]
        else:
            meanwhile = [fetch(f["ocsp_url"], timeout=15), fetch(f["crl_url"], timeout=5)]
        return lab.capture(out / "client.pcapng", [
            visit(lab, proxy=None, while_paused=meanwhile, abandon=not reachable)])


def crl_expired(out, renewed):
    """The copy job of the CA stopped: the CRL at its address ran out."""
    old = () if renewed else (f"{build.CRL_HOST}{build.ISSUING_CRL_PATH}",)
    with Lab(tls={"vpn.lab.example": "vpn-full"}, allow=sorted(set(HOSTS.values())),
             old_status=old) as lab:
        f = lab.facts
        meanwhile = [fetch(f["root_crl_url"]), fetch(f["crl_url"])]
        return lab.capture(out / "client.pcapng", [
            visit(lab, "vpn.lab.example", None, while_paused=meanwhile, abandon=not renewed)])


def ocsp_stale(out, renewed):
    """A responder that hands out an answer of last week."""
    old = () if renewed else (f"{build.OCSP_HOST}/shop.der",)
    with Lab(tls={"shop.lab.example": "shop-full"}, allow=sorted(set(HOSTS.values())),
             old_status=old) as lab:
        f = lab.facts
        meanwhile = [fetch(f["root_crl_url"]), fetch(f["ocsp_url"])]
        return lab.capture(out / "client.pcapng", [
            visit(lab, proxy=None, while_paused=meanwhile, abandon=not renewed)])


# The other scenarios use what stands above.
sys.modules.setdefault("run", sys.modules[__name__])
import causes
import derived
import network
import update_point

SCENARIOS = causes.SCENARIOS | derived.SCENARIOS | network.SCENARIOS | update_point.SCENARIOS | {
    "status-unreachable": lambda out: status_unreachable(out, False),
    "status-unreachable-open": lambda out: status_unreachable(out, True),
    "crl-expired": lambda out: crl_expired(out, False),
    "crl-expired-published": lambda out: crl_expired(out, True),
    "ocsp-stale": lambda out: ocsp_stale(out, False),
    "ocsp-stale-renewed": lambda out: ocsp_stale(out, True),
    "machine-login": lambda out: machine_login(out, False),
    "machine-login-allowed": lambda out: machine_login(out, True),
    "wpad-dhcp": lambda out: wpad(out, "dhcp"),
    "wpad-dns": lambda out: wpad(out, "dns"),
    "wpad-silent": lambda out: wpad(out, "silent"),
    "wpad-404": lambda out: wpad(out, "404"),
    "pac-two-ways": lambda out: pac_split(out, False),
    "pac-two-ways-allowed": lambda out: pac_split(out, True),
    "root-update-2011": lambda out: root_update(out, "first"),
    "root-update-2011-resigned": lambda out: root_update(out, "resigned"),
    "healthy-through-proxy": healthy,
    "proxy-login-407": lambda out: proxy_login(out, False),
    "proxy-login-407-allowed": lambda out: proxy_login(out, True),
    "block-page-200": lambda out: block_page(out, False),
    "block-page-200-allowed": lambda out: block_page(out, True),
    "intermediate-missing": lambda out: proxy_denies(out, False),
    "intermediate-missing-allowed": lambda out: proxy_denies(out, True),
    "dns-failed": lambda out: dns_failed(out, False),
    "dns-failed-resolved": lambda out: dns_failed(out, True),
    "leaf-expired": lambda out: leaf_expired(out, False),
    "leaf-expired-renewed": lambda out: leaf_expired(out, True),
    "tls13-hidden": lambda out: tls13(out, False),
    "tls13-with-keys": lambda out: tls13(out, True),
    "transfer-incomplete": lambda out: transfer_incomplete(out, False),
    "transfer-incomplete-whole": lambda out: transfer_incomplete(out, True),
    "stale-copy": lambda out: stale_copy(out, False),
    "reset-behind-proxy": lambda out: reset_behind_proxy(out, False),
    "reset-behind-proxy-whole": lambda out: reset_behind_proxy(out, True),
    "mtu-black-hole": lambda out: mtu_black_hole(out, False),
    "mtu-black-hole-told": lambda out: mtu_black_hole(out, True),
    "stale-copy-transparent": lambda out: stale_transparent(out, False),
    "stale-copy-transparent-purged": lambda out: stale_transparent(out, True),
    "stale-copy-purged": lambda out: stale_copy(out, True),
    "service-route": lambda out: service_route(out, False),
    "service-route-told": lambda out: service_route(out, True),
}


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("names", nargs="*", metavar="NAME")
    p.add_argument("--list", action="store_true")
    p.add_argument("--out", type=Path, default=HERE.parent)
    p.add_argument("--facts", action="store_true",
                   help="only write the README files again from the captures")
    a = p.parse_args()
    if a.list:
        print("\n".join(SCENARIOS))
        return
    for name in a.names or SCENARIOS:
        out = a.out / name
        out.mkdir(parents=True, exist_ok=True)
        if not a.facts:
            log = SCENARIOS[name](out)
            for e in log:
                print(name, {k: v for k, v in e.items() if k != "headers"})
        facts.write_readme(HERE / "stories" / f"{name}.md", out)


if __name__ == "__main__":
    main()
