"""What has to hold in the book that was built: python3 .ci/book.py docs/src docs/book

Every link within it leads somewhere; every drawing is used and says in words what it shows, and those made by hand have
one style, and their words in the page's text; every system call that a page shows or names is in the index of system
calls, and the page to which that leads names it; every test that is named as what shows something exists, and so does
every fault that is planted for a check; and what the tests of the kernel quote is written.
"""

import re
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

SOURCE, BUILT = Path(sys.argv[1]), Path(sys.argv[2])
wrong = []


class Page(HTMLParser):
    """The links of a page, what in it can be linked to, and its words, those in drawings apart."""

    def __init__(self, path):
        super().__init__()
        self.links, self.anchors = set(), set()
        self.words, self.drawn = set(), {}
        self.within = []
        self.feed(path.read_text())

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.anchors.update(filter(None, (attributes.get("id"), attributes.get("name"))))
        self.links.update(filter(None, (attributes.get("href"), attributes.get("src"))))
        if tag == "svg":
            self.drawing = self.drawn.setdefault(attributes.get("aria-labelledby"), set())
        if tag in ("svg", "text", "style", "script"):
            self.within.append(tag)

    def handle_endtag(self, tag):
        if tag in self.within:
            self.within.remove(tag)

    def handle_data(self, data):
        words = re.findall(r"[^\W\d_]{3,}", data.lower())
        if "svg" not in self.within:
            self.words.update(words)
        elif "text" in self.within:
            self.drawing.update(words)


# The same text once more, for printing; and what is served for a page that is not there, from the root.
LEFT_OUT = {"print.html", "404.html", "toc.html"}


def read_pages():
    # The simulation is no page of the book: behind the # of its address stands what it plays.
    written = (path for path in BUILT.rglob("*.html") if path.parent != BUILT / "play")
    return {path.resolve(): Page(path) for path in written if path.name not in LEFT_OUT}


def check_links():
    for path, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if target.name in LEFT_OUT:
                continue
            if not target.is_file():
                wrong.append(f"{path.relative_to(BUILT.resolve())}: no such file: {link}")
            elif parts.fragment and target in pages and unquote(parts.fragment) not in pages[target].anchors:
                wrong.append(f"{path.relative_to(BUILT.resolve())}: no such place: {link}")
    return sum(len(page.links) for page in pages.values())


def check_drawings():
    text = "".join(page.read_text() for page in SOURCE.rglob("*.md"))
    styles = {}
    drawings = sorted((SOURCE / "pictures").glob("*.svg"))
    made = sorted(SOURCE.glob("*.svg"))
    for drawing in drawings + made:
        svg = drawing.read_text()
        name = drawing.stem.replace("_", "-")
        # A link would show it in the system's colours, not in those of the book's theme.
        if not re.search(r"#include \S*" + re.escape(drawing.relative_to(SOURCE).as_posix()), text):
            wrong.append(f"{drawing}: no page includes it")
        for need in ('role="img"', f'aria-labelledby="{name}-title {name}-desc"', f'<title id="{name}-title">',
                     f'<desc id="{name}-desc">'):
            if need not in svg:
                wrong.append(f"{drawing}: it has no {need}")
        # A blank line would end the block in which Markdown takes it for HTML.
        if "\n\n" in svg:
            wrong.append(f"{drawing}: it has a blank line")
        if drawing in made:
            continue
        if 'viewBox="0 0 360 ' not in svg:
            wrong.append(f"{drawing}: it is not 360 units wide")
        styles.setdefault("".join(re.findall(r"<style>.*?</style>", svg, re.DOTALL)), []).append(drawing.name)
    if len(styles) > 1:
        wrong.append(f"the drawings have {len(styles)} styles: {list(styles.values())}")
    # What a drawing says is for those who can't see it, too, and for whoever translates the text.
    for path, page in pages.items():
        for drawing, words in page.drawn.items():
            if unsaid := drawing and words - page.words:
                wrong.append(f"{path.relative_to(BUILT.resolve())}: {drawing}: no word in the text of {sorted(unsaid)}")
    return len(drawings) + len(made)


def check_calls():
    index = SOURCE / "calls.md"
    rows = [line for line in index.read_text().splitlines() if line.startswith("| `")]
    indexed = set()
    for row in rows:
        names = re.findall(r"`(\w+)`", row.split("|")[1])
        indexed.update(names)
        for link in re.findall(r"\]\(([^)]+)\)", row):
            # Without its fragment: check_links has looked at that.
            page = (SOURCE / link.split("#")[0]).read_text()
            if not any(name in page for name in names):
                wrong.append(f"{index}: {link} names none of {', '.join(names)}")
    for page in SOURCE.rglob("*.md"):
        text = page.read_text()
        seen = set(re.findall(r"`([a-z_]\w+)\(2\)`", text))
        seen.update(re.findall(r"^> ([a-z_]\w+)\(\d*.*\) += ", text, re.MULTILINE))
        for call in sorted(seen - indexed):
            wrong.append(f"{page}: {call} is not in {index.name}")
    return len(indexed)


