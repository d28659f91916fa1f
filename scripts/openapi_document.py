"""Walking an OpenAPI document: what the scripts that read it and the tests have in common."""

from __future__ import annotations

from typing import Any, Dict, Iterator, Tuple

Json = Dict[str, Any]
METHODS = ("get", "put", "post", "delete", "patch", "head", "options")  # of a path; what else it has is no operation


class OpenApiDocument:
    def __init__(self, root: Json) -> None:
        self.root = root
        self.schemas: Json = root["components"]["schemas"]

    def follow(self, node: Json) -> Json:
        """What a node refers to, or the node itself."""
        while "$ref" in node:
            at: Any = self.root
            for step in node["$ref"][2:].split("/"):
                at = at[step]
            node = at
        return node

    def operations(self) -> Iterator[Tuple[str, str, Json]]:
        """(method, path, operation) of each."""
        for path, item in self.root["paths"].items():
            for method, operation in item.items():
                if method in METHODS:
                    yield method.upper(), path, operation
