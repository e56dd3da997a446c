"""How a converter's process replies: one JSON object for each line of standard input."""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Callable, Mapping
from typing import Any


def reply_to_requests(convert: Callable[[dict[str, Any]], Mapping[str, Any]]) -> None:
    """Replies what `convert` returns, or `{"error": "..."}` with what it raised, until standard input ends."""
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # converters print
    for line in sys.stdin:
        try:
            reply = convert(json.loads(line))
        except Exception as problem:  # converters raise what they like
            traceback.print_exc()
            reply = {"error": f"{type(problem).__name__}: {problem}"}
        print(json.dumps(reply), file=replies, flush=True)
