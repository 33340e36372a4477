"""Scenarios of a software update point that was moved to TLS, told from a capture
at the server and from logs of Configuration Manager. The capture is real; the
logs are synthetic: the lines are those that Microsoft publishes, the times come
from the steps."""

import datetime as dt

import causes
import causes_pki as pki
import run
from run import CLIENT, NET, ROUTER, fetch, sh, visit

INSIDE, OUTSIDE = pki.WSUS_HOST, pki.WSUS_OUTSIDE
LAPTOP, SITE, DESK = "10.20.0.15", "10.20.0.9", "10.20.0.21"
# SOAP clients of .NET, the update client, and the service that fetches its files.
DOTNET = ("Mozilla/4.0 (compatible; MSIE 6.0; MS Web Services Client Protocol "
          "4.0.30319.42000)")
WUA11 = "Windows-Update-Agent/10.0.10011.16384 Client-Protocol/2.71"
BITS = "Microsoft BITS/7.8"
SERVER_NS = "http://www.microsoft.com/SoftwareDistribution/Server"
GROUP = "{A1B2C3D4-1234-1234-A1B2-A1B2C3D41234}"
JOB = "{6F0E2D71-52C8-4A8B-9C59-0C6B5D1E7F30}"
# Minutes to add for UTC: Central Europe in winter.
BIAS = -60


def call(path, service, method, agent, **kw):
    """A SOAP call to one of the web services."""
    action = f"{SERVER_NS}/{service}/{method}"
    body = ('<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>'
            f'<{method} xmlns="{SERVER_NS}/{service}"/></s:Body></s:Envelope>')
    return {"path": path, "agent": agent, "post": body, "soap": action} | kw


def over_tls(lab, host, call, **kw):
    return visit(lab, host, None, trust=("corporate",), port=8531, **call | kw)


def servers(chain):
    """IIS: the services over TLS on 8531, files in the clear on 8530."""
    text = causes.iis(files=True)
    return (text.replace("ssl_protocols TLSv1.2;", "ssl_protocols TLSv1.2 TLSv1.3;")
            .replace(f"@PKI@/tls/{INSIDE}.", f"@PKI@/tls/{chain}.")
            .replace(f"server_name {INSIDE} wsus01;", f"server_name {INSIDE} {OUTSIDE};"))


def moved(out, named):
    """`named`: the certificate has the outside name too."""
    lab = run.Lab(hosts={INSIDE: causes.HOUSE, OUTSIDE: causes.HOUSE}, allow=[causes.HOUSE],
                  prepare=pki.corporate, servers=servers(OUTSIDE if named else INSIDE))
    with lab:
        for own in (SITE, DESK):
            sh(f"ip -n {CLIENT} addr add {own}/24 dev eth0")
            sh(f"ip netns exec {ROUTER} iptables -A FORWARD -i lan -s {own} "
               f"-d {causes.HOUSE} -j ACCEPT")
        api = call("/ApiRemoting30/WebService.asmx", "ApiRemotingWebService", "GetConfiguration",
                   DOTNET, **{"from": SITE, "as": "system"})
        config = call("/ClientWebService/client.asmx", "ClientWebService", "GetConfig", WUA11,
                      **{"as": "system"})
        sync = call("/ClientWebService/client.asmx", "ClientWebService", "SyncUpdates", WUA11,
                    **{"as": "system"})
        file = fetch(f"http://{INSIDE}:8530{causes.CONTENT}", agent=BITS,
                     **{"from": DESK, "as": "system"})
        laptop = {"tls13": True, "name_after": True, "from": LAPTOP}
        outside = [over_tls(lab, OUTSIDE, config, **laptop), {"do": "sleep", "s": 2},
                   over_tls(lab, OUTSIDE, sync if named else config, **laptop)]
        rest = {"do": "sleep", "s": 4}
        log = lab.capture(lab.work / "client.pcapng", [
            over_tls(lab, INSIDE, api), {"do": "sleep", "s": 2}, over_tls(lab, INSIDE, api), rest,
            over_tls(lab, INSIDE, config | {"from": DESK}), file, rest, *outside,
        ], also=((NET, out / "wsus01.pcapng"),))
        write_logs(out, [e for e in log if "tls" in e], named)
        return log


# ------------------------------------------------------------------------- logs

class Log:
    """Lines in the form of Configuration Manager, at local time."""

    def __init__(self, path, component, code):
        self.path, self.component, self.code = path, component, code
        self.lines = []

    def add(self, at, text, level=1):
        at = at - dt.timedelta(minutes=BIAS)
        clock = at.strftime("%H:%M:%S.") + f"{at.microsecond // 1000:03d}"
        if self.code is None:
            # The form of the site server's logs.
            self.lines.append(f"{text}  $$<{self.component}><{at:%m-%d-%Y} {clock}{BIAS:+03d}>"
                              "<thread=6080 (0x17C0)>")
            return
        self.lines.append(
            f'<![LOG[{text}]LOG]!><time="{clock}{BIAS:+03d}" date="{at:%m-%d-%Y}" '
            f'component="{self.component}" context="" type="{level}" thread="4712" '
            f'file="{self.code}">')

    def write(self, out):
        path = out / self.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\r\n".join(self.lines) + "\r\n", newline="")


