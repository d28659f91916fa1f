"""The OpenAPI document that a daemon serves, and whether its answers are what the document says.

    api = Api(daemon)
    api.check("POST", "/v1/chat/completions", response)      # raises AssertionError

Checked are the status, the headers, the content type, the body by its schema, and, of errors, that the status has such a
row.  The document lets answers have further members, as clients should; here schemas of answers are closed, so that a
member that is not described is a failure."""

from __future__ import annotations

import copy
import json
import sys
from typing import Any, Dict, List, Optional, Tuple

import jsonschema
from harness import REPO, Daemon, Response

sys.path.insert(0, str(REPO / "scripts"))

from openapi_document import Json, OpenApiDocument  # noqa: E402

# Of HTTP itself; every other header of an answer has to be described.
PLAIN_HEADERS = {
    "date", "content-type", "content-length", "connection", "transfer-encoding", "vary", "x-accel-buffering",
    "x-content-type-options", "content-security-policy", "referrer-policy", "upgrade", "sec-websocket-version",
    "access-control-allow-origin", "access-control-expose-headers",
}  # fmt: skip


def close(schema: Any) -> None:
    """Forbids members that are not described."""
    if isinstance(schema, dict):
        if "properties" in schema:
            schema.setdefault("additionalProperties", False)
        for value in schema.values():
            close(value)
    elif isinstance(schema, list):
        for value in schema:
            close(value)


class Api(OpenApiDocument):
    def __init__(self, daemon: Daemon) -> None:
        response = daemon.request("GET", "/openapi.json")
        assert response.status == 200, response.body
        super().__init__(response.json)
        self.closed = copy.deepcopy(self.root)
        close(self.closed["components"]["schemas"])
        self._resolvers = [jsonschema.RefResolver("", root) for root in (self.root, self.closed)]
        self._validators: Dict[Tuple[str, bool], Any] = {}

    def operation(self, method: str, path: str) -> Json:
        return self.root["paths"][path][method.lower()]

    def parameters(self, operation: Json, where: str) -> List[Json]:
        return [p for p in map(self.follow, operation.get("parameters", [])) if p["in"] == where]

    # -- schemas

    def validator(self, schema: Json, closed: bool = False) -> Any:
        key = (json.dumps(schema, sort_keys=True), closed)
        if key not in self._validators:
            resolver = self._resolvers[closed]
            self._validators[key] = jsonschema.Draft202012Validator(schema, resolver=resolver)
        return self._validators[key]

    def why_not(self, schema: Json, value: Any, closed: bool = False) -> Optional[str]:
        """None: the value fits."""
        error = jsonschema.exceptions.best_match(self.validator(schema, closed).iter_errors(value))
        return f"{error.json_path}: {error.message[:600]}" if error else None

    def fits(self, schema: Json, value: Any) -> bool:
        return self.validator(schema).is_valid(value)

    def check_value(self, schema: Json, value: Any, what: str) -> None:
        """An answer's value, or an example's."""
        why = self.why_not(schema, value, closed=True)
        assert why is None, f"{what}: {why}\nin {json.dumps(value)[:1000]}"

    # -- answers

    def check(self, method: str, path: str, r: Response) -> Json:
        """Returns what the document says of this status."""
        where = f"{method} {path}: {r.status}"
        responses = self.operation(method, path)["responses"]
        said = self.follow(responses.get(str(r.status), responses["default"]))
        if str(r.status) not in responses:
            rows = [row["status"] for row in said["x-ccapi-errors"]]
            assert r.status in rows, f"{where} is not described: {r.body[:500]!r}"
        self._check_headers(said, r, where)
        if r.status in (304, 204) or not r.body:
            return said
        kind = r.headers["content-type"].split(";")[0]
        assert kind in said["content"], f"{where}: {kind} is not described"
        media = said["content"][kind]
        if kind == "application/json":
            self.check_value(self._closed(media["schema"]), r.json, where)
        if "x-ccapi-frames" in media:
            self._check_frames(media["x-ccapi-frames"], r.body.decode(), where)
        if "x-ccapi-errors" in said:
            self._check_error(said["x-ccapi-errors"], r, where)
        return said

    @staticmethod
    def _closed(schema: Json) -> Json:
        schema = copy.deepcopy(schema)
        close(schema)
        return schema

    def _check_headers(self, said: Json, r: Response, where: str) -> None:
        described = {name.lower(): self.follow(h) for name, h in said.get("headers", {}).items()}
        assert "x-request-id" in r.headers and "openai-processing-ms" in r.headers, f"{where}: {r.headers}"
        for name, value in r.headers.items():
            if name in PLAIN_HEADERS:
                continue
            assert name in described or name == "cache-control", f"{where}: the header {name} is not described"
            schema = described.get(name, {"schema": {}})["schema"]
            number = schema.get("type") in ("integer", "number")
            assert self.fits(schema, json.loads(value) if number else value), f"{where}: {name}: {value}"

    def _check_error(self, rows: List[Json], r: Response, where: str) -> None:
        error = r.error
        found = [row for row in rows if row.get("status", r.status) == r.status
                 and (row["type"], row["code"]) == (error["type"], error["code"])]  # fmt: skip
        assert found, f"{where}: {error} is not described"
        retry = found[0]["retry"]
        after, forbidden = r.headers.get("retry-after"), r.headers.get("x-should-retry") == "false"
        assert (retry == "after") == (after is not None), f"{where}: Retry-After {after}, described as {retry}"
        assert forbidden == (retry == "no" or (after is not None and int(after) > 60)), f"{where}: {r.headers}"

    def _check_frames(self, schema: Json, text: str, where: str) -> None:
        for frame in text.split("\n\n"):
            if frame in ("", ": ping", "data: [DONE]"):
                continue
            assert frame.startswith("data: "), f"{where}: {frame!r}"
            self.check_value(schema, json.loads(frame[6:]), f"{where}: a frame")


def shape(value: Any) -> Any:
    """What two answers to the same request have in common: members and types."""
    if isinstance(value, dict):
        return {name: shape(member) for name, member in value.items()}
    if isinstance(value, list):
        return [shape(item) for item in value]
    return "number" if isinstance(value, (int, float)) and not isinstance(value, bool) else type(value).__name__
