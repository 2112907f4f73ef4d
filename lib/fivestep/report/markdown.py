"""Markdown to report blocks, with nbconvert's own parser (mistune and its math rules)."""

from __future__ import annotations

import re

from bs4 import BeautifulSoup
from mistune import Markdown, import_plugin
from nbconvert.filters.markdown_mistune import MathBlockParser, MathInlineParser

from fivestep.report.html_tables import align_cells, html_to_blocks, trim
from fivestep.report.math import latex_to_tree

_PLUGINS = ("strikethrough", "table", "url", "task_lists", "footnotes")
_ALERT = re.compile(r"^\s*\[!(NOTE|TIP|IMPORTANT|WARNING|CAUTION)\]\s*", re.I)
_CJK = re.compile(r"[\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef\u3000-\u30ff]")
_OPEN_TAG = re.compile(r"<\s*(b|strong|i|em|s|del|sub|sup|u|mark|code|kbd)\s*>$", re.I)
_TAGS = {"b": "strong", "i": "em", "s": "del", "kbd": "code"}


def _parser() -> Markdown:
    md = Markdown(renderer=None, block=MathBlockParser(), inline=MathInlineParser())
    for name in _PLUGINS:
        import_plugin(name)(md)
    return md


class MarkdownReader:
    """Called with the source of a Markdown cell, gives its blocks; images still carry their ``src``."""

    def __init__(self) -> None:
        self.md = _parser()

    def __call__(self, source: str) -> list:
        tokens, _ = self.md.parse(source)
        self.notes = {}
        for tok in tokens:
            if tok["type"] == "footnotes":
                for item in tok["children"]:
                    self.notes[item["attrs"]["key"]] = item["children"]
        return self.blocks(t for t in tokens if t["type"] != "footnotes")

    # ------------------------------------------------------------ blocks
    def blocks(self, tokens) -> list:
        out: list = []
        for tok in tokens:
            out += self.block(tok)
        return out

    def block(self, tok: dict) -> list:
        kind, attrs = tok["type"], tok.get("attrs") or {}
        if kind in ("paragraph", "block_text"):
            body = self.inlines(tok["children"])
            if len(body) == 1 and isinstance(body[0], dict) and body[0]["t"] == "img":
                return [{"t": "image", **{k: v for k, v in body[0].items() if k != "t"}}]
            return _split(body)
        if kind == "heading":
            return [{"t": "heading", "level": attrs["level"], "c": self.inlines(tok["children"])}]
        if kind == "list":
            items = [
                {"c": self.blocks(i["children"])} | ({"done": i["attrs"]["checked"]} if i["type"] == "task_list_item" else {})
                for i in tok["children"]
            ]
            return [{"t": "list", "ordered": attrs.get("ordered", False), "start": attrs.get("start") or 1, "items": items}]
        if kind == "block_quote":
            return [self.quote(tok)]
        if kind == "block_code":
            return [{"t": "code", "lang": (attrs.get("info") or "").split(" ")[0], "text": tok["raw"].rstrip("\n")}]
        if kind == "thematic_break":
            return [{"t": "rule"}]
        if kind == "table":
            return [self.table(tok)]
        if kind == "block_html":
            return html_to_blocks(tok["raw"])
        if kind in ("block_math", "multiline_math", "latex_environment"):
            return [_math(tok["raw"], block=True)]
        if "children" in tok:
            return self.blocks(tok["children"])
        return []

    def quote(self, tok: dict) -> dict:
        blocks = self.blocks(tok["children"])
        if blocks and blocks[0]["t"] == "para" and blocks[0]["c"] and isinstance(blocks[0]["c"][0], str):
            m = _ALERT.match(blocks[0]["c"][0])
            if m:
                first = blocks[0]["c"]
                first[0] = first[0][m.end() :]
                while first and (first[0] == "" or first[0] == {"t": "br"}):
                    first.pop(0)
                return {"t": "callout", "kind": m.group(1).lower(), "c": blocks if first else blocks[1:]}
        return {"t": "quote", "c": blocks}

    def table(self, tok: dict) -> dict:
        head, body, align = [], [], []
        for part in tok["children"]:
            rows = [part["children"]] if part["type"] == "table_head" else [r["children"] for r in part["children"]]
            for row in rows:
                cells = [{"c": self.inlines(c["children"]), "th": part["type"] == "table_head", "text": ""} for c in row]
                (head if part["type"] == "table_head" else body).append(cells)
                if part["type"] == "table_head":
                    align = [c["attrs"].get("align") or "left" for c in row]
        align_cells(head, body, align)
        return {"t": "table", "cols": len(align), "head": head, "body": body}

    # ------------------------------------------------------------ inlines
    def inlines(self, tokens) -> list:
        stack: list[tuple[str, list]] = [("", [])]
        tokens = _money(list(tokens))
        for tok in tokens:
            if tok["type"] == "inline_html":
                self._html(tok["raw"].strip(), stack)
            else:
                stack[-1][1].extend(self.inline(tok))
        while len(stack) > 1:  # a tag left open: keep its text
            _, body = stack.pop()
            stack[-1][1].extend(body)
        return trim(_join(stack[0][1]))

    def _html(self, raw: str, stack: list) -> None:
        low = raw.lower()
        if low.startswith("<br"):
            stack[-1][1].append({"t": "br"})
        elif low.startswith("<img"):
            img = BeautifulSoup(raw, "html.parser").find("img")
            if img:
                stack[-1][1].append({"t": "img", "src": img.get("src", ""), "alt": img.get("alt", "")})
        elif _OPEN_TAG.match(raw):
            stack.append((_OPEN_TAG.match(raw).group(1).lower(), []))
        elif low.startswith("</") and len(stack) > 1 and low.strip("</> ") == stack[-1][0]:
            name, body = stack.pop()
            stack[-1][1].append({"t": _TAGS.get(name, name), "c": body})

    def inline(self, tok: dict) -> list:
        kind, attrs = tok["type"], tok.get("attrs") or {}
        if kind == "text":
            return [tok["raw"]]
        if kind == "softbreak":
            return ["\n"]
        if kind == "linebreak":
            return [{"t": "br"}]
        if kind == "codespan":
            return [{"t": "code", "c": [tok["raw"]]}]
        if kind in ("emphasis", "strong", "strikethrough"):
            name = {"emphasis": "em", "strong": "strong", "strikethrough": "del"}[kind]
            return [{"t": name, "c": self.inlines_raw(tok["children"])}]
        if kind == "link":
            return [{"t": "link", "url": attrs["url"], "c": self.inlines_raw(tok["children"])}]
        if kind == "image":
            alt = "".join(c.get("raw", "") for c in tok.get("children", ()))
            return [{"t": "img", "src": attrs["url"], "alt": alt, "title": attrs.get("title") or ""}]
        if kind in ("inline_math", "block_math", "multiline_math"):
            return [_math(tok["raw"], block=kind != "inline_math")]
        if kind == "footnote_ref":
            return [{"t": "fn", "c": self.blocks(self.notes.get(tok["raw"], ()))}]
        if "children" in tok:
            return self.inlines_raw(tok["children"])
        return [tok["raw"]] if tok.get("raw") else []

    def inlines_raw(self, tokens) -> list:
        return _join([x for t in _money(list(tokens)) for x in self.inline(t)])