def write_logs(out, calls, named):
    """`calls`: site server twice, desk, laptop twice."""
    at = lambda entry, key="started": dt.datetime.fromisoformat(entry[key])
    later = lambda when, s: when + dt.timedelta(seconds=s)
    first, second, _, scan, again = calls
    site_server(out, at(first), at(second), later)
    folder = "LAB-PC15/C/Windows/CCM/Logs/"
    url = f"https://{OUTSIDE.upper()}:8531"
    begin, end = at(scan), at(again, "ended")
    scans = Log(folder + "ScanAgent.log", "ScanAgent", "scanjob.cpp:1012")
    scans.add(later(begin, -1.9), "Message received: '<?xml version='1.0' ?>\r\n"
              "<UpdateSourceMessage MessageType='ScanByUpdateSource'>\r\n"
              "   <ForceScan>TRUE</ForceScan>\r\n   <UpdateSourceIDs>\r\n"
              f"\t\t<ID>{GROUP}</ID>\r\n   </UpdateSourceIDs>\r\n </UpdateSourceMessage>'")
    scans.add(later(begin, -1.2), f"ScanJob({JOB}): CScanJob::OnLocationUpdate- "
              f"Received Location={url}, Version=12")
    places = Log(folder + "LocationServices.log", "LocationServices", "lssecurity.cpp:1990")
    places.add(later(begin, -1.4), 'WSUSLocationReply : <WSUSLocationReply SchemaVersion="1.00">'
               '<Sites><Site><MPSite SiteCode="LAB"/><LocationRecords><LocationRecord '
               f'WSUSURL="{url}" ServerName="{OUTSIDE.upper()}" Version="12"/>'
               "</LocationRecords></Site></Sites></WSUSLocationReply>")
    places.add(later(begin, -1.3), f"WSUS Path='{url}', Server='{OUTSIDE.upper()}', Version='12'")
    agent = Log(folder + "WUAHandler.log", "WUAHandler", "sourcemanager.cpp:1227")
    agent.add(later(begin, -1.0), f"Enabling WUA Managed server policy to use server: {url}")
    agent.add(later(begin, -0.2), "Running single-call scan of updates.")
    agent.add(later(begin, -0.1), "Async searching of updates using WUAgent started.")
    if named:
        agent.add(later(end, 0.4), "Async searching completed.")
        agent.add(later(end, 0.5), "Successfully completed scan.")
    else:
        agent.add(later(end, 0.3), "OnSearchComplete - Failed to end search job. "
                  "Error = 0x80072f8f.", 3)
        agent.add(later(end, 0.4), "Scan failed with error = 0x80072f8f.", 3)
        scans.add(later(end, 0.9), f"ScanJob({JOB}): - - - - - -Scan Failed for "
                  f"UpdateSourceID={GROUP}, with Error=0x80072f8f", 3)
    for log in (scans, places, agent):
        log.write(out)


def site_server(out, first, second, later):
    folder = "LAB-CM01/D/Program Files/Microsoft Configuration Manager/Logs/"
    to = f"WSUS server: {INSIDE.upper()}, port: 8531, useSSL: True"
    config = Log(folder + "WCM.log", "SMS_WSUS_CONFIGURATION_MANAGER", None)
    config.add(later(first, -1.1), "SCF change notification triggered.")
    config.add(later(first, -1.0), "Populating config from SCF")
    config.add(later(first, -0.9), "Setting new configuration state to 1 (WSUS_CONFIG_PENDING)")
    config.add(later(first, -0.05), f"Attempting connection to {to}")
    config.add(later(first, 0.3), f"Successfully connected to {to.partition(' ')[2]}")
    config.add(later(first, 1.1), "Setting new configuration state to 2 (WSUS_CONFIG_SUCCESS)")
    sync = Log(folder + "wsyncmgr.log", "SMS_WSUS_SYNC_MANAGER", None)
    sync.add(later(second, -0.6), "Starting Sync")
    sync.add(later(second, -0.5), "Full sync required due to changes in main WSUS server location.")
    sync.add(later(second, -0.4), f"Found active SUP {INSIDE.upper()} from SCF File.")
    sync.add(later(second, -0.1), f"https://{INSIDE.upper()}:8531")
    sync.add(later(second, 1.0), f"Done synchronizing WSUS Server {INSIDE.upper()}")
    sync.add(later(second, 1.1), "sync: Starting SMS database synchronization")
    sync.add(later(second, 1.9), f"Done synchronizing SMS with WSUS Server {INSIDE.upper()}")
    for log in (config, sync):
        log.write(out)


SCENARIOS = {
    "update-point-moved": lambda out: moved(out, False),
    "update-point-moved-named": lambda out: moved(out, True),
}
