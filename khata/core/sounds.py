"""How a word sounds, whatever its script: readings in plain Latin letters, and consonant keys that meet across scripts.

A reading is rough Latin with two marks: "H" is a spoken h (a plain "h" after a stop is aspiration), "'" parts letters
that don't form one sound. A script that writes one sign for several sounds gives several readings.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache

from anyascii import anyascii

MAX_READINGS = 16

Unit = tuple[str, ...]  # the readings of one sign or cluster, the likeliest first


def readings(word: str) -> list[str]:
    """Up to MAX_READINGS readings of a casefolded word, the likeliest first."""
    found = [""]
    for unit in _units(word):
        choices = unit if len(found) * len(unit) <= MAX_READINGS else unit[:1]
        found = [start + choice for choice in choices for start in found]
    return found


def romanise(word: str) -> str:
    """The likeliest reading in plain lower-case letters and digits."""
    return _plain("".join(unit[0] for unit in _units(word)))


def _plain(reading: str) -> str:
    return reading.replace("'", "").lower()


def sound_of(reading: str) -> str:
    """The consonants of a reading, upper case, and a first vowel as "A", "I" or "U": "kumar" -> "KMR"."""
    spoken = _SOUND.sub(lambda found: _SOUNDS.get(found.lastgroup or "") or found[0][0].upper(), reading)
    first = _FIRST_VOWEL.get(reading.lstrip("'")[:1], "")
    return first + re.sub(r"([A-Z])\1+", r"\1", spoken).replace(".", "")


def coarse(sound: str) -> str:
    """The same key for scripts that don't write voicing (Tamil, Korean, Arabic's borrowed sounds), lower case."""
    return sound.translate(_COARSE)


def is_coarse(word: str) -> bool:
    """True where the word's script leaves open what another script writes: look its coarse key up."""
    return any(_is_tamil(c) or _is_hangul(c) or _is_arabic(c) for c in word)


_COARSE = str.maketrans("GDBCJHLIUQ", "ktpsskraak") | str.maketrans("KTPSRAMNY", "ktpsramny")
_FIRST_VOWEL = {**dict.fromkeys("a", "A"), **dict.fromkeys("ei", "I"), **dict.fromkeys("ou", "U")}

# One alternative a sound; the name of the group says what becomes of it. "." stands for a vowel while doubles fold.
_SOUND = re.compile(
    r"(?P<ch>chh?)|(?P<zh>zh)|(?P<sh>sh)|(?P<f>ph|f)|(?P<x>x)|(?P<soft_c>c(?=[eiy]))|(?P<k>[ckq]h?)"
    r"|(?P<bvw>[bv]h?|(?<![aeiou])w|w(?=[aeiouy]))|(?P<z>z)|(?P<itself>[gjtdpsr]h?|^y|[lmnhH0-9])|(?P<rest>.)",
    re.DOTALL,
)
_SOUNDS = {
    "ch": "C",
    "zh": "L",  # the Tamil ழ as people spell it: Kanimozhi
    "sh": "S",
    "f": "P",
    "x": "KS",
    "soft_c": "S",
    "k": "K",
    "bvw": "B",
    "z": "J",
    "rest": ".",
}


def _units(word: str) -> Iterator[Unit]:
    """The word cut into runs of one script, each read by its own rules."""
    run: list[str] = []
    reader: Callable[[str], Iterator[Unit]] = _other
    for char in word:
        its_reader = _reader_of(char)
        if its_reader is not reader and run:
            yield from reader("".join(run))
            run = []
        reader = its_reader
        run.append(char)
    if run:
        yield from reader("".join(run))


def _reader_of(char: str) -> Callable[[str], Iterator[Unit]]:
    if char < "\u0600":
        return _other
    if "\u0900" <= char <= "\u0d7f":
        return _indic
    if _is_arabic(char):
        return _arabic
    return _hangul if _is_hangul(char) else _other


def _is_tamil(char: str) -> bool:
    return "\u0b80" <= char <= "\u0bff"


def _is_hangul(char: str) -> bool:
    return "\uac00" <= char <= "\ud7a3"


