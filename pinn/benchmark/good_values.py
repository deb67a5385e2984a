"""The values that a problem's docstring calls good, as numbers: what is stated is what is swept.

A factory's docstring has a paragraph `Good values:` with clauses of these forms, in which what
stands in brackets or between commas is for people:

    speed from 1 to 100          particles 3 to 16            end up to 20
    nu from 0.001/π (hard) to 1  rotation from 0 to omega     amplitude 1 (a soliton), 2 or 3

The end of a range is a number, a multiple or a fraction of π, or another parameter.
"""

import inspect
import math
import re
from collections.abc import Callable, Mapping

NUMBER = r"−?\d+(?:\.\d+)?(?:e[−-]?\d+)?"
VALUE = rf"(?:{NUMBER}(?:/?π)?|π|[a-z]\w+)"
ALONE = r"(?<![·/])(?<!· )\b"  # a limit on a product is none on its last factor
RANGE = rf"{ALONE}(?P<name>\w+)(?: from)? (?P<low>{VALUE})(?:, [^;.,]*,)? to (?P<high>{VALUE})"
LIMIT = rf"{ALONE}(?P<name>\w+) up to (?P<high>{VALUE})"
CHOICE = rf"{ALONE}(?P<name>\w+) (?P<values>{NUMBER}(?:, {NUMBER})* or {NUMBER})"


def good_values(factory: Callable) -> dict[str, tuple[float, ...]]:
    """Return the ends of each range, or each choice, that a factory's docstring calls good.

    Names that are no parameters with numbers as defaults, and ends that are no numbers, are left
    out.
    """
    text = stated(factory)
    defaults = {n: p.default for n, p in inspect.signature(factory).parameters.items()}
    usual = {n: v for n, v in defaults.items() if isinstance(v, int | float)}
    found: dict[str, tuple[float, ...]] = {}
    for pattern in (RANGE, LIMIT, CHOICE):
        for match in re.finditer(pattern, text):
            parts = match.groupdict()
            words = re.findall(NUMBER, parts["values"]) if "values" in parts else None
            ends = words or [parts[name] for name in ("low", "high") if parts.get(name)]
            values = [_number(word, usual) for word in ends]
            if parts["name"] in usual and None not in values:
                kind = type(usual[parts["name"]])
                known = (kind(v) if kind is int else v for v in values if v is not None)
                found.setdefault(parts["name"], tuple(dict.fromkeys(known)))
    return found


def stated(factory: Callable) -> str:
    """Return the paragraph of good values in one line, without what stands in brackets."""
    paragraph = re.search(r"Good values: (.*?)(?:\n\n|$)", inspect.getdoc(factory) or "", re.DOTALL)
    return re.sub(r" \([^()]*\)", "", " ".join(paragraph[1].split())) if paragraph else ""


def _number(word: str, usual: Mapping[str, float]) -> float | None:
    """Return the number that a word stands for, None where it stands for none."""
    if word in usual:
        return usual[word]
    match = re.fullmatch(rf"({NUMBER})?(/?π)?", word)
    if match is None:
        return None
    value = float((match[1] or "1").replace("−", "-"))
    return {None: value, "π": value * math.pi, "/π": value / math.pi}[match[2]]
