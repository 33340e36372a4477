"""Writes openssl-verify.json from an unpacked OpenSSL source tree, given as
the argument: the calls of 25-test_verify.t that need no auxiliary trust."""
import base64, datetime, json, os, re, sys

tree = sys.argv[1]
recipe = re.sub(r"#.*", "", open(os.path.join(tree, "test/recipes/25-test_verify.t")).read())
CALL = re.compile(r'ok(?:_nofips)?\((!?)verify\("([^"]+)",\s*"([^"]*)",\s*\[([^\]]*)\],\s*'
                  r'\[([^\]]*)\],?\s*((?:"[^"]*",?\s*)*)\),\s*"([^"]+)"', re.S)
PURPOSES = {"sslserver": "server-auth", "sslclient": "client-auth"}
# These are wanted to fail, by an exit status the recipe sets around the call.
WANTED_TO_FAIL = {"bad-othername-namec"}

def names(text):
    return [n for group in re.findall(r"qw\(([^)]*)\)", text) for n in group.split()] + \
        re.findall(r'"([^"]+)"', text)

def certificates(name):
    pem = open(os.path.join(tree, "test/certs", name + ".pem")).read()
    for body in re.findall(r"-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----(.*?)-----END", pem, re.S):
        der = base64.b64decode("".join(body.split()))
        size, head = der[1], 2
        if size & 0x80:
            head = 2 + (size & 0x7F)
            size = int.from_bytes(der[2:head], "big")
        yield base64.b64encode(der[:head + size]).decode()

numbers, cases = {}, []
number = lambda text: numbers.setdefault(text, len(numbers))
for bad, leaf, purpose, trusted, untrusted, options, title in CALL.findall(recipe):
    trusted, untrusted = names(trusted), names(untrusted)
    if any(re.search(r"[+-](any|server|client)", n) for n in trusted + untrusted + [leaf]):
        continue
    option = lambda word: re.findall(r'"-%s",\s*"([^"]+)"' % word, options)
    at = "2024-06-01T00:00:00Z"
    for seconds in option("attime"):
        at = datetime.datetime.fromtimestamp(int(seconds), datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    title = " ".join(title.split()).split(" ok(")[0]
    case = {"id": "openssl-%d %s %s" % (len(cases), leaf, title),
            "expect": not bad and leaf not in WANTED_TO_FAIL,
            "leaf": number(next(certificates(leaf))),
            "intermediates": [number(c) for n in untrusted for c in certificates(n)],
            "roots": [number(c) for n in trusted for c in certificates(n)],
            "time": at, "purpose": PURPOSES.get(purpose, "any")}
    for depth in option("verify_depth"):
        case["max_depth"] = int(depth)
    if option("policy"):
        case["policies"] = option("policy")
    why = " ".join(re.findall('"([^"]+)"', options))
    if why:
        case["why"] = why
    cases.append(case)

with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "openssl-verify.json"), "w") as out:
    out.write('{"certificates":[\n' + ",\n".join(map(json.dumps, numbers)) + '\n],\n"cases":[\n')
    out.write(",\n".join(map(json.dumps, cases)) + "\n]}\n")