def _is_arabic(char: str) -> bool:
    return "\u0600" <= char <= "\u08ff" or "\ufb50" <= char <= "\ufdff" or "\ufe70" <= char <= "\ufefe"


@lru_cache(maxsize=4096)
def _letter(char: str) -> str:
    """One sign in plain letters by anyascii; marks and signs without a sound give nothing."""
    return re.sub(r"[^a-z0-9]", "", anyascii(char).lower())


def _other(run: str) -> Iterator[Unit]:
    yield from ((_letter(char),) for char in run)


# --- The scripts of India: their blocks share one layout (ISCII), so one table reads nine of them. ---

_CONSONANTS = "k kh g gh n ch chh j jh n t th d dh n t th d dh n n p ph b bh m y r r l l zh v sh sh s H".split()
_VOWELS = {0x04: "a", 0x05: "a", 0x06: "a", 0x07: "i", 0x08: "i", 0x09: "u", 0x0A: "u", 0x0B: "ri", 0x0C: "li"}
_VOWELS |= {0x0D: "e", 0x0E: "e", 0x0F: "e", 0x10: "ai", 0x11: "o", 0x12: "o", 0x13: "o", 0x14: "au", 0x60: "ri"}
_SIGNS = {0x3E: "a", 0x3F: "i", 0x40: "i", 0x41: "u", 0x42: "u", 0x43: "ri", 0x44: "ri", 0x45: "e", 0x46: "e"}
_SIGNS |= {0x47: "e", 0x48: "ai", 0x49: "o", 0x4A: "o", 0x4B: "o", 0x4C: "au"}
_VIRAMA, _NUKTA, _ANUSVARA = 0x4D, 0x3C, (0x00, 0x01, 0x02)
_KA, _CA, _NYA, _TTA, _TA, _PA, _MA, _YA, _RRA, _HA = 0x15, 0x1A, 0x1E, 0x1F, 0x24, 0x2A, 0x2E, 0x2F, 0x31, 0x39
_NASALS = (0x19, 0x1E, 0x23, 0x28, 0x29, 0x2E)
_DOTTED = {0x1C: "z", 0x2B: "f", 0x21: "r", 0x22: "rh", 0x2F: "y", 0x38: "sh"}
# Signs outside the common layout: consonants of Assamese, Odia and Punjabi, khanda ta, Malayalam chillus.
_ODD = {
    "ৰ": "r",
    "ৱ": "v",
    "ୱ": "v",
    "ੜ": "r",
    "ୟ": "y",
    "ৎ": "t",
    "ൺ": "n",
    "ൻ": "n",
    "ർ": "r",
    "ൽ": "l",
    "ൾ": "l",
    "ൿ": "k",
}
_ODD_WITH_A = frozenset("ৰৱୱੜୟ")
_TIPPI = "ੰ"

_DEVA, _BENG, _GURU, _GUJR, _ORYA, _TAML, _MLYM = 0x900, 0x980, 0xA00, 0xA80, 0xB00, 0xB80, 0xD00
_DROP_LAST_A = (_DEVA, _BENG, _GURU, _GUJR)
_EASTERN = (_BENG, _ORYA)

# ज्ञ is said otherwise in each place: Gyan, Jnan, Gnan, Dnyaneshwar.
_JNYA = {_DEVA: ("gy", "jn", "gn", "dny"), _GUJR: ("gy", "gn", "jn")}
_TAMIL_STOPS = {
    # after a nasal, at the start or within: what the one letter may stand for
    _KA: (("g", "k"), ("k", "g"), ("k", "g", "H")),
    _CA: (("j", "ch"), ("s", "ch"), ("s", "ch")),
    _TTA: (("d", "t"), ("t", "d"), ("t", "d")),
    _TA: (("d", "t"), ("t", "d"), ("t", "d")),
    _PA: (("b", "p"), ("p", "b"), ("p", "b")),
}


