#!/usr/bin/python3
"""Checks the OpenAPI document against the tables in the code: scripts/check-openapi.py API_DOC

API_DOC is the program api-doc of a build.  What it prints as `document` is written by hand (daemon/api/openapi/), what it
prints as `tables` is what the daemon works by: routes, keys, errors, fields, headers.  Each difference is a line of
output, and the exit status is 1 then.  Whether answers fit their schemas is shown by tests/system/test_openapi.py."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any, Iterable, List, Set, Tuple

from openapi_document import Json, OpenApiDocument

IGNORED = "Not honoured"  # what the description of an ignored parameter says
SHOWN_BY_BROWSERS = {"allow", "cache-control"}  # not wanted by scripts, or safelisted by CORS
problems: List[str] = []


def complain(text: str) -> None:
    problems.append(text)


def compare(what: str, document: Iterable[Any], code: Iterable[Any]) -> None:
    has, wants = set(document), set(code)
    for one in sorted(has - wants, key=str):
        complain(f"{what}: the document has {one}, the code has not")
    for one in sorted(wants - has, key=str):
        complain(f"{what}: the code has {one}, the document has not")


class Document(OpenApiDocument):
    def properties(self, name: str) -> Json:
        """The members of an object schema, those of its allOf parts included."""
        found: Json = {}

        def gather(schema: Json) -> None:
            schema = self.follow(schema)
            for part in schema.get("allOf", []):
                gather(part)
            found.update(schema.get("properties", {}))

        gather(self.schemas[name])
        return found

    def at(self, schema: Json, path: List[str]) -> Json:
        """The schema of a member of a member; of alternatives the one that has it."""
        schema = self.follow(schema)
        if not path:
            return schema
        for one in [schema] + schema.get("anyOf", []) + schema.get("oneOf", []):
            one = self.follow(one)
            if path[0] in one.get("properties", {}):
                return self.at(one["properties"][path[0]], path[1:])
            if one is not schema and ("anyOf" in one or "oneOf" in one):
                found = self.at(one, path)
                if found:
                    return found
        return {}


def types_of(document: Document, schema: Json) -> Set[str]:
    """The JSON types that a parameter's schema lets through, null apart unless it is all."""
    schema = document.follow(schema)
    if "type" in schema:
        found = set(schema["type"] if isinstance(schema["type"], list) else [schema["type"]])
    elif "enum" in schema:
        found = {"null" if value is None else "string" for value in schema["enum"]}
    else:
        found = {t for one in schema.get("anyOf", schema.get("oneOf", [])) for t in types_of(document, one)}
    return found - {"null"} or found


# ---- routes


def check_security(where: str, route: Json, operation: Json, document: Document) -> None:
    security = operation.get("security", document.root["security"])
    if route["open"] and not route["scopes"]:
        if security:
            complain(f"{where}: open to all, but the document wants a key")
        return
    want = [{"bearer": route["scopes"]}, {"apiKey": route["scopes"]}] + ([{}] if route["open"] else [])
    if security != want:
        complain(f"{where}: security is {security}, not {want}")
    if not {"401", "403"} <= set(operation["responses"]):
        complain(f"{where}: looks at keys, but 401 or 403 is missing")


def check_routes(document: Document, tables: Json) -> None:
    routes = {(r["method"], r["path"]): r for r in tables["routes"]}
    operations = {(method, path): o for method, path, o in document.operations()}
    compare("routes", operations, routes)
    ids: List[str] = []
    tags = {tag["name"] for tag in document.root["tags"]}
    for key in set(routes) & set(operations):
        route, operation, where = routes[key], operations[key], " ".join(key)
        ids.append(operation.get("operationId", ""))
        check_security(where, route, operation, document)
        body = operation.get("requestBody", {}).get("content", {})
        if set(body) != ({"application/json"} if route["json_body"] else set()):
            complain(f"{where}: the request body is {sorted(body)}")
        if route["json_body"] != ({"413", "415"} <= set(operation["responses"])):
            complain(f"{where}: 413 and 415 belong to routes with a JSON body")
        if "default" not in operation["responses"]:
            complain(f"{where}: what can go wrong on any route (default) is missing")
        if not operation.get("summary") or not set(operation.get("tags", [""])) <= tags:
            complain(f"{where}: it has no summary or an unknown tag")
        parameters = [document.follow(p) for p in operation.get("parameters", [])]
        compare(f"{where}: path parameters", (p["name"] for p in parameters if p["in"] == "path"),
                [part[1:-1] for part in key[1].split("/") if part.startswith("{")])  # fmt: skip
        check_examples(where, operation, document)
    if len(ids) != len(set(ids)) or "" in ids:
        complain("routes: an operationId is missing or stands there twice")


