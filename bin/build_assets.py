"""Builds static/dist from static/css, static/js, static/icons and htmx: minified, named by content, compressed.

A file's name carries the hash of what it holds (khata.3f2a1b9c.css), so that a phone keeps it for ever; Brotli and gzip
stand beside it, so that no request pays for compressing. The same sources always give the same bytes.
"""

import gzip
import hashlib
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import brotli

ROOT = Path(__file__).resolve().parent.parent
STATIC = ROOT / "static"
DIST = STATIC / "dist"
HTMX = ROOT / "node_modules" / "htmx.org" / "dist" / "htmx.min.js"

# The oldest browsers that scripts are written for: htmx needs private class members and "||=". Older ones use the plain
# pages. Chrome reads all of it from 85 on; esbuild rewrites "?." for those before 91, whose fault with it is not ours.
BROWSERS = "chrome91,firefox90,safari14.1"
COMPRESSIBLE = {".css", ".js", ".svg", ".json", ".webmanifest", ".txt"}
OF_DICTIONARIES = re.compile(r"dictionaries\.json|.*\.dict(\.br)?$")  # bin/build_dictionaries.py makes and removes them
# Pages before sign-in carry their style inside, so they get only what they use of it.
INLINE = {"cover.css": "layouts/plain.html", "bill.css": "layouts/bill.html"}
# In CSS a small picture travels inside.
ESBUILD_OPTIONS = ["--loader:.svg=dataurl", "--format=iife", "--charset=utf8", "--log-level=warning"]


def esbuild_program() -> Path:
    """The compiled esbuild that npm chose for this machine (its own script would need node)."""
    found = sorted((ROOT / "node_modules" / "@esbuild").glob("*/bin/esbuild"))
    if not found:
        sys.exit("esbuild is missing under node_modules. Run: make assets")
    return found[0]


def entry_files() -> list[Path]:
    """The style sheets and scripts that pages may name: those that stand directly in static/css and static/js."""
    return sorted([*STATIC.glob("css/*.css"), *STATIC.glob("js/*.js")])


def bundle(entries: list[Path], into: Path) -> dict[str, bytes]:
    """Each entry, minified and with what it imports inside, by its plain name; parts of another entry are left out."""
    if not entries:
        return {}
    report = into / "report.json"
    files = [str(path.relative_to(ROOT)) for path in entries]
    flags = ["--bundle", "--minify", f"--target={BROWSERS}", f"--outdir={into}", f"--metafile={report}"]
    names = ["--entry-names=[ext]/[name]", *ESBUILD_OPTIONS]
    if subprocess.run([esbuild_program(), *files, *flags, *names], cwd=ROOT, check=False).returncode != 0:
        sys.exit("The assets were not built: esbuild refused a file (see above).")
    parts = imported_parts(json.loads(report.read_text())["outputs"])
    kept = [path for path, file in zip(entries, files, strict=True) if file not in parts]
    return {path.name: (into / path.suffix[1:] / path.name).read_bytes() for path in kept}


def imported_parts(outputs: dict[str, dict]) -> set[str]:
    """Source files that stand inside the bundle of another file."""
    return {source for output in outputs.values() for source in output["inputs"] if source != output.get("entryPoint")}


def words_under(layout: str) -> set[str]:
    """Every word in the templates of pages with this layout, among them all their classes and ids."""
    templates = ROOT / "templates"
    sources = {str(path.relative_to(templates)): path.read_text("utf-8") for path in templates.rglob("*.html")}
    wanted = [layout, *(name for name, source in sources.items() if f'{{% extends "{layout}" %}}' in source)]
    for name in wanted:  # grows on the way: what a template includes or imports
        wanted += [other for other in NAMED.findall(sources[name]) if other not in wanted]
    return {word for name in wanted for word in re.findall(r"[\w-]+", sources[name])} | FROM_CODE


FROM_CODE = {"bdi"}  # around amounts
NAMED = re.compile(r'{%-?\s*(?:include|from|import|extends)\s+"([^"]+)"')


