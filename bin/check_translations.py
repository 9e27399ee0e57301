"""Fails where a catalogue is not whole: texts missing, stale, fuzzy, untranslated; placeholders or tags that differ."""

import re
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.pofile import read_po

ROOT = Path(__file__).resolve().parent.parent
TRANSLATIONS = ROOT / "translations"
KEYWORDS = DEFAULT_KEYWORDS | {
    "lazy_gettext": None,
    "lazy_ngettext": (1, 2),
    "lazy_pgettext": ((1, "c"), 2),
    "_l": None,
}
SKIPPED_FOLDERS = {"node_modules", "static", "tests", "translations", "var"}
# %(name)s of gettext, and %% that stands for a percent sign.
PLACEHOLDER = re.compile(r"%\((\w+)\)([#0\- +]*[\d.]*[a-zA-Z])|%%")
TAG = re.compile(r"</?[a-zA-Z][^>]*>")
# "one day" needs no number: only the count may be left out, and only in a plural form.
COUNT = "%(num)d"


def extracted() -> Catalog:
    """Every text for people that stands in code and templates, as babel.cfg names the places."""
    with (ROOT / "babel.cfg").open() as mapping:
        methods, options = parse_mapping_cfg(mapping)
    found = extract_from_dir(
        ROOT,
        methods,
        options,
        KEYWORDS,
        comment_tags=["L10N:"],
        directory_filter=is_source_folder,
        strip_comment_tags=True,
    )
    catalogue = Catalog()
    for file, _line, text, comments, context in found:
        catalogue.add(text, locations=[(file.replace("\\", "/"), 0)], auto_comments=comments, context=context)
    return catalogue


def is_source_folder(folder: str | Path) -> bool:
    """Whether texts may stand in a folder: not in what others wrote and not in what was built."""
    name = Path(folder).name
    return name not in SKIPPED_FOLDERS and not name.startswith((".", "_"))


def catalogue_files() -> list[Path]:
    """The catalogues there are, one a language; English needs none."""
    return sorted(TRANSLATIONS.glob("*/LC_MESSAGES/messages.po"))


def read_catalogue(path: Path) -> Catalog:
    """A catalogue as it stands in its file; ValueError where the file is not a catalogue."""
    with path.open("rb") as file:
        return read_po(file, locale=path.parts[-3], abort_invalid=True)


def faults(catalogue: Catalog, template: Catalog) -> Iterator[str]:
    """One line for each thing that keeps a catalogue from being whole."""
    wanted = {key(message): message for message in template if message.id}
    present = {key(message): message for message in catalogue if message.id}
    for name in wanted.keys() - present.keys():
        yield f"missing: {name[0]!r} (make translations takes it in)"
    for name in present.keys() - wanted.keys():
        yield f"stale: {name[0]!r} (make translations takes it out)"
    yield from (f"stale: {message.id!r}" for message in catalogue.obsolete.values())
    for name in wanted.keys() & present.keys():
        yield from (f"{fault}: {name[0]!r}" for fault in message_faults(wanted[name], present[name], catalogue))


def key(message: Message) -> tuple[str, str | None, str | None]:
    """What makes a text the same text: its singular, its plural and its context."""
    single, *plural = texts(message.id)
    return single, plural[0] if plural else None, message.context


def texts(one_or_more: object) -> list[str]:
    """The forms of a text or of its translation: one, or several where it has a plural."""
    return [str(form or "") for form in (one_or_more if isinstance(one_or_more, tuple | list) else [one_or_more])]


def message_faults(source: Message, translated: Message, catalogue: Catalog) -> Iterator[str]:
    """What is wrong with one translated text."""
    originals, forms = texts(source.id), texts(translated.string)
    may_drop_count = len(originals) > 1
    if not all(form.strip() for form in forms):
        yield "untranslated"
        return
    if translated.fuzzy:
        yield "fuzzy"
    if may_drop_count and len(forms) != catalogue.num_plurals:
        yield f"{len(forms)} plural forms instead of {catalogue.num_plurals}"
    for form in forms:
        yield from form_faults(originals[-1], form, may_drop_count=may_drop_count)


def form_faults(original: str, form: str, *, may_drop_count: bool) -> Iterator[str]:
    """Where one form of a translation differs in placeholders, tags or outer spaces from its original."""
    expected, found = set(placeholders(original)), set(placeholders(form))
    missing, strange = expected - found, found - expected
    if may_drop_count:
        missing -= {COUNT}
    if missing:
        yield f"lacks {' '.join(sorted(missing))}"
    if strange:
        yield f"has {' '.join(sorted(strange))}, which the original has not"
    if stray_percent(form) and not stray_percent(original):
        yield "has a lone % (write %%)"
    if Counter(TAG.findall(original)) != Counter(TAG.findall(form)):
        yield "differs in tags"
    if (original[:1].isspace(), original[-1:].isspace()) != (form[:1].isspace(), form[-1:].isspace()):
        yield "differs in spaces at its ends"


def placeholders(text: str) -> Iterator[str]:
    """The named placeholders of a text."""
    return (match[0] for match in PLACEHOLDER.finditer(text) if match[0] != "%%")


def stray_percent(text: str) -> bool:
    """Whether a % stands in a text that is no placeholder: formatting it would fail."""
    return "%" in PLACEHOLDER.sub("", text)


def main() -> int:
    """Prints every fault of every catalogue; 1 where there is one, or where there is no catalogue at all."""
    files, template = catalogue_files(), extracted()
    if not files:
        print("translations/ holds no catalogue")
        return 1
    found = 0
    for path in files:
        lines = sorted(faults(read_catalogue(path), template))
        found += len(lines)
        for line in lines:
            print(f"{path.relative_to(ROOT)}: {line}")
    print(f"{len(files)} catalogue(s), {sum(bool(m.id) for m in template)} texts, {found} fault(s)")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