def check_examples(where: str, operation: Json, document: Document) -> None:
    """A response's example answers the request's of the same name."""
    asked = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("examples", {})
    if not asked:
        return
    shared = document.root["components"]["responses"]
    for status, response in operation["responses"].items():
        for media in document.follow(response).get("content", {}).values():
            answered = media.get("examples", {})
            if document.follow(response) not in shared.values():
                for name in set(answered) - set(asked):
                    complain(f"{where}: {status} has an example {name}, but there is no such request")


# ---- errors


def check_errors(document: Document, tables: Json) -> None:
    said: Set[Tuple[Any, ...]] = set()
    for method, path, operation in document.operations():
        for status, response in operation["responses"].items():
            response = document.follow(response)
            if status == "default" or int(status) < 400 or "x-ccapi-errors" in response:
                for row in response.get("x-ccapi-errors", []):
                    said.add((row.get("status") or int(status), row["type"], row["code"], row["retry"]))
            elif (path, status) != ("/ready", "503"):
                complain(f"{method} {path}: {status} does not say which errors it is")
    done = {(row["status"], row["type"], row["code"], row["retry"]) for row in tables["errors"]}
    compare("errors", said, done)
    error = document.schemas["ErrorObject"]["properties"]
    compare("ErrorObject.type", error["type"]["enum"], {row[1] for row in done})
    compare("ErrorObject.code", error["code"]["enum"], {row[2] for row in done})


# ---- fields


def check_parameter(document: Document, row: Json) -> None:
    name = row["name"]
    schema = document.at({"properties": document.properties("ChatRequest")}, name.split("."))
    if not schema:
        complain(f"parameters: the document has no {name}")
        return
    if row["type"] is not None and types_of(document, schema) != {row["type"]}:
        complain(f"parameters: {name} is {sorted(types_of(document, schema))}, in the code {row['type']}")
    bounds = (schema.get("minimum"), schema.get("maximum"))
    if row["bounded"] and bounds != (row["min"], row["max"]):
        complain(f"parameters: {name} goes from {bounds[0]} to {bounds[1]}, in the code {row['min']} to {row['max']}")
    if row["ignored"] != (IGNORED in schema.get("description", "")):
        complain(f"parameters: {name}: whether it is honoured is told wrongly")


def check_fields(document: Document, tables: Json) -> None:
    rows = tables["parameters"]
    parameters = {row["name"] for row in rows if "." not in row["name"]}
    chat = document.properties("ChatRequest")
    compare("ChatRequest", chat, parameters | {"messages"})
    for row in rows:
        check_parameter(document, row)
    for group in {row["name"].rpartition(".")[0] for row in rows if "." in row["name"]}:
        members = document.at({"properties": chat}, group.split("."))
        for one in [members] + [document.follow(m) for m in members.get("anyOf", [])]:
            if "properties" in one:
                compare(group, {f"{group}.{m}" for m in one["properties"]} - {"response_format.json_schema.schema"},
                        {row["name"] for row in rows if row["name"].rpartition(".")[0] == group})  # fmt: skip
    dropped = set(tables["batch_item_dropped"])
    messages = ("SystemMessage", "UserMessage", "AssistantMessage")
    compare("messages", {m for name in messages for m in document.properties(name)}, tables["message"])
    compare("BatchRequest", document.properties("BatchRequest"), tables["batch"])
    compare("BatchItem", document.properties("BatchItem"), (parameters - dropped) | set(tables["batch_item"]))
    compare("RouteByText", document.properties("RouteByText"), tables["route"])
    compare("RouteByMessages", document.properties("RouteByMessages"), set(chat) | {"task_description"})
    client = [document.follow(m) for m in document.schemas["StreamClientMessage"]["oneOf"]]
    names = [name for name, schema in document.schemas.items() if schema in client]
    compare("StreamClientMessage", {m for name in names for m in document.properties(name)},
            (parameters - {"stream", "stream_options"}) | {"messages"} | set(tables["stream"]))  # fmt: skip
    usage = document.root["paths"]["/v1/usage"]["get"]["parameters"]
    compare("usage", {p["name"] for p in map(document.follow, usage) if p["in"] == "query"}, tables["usage"])


def check_headers(document: Document, tables: Json) -> None:
    headers = {name.lower() for name in document.root["components"]["headers"]} - SHOWN_BY_BROWSERS
    compare("headers that web pages may read", headers, tables["exposed_headers"])


def main() -> int:
    if len(sys.argv) != 2:
        print("usage: scripts/check-openapi.py API_DOC", file=sys.stderr)
        return 2
    printed = [json.loads(subprocess.run([sys.argv[1], what], check=True, capture_output=True).stdout)
               for what in ("document", "tables")]  # fmt: skip
    document, tables = Document(printed[0]), printed[1]
    check_routes(document, tables)
    check_errors(document, tables)
    check_fields(document, tables)
    check_headers(document, tables)
    for problem in problems:
        print(f"openapi: {problem}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