def _indic(run: str) -> Iterator[Unit]:
    block = ord(run[0]) & ~0x7F
    offsets = [ord(char) & 0x7F if ord(char) & ~0x7F == block else -1 for char in run] + [-1, -1, -1]
    at = 0
    while at < len(run):
        unit, length = _indic_sign(run, offsets, at, block)
        yield unit
        at += length
        if 0x15 <= offsets[at - 1] <= _HA or offsets[at - 1] == _NUKTA or run[at - 1] in _ODD_WITH_A:
            yield (_inherent_vowel(offsets[at], at == len(run), at == 1, block),)


def _inherent_vowel(following: int, is_last: bool, is_only: bool, block: int) -> str:
    """The unwritten a after a consonant; the north drops it at a word's end."""
    if following in _SIGNS or following == _VIRAMA or (is_last and block in _DROP_LAST_A and not is_only):
        return ""
    return "a"


def _indic_sign(run: str, offsets: list[int], at: int, block: int) -> tuple[Unit, int]:
    """The readings of the sign or cluster at `at`, and how many characters it takes."""
    offset = offsets[at]
    if run[at] in _ODD:
        return (_ODD[run[at]],), 1
    if offset in _ANUSVARA or run[at] == _TIPPI:
        return _nasal(offsets, at, block)
    if 0x15 <= offset <= _HA:
        return _consonant(offsets, at, block)
    if block == _TAML and at == 0 and offset in (0x07, 0x09) and offsets[1] in (0x30, 0x32):
        return ("", _VOWELS[offset]), 1  # இராமன், உலகம்: r and l take a vowel before them in writing
    if offset in _SIGNS:
        return (_SIGNS[offset],), 1
    return (_VOWELS.get(offset, "" if offset < 0x66 else _letter(run[at])),), 1


def _nasal(offsets: list[int], at: int, block: int) -> tuple[Unit, int]:
    following = offsets[at + 1]
    if following == _HA:
        return (
            ("ngh", "mH") if block in _DROP_LAST_A else ("mH", "ngh")
        ), 2  # Singh in the north, Narasimha in the south
    if 0x2A <= following <= _MA:
        return ("m",), 1
    if following != -1:
        return ("n",), 1
    if block in _EASTERN:
        return ("ng",), 1
    return (("n",) if block in _DROP_LAST_A else ("m",)), 1


def _consonant(offsets: list[int], at: int, block: int) -> tuple[Unit, int]:
    offset, following, after = offsets[at : at + 3]
    if following == _NUKTA:
        return (_DOTTED.get(offset, _CONSONANTS[offset - _KA]),), 2
    if offset == 0x1C and following == _VIRAMA and after == _NYA:
        return _JNYA.get(block, ("jn", "gn", "gy")), 3
    if offset == _YA and at == 0 and block in _EASTERN:
        return ("y", "j"), 1
    if offset == _RRA and following == _VIRAMA and after == _RRA and block in (_TAML, _MLYM):
        return (("tr", "t") if block == _TAML else ("t",)), 3
    if block == _TAML:
        return _tamil(offsets, at)
    if block == _MLYM and offset == _KA and at and _VIRAMA not in (following, offsets[at - 1]):
        return ("k", "g"), 1  # മുരുകൻ is Murugan
    return (_CONSONANTS[offset - _KA],), 1


def _tamil(offsets: list[int], at: int) -> tuple[Unit, int]:
    """Tamil writes k and g, t and d, p and b, s and ch alike; doubled they are voiceless."""
    offset, following, after = offsets[at : at + 3]
    if offset == _TTA and following == _VIRAMA and after == _CA:
        return ("ksh", "tch"), 3  # லட்சுமி is Lakshmi
    if offset == 0x19 and following == _VIRAMA and after != _KA:
        return ("ng",), 1
    if offset not in _TAMIL_STOPS:
        return (_CONSONANTS[offset - _KA],), 1
    if following == _VIRAMA and after == offset:
        return (_CONSONANTS[offset - _KA],), 3
    after_nasal, at_start, within = _TAMIL_STOPS[offset]
    if at >= 2 and offsets[at - 1] == _VIRAMA and offsets[at - 2] in _NASALS:
        return after_nasal, 1
    return (at_start if at == 0 else within), 1


