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

# The oldest browsers that scripts are written for: htmx needs private class members. Older ones use the plain pages.
BROWSERS = "chrome84,firefox90,safari14.1"
COMPRESSIBLE = {".css", ".js", ".svg", ".json", ".webmanifest", ".txt"}
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
    for stale in [path for path in DIST.iterdir() if path.name not in wanted and path.name != "manifest.json"]:
        stale.unlink()
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
