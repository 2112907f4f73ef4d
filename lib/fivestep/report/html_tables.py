"""HTML to report blocks: pandas, Styler and great_tables output, and the HTML people put in Markdown.

Only an allow-list of elements and CSS properties gets through. Scripts, styles,
frames and event handlers have nowhere to go: the result is data, not markup.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator

import tinycss2
from bs4 import BeautifulSoup, NavigableString, Tag
from tinycss2.color3 import parse_color

from fivestep.report.design import COLOURS

_DROP = {"script", "style", "iframe", "object", "embed", "noscript", "template", "head", "link", "meta", "svg", "form"}
_INLINE = {
    "b": "strong",
    "strong": "strong",
    "i": "em",
    "em": "em",
    "code": "code",
    "kbd": "code",
    "samp": "code",
    "s": "del",
    "del": "del",
    "strike": "del",
    "sub": "sub",
    "sup": "sup",
    "u": "u",
    "mark": "mark",
}
_BLOCK = {
    "p",
    "div",
    "section",
    "article",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "ul",
    "ol",
    "table",
    "pre",
    "blockquote",
    "hr",
    "details",
    "figure",
    "dl",
    "center",
    "main",
    "header",
    "footer",
    "html",
    "body",
    "summary",
}
_PROPS = {"text-align", "background-color", "background", "color", "font-weight", "font-style", "display"}
_ALERT = {"info": "note", "success": "tip", "warning": "warning", "danger": "caution", "primary": "important"}
_NUM = re.compile(
    r"^[\s\u00a0]*[(+\-\u2212\u2013~≈<>≤≥▲▼↑↓]*\s*(?:(?:CNY|RMB|USD|EUR|GBP|HKD|TWD|JPY|HK|US|NT)\s?)?[¥￥$€£]?\s*[+\-\u2212]?\d[\d,.\s\u00a0\u202f]*(?:e[+-]?\d+)?"
    r"\s*(?:%|‰|pp|bp|x|×|k|K|m|M|bn|B|万|亿|元|千元|万元|天|日|个|人|次|pts?|days?)?\)?[\s*†‡]*$"
)
_EMPTY = {"", "-", "–", "—", "nan", "NaN", "NaT", "None", "<NA>", "n/a", "N/A"}


def squash(text: str) -> str:
    """Runs of white space as one space, as a browser shows them."""
    return re.sub(r"[ \t\r\n\f]+", " ", text)


# ---------------------------------------------------------------- CSS
def _declarations(css: str) -> dict[str, str]:
    out = {}
    for d in tinycss2.parse_blocks_contents(css, skip_comments=True, skip_whitespace=True):
        if d.type == "declaration" and d.lower_name in _PROPS:
            out[d.lower_name] = tinycss2.serialize(d.value).strip().removesuffix("!important").strip()
    return out


_ID = re.compile(r"^#([\w-]+)$")


class _Styles:
    """The little CSS that table makers rely on: simple selectors, in order of weight."""

    def __init__(self, soup: BeautifulSoup):
        self.by_id: dict[str, dict] = defaultdict(dict)
        self.by_el: dict[int, list] = defaultdict(list)
        order = 0
        for style in soup.find_all("style"):
            for rule in tinycss2.parse_stylesheet(style.get_text(), skip_comments=True, skip_whitespace=True):
                if rule.type != "qualified-rule":
                    continue
                decl = _declarations(tinycss2.serialize(rule.content))
                if not decl:
                    continue
                for sel in tinycss2.serialize(rule.prelude).split(","):
                    sel, order = sel.strip(), order + 1
                    m = _ID.match(sel)
                    if m:  # Styler writes one of these per cell: no tree search for them
                        self.by_id[m.group(1)].update(decl)
                        continue
                    weight = (sel.count("#"), sel.count(".") + sel.count("["), order)
                    try:
                        hits = soup.select(sel)
                    except Exception:  # a selector soupsieve does not know (:hover, ::before)
                        continue
                    for el in hits:
                        self.by_el[id(el)].append((weight, decl))

    def of(self, el: Tag) -> dict[str, str]:
        props: dict[str, str] = {}
        for _, decl in sorted(self.by_el.get(id(el), ()), key=lambda x: x[0]):
            props.update(decl)
        if el.get("id"):
            props.update(self.by_id.get(el["id"], {}))
        if el.get("align"):
            props["text-align"] = el["align"]
        if el.get("style"):
            props.update(_declarations(el["style"]))
        return props


def _hex(value: str | None) -> str | None:
    """A CSS colour as #rrggbb (blended on white), or None."""
    if not value:
        return None
    try:
        c = parse_color(value.split(" ")[0] if not value.startswith(("rgb", "hsl")) else value)
    except Exception:
        return None
    if c is None or c == "currentColor" or c.alpha == 0:
        return None
    blend = (round(255 * (v * c.alpha + 1 - c.alpha)) for v in c[:3])
    return "#" + "".join(f"{min(255, max(0, b)):02x}" for b in blend)


