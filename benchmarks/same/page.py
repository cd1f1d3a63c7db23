"""A page of HTML as a browser reads it: elements with their attributes, and text, whatever the source's line breaks."""

from __future__ import annotations

from html.parser import HTMLParser


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._inside: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._inside.append(tag)
        self.parts.append(f"<{tag} {sorted(attrs, key=str)}>")

    def handle_endtag(self, tag: str) -> None:
        while self._inside and self._inside.pop() != tag:  # elements that are never closed, such as meta
            pass
        self.parts.append(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        if self._inside and self._inside[-1] in ("script", "style"):
            return
        text = data if "pre" in self._inside else " ".join(data.split())
        if text:
            self.parts.append(text)


def parts_of(text: str) -> list[str]:
    """What a page holds, in order; programs and styles are left out."""
    page = _Page()
    page.feed(text)
    page.close()
    return page.parts