def used_style(css: str, words: set[str]) -> str:
    """The rules of a minified style sheet without those whose selectors all name what is not in `words`."""
    kept = ""
    while "{" in css:
        head, _brace, rest = css.partition("{")
        end = end_of_block(rest)
        body, css = rest[:end], rest[end + 1 :]
        if head.startswith(("@media", "@supports")):
            body = used_style(body, words)
        elif not head.startswith("@"):
            # A comma in brackets, as in :is(a,b), parts no selectors; what stands there says nothing for certain.
            selectors = re.split(r",(?![^(]*\))", head)
            head = ",".join(one for one in selectors if words.issuperset(NAME.findall(IN_BRACKETS.sub("", one))))
            body = body if head else ""
        kept += f"{head}{{{body}}}" if body else ""
    return kept


NAME = re.compile(r"(?<![\w:-])[a-zA-Z_][\w-]*")  # of an element, a class or an id, not of a :state
IN_BRACKETS = re.compile(r"\([^)]*\)|\[[^\]]*\]")


def end_of_block(css: str) -> int:
    """Where the brace stands that closes the block in which `css` begins."""
    depth = 1
    for brace in re.finditer(r"[{}]", css):
        depth += 1 if brace[0] == "{" else -1
        if depth == 0:
            return brace.start()
    raise ValueError("a block of the style sheet has no end")


def htmx_script() -> bytes:
    """htmx as published, without the pointer to a source map that is not served."""
    if not HTMX.exists():
        sys.exit("htmx is missing under node_modules. Run: make assets")
    return re.sub(rb"\n//# sourceMappingURL=\S+\s*$", b"\n", HTMX.read_bytes())


def collect() -> dict[str, bytes]:
    """Everything that is served, by its plain name."""
    with tempfile.TemporaryDirectory() as scratch:
        files = bundle(entry_files(), Path(scratch))
    files["htmx.js"] = htmx_script()
    whole = files["khata.css"].decode()
    files |= {name: used_style(whole, words_under(layout)).encode() for name, layout in INLINE.items()}
    files |= {path.name: path.read_bytes() for path in sorted(STATIC.glob("icons/*")) if path.is_file()}
    return files


def hashed_name(name: str, content: bytes) -> str:
    """khata.css -> khata.3f2a1b9c.css, by the first 8 hexadecimal digits of the content's SHA-256."""
    stem, _, extension = name.rpartition(".")
    return f"{stem}.{hashlib.sha256(content).hexdigest()[:8]}.{extension}"


def compressed(name: str, content: bytes) -> dict[str, bytes]:
    """The file's name and content with its Brotli and gzip forms, where those are smaller."""
    if Path(name).suffix not in COMPRESSIBLE:
        return {}
    forms = {
        f"{name}.br": brotli.compress(content, mode=brotli.MODE_TEXT, quality=11, lgwin=22),
        f"{name}.gz": gzip.compress(content, compresslevel=9, mtime=0),
    }
    return {form: data for form, data in forms.items() if len(data) < len(content)}


def build() -> dict[str, str]:
    """Writes static/dist, removes what no longer belongs there and returns the manifest: plain name -> hashed name."""
    files = collect()
    manifest = {name: hashed_name(name, content) for name, content in sorted(files.items())}
    wanted: dict[str, bytes] = {}
    for name, served in manifest.items():
        wanted |= {served: files[name], **compressed(served, files[name])}
    DIST.mkdir(parents=True, exist_ok=True)
    for name, content in wanted.items():
        write_whole(DIST / name, content)
    # The manifest comes last: where it stands, every file that it names stands too.
    write_whole(DIST / "manifest.json", (json.dumps(manifest, indent=2) + "\n").encode())
    for path in DIST.iterdir():
        if path.name not in wanted and path.name != "manifest.json" and not OF_DICTIONARIES.match(path.name):
            path.unlink()
    return manifest


def write_whole(path: Path, content: bytes) -> None:
    """Puts a file in place in one step, so that a running server never reads half of it."""
    scratch = path.with_name(path.name + ".part")
    scratch.write_bytes(content)
    scratch.replace(path)


def main() -> None:
    """Builds, and prints what each file weighs on the wire."""
    for name, served in build().items():
        plain, brotlied = DIST / served, DIST / f"{served}.br"
        on_wire = (brotlied if brotlied.exists() else plain).stat().st_size
        print(f"  {name:24} {plain.stat().st_size:7} B  on the wire {on_wire:6} B  {served}")


if __name__ == "__main__":
    main()
