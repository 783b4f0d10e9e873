"""Lengths in a model's words, in metres."""

from __future__ import annotations

import math
import re
from typing import Final

METRES_PER_UNIT: Final = {
    **dict.fromkeys(("m", "meter", "meters", "metre", "metres"), 1.0),
    **dict.fromkeys(("cm", "centimeter", "centimeters", "centimetre", "centimetres"), 0.01),
    **dict.fromkeys(("mm", "millimeter", "millimeters", "millimetre", "millimetres"), 0.001),
    **dict.fromkeys(("in", "inch", "inches"), 0.0254),
    **dict.fromkeys(("ft", "foot", "feet"), 0.3048),
}
# No measured length needs more digits, and float() on a megabyte of them takes quadratic time.
MAX_NUMBER_CHARACTERS: Final = 32

# "2 in the box" is a count: "in" is a unit at the end of a clause or before a word that goes with a measure.
_AFTER_A_MEASURE: Final = "tall|wide|long|high|deep|thick|away|apart|above|below|from|between|by|and|or|x"
_INCH: Final = rf"in(?=\s*(?:$|[^\w\s]|(?:{_AFTER_A_MEASURE})\b))"
_UNIT: Final = "|".join(sorted(METRES_PER_UNIT.keys() - {"in"}, key=len, reverse=True)) + "|" + _INCH
# Not after a word, a decimal comma or a dash: "1,5 m", "0.3-0.5 m" and "-0.2 m" state no single length. Not before an
# exponent or a slash: "3 m/s" and "2 m^2" are none either.
_NOT_BEHIND: Final = r"(?<![\w.,\-\u2212\u2013])"
_LENGTH: Final = re.compile(
    _NOT_BEHIND + r"(?P<number>(?:(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?:\.[0-9]*)?|\.[0-9]+)(?:e[+-]?[0-9]+)?)"
    rf"[ \t]{{0,3}}-?(?P<unit>{_UNIT})(?![\w^/\u00b2\u00b3])",
    re.IGNORECASE,
)
_PLAIN_NUMBER: Final = re.compile(_NOT_BEHIND + r"(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?(?![\w%])")
_BETWEEN_FEET_AND_INCHES: Final = re.compile(r"[ ,]{0,3}(?:and )?")


def last_length_m(text: str) -> float:
    """The last length that ``text`` states with its unit, metres; NaN when it states none.

    The last one is the conclusion of a sentence that also names what it compared. Feet followed by inches are one
    length. A number without a unit is a count, not a length.
    """
    length_m, feet_m, feet_end = math.nan, math.nan, -1
    for match in _LENGTH.finditer(text):
        unit_m = METRES_PER_UNIT[match["unit"].lower()]
        value_m = number(match["number"].replace(",", "")) * unit_m
        follows_feet = feet_end >= 0 and _BETWEEN_FEET_AND_INCHES.fullmatch(text, feet_end, match.start())
        if follows_feet and unit_m == METRES_PER_UNIT["in"]:
            value_m += feet_m
        feet_m, feet_end = (value_m, match.end()) if unit_m == METRES_PER_UNIT["ft"] else (math.nan, -1)
        if math.isfinite(value_m):
            length_m = value_m
    return length_m


def first_number(text: str) -> float:
    """The first number that ``text`` states; NaN when it states none."""
    match = _PLAIN_NUMBER.search(text)
    return math.nan if match is None else number(match[0])


def number(digits: str) -> float:
    """The finite value of a number already matched as ASCII digits; NaN when it is too long or too large for one."""
    if len(digits) > MAX_NUMBER_CHARACTERS:
        return math.nan
    value = float(digits)
    return value if math.isfinite(value) else math.nan
