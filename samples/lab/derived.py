"""Samples made from the capture of another sample by one command each: what a
bad place or a bad capture program makes of good packets."""

import subprocess

from run import HERE

SAMPLES = HERE.parent


def made(out, source, *command, result=None):
    """Runs a command with @IN and @OUT; the other sample keeps its capture."""
    path = SAMPLES / source / "client.pcapng"
    where = {"@IN": path, "@OUT": out / "client.pcapng"}
    subprocess.run([str(where.get(word, word)) for word in command], check=True)
    return [{"derived from": source, "by": " ".join(map(str, command))}]


def first_body_packets(source, display, count):
    path = SAMPLES / source / "client.pcapng"
    text = subprocess.run(["tshark", "-n", "-r", path, "-Y", display, "-T", "fields",
                           "-e", "frame.number"], check=True, capture_output=True, text=True)
    return text.stdout.split()[:count]


def hole(out):
    """One packet in the middle of the CRL is not in the capture."""
    source = "transfer-incomplete-whole"
    answer = ("http.response && http.content_type contains \"pkix-crl\" && "
              "http.content_length > 3000")
    path = SAMPLES / source / "client.pcapng"
    segments = subprocess.run(
        ["tshark", "-n", "-r", path, "-Y", answer, "-T", "fields", "-e", "tcp.segment"],
        check=True, capture_output=True, text=True).stdout.strip().split(",")
    return made(out, source, "editcap", "@IN", "@OUT", segments[len(segments) // 2])


def mirrored(out):
    """Each packet twice, as a mirror of two ports delivers it: the second 15
    microseconds after the first."""
    source = "leaf-expired"
    second = out / "second.pcapng"
    subprocess.run(["editcap", "-t", "0.000015", SAMPLES / source / "client.pcapng", second],
                   check=True)
    try:
        return made(out, source, "mergecap", "-w", "@OUT", "@IN", second)
    finally:
        second.unlink()


SCENARIOS = {
    "capture-hole": hole,
    "capture-one-way": lambda out: made(
        out, "intermediate-missing", "tshark", "-r", "@IN", "-Y", "ip.src == 10.20.0.15",
        "-w", "@OUT"),
    "capture-snaplen-96": lambda out: made(
        out, "leaf-expired", "editcap", "-s", "96", "@IN", "@OUT"),
    "capture-mirrored": mirrored,
}
