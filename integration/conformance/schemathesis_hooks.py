"""Corrects requests of schemathesis where the OpenAPI document cannot express a rule.

A request that is meant to be valid must also follow the rules that JSON Schema cannot express: a key that no other
request used, a current version, a cursor of this list, a time in the future, a span that ends after it begins, one
primary address. Requests that are meant to be invalid are not changed.
"""

import json
import os
import random
import uuid

import schemathesis

IDS = json.loads(os.environ["ROLLCALL_IDS"])  # ids of the records that the test created, by path parameter
FUTURE = "2036-01-31T12:00:00Z"


@schemathesis.serializer("text/csv")
def table(context, value):
    """Sends a table as it was generated."""
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "replace")


@schemathesis.hook
def before_call(context, case, kwargs):
    if case.meta is None or case.meta.generation.mode.is_negative:
        return
    headers, query, path, body = case.headers, case.query, case.path_parameters, case.body
    if headers and "Idempotency-Key" in headers:
        headers["Idempotency-Key"] = str(uuid.uuid4())
    if headers and "If-Match" in headers:
        headers["If-Match"] = "*"
    if query:
        for name in ("cursor", "confirm", "moveTo"):
            query.pop(name, None)
        if query.get("users") == "move":
            query["users"] = "local"
        if query.get("users") == "deactivate":  # nobody is kept
            query.pop("cancelPending", None)
    if path and case.operation.method.upper() == "DELETE" and path.get("provider") == IDS["bare"][0]:
        path["provider"] = IDS["provider"][0]  # bodies name the other one, which must go on existing
    if path and set(path) & {"conflict", "group", "key", "token", "webhook", "delivery", "organization", "watchlist", "mapping", "run"} and random.random() < 0.8:
        for name in path:
            path[name] = random.choice(IDS[name])
    if isinstance(body, dict):
        for name in ("expiresAt", "tokenExpiresAt"):
            if name in body:
                body[name] = FUTURE
        if "since" in body and "until" in body:  # a span does not end before it begins
            body["until"] = FUTURE
            body["since"] = "2026-01-31T12:00:00Z"
        if body.get("matchingAttributes"):  # names of attributes
            body["matchingAttributes"] = ["employeeNumber"]
        for email in (body.get("emails") or [])[1:]:
            email.pop("primary", None)
        for extension in body.get("extensions") or []:
            extension["urn"] = f"urn:example:{uuid.uuid4()}"[:40]
            extension["name"] = "n"
            names = set()
            kept = [a for a in extension["attributes"] if not (a["name"].lower() in names or names.add(a["name"].lower()))]
            extension["attributes"] = [dict(a, name=a["name"][:20]) for a in kept][:1]
        mappings(case.operation, path, body)


def mappings(operation, path, body):
    """Replaces generated ids and roles by existing ones."""
    if "groups" in body:
        # Other requests may have deleted the group with its provider: then only a path with the provider returns 404.
        body["groups"] = [] if operation.path.startswith("/watchlists") else IDS["group"]
        if path and "provider" in path:
            path["provider"] = IDS["provider"][0]
    for name in ("included", "excluded"):
        if name in body:
            body[name] = []
    if "provider" in body:
        body["provider"] = IDS["bare"][0]
    if "organizationId" in body:
        body["organizationId"] = "odefault"
    for name in ("defaultRoles", "roles"):
        if name in body:
            body[name] = ["agent-user"]
    if operation.path.endswith("/role-grants"):
        body["role"] = "agent-user"
    body.pop("parentId", None)
    if not operation.path.endswith((":erase", ":remove")):
        body.pop("confirm", None)
    if "name" in body and operation.path.split("/")[1] in ("organizations", "roles"):
        body["name"] = f"Name {uuid.uuid4()}"
        if operation.path == "/roles":
            body.pop("id", None)
    if operation.path.endswith("/organization-mapping"):
        body.clear()
        body.update(method="single", organizationId="odefault")
    if operation.path.endswith("/role-mapping"):
        body.clear()
        body.update(mode="groups")
    if operation.path.endswith(":reorder"):
        path["provider"] = IDS["bare"][0]
        body["mappings"] = []
    if operation.path.startswith("/config:"):
        body.clear()
        body.update(roles=[], organizations=[], providers=[])
