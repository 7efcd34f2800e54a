"""The sources, which turn data from outside into samples and pictures, and the table of them.

Adding one is one file and one row.
"""

from components.catalogue import SourceRow

SOURCES: dict[str, SourceRow] = {
    "scenes": SourceRow(module="components.data.scenes.generate", generated=True, has_domains=True, redraws=True),
    "manifest": SourceRow(module="components.data.sources.manifest", takes_regions=True, has_rows=True),
    "nlvr": SourceRow(module="components.data.sources.nlvr"),
}
