"""Takes new texts into every catalogue and stale ones out; `update_translations.py ta` starts a new language.

What is written depends on the texts only: no line numbers and no new date, so that a diff shows what changed.
"""

import io
import sys
from pathlib import Path

from babel import Locale
from babel.messages.catalog import Catalog
from babel.messages.pofile import write_po
from check_translations import ROOT, TRANSLATIONS, catalogue_files, extracted, read_catalogue, texts

# Dates that change with each run, and names that nobody has filled in.
NOT_WRITTEN = ("POT-Creation-Date", "PO-Revision-Date", "Generated-By", "Project-Id-Version", "Report-Msgid-Bugs-To")
NOBODY = ("Last-Translator: FULL NAME", "Language-Team: ")
LEFT_OUT = tuple(f'"{header}'.encode() for header in NOT_WRITTEN + NOBODY)


def written(catalogue: Catalog) -> bytes:
    """A catalogue as the bytes of its file: sorted, with file names, without what changes from day to day."""
    text = io.BytesIO()
    write_po(text, catalogue, width=116, sort_output=True, ignore_obsolete=True, include_lineno=False)
    lines = text.getvalue().splitlines(keepends=True)
    return b"".join(line for line in lines if not line.startswith(LEFT_OUT))


def update(path: Path, template: Catalog) -> None:
    """Brings one catalogue up to date; a new text stands in it untranslated, never guessed."""
    catalogue = read_catalogue(path)
    catalogue.update(template, no_fuzzy_matching=True, update_header_comment=False)
    content = written(catalogue)
    if content != path.read_bytes():
        path.write_bytes(content)
    open_texts = sum(1 for message in catalogue if message.id and not all(texts(message.string)))
    print(f"{path.relative_to(ROOT)}: {open_texts} text(s) to translate")


def start(language: str) -> None:
    """Makes an empty catalogue for a language; UnknownLocaleError for one that CLDR does not know."""
    path = TRANSLATIONS / language / "LC_MESSAGES" / "messages.po"
    if path.exists():
        return
    catalogue = Catalog(locale=Locale.parse(language), project="Khata", charset="utf-8", fuzzy=False)
    catalogue.header_comment = "# Khata's texts. See translations/glossary.md for the words to use."
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(written(catalogue))


def main() -> None:
    """Starts the languages named on the command line, then updates all."""
    for language in sys.argv[1:]:
        start(language)
    template = extracted()
    for path in catalogue_files():
        update(path, template)


if __name__ == "__main__":
    main()
