#!/usr/bin/python3
"""Writes docs/API_REFERENCE.md from the OpenAPI document:  scripts/api-reference.py API_DOC > docs/API_REFERENCE.md

API_DOC is the program api-doc of a build; scripts/check-generated.sh compares."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import Any, Dict, List, Optional, Tuple

from openapi_document import Json, OpenApiDocument

INTRODUCTION = """# API reference

<!-- Written by scripts/api-reference.py from daemon/api/openapi/; change it there. -->

Every route with all that it takes and answers. [api.md](api.md) is where to begin: it explains. A daemon serves the same as
`/openapi.json` (OpenAPI 3.1), and to be tried as `/docs`.
"""

RETRY = {"no": "no", "yes": "yes", "after": "`Retry-After`"}


class Reference(OpenApiDocument):
    # -- schemas in words

    def words(self, schema: Json) -> str:
        """A schema in half a line."""
        if "$ref" in schema:
            name = schema["$ref"].rpartition("/")[2]
            return f"[{name}](#{anchor(name)})"
        if "const" in schema:
            return f"`{json.dumps(schema['const'])}`"
        if "enum" in schema:
            return ", ".join(f"`{json.dumps(value, ensure_ascii=False)}`" for value in schema["enum"])
        for key in ("anyOf", "oneOf"):
            if key in schema and "properties" not in schema:
                return " or ".join(self.words(one) for one in schema[key])
        types = schema.get("type", "any")
        return " or ".join(self._typed(t, schema) for t in ([types] if isinstance(types, str) else types))

    def _typed(self, kind: str, schema: Json) -> str:
        if kind == "array" and "items" in schema:
            return f"array of {self.words(schema['items'])}"
        if kind == "object" and schema.get("additionalProperties"):
            return f"object of {self.words(schema['additionalProperties'])}"
        if kind == "object" and "properties" in schema:
            return "object: " + ", ".join(f"`{name}` ({self.words(one)})" for name, one in schema["properties"].items())
        low, high, above = schema.get("minimum"), schema.get("maximum"), schema.get("exclusiveMinimum")
        bounds = f" above {above}" if above is not None else f" {low} to {high}" if None not in (low, high) else ""
        return kind + (bounds if kind in ("integer", "number") else "")

    def row(self, name: str, required: bool, schema: Json) -> str:
        default = f" Default `{json.dumps(schema['default'])}`." if "default" in schema else ""
        text = cell(schema.get("description", "") + default)
        return f"| `{name}`{' *' if required else ''} | {cell(self.words(schema))} | {text} |"

    def schema(self, name: str) -> List[str]:
        schema = self.schemas[name]
        lines = [f"### {name}", ""]
        if "description" in schema:
            lines += [sentence(schema["description"]), ""]
        parts = [part for part in schema.get("allOf", []) if "$ref" in part]
        own = [part for part in schema.get("allOf", []) if "$ref" not in part] or [schema]
        if parts:
            lines += [f"All of {', '.join(self.words(part) for part in parts)}, and:", ""]
        properties = {key: value for part in own for key, value in part.get("properties", {}).items()}
        required = {key for part in own for key in part.get("required", [])}
        if properties:
            lines += ["| member | | |", "| --- | --- | --- |"]
            lines += [self.row(key, key in required, value) for key, value in properties.items()]
        else:
            lines += [upper(self.words({k: v for k, v in schema.items() if k != "description"})) + pattern_of(schema) + "."]
        return lines + [""] + self.examples(schema.get("examples", []))

    @staticmethod
    def examples(values: List[Any]) -> List[str]:
        return [line for value in values if isinstance(value, dict) for line in ("```json", pretty(value), "```", "")]

    # -- routes

    def overview(self) -> List[str]:
        lines = ["## Routes", "", "| | | key |", "| --- | --- | --- |"]
        for method, path, o in self.operations():
            lines.append(f"| [`{method} {path}`](#{anchor(method + ' ' + path)}) | {o['summary']} | {self.key_of(o)} |")
        return lines + [""]

    def key_of(self, operation: Json) -> str:
        security = operation.get("security", self.root["security"])
        if not security:
            return "no"
        scopes = security[0]["bearer"]
        first = " or ".join(f"scope `{scope}`" for scope in scopes) or "any"
        return first + (", also by the first message" if {} in security else "")

    def operation(self, method: str, path: str, o: Json) -> List[str]:
        lines = [f"## {method} {path}", "", sentence(o["summary"])]
        if "description" in o:
            lines[-1] += " " + o["description"]
        lines += ["", f"Key: {self.key_of(o)}.", ""]
        lines += self.parameters(o)
        body = o.get("requestBody", {}).get("content", {}).get("application/json")
        if body:
            lines += [f"**Body**: {self.words(body['schema'])}", ""]
        lines += self.responses(o)
        lines += self.messages(o)
        return lines + self.conversation(method, path, o, body)

    def parameters(self, o: Json) -> List[str]:
        rows = [self.follow(p) for p in o.get("parameters", [])]
        if not rows:
            return []
        lines = ["| parameter | in | | |", "| --- | --- | --- | --- |"]
        for p in rows:
            star = " *" if p.get("required") else ""
            lines.append(f"| `{p['name']}`{star} | {p['in']} | {cell(self.words(p['schema']))} | {cell(p.get('description', ''))} |")
        return lines + [""]

    def responses(self, o: Json) -> List[str]:
        lines = ["| status | | body |", "| --- | --- | --- |"]
        for status, response in o["responses"].items():
            response = self.follow(response)
            kinds = [kind + (f": {self.words(media['schema'])}" if "$ref" in media["schema"] else "")
                     for kind, media in response.get("content", {}).items()]  # fmt: skip
            label = "[other](#errors)" if status == "default" else f"[{status}](#errors)" if int(status) >= 400 else status
            lines.append(f"| {label} | {cell(response['description'])} | {cell(', '.join(kinds))} |")
        headers = [name for name in self.follow(o["responses"].get("200", {})).get("headers", {})]
        told = f"Headers of a good answer: {', '.join(f'`{h}`' for h in headers)}." if headers else ""
        return lines + ["", told] + ([""] if told else [])

    def messages(self, o: Json) -> List[str]:
        found = self.follow(o["responses"].get("101", {})).get("x-ccapi-messages")
        if not found:
            return []
        return [f"**Messages**: of the client {self.words(found['client'])}, of the server {self.words(found['server'])}", ""]

    def conversation(self, method: str, path: str, o: Json, body: Optional[Json]) -> List[str]:
        """Examples: what was asked, and the answer of the same name."""
        answers: Dict[str, Tuple[str, Any]] = {}
        for status, response in o["responses"].items():
            for media in self.follow(response).get("content", {}).values():
                for name, one in media.get("examples", {}).items():
                    answers[name] = (status, one["value"])
                if "example" in media:
                    answers[""] = (status, media["example"]) if "" not in answers else answers[""]
        lines: List[str] = []
        for name, one in (body or {}).get("examples", {}).items():
            lines += ["```json", pretty(one["value"]), "```", ""]
            if name in answers:
                lines += [f"{answers[name][0]}:", "", "```json", pretty(answers[name][1]), "```", ""]
        if "" in answers:
            lines += [f"{answers[''][0]}:", "", "```json", pretty(answers[""][1]), "```", ""]
        return lines

    # -- the rest

    def errors(self) -> List[str]:
        rows: Dict[Tuple[int, str, str, str], str] = {}
        for _, _, o in self.operations():
            for status, response in o["responses"].items():
                for row in self.follow(response).get("x-ccapi-errors", []):
                    key = (row.get("status") or int(status), row["type"], row["code"] or "", row["retry"])
                    rows[key] = max(rows.get(key, ""), row["when"], key=len)  # the same of another route says no more
        lines = ["## Errors", "", "| status | `type` | `code` | when | retry |", "| --- | --- | --- | --- | --- |"]
        for (status, kind, code, retry), when in sorted(rows.items()):
            lines.append(f"| {status} | `{kind}` | {f'`{code}`' if code else 'null'} | {cell(when)} | {RETRY[retry]} |")
        return lines + ["", '"no": the answer has `x-should-retry: false`. Where there is a `Retry-After` there is also `retry-after-ms`.', ""]

    def headers(self) -> List[str]:
        lines = ["## Headers of answers", "", "| header | | |", "| --- | --- | --- |"]
        for name, header in self.root["components"]["headers"].items():
            lines.append(f"| `{name}` | {cell(self.words(header['schema']))} | {cell(header['description'])} |")
        return lines + [""]

    def text(self) -> str:
        lines = [INTRODUCTION] + [self.root["info"]["description"], ""] + self.overview()
        for method, path, o in self.operations():
            lines += self.operation(method, path, o)
        lines += self.errors() + self.headers() + ["## Schemas", "", "Members with a * are required.", ""]
        for name in sorted(self.schemas):
            lines += self.schema(name)
        return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).rstrip("\n") + "\n"


def anchor(heading: str) -> str:
    """As GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else text + "."