# ---------------------------------------------------------------- walking
class _Walker:
    def __init__(self, soup: BeautifulSoup):
        self.css = _Styles(soup)

    def inlines(self, node) -> list:
        out: list = []
        for child in node.children:
            out += self.inline(child)
        return out

    def inline(self, node) -> list:
        if isinstance(node, NavigableString):
            return [squash(str(node))] if type(node) is NavigableString else []
        if node.name in _DROP:
            return []
        if node.name == "br":
            return [{"t": "br"}]
        if node.name == "img":
            return [{"t": "img", "src": node.get("src", ""), "alt": node.get("alt", "")}]
        body = self.inlines(node)
        if node.name in _INLINE:
            return [{"t": _INLINE[node.name], "c": body}] if body else []
        if node.name == "a" and node.get("href"):
            return [{"t": "link", "url": node["href"], "c": body}]
        style = self.css.of(node)
        if style.get("font-weight") in ("bold", "bolder", "600", "700", "800", "900"):
            body = [{"t": "strong", "c": body}]
        if _ink(style):
            body = [{"t": "ink", "color": _ink(style), "c": body}]
        return body

    def blocks(self, node) -> list:
        out: list = []
        run: list = []

        def flush():
            if any(not (isinstance(x, str) and not x.strip()) for x in run):
                out.append({"t": "para", "c": trim(run[:])})
            run.clear()

        for child in node.children:
            if isinstance(child, Tag) and child.name in _DROP:
                continue
            if isinstance(child, Tag) and (child.name in _BLOCK or child.find(list(_BLOCK))):
                flush()
                out += self.block(child)
            else:
                run.extend(self.inline(child))
        flush()
        return out

    def block(self, el: Tag) -> list:
        name = el.name
        if self.css.of(el).get("display") == "none":
            return []
        if name == "table":
            return [self.table(el)]
        if name == "hr":
            return [{"t": "rule"}]
        if name == "pre":
            return [{"t": "out", "text": el.get_text()}]
        if name in ("ul", "ol"):
            items = [{"c": self.blocks(li)} for li in el.find_all("li", recursive=False)]
            return [{"t": "list", "ordered": name == "ol", "start": 1, "items": items}] if items else []
        if name == "blockquote":
            return [{"t": "quote", "c": self.blocks(el)}]
        if name in ("h1", "h2", "h3", "h4", "h5", "h6"):  # inside an output: never part of the outline
            return [{"t": "para", "c": [{"t": "strong", "c": trim(self.inlines(el))}]}]
        classes = el.get("class") or []
        if "alert" in classes:
            kind = next((v for k, v in _ALERT.items() if f"alert-{k}" in classes), "note")
            return [{"t": "callout", "kind": kind, "c": self.blocks(el)}]
        return self.blocks(el)

    # ------------------------------------------------------------ tables
    def table(self, el: Tag) -> dict:
        head, body, foot, notes = [], [], [], []
        caption = el.find("caption")
        for tr in el.find_all("tr"):
            if tr.find_parent("table") is not el:
                continue
            section = tr.parent.name
            cells = [self.cell(c) for c in tr.find_all(["td", "th"], recursive=False)]
            cells = [c for c in cells if c is not None]
            if not cells:
                continue
            is_head = section == "thead" or (section == "table" and not body and all(c["th"] for c in cells))
            (head if is_head else foot if section == "tfoot" else body).append(cells)
        ncol = max((sum(c.get("colspan", 1) for c in r) for r in head + body), default=1)
        # great_tables: a title row spans the table, a note row spans the foot
        title = []
        while len(head) > 1 and len(head[0]) == 1 and head[0][0].get("colspan", 1) >= ncol:
            title.append(head.pop(0)[0]["c"])
        for row in list(foot):
            if len(row) == 1 and row[0].get("colspan", 1) >= ncol:
                notes.append(row[0]["c"])
                foot.remove(row)
        _merge_index_row(head)
        body += foot
        cols = _squared(head, body)
        align_cells(head, body, _sides(body, cols))
        out = {"t": "table", "cols": cols, "head": head, "body": body}
        if caption:
            title.insert(0, trim(self.inlines(caption)))
        if title:
            out["title"] = title
        if notes:
            out["notes"] = notes
        return out

    def cell(self, el: Tag) -> dict | None:
        style = {**{k: v for k, v in self.css.of(el.parent).items() if k != "text-align"}, **self.css.of(el)}
        if style.get("display") == "none":
            return None
        c: dict = {"c": trim(self.inlines(el)), "th": el.name == "th", "text": squash(el.get_text(" ")).strip()}
        for attr, most in (("colspan", 100), ("rowspan", 9999)):
            n = re.match(r"\d{1,4}", str(el.get(attr, "")))
            if n and int(n.group()) > 1:
                c[attr] = min(int(n.group()), most)
        bg = _hex(style.get("background-color") or style.get("background"))
        if bg and bg != "#ffffff":
            c["bg"] = bg
        fg = _ink(style)
        if fg and _contrast(fg, bg or "#ffffff") >= 3:  # Styler can leave white text on a pale cell
            c["fg"] = fg
        elif bg and _contrast(COLOURS["ink"], bg) < 4.5:
            c["fg"] = "#ffffff"
        if style.get("font-weight") in ("bold", "bolder", "600", "700", "800", "900") and el.name == "td":
            c["bold"] = True
        if style.get("font-style") == "italic":
            c["italic"] = True
        if el.name == "td" and style.get("text-align") in ("left", "right", "center"):
            c["align"] = style["text-align"]
        return c


