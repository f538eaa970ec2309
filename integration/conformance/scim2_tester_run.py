"""Run every check of scim2-tester on a SCIM server and print each result as a line of JSON.

Usage: scim2_tester_run.py BASE_URL, with the bearer token in the environment as SCIM_TOKEN.
Exit code 0 means that no check failed and none was skipped.
"""

import json
import os
import sys

import httpx2
from scim2_client.engines.httpx2 import SyncSCIMClient
from scim2_tester import Status, check_server

GOOD = {Status.SUCCESS, Status.COMPLIANT, Status.ACCEPTABLE}


def main() -> int:
    http = httpx2.Client(
        base_url=sys.argv[1],
        headers={"Authorization": "Bearer " + os.environ["SCIM_TOKEN"]},
        timeout=30,
    )
    results = check_server(SyncSCIMClient(http))
    for r in results:
        name = f"{r.resource_type} {r.title}" if r.resource_type else r.title
        line = {"name": name, "status": r.status.name, "good": r.status in GOOD, "message": r.reason}
        print(json.dumps(line))
    return 0 if results and all(r.status in GOOD for r in results) else 1


if __name__ == "__main__":
    sys.exit(main())
