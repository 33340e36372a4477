"""Writes openssl-ocsp.json from an unpacked OpenSSL source tree, given as the
argument: the calls of 80-test_ocsp.t that name the leaf's own issuer."""
import base64, json, os, re, sys

tree = sys.argv[1]
folder = os.path.join(tree, "test/ocsp-tests")
recipe = open(os.path.join(tree, "test/recipes/80-test_ocsp.t")).read()
# Title, response, issuer trusted, other certificates, exit status wanted, whether
# the responder's certificate goes unchecked.
CALL = re.compile(r'test_ocsp\("([^"]+)",\s*"([^"]+)",\s*"([^"]+)",\s*"([^"]*)",\s*(\d),\s*(\d)\)')
LEAVES = {"D1": "D1_Cert_EE", "D2": "D2_Cert_ICA", "D3": "D3_Cert_EE",
          "ND1": "ND1_Cert_EE", "ND2": "ND2_Cert_ICA", "ND3": "ND3_Cert_EE"}

def pem(name):
    text = open(os.path.join(folder, name)).read()
    body = re.search(r"-----BEGIN CERTIFICATE-----(.*?)-----END", text, re.S).group(1)
    return "".join(body.split())

cases = []
for title, response, issuer, other, status, unchecked in CALL.findall(recipe):
    kind = response.removesuffix(".ors").split("_")[-1]
    if other or unchecked == "1":
        continue
    # Within the answers' own time; the recipe's is past it, and does not ask for it.
    day = "2012-10-12" if kind.startswith("N") else "2012-10-24"
    cases.append({"time": day + "T00:00:00Z", "id": "ocsp %s %s: %s" % (response, issuer, title), "expect": status == "0",
                  "leaf": pem(LEAVES[kind] + ".pem"), "root": pem(issuer),
                  "response": "".join(open(os.path.join(folder, response)).read().split())})
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "openssl-ocsp.json"), "w") as out:
    out.write("[\n" + ",\n".join(map(json.dumps, cases)) + "\n]\n")
