"""What was equal: a certificate per arm, and the digests behind it."""

from html import escape

from components.evaluation.certificate.certificates import Certificate, DigestSummary
from components.evaluation.findings import budgets
from components.evaluation.formatting import listed, readable
from components.evaluation.leaderboard.entries import Leaderboard
from components.evaluation.report.page import paragraph, section, table, text_cell


def certificate(heading: str, board: Leaderboard) -> str:
    """Arms against checks; then what was violated, in words."""
    certificates = board.certificates
    items = list(dict.fromkeys(check.item for one in certificates.values() for check in one.checks))
    rows = []
    for arm, one in certificates.items():
        checks = {check.item: check for check in one.checks}
        verdict = _mark(one.valid, "valid" if one.valid else "not comparable")
        cells = [
            _mark(checks[item].equal, "equal" if checks[item].equal else "differs") if item in checks else "<td>–</td>"
            for item in items
        ]
        rows.append((escape(readable(arm)), [verdict, *cells], False))
    broken = [readable(arm) for arm in board.broken]
    digests = board.digests
    words = (
        f"Checked by machine for every arm, from what the runs recorded ({digests.compared} sets of runs, one per task, amount "
        "of labels and replicate, and one per replicate of the intermediate step). Corruption may differ where objectives do; "
        "parameters, FLOPs and memory are stated, not equal. Runs of unlike length are compared as far as both came, to the last "
        "power of two of batches."
    )
    if broken:
        words += f" Not comparable, and so shown without rank or verdict: {listed(broken)}."
    protocol = f"Everything that is held equal, as one hash: {board.protocol}. Results under another hash are of another study."
    header = ["arm", "certificate", *items]
    return section(
        "certificate",
        heading,
        paragraph(words),
        table("Certificate of each arm", header, rows, wraps=True),
        paragraph(budgets(board.budgets)),
        _stated(certificates),
        _violations(certificates),
        _digests(digests),
        _details(certificates),
        paragraph(protocol, "soft-text"),
    )


def _mark(good: bool, words: str) -> str:
    sign, kind = ("✓", "yes") if good else ("✗", "no")
    return f'<td class="{kind}">{sign}<small>{escape(words)}</small></td>'


def _violations(certificates: dict[str, Certificate]) -> str:
    rows = [
        (escape(readable(arm)), [text_cell(check.item), text_cell(check.detail)], False)
        for arm, one in certificates.items()
        for check in one.checks
        if not check.equal
    ]
    return table("Why arms are not comparable", ["arm", "check", "what was found"], rows, wraps=True) if rows else ""


def _stated(certificates: dict[str, Certificate]) -> str:
    items = list(dict.fromkeys(item for one in certificates.values() for item in one.stated))
    rows = [
        (escape(readable(arm)), [text_cell(one.stated.get(item, "–")) for item in items], False)
        for arm, one in certificates.items()
    ]
    return table("Stated, and not required to be equal", ["arm", *items], rows, wraps=True)


def _details(certificates: dict[str, Certificate]) -> str:
    rows = [
        (escape(readable(arm)), [text_cell(check.item), text_cell(check.detail)], False)
        for arm, one in certificates.items()
        for check in one.checks
    ]
    listing = table("Everything that was checked", ["arm", "check", "what was found"], rows, wraps=True)
    return f"<details><summary>Every check in words</summary>{listing}</details>"


def _digests(digests: DigestSummary) -> str:
    rows = [
        (
            escape(violation.where),
            [
                text_cell(violation.digest),
                text_cell("; ".join(f"{digest[:12]}: {', '.join(who)}" for digest, who in violation.values.items())),
            ],
            False,
        )
        for violation in digests.violations
    ]
    return table("Digests that differ", ["runs", "digest", "who had which"], rows, wraps=True) if rows else ""