def check_tests():
    """Whatever the book names as a test is one, or a file or folder of them."""
    root = SOURCE.parent.parent
    code = [path for folder in ("src", "tests", "benches") for path in (root / folder).rglob("*.rs")]
    text = "".join(path.read_text() for path in code)
    tests = set(re.findall(r"\bfn (\w+)\(|^\s*\(?\"(\w+)\",", text, re.MULTILINE))
    tests = {name for pair in tests for name in pair}
    checks = set(re.findall(r'name: "([\w-]+)"', text))
    files = {path.stem for path in code} | {path.parent.name for path in code}
    named = 0
    for page in SOURCE.rglob("*.md"):
        written = page.read_text()
        names = re.findall(r"cargo test (?:--test \w+ |-- )?([a-z]\w+)", written)
        names += re.findall(r"\*\*Test:\*\* `(\w+)`", written)
        # No other word in the book is as long as that.
        names += re.findall(r"`(?!sockmodes_)([a-z]+(?:_[a-z]+){4,})`", written)
        wanted = re.findall(r"--only ([a-z][\w-]+)", written)
        if page.name == "withstands.md":
            for cell in re.findall(r"^\|.*\| ([^|]*) \|$", written, re.MULTILINE):
                found = re.findall(r"`([\w/.-]+)`", cell)
                wanted += [name for name in found if "-" in name]
                names += [name for name in found if re.fullmatch(r"\w+", name)]
                wrong.extend(f"{page}: no such file: {name}" for name in found if "/" in name and not (root / name).exists())
        for name in names:
            if name not in files and not any(name in test for test in tests):
                wrong.append(f"{page}: no such test: {name}")
        wrong.extend(f"{page}: no such check: {name}" for name in wanted if name not in checks)
        named += len(names) + len(wanted)
    return named


def check_planted():
    """In "Build it yourself" a pitfall is shown by a check and a fault that is planted for it, by a lesson, or by a row."""
    root = SOURCE.parent.parent
    faults = (root / "tests/needs/check/faults.rs").read_text()
    planted = set(re.findall(r'^ *\("([\w-]+)", "([\w-]+)", ', faults, re.MULTILINE))
    named = 0
    for page in sorted((SOURCE / "build").glob("*.md")):
        table = re.search(r"^## Pitfalls\n\n\| pitfall .*\n\| --- .*\n((?:\|.*\n)+)", page.read_text(), re.MULTILINE)
        if not table:
            wrong.append(f"{page}: it has no table of pitfalls")
            continue
        for row in table[1].splitlines():
            cell = row.split("|")[-2]
            shown = re.findall(r"`([\w-]+)` \(([^)]*)\)", cell)
            pairs = [(fault, check) for check, faults in shown for fault in re.findall(r"`([\w-]+)`", faults)]
            lessons = re.findall(r"lesson `(\w+)`", cell)
            for fault, check in sorted(set(pairs) - planted):
                wrong.append(f"{page}: {fault} is not planted for {check}")
            for lesson in lessons:
                if not (root / f"examples/{lesson}.rs").is_file():
                    wrong.append(f"{page}: no such lesson: {lesson}")
            # Servers of others are graded by a test: it holds their table to what it says.
            others = re.findall(r"`([\w-]+)`, on `([\w./]+)`", cell)
            for check, server in others:
                if not re.search(rf"^\| .*`{server}`.*`{check}`", page.read_text(), re.MULTILINE):
                    wrong.append(f"{page}: its table does not say that {server} fails {check}")
            if not pairs + lessons + others:
                wrong.append(f"{page}: nothing shows the pitfall: {row}")
            named += len(pairs) + len(lessons) + len(others)
    return named


def check_quotes():
    """What a test of the kernel quotes stands on the page that it names, where "Rule 9" is the page of the rules."""
    tests = SOURCE.parent.parent / "tests" / "library"
    quotes = 0
    for path in [tests / "kernel.rs", *(tests / "kernel").glob("*.rs")]:
        for comment in re.findall(r"((?:^/// .*\n)+)#\[test\]", path.read_text(), re.MULTILINE):
            comment = " ".join(re.sub("^///", "", comment, flags=re.MULTILINE).split())
            page = re.match(r"`([\w/]+\.md)`", comment)
            page = SOURCE / (page[1] if page else "loop/rules.md")
            text = " ".join(page.read_text().split())
            # From the first quotation mark to the last: the book has some of its own.
            for quote in re.split('", and "| \\[…\\] ', re.search('"(.*)"', comment)[1]):
                quotes += 1
                if quote.rstrip(".") not in text:
                    wrong.append(f"{path}: {page} does not say: {quote}")
    return quotes


pages = read_pages()
links = check_links()
drawings = check_drawings()
calls = check_calls()
tests = check_tests() + check_planted()
quotes = check_quotes()
print(f"{len(pages)} pages, {links} links, {drawings} drawings, {calls} system calls, {tests} tests, {quotes} quotes")
sys.exit("\n".join(wrong) or 0)
