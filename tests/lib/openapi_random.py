"""Random requests out of the OpenAPI document, by hypothesis: what a schema lets through, and that with something broken.

A made value fits its schema most of the time, not always; whether it does is for the caller to ask (Api.fits)."""

from __future__ import annotations

import copy
import json
from typing import Any, Callable, Dict, List

from hypothesis import strategies as st
from openapi import Api

Json = Dict[str, Any]
Strategy = Any

VARIANTS = 4  # of one made value

LETTERS = "abcXYZ019é漢🙂_.-:/\"\\' \n\t"  # white space that every language takes for such
TEXT = st.text(LETTERS, max_size=12)
NOT_BLANK = st.builds("{}{}".format, st.sampled_from("aé漢🙂"), TEXT)
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
INTEGERS = st.one_of(st.integers(-3, 300), st.integers(-(2**63), 2**63 - 1))
FRACTIONS = st.floats(-3, 300, allow_nan=False).filter(lambda x: x != int(x))
JSON = st.recursive(st.one_of(st.none(), st.booleans(), INTEGERS, FRACTIONS, TEXT),
                    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXT, inner, max_size=3)),
                    max_leaves=6)  # fmt: skip

# Where a schema says less than is useful.
BY_NAME: Dict[str, Strategy] = {
    "model": st.sampled_from(["auto", "haiku", "sonnet", "opus", "claude-haiku-5-5", "gpt-4", "", None]),
    "session_id": st.sampled_from(["new", "sess_" + "0" * 32, "", None]),
    "project_id": st.sampled_from(["default", "demo", "a.b-c_d", "..", "", "no/such", "x" * 65, None]),
    "timeout": st.sampled_from([0, -1, 0.001, 5, 60.5, 1e12, None]),
    "url": st.sampled_from([f"data:image/png;base64,{PIXEL}", "https://example.org/a.png", "http://example.org/a.png",
                            "data:image/bmp;base64,AAAA", "data:image/png;base64,AA", "https://", ""]),
}  # fmt: skip


class Maker:
    def __init__(self, api: Api) -> None:
        self._api = api
        self._made: Dict[str, Strategy] = {}

    def of(self, schema: Json) -> Strategy:
        key = json.dumps(schema, sort_keys=True)
        if key not in self._made:
            self._made[key] = st.deferred(lambda: self._make(self._api.follow(schema)))
        return self._made[key]

    def _make(self, schema: Json) -> Strategy:
        if "const" in schema:
            return st.just(schema["const"])
        if "enum" in schema:
            return st.sampled_from(schema["enum"])
        if "allOf" in schema:
            parts = schema["allOf"] + schema.get("oneOf", [])[:1]
            return st.tuples(*map(self.of, parts)).map(lambda made: {k: v for part in made for k, v in part.items()})
        if "properties" not in schema and ("anyOf" in schema or "oneOf" in schema):
            return st.one_of(*map(self.of, schema.get("anyOf", schema.get("oneOf"))))
        types = schema.get("type", "any")
        return st.one_of(*[self._typed(t, schema) for t in ([types] if isinstance(types, str) else types)])

    def _typed(self, kind: str, schema: Json) -> Strategy:
        make: Dict[str, Callable[[Json], Strategy]] = {
            "object": self._object, "array": self._array, "string": self._string, "integer": self._integer,
            "number": self._number, "boolean": lambda _: st.booleans(), "null": lambda _: st.none(), "any": lambda _: JSON,
        }  # fmt: skip
        return make[kind](schema)

    def _object(self, schema: Json) -> Strategy:
        properties = schema.get("properties")
        if not properties:
            return st.dictionaries(TEXT, self.of(schema.get("additionalProperties", {})), max_size=3)
        required = schema.get("required", [])
        members = {name: BY_NAME[name] if name in BY_NAME else self.of(one) for name, one in properties.items()}
        optional = [name for name in properties if name not in required]

        @st.composite
        def build(draw: Any) -> Json:
            names = draw(st.lists(st.sampled_from(optional), max_size=4, unique=True)) if optional else []
            return {name: draw(members[name]) for name in required + names}

        return build()

    def _array(self, schema: Json) -> Strategy:
        items = self.of(schema.get("items", {}))
        least, most = schema.get("minItems", 0), min(schema.get("maxItems", 3), 3)
        if "contains" not in schema:
            return st.lists(items, min_size=least, max_size=most)
        one = self._one_of_those(schema).filter(lambda x: self._api.fits(schema["contains"], x))
        return st.tuples(st.lists(items, max_size=2), one).map(lambda pair: pair[0] + [pair[1]])

    def _one_of_those(self, schema: Json) -> Strategy:
        """An item as `contains` wants it; alternatives that can never be are left out, which saves time."""
        items, wanted = self._api.follow(schema["items"]), schema["contains"].get("properties", {})

        def can_be(one: Json) -> bool:
            has = self._api.follow(one).get("properties", {})
            return all("const" not in want or has.get(name, want).get("const") == want["const"] for name, want in wanted.items())

        return st.one_of(*[self.of(one) for one in items.get("anyOf", [items]) if can_be(one)])

    @staticmethod
    def _string(schema: Json) -> Strategy:
        if schema.get("pattern") == "\\S":
            return NOT_BLANK
        if "pattern" in schema:
            return st.from_regex(schema["pattern"], fullmatch=True).filter(lambda s: not s.endswith("\n"))
        if schema.get("maxLength", 0) > 100:
            return st.one_of(TEXT, st.just("y" * (schema["maxLength"])), st.just("y" * (schema["maxLength"] + 1)))
        return st.text(LETTERS, min_size=schema.get("minLength", 0), max_size=12)

    @staticmethod
    def _integer(schema: Json) -> Strategy:
        low, high = schema.get("minimum"), schema.get("maximum")
        inside = st.integers(-(2**63) if low is None else low, 2**63 - 1 if high is None else high)
        return st.one_of(inside, *edges(schema))

    @staticmethod
    def _number(schema: Json) -> Strategy:
        low, high = schema.get("minimum", -1000), schema.get("maximum", 1000)
        return st.one_of(st.integers(int(low), int(high)), st.floats(low, high, allow_nan=False), *edges(schema))


def edges(schema: Json) -> List[Strategy]:
    """The bounds of a number, and what is just beyond them."""
    low, high = schema.get("minimum"), schema.get("maximum")
    found = ([low, low - 1] if low is not None else []) + ([high, high + 1] if high is not None else [])
    return [st.sampled_from(found)] if found else []


def places(value: Any, path: Any = ()) -> List[Any]:
    """Where in a value something else can be put."""
    found = [path] if path else []
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else []
    for key, item in items:
        found += places(item, path + (key,))
    return found


@st.composite
def broken(draw: Any, whole: Strategy) -> List[Any]:
    """A made value, and that with one member replaced, removed or added, in several ways: making is what takes time."""
    made = draw(whole)
    return [made] + [damaged(draw, made) for _ in range(VARIANTS - 1)]


def damaged(draw: Any, made: Any) -> Any:
    value = copy.deepcopy(made)
    where = places(value)
    if not where:
        return value
    path = draw(st.sampled_from(where))
    how = draw(st.sampled_from(["replace", "replace", "remove", "add"]))
    at = value
    for step in path[:-1]:
        at = at[step]
    if how == "replace":
        at[path[-1]] = draw(st.one_of(JSON, st.sampled_from(["", 0, -1, 1e300, [], {}, None, True, "x" * 300])))
    elif how == "remove":
        del at[path[-1]]
    elif isinstance(at, dict):
        at[draw(TEXT)] = draw(JSON)
    return value
