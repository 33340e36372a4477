"""Checks the collection files: they are YAML, and name all five kinds of
profiles, Content and MetaData, logs, hives. Needs PyYAML; `tests/collect.rs`
checks the same places without it."""

import sys
from pathlib import Path

import yaml

HERE = Path(__file__).resolve().parent
WANTED = ["users/", "packages/", "system32/config/systemprofile", "syswow64/config/systemprofile",
          "serviceprofiles", "capi2", "application.evtx", "software", "system", "ntuser.dat", "ccm/logs"]
for name in ("Whychain.tkape", "Whychain.mkape", "Custom.Windows.Whychain.yaml"):
    text = (HERE / name).read_text()
    parsed = yaml.safe_load(text)
    assert isinstance(parsed, dict), name
    if name.endswith(".tkape"):
        places = " ".join(t["Path"] + t.get("FileMask", "") for t in parsed["Targets"])
        assert all(t["Path"].endswith("\\") for t in parsed["Targets"])
    elif name.endswith(".yaml"):
        places = parsed["parameters"][0]["default"]
        assert "/Content/" in places and "/MetaData/" in places
    else:
        continue
    places = places.replace("\\", "/").lower()
    missing = [part for part in WANTED if part not in places]
    assert not missing, (name, missing)
print("collection files are fine")
sys.exit(0)
