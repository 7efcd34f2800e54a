"""How figures and names are put into words, the same in the terminal and in the report."""

from components.models.architectures import ARCHITECTURES

NOT_KNOWN = "not known"
_WRITTEN = {
    name.lower().replace("-", "_"): name
    for name in ("VL-BERT", "Unicoder-VL", "FLAVA", "SimVLM", "CoCa", "Flamingo", "BLIP-2", "Frozen", "VQA", "NLVR")
}


def percent(value: float | None) -> str:
    """0.7123 as '71.2', in percent."""
    return "–" if value is None else f"{100 * value:.1f}"


def points(value: float | None) -> str:
    """A difference of fractions in percentage points, with its sign: 0.031 as '+3.1'."""
    return "–" if value is None else f"{100 * value:+.1f}".replace("-", "−")


def count(value: float | None) -> str:
    """A large number with its unit: 1234567 as '1.23M'."""
    if value is None:
        return NOT_KNOWN
    for limit, unit in ((1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= limit:
            return f"{value / limit:.3g}{unit}"
    return f"{value:.0f}"


def probability(p: float | None) -> str:
    """'0.034', '< 0.001'."""
    if p is None:
        return NOT_KNOWN
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def readable(word: str) -> str:
    """An identifier as its paper writes it, or else as words."""
    if word in ARCHITECTURES:
        return ARCHITECTURES[word].written
    return _WRITTEN.get(word, word.replace("_", " "))


def share(value: float) -> str:
    """A share of something above nothing, in percent: '12.5%', 'Under 0.1%'."""
    return "Under 0.1%" if value < 0.001 else f"{percent(value)}%"


def listed(words: list[str]) -> str:
    """'a', 'a and b', 'a, b and c'."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def some(words: list[str]) -> str:
    """As `listed`, but of many only the first: 'a, b, c and 9 others'."""
    return listed(words if len(words) < 6 else [*words[:3], f"{len(words) - 3} others"])


def seconds(value: float | None) -> str:
    """A time: 'none', '34 s', '12.3 min'."""
    if value is None:
        return NOT_KNOWN
    if value == 0:
        return "none"
    return f"{value:.0f} s" if value < 600 else f"{value / 60:.1f} min"


def memory(value: float | None) -> str:
    """Bytes as MiB."""
    return NOT_KNOWN if value is None else f"{value / 2**20:,.0f} MiB"
