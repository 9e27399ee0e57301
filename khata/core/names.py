"""Names and notes: made clean, found across scripts, put in order."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Any

from anyascii import anyascii
from flask_babel import lazy_gettext as _
from flask_babel import lazy_ngettext

from khata.core.sounds import coarse, is_coarse, readings, romanise, sound_of, sounds_of
from khata.errors import Invalid

MAX_WORDS = 8
MAX_WORD_LENGTH = 40

MESSAGES: dict[str, Any] = {
    "empty": _("Write a name."),
    "too_long": _("This text is too long."),
}


class TextError(Invalid, ValueError):
    """A name or note that can't be taken; `code` is a key of MESSAGES."""

    def __init__(self, code: str, message: Any = None) -> None:
        super().__init__(message or MESSAGES[code], code)


def clean_name(text: str | None, max_length: int) -> str:
    """The name in one line, NFC, without invisible or direction-changing characters; TextError if empty or too long."""
    name = " ".join(_visible(text or "").split())
    if not any(unicodedata.category(char)[0] not in "ZM" for char in name):
        raise TextError("empty")
    return _within(name, max_length)


def clean_note(text: str | None, max_length: int) -> str:
    """As clean_name, but lines stay (at most one empty between two) and nothing at all is fine."""
    lines = (" ".join(_visible(line).split()) for line in _LINE_END.split(text or ""))
    return _within(re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip(), max_length)


_LINE_END = re.compile("\r\n|[\r\n\v\f\x85\u2028\u2029]")


def _within(text: str, max_length: int) -> str:
    if len(text) > max_length:
        message = lazy_ngettext("Use at most %(num)d character.", "Use at most %(num)d characters.", max_length)
        raise TextError("too_long", message)
    return text


# Letters and marks that print nothing: Hangul fillers, the empty Braille cell, Khmer and Mongolian signs.
_BLANK_LETTERS = frozenset("\u115f\u1160\u3164\uffa0\u2800\u17b4\u17b5\u034f\u180b\u180c\u180d\u180e\u180f")
_ZWNJ, _ZWJ = "\u200c", "\u200d"


def _visible(text: str) -> str:
    text = unicodedata.normalize("NFC", text)
    if text.isascii() and text.isprintable():
        return text
    kept = [_kept(text, at, char) for at, char in enumerate(text)]
    return unicodedata.normalize("NFC", "".join(kept))


def _kept(text: str, at: int, char: str) -> str:
    """The character itself, a space in place of other white space, or nothing."""
    if char.isspace():
        return " "
    if char in _ZWNJ + _ZWJ:
        return char if _joins(text, at, char) else ""
    if "\ufe00" <= char <= "\ufe0f":
        return char if at and unicodedata.category(text[at - 1]) in ("So", "Sk", "Sm", "Po", "Nd") else ""
    if char in _BLANK_LETTERS or 0xE0000 <= ord(char) <= 0xE0FFF:
        return ""
    # Cn stays: an emoji newer than this Python's Unicode tables is one.
    return "" if unicodedata.category(char) in ("Cc", "Cf", "Cs", "Co") or (ord(char) & 0xFFFE) == 0xFFFE else char


def _joins(text: str, at: int, char: str) -> bool:
    """True where a joiner has work to do: after a virama, between letters of a joining script, between emoji."""
    before = text[at - 1] if at else ""
    after = text[at + 1] if at + 1 < len(text) else ""
    if before and unicodedata.combining(before) == 9:
        return True
    if _shapes(before) and _shapes(after):
        return True
    return char == _ZWJ and _is_emoji(before) and unicodedata.category(after or "a") == "So"


def _shapes(char: str) -> bool:
    """True for a letter or mark of an Arabic, Syriac or Indic script."""
    return ("\u0600" <= char <= "\u0dff" or "\u1000" <= char <= "\u109f") and unicodedata.category(char)[0] in "LM"


def _is_emoji(char: str) -> bool:
    return char == "\ufe0f" or unicodedata.category(char or "a") in ("So", "Sk")


def search_keys(name: str) -> tuple[list[str], list[str]]:
    """Words (own script and Latin) and sounds under which a name is found; look both up by prefix, see query_keys."""
    words: dict[str, None] = {}
    sounds: dict[str, None] = {}
    for word in _words(name):
        its_words, its_sounds = _keys_of(word)
        words.update(dict.fromkeys(its_words))
        sounds.update(dict.fromkeys(its_sounds))
    return list(words), list(sounds)


@lru_cache(maxsize=8192)
def _keys_of(word: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    latin = romanise(word)
    sounds = (sound for sound in sounds_of(word) if len(sound) > 1)
    return (word, latin) if latin and latin != word else (word,), tuple(sounds)


def query_keys(text: str) -> list[tuple[str, str]]:
    """For each word typed so far: the prefix of a word, and the prefix of a sound ("" where it says too little)."""
    return [(word, _query_sound(word)) for word in _words(text)]


def _query_sound(word: str) -> str:
    """The sound of a word that may go on: a last letter that may still change its sound is left out where it can be."""
    reading = readings(word)[0].rstrip("'")
    for decided in (_UNDECIDED.sub("", reading), reading):
        sound = sound_of(decided)
        if len(sound) > 1:
            return coarse(sound) if is_coarse(word) else sound
    return ""


_UNDECIDED = re.compile(r"(?:(?<=[aeiou'])[hHw]|c)\Z")  # silent or said, a vowel or v, c or ch


def _words(text: str) -> list[str]:
    """Up to MAX_WORDS casefolded words, spelling variants of one letter folded."""
    folded = unicodedata.normalize("NFKC", text).casefold().translate(_SAME_LETTER)
    if not folded.isascii():
        folded = "".join(_without_accent(char) for char in folded)
    return [word[:MAX_WORD_LENGTH] for word in "".join(c if _in_word(c) else " " for c in folded).split()][:MAX_WORDS]


# Persian and Urdu forms of Arabic letters, hamza seats, marks that some write and some don't.
_SAME_LETTER = str.maketrans(
    {
        **dict.fromkeys("'’‘ʼ`´\u200c\u200d\u0640ः", None),
        **dict.fromkeys("أإٱ", "ا"),
        "ي": "ی",
        "ى": "ی",
        "ك": "ک",
        "ه": "ہ",
        "ة": "ہ",
        "ۃ": "ہ",
        "ۀ": "ہ",
        "ँ": "ं",
    }
)


def _in_word(char: str) -> bool:
    return char.isalnum() or unicodedata.category(char)[0] == "M"


@lru_cache(maxsize=4096)
def _without_accent(char: str) -> str:
    """A Latin letter without its accents; Arabic vowel points go too; other letters stay."""
    if "\u0300" <= char <= "\u036f" or "\u064b" <= char <= "\u065f" or char == "\u0670":
        return ""
    if "\x80" <= char <= "\u024f" or "\u1e00" <= char <= "\u1eff":
        return anyascii(char).lower() if char.isalpha() else char
    return str(unicodedata.decimal(char)) if char.isdecimal() else char


def sort_key(name: str) -> str:
    """The name as it is put in order: casefolded, accents folded, signs left out; each script by its own alphabet."""
    return " ".join(_words(name)) or name.casefold()
