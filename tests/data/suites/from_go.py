"""Writes go-name-constraints.json from an unpacked Go source tree, given as the
argument: has Go's own test write out the certificates of every case. Keys and
serial numbers are random, so each run gives other bytes. Needs `go`."""
import json, os, re, subprocess, sys, tempfile

source = open(os.path.join(sys.argv[1], "src/crypto/x509/name_constraints_test.go")).read()
source = source.replace("package x509\n", "package suite\n", 1).replace(
    '"crypto/x509/pkix"', '. "crypto/x509"\n"crypto/x509/pkix"\n"encoding/json"\n"encoding/base64"', 1)
for unused in ("bytes", "encoding/pem", "os/exec"):
    source = source.replace('\t"%s"\n' % unused, "", 1)
start, end = source.index("func TestConstraintCases"), source.index("func writePEMsToTempFile")
test = source[start:end]

def cut(first, last, instead=""):
    global test
    at = test.index(first)
    test = test[:at] + instead + test[test.index(last, at):]

cut("\t\t\t// Skip tests with CommonName", "\t\t\tverifyOpts := VerifyOptions")
cut("\t\t\tlogInfo := true", "\t\t\tfor _, key := range keys {", '''
_ = err
b64 := func(list []*Certificate) []string {
    text := []string{}
    for _, c := range list { text = append(text, base64.StdEncoding.EncodeToString(c.Raw)) }
    return text
}
purpose := "server-auth"
for _, u := range test.requestedEKUs {
    if u == ExtKeyUsageAny { purpose = "any" }
    if u == ExtKeyUsageClientAuth { purpose = "client-auth" }
    if u == ExtKeyUsageEmailProtection { purpose = "email" }
}
line, _ := json.Marshal(map[string]any{"id": fmt.Sprintf("go-nc-%d", i), "why": test.expectedError,
    "expect": test.expectedError == "", "leaf": b64([]*Certificate{leafCert})[0],
    "intermediates": b64(intCerts), "roots": b64(rootCerts), "time": "1970-01-01T00:25:00Z",
    "purpose": purpose})
fmt.Fprintln(out, string(line))
''')
test = test.replace("rootPool.AddCert(rootCert)", "rootPool.AddCert(rootCert)\nrootCerts = append(rootCerts, rootCert)")
test = test.replace("intermediatePool.AddCert(caCert)", "intermediatePool.AddCert(caCert)\nintCerts = append(intCerts, caCert)")
test = test.replace("rootPool := NewCertPool()", "var rootCerts, intCerts []*Certificate\nrootPool := NewCertPool()", 1)
test = re.sub(r"(func TestConstraintCases.*\{\n)", r'\1out, _ := os.Create("cases.jsonl")\ndefer out.Close()\n', test, count=1)

with tempfile.TemporaryDirectory() as folder:
    open(os.path.join(folder, "suite_test.go"), "w").write(source[:start] + test)
    open(os.path.join(folder, "go.mod"), "w").write("module suite\n\ngo 1.19\n")
    subprocess.run(["go", "test", "./..."], cwd=folder, check=True)
    lines = [json.loads(line) for line in open(os.path.join(folder, "cases.jsonl"))]

numbers, cases = {}, []
number = lambda text: numbers.setdefault(text, len(numbers))
for case in lines:
    case["leaf"] = number(case["leaf"])
    for key in ("intermediates", "roots"):
        case[key] = [number(text) for text in case[key]]
    cases.append({key: value for key, value in case.items() if value != ""})
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "go-name-constraints.json"), "w") as out:
    out.write('{"certificates":[\n' + ",\n".join(map(json.dumps, numbers)) + '\n],\n"cases":[\n')
    out.write(",\n".join(map(json.dumps, cases)) + "\n]}\n")