def _contrast(a: str, b: str) -> float:
    """WCAG contrast of two #rrggbb colours."""

    def lum(h: str) -> float:
        v = [int(h[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        v = [x / 12.92 if x <= 0.03928 else ((x + 0.055) / 1.055) ** 2.4 for x in v]
        return 0.2126 * v[0] + 0.7152 * v[1] + 0.0722 * v[2]

    x, y = sorted((lum(a), lum(b)), reverse=True)
    return (x + 0.05) / (y + 0.05)


def _ink(style: dict) -> str | None:
    """A text colour that says something; the near-black of a table theme says nothing."""
    fg = _hex(style.get("color"))
    return None if fg in (None, "#000000", "#333333") and not style.get("background-color") else fg


def trim(run: list) -> list:
    """Inline content without white space at its ends and without empty strings."""
    if run and isinstance(run[0], str):
        run[0] = run[0].lstrip()
    if run and isinstance(run[-1], str):
        run[-1] = run[-1].rstrip()
    return [x for x in run if x != ""]


def _merge_index_row(head: list) -> None:
    """pandas puts index names on a header row of their own; fold it into the row above."""
    if len(head) < 2 or any(c.get("colspan") or c.get("rowspan") for c in head[-1]):
        return
    last, above = head[-1], head[-2]
    named = [i for i, c in enumerate(last) if c["text"]]
    if not named or len(named) == len(last) or named != list(range(len(named))):
        return
    if any(c.get("colspan", 1) > 1 for c in above[: len(named)]) or len(above) < len(named):
        return
    for i in named:
        above[i] = {**last[i]}
    head.pop()


def _placed(rows: list) -> Iterator[tuple[int, int, dict]]:
    """Each cell with its row and the column in which it stands, spans counted."""
    busy: set[tuple[int, int]] = set()
    for y, row in enumerate(rows):
        x = 0
        for c in row:
            while (y, x) in busy:
                x += 1
            yield y, x, c
            across = c.get("colspan", 1)
            busy.update((y + dy, x + dx) for dy in range(1, c.get("rowspan", 1)) for dx in range(across))
            x += across


def _squared(head: list, body: list) -> int:
    """Make the rows a grid, whatever their spans say, and return its columns: anything else would stop the compiler."""
    for rows in (head, body):
        for y, row in enumerate(rows):
            for c in row:
                if c.get("rowspan", 1) > len(rows) - y:
                    c["rowspan"] = len(rows) - y
    cols = max((x + c.get("colspan", 1) for rows in (head, body) for _y, x, c in _placed(rows)), default=1)
    for rows in (head, body):
        taken = [0] * len(rows)
        for y, _x, c in _placed(rows):
            for below in range(y, y + c.get("rowspan", 1)):
                taken[below] += c.get("colspan", 1)
        for y, row in enumerate(rows):
            row.extend({"c": [], "th": False, "text": ""} for _gap in range(cols - taken[y]))
    return cols


def _sides(body: list, cols: int) -> list[str]:
    """Numbers to the right, words to the left: by what the column holds."""
    held: list[list[str]] = [[] for _ in range(cols)]
    for _y, x, c in _placed(body):
        if c.get("colspan", 1) == 1 and c["text"] not in _EMPTY:
            held[x].append(c["text"])
    return ["right" if texts and sum(bool(_NUM.match(t)) for t in texts) >= 0.8 * len(texts) else "left" for texts in held]


def align_cells(head: list, body: list, sides: list[str]) -> None:
    """Say in every cell on which side it stands: its own, else its column's; a heading over several columns in the middle."""
    for rows in (head, body):
        for _y, x, c in _placed(rows):
            if rows is head and c.get("colspan", 1) > 1:
                c["align"] = "center"
            else:
                c.setdefault("align", sides[x])


def html_to_blocks(source: str) -> list:
    """The blocks of an HTML output; images still carry their ``src``."""
    soup = BeautifulSoup(source, "html.parser")
    return _Walker(soup).blocks(soup)