def upper(text: str) -> str:
    return text[:1].upper() + text[1:]


def pattern_of(schema: Json) -> str:
    return f" that matches `{schema['pattern']}`" if "pattern" in schema else ""


def dumps(value: Any) -> str:
    """Small amounts without an exponent."""
    text = json.dumps(value, ensure_ascii=False)
    return re.sub(r"(?<=[ \[])(\d)e-0(\d)\b", lambda m: "0." + "0" * (int(m[2]) - 1) + m[1], f" {text}")[1:]


def pretty(value: Any, indent: int = 0, width: int = 112) -> str:
    """JSON whose parts stand in a line where they fit."""
    line = dumps(value)
    if not isinstance(value, (dict, list)) or not value or len(line) + indent <= width:
        return line
    pad = " " * (indent + 2)
    if isinstance(value, dict):
        items = [f"{pad}{json.dumps(k)}: {pretty(v, indent + 2, width - len(k) - 4)}" for k, v in value.items()]
    else:
        items = [pad + pretty(v, indent + 2, width) for v in value]
    opening, closing = ("{", "}") if isinstance(value, dict) else ("[", "]")
    return opening + "\n" + ",\n".join(items) + "\n" + " " * indent + closing


def main() -> int:
    if len(sys.argv) != 2:
        print("usage: scripts/api-reference.py API_DOC", file=sys.stderr)
        return 2
    printed = subprocess.run([sys.argv[1], "document"], check=True, capture_output=True).stdout
    sys.stdout.write(Reference(json.loads(printed)).text())
    return 0


if __name__ == "__main__":
    sys.exit(main())
