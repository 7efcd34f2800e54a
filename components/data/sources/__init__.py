"""The table of sources, which turn something outside into samples and pictures. Adding one is one file and one row."""

from components.catalogue import SourceRow

SOURCES: dict[str, SourceRow] = {
    "scenes": SourceRow(module="components.data.scenes.generate", generated=True, has_domains=True),
    "manifest": SourceRow(module="components.data.sources.manifest", takes_regions=True, has_rows=True),
    "nlvr": SourceRow(module="components.data.sources.nlvr"),
}
