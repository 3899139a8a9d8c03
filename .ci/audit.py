"""Ask what is known of vulnerabilities in the pinned packages: `audit.py REQUIREMENTS…`

Run by an interpreter that has pip-audit. Ends with 1 where a pinned version has a known vulnerability that a newer one
mends. Where nobody answers (no network, an index without that service) it says so and ends with 0: the checks run
without a network too, and an audit that cannot be had is no finding.
"""

import json
import subprocess
import sys

# Accepted, with the reason: an identifier of the advisory, and why it does not concern this application.
ACCEPTED: dict[str, str] = {}


def main(files: list[str]) -> int:
    """Print what was found in these lists of pinned packages; the exit status."""
    # Versions are pinned, so nothing is resolved or installed.
    command = [sys.executable, "-m", "pip_audit", "--format", "json", "--progress-spinner", "off"]
    command += ["--no-deps", "--disable-pip", *(f"--requirement={file}" for file in files)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        packages = json.loads(done.stdout)["dependencies"]
    except (json.JSONDecodeError, KeyError):
        reason = (done.stderr.strip().splitlines() or ["no answer"])[-1]
        print(f"The packages were not audited: {reason}")
        return 0
    audited = [package for package in packages if "vulns" in package]
    print(f"Audited {len(audited)} of {len(packages)} packages; of the others nothing is known here.")
    found = 0
    for package in audited:
        for flaw in package["vulns"]:
            name, mended = flaw["id"], ", ".join(flaw["fix_versions"])
            if name in ACCEPTED:
                print(f"{package['name']} {package['version']}: {name} accepted: {ACCEPTED[name]}")
            elif mended:
                print(f"{package['name']} {package['version']}: {name}, mended in {mended}")
                found += 1
            else:
                print(f"{package['name']} {package['version']}: {name}, not mended in any version yet")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