def _money(tokens: list) -> list:
    """ "$5 and $10" is money, not math: pandoc's rule for the closing dollar."""
    for tok, after in zip(tokens, [*tokens[1:], {}], strict=True):
        raw = tok.get("raw", "")
        if tok["type"] == "inline_math" and (raw[-1:].isspace() or raw[:1].isspace() or after.get("raw", "")[:1].isdigit()):
            tok.update(type="text", raw=f"${tok['raw']}$")
    return tokens


def _split(run: list) -> list:
    """A paragraph with display math in it: the math stands on its own."""
    out: list = []
    part: list = []
    for x in [*run, None]:
        if x is None or (isinstance(x, dict) and x["t"] == "math" and x["block"]):
            part = trim(part)
            if part:
                out.append({"t": "para", "c": part})
            part = []
            if x is not None:
                out.append(x)
        else:
            part.append(x)
    return out


def _math(source: str, block: bool) -> dict:
    source = source.strip().removeprefix("$$").removesuffix("$$").strip("$") if source.strip().startswith("$") else source
    return {"t": "math", "block": block, "alt": source.strip(), "tree": latex_to_tree(source)}


def _join(run: list) -> list:
    """Soft line breaks: a space between Latin words, nothing between Chinese characters."""
    out: list = []
    for i, x in enumerate(run):
        if x == "\n":
            before = out[-1][-1:] if out and isinstance(out[-1], str) else ""
            after = next((y[:1] for y in run[i + 1 : i + 2] if isinstance(y, str)), "")
            x = "" if before and after and _CJK.match(before) and _CJK.match(after) else " "
        if isinstance(x, str) and out and isinstance(out[-1], str):
            out[-1] += x
        else:
            out.append(x)
    return [x for x in out if x != ""]