# --- Arabic letters: short vowels are not written, w and y are vowels or consonants. ---

_ARABIC: dict[str, Unit] = {
    "ا": ("",),
    "آ": ("a",),
    "أ": ("a", "u"),
    "إ": ("i",),
    "ؤ": ("u",),
    "ة": ("a",),
    "ب": ("b", "p"),
    "ث": ("s", "t"),
    "ج": ("j",),
    "ح": ("H",),
    "ه": ("H",),
    "ہ": ("H",),
    "ھ": ("",),  # the two-eyed h marks aspiration
    "چ": ("ch",),
    "ذ": ("z", "d"),
    "ض": ("z", "d"),
    "ژ": ("z",),
    "غ": ("g",),
    "خ": ("kh",),
    "ش": ("sh",),
    "ف": ("f", "v"),
    "ق": ("k",),
    "ى": ("a",),
    "ے": ("e",),
    "ں": ("n",),
    "ڑ": ("r",),
    **dict.fromkeys("عءئ", ("",)),
}
_ANY_VOWEL: Unit = ("a", "i", "u")
_OPEN = set("اایيىےهہةآ")


def _arabic(run: str) -> Iterator[Unit]:
    letters = [char for char in run if not unicodedata.combining(char) and char != "ـ"]
    letters = list(re.sub("لل(?=[هہ])", "ل", "".join(letters)))  # the l of Allah, said once
    for at, char in enumerate(letters):
        yield tuple(f"{reading}'" for reading in _arabic_letter(letters, at, char))


def _arabic_letter(letters: list[str], at: int, char: str) -> Unit:
    following = letters[at + 1] if at + 1 < len(letters) else ""
    if at == 0 and char in "اعئ":
        return _ANY_VOWEL
    if char == "و":
        if at == 0:
            return ("v",)
        return ("v", "u") if following in _OPEN else ("u", "v")
    if char in "يی":
        return ("i",) if at else ("y",)
    return _ARABIC.get(char) or (_letter(char),)


# --- Korean: a syllable is an onset, a vowel and a coda; Unicode's own decomposition parts them. ---

_ONSETS: list[Unit] = [("k", "g"), ("k",), ("n",), ("d", "t"), ("t",), ("r", "l"), ("m",), ("b", "p"), ("p",)]
_ONSETS += [("s",), ("s",), ("",), ("j", "ch"), ("j",), ("ch",), ("k",), ("t",), ("p",), ("H",)]
_KOREAN_VOWELS = "a ae ya yae eo e yeo ye o wa wae oe yo u wo we wi yu eu ui i".split()
_CODAS: list[Unit] = [("",), ("k", "g"), ("k",), ("k",), ("n",), ("n",), ("n",), ("t", "d"), ("l",)]
_CODAS += [("l",)] * 7 + [("m",), ("p", "b"), ("p",), ("t", "s"), ("t", "s"), ("ng",), ("t", "j"), ("t", "ch")]
_CODAS += [("k",), ("t",), ("p",), ("",)]
_RIEUL_ONSET, _RIEUL_CODA, _SIOT = 5, 8, (9, 10)


def _hangul(run: str) -> Iterator[Unit]:
    coda = 0
    for char in run:
        onset, rest = divmod(ord(char) - 0xAC00, 21 * 28)
        yield ("l",) if onset == _RIEUL_ONSET and coda == _RIEUL_CODA else _ONSETS[onset]
        vowel, coda = divmod(rest, 28)
        # 쉬 writes a foreign "sh": its w is not said.
        yield (_KOREAN_VOWELS[vowel].lstrip("w") if onset in _SIOT else _KOREAN_VOWELS[vowel],)
        yield _CODAS[coda]


def sounds_of(word: str) -> list[str]:
    """Every sound key a word is found under: fine ones in upper case, then coarse ones in lower case."""
    fine = _distinct(sound_of(reading) for reading in readings(word))
    return fine + _distinct(coarse(sound) for sound in fine)


def _distinct(keys: Iterable[str]) -> list[str]:
    return [key for key in dict.fromkeys(keys) if key]
