"""Hostile bytes, JSON values and Python values, drawn from a random generator."""

from __future__ import annotations

import copy
import json
import random
from typing import Any

import numpy as np

TOKENS = (
    *(b"", b"null", b"NaN", b"true", b"1e999", b"-1", b"2.0", b'"x"', b"[]", b"{}", b"\x00", b"\xff", b"9" * 5000),
    *(b"../../x", b"\xed\xa0\x80", b"[" * 3000, b",", b'"', b"\n", b"\r", b"\xef\xbb\xbf", b"1_000", b" ", b"\t", b";"),
    *(b"\xff\xfe", b"\x1f\x8b", b"\xe2\x80\xa8", b"\x85", b"'", b"=", b"(", b")", b"#", b"0x1f", b"inf", b"-0"),
)
PLAIN = (
    *(None, True, False, 2.0, -1, 0, 10**30, 1e308, "x", "", "../x", [], {}, ["a"], {"a": 1}, "no"),
    *(float("nan"), float("inf"), "x" * 300, "\ud800", [[]], -0.5, "\0"),
)
ODD = (
    *(None, True, -1, 0, 1, 2.0, 0.5, 10**30, float("nan"), float("inf"), "x", "", "\ud800", b"x", "a b", "\0"),
    *((), [], {}, set(), [None], ["a"], [1.0], [[0.5]], [["a"]], {"a": 1}, {"a": [1.0]}, {1: [1.0]}, object(), len),
    *(np.float64("nan"), np.int64(1), np.array([1.0, 2.0]), np.zeros((2, 2)), 1j, range(2), iter(()), Ellipsis),
)
GONE = object()


def changed_bytes(rng: random.Random, content: bytes) -> bytes:
    """The content with one to four changes: a token put in or over, a bit flipped, an end cut off, a part twice."""
    changed = bytearray(content)
    for _ in range(rng.choice([1, 1, 1, 2, 4])):
        chance, at = rng.random(), rng.randrange(len(changed) + 1)
        other = rng.randrange(len(changed) + 1)
        if chance < 0.3:
            changed[at : at + rng.randrange(12)] = rng.choice(TOKENS)
        elif chance < 0.5:
            changed[at:at] = rng.choice(TOKENS)
        elif chance < 0.75 and at < len(changed):
            changed[at] ^= 1 << rng.randrange(8)
        elif chance < 0.8:
            del changed[at:]
        elif chance < 0.9:
            changed[at:at] = changed[min(at, other) : max(at, other)][:300]
        else:
            del changed[at : at + rng.randrange(1, 40)]
    return bytes(changed)


def changed_json(rng: random.Random, content: Any) -> Any:
    """A copy in which one value, at any depth, is gone or another one."""
    content = copy.deepcopy(content)
    whole = {"": content}
    parent, key = whole, ""
    while isinstance(parent[key], dict | list) and parent[key] and rng.random() < 0.85:
        parent = parent[key]
        key = rng.choice(list(parent) if isinstance(parent, dict) else range(len(parent)))
    put = rng.choice((*PLAIN, GONE, GONE))
    if put is not GONE:
        parent[key] = put
    elif parent is not whole:
        del parent[key]
    return whole[""]


def put_at(content: Any, path: tuple[Any, ...], value: Any) -> Any:
    """A copy with another value at a path; GONE takes it out."""
    content = copy.deepcopy(content)
    inner = content
    for key in path[:-1]:
        inner = inner[key]
    if value is GONE:
        del inner[path[-1]]
    else:
        inner[path[-1]] = value
    return content


def same_json(one: Any, other: Any) -> bool:
    """Whether both are written alike: true is not 1, and NaN is NaN."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
