"""A reader of the report's HTML for the tests: what a page refers to, says, and leaves open."""

from html.parser import HTMLParser

VOID = {"meta", "img", "br", "hr", "input", "link"}


class Page(HTMLParser):
    """Collects references, ids, labels of pictures and words, and checks that every element is closed where it should be."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.references: list[str] = []
        self.ids: list[str] = []
        self.tags: list[str] = []
        self.unnamed: list[str] = []
        self.labels: list[str] = []
        self.words = ""
        self._open: list[str] = []
        self.feed(text)
        assert not self._open

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = dict(attributes)
        self.tags.append(tag)
        self.references += [given[name] or "" for name in ("src", "href", "srcset", "data", "action") if name in given]
        if "id" in given:
            self.ids.append(given["id"] or "")
        self.labels += [given[name] or "" for name in ("aria-label", "alt") if name in given and tag in ("svg", "img")]
        if tag in ("svg", "img") and not (given.get("aria-label") or given.get("alt") or given.get("aria-hidden")):
            self.unnamed.append(tag)
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open[-1:] not in (["style"], ["script"]):
            self.words += data + " "
