"""What was equal: a certificate per arm, and the digests behind it."""

from collections.abc import Sequence
from dataclasses import dataclass

from components.evaluation.certificate.certificates import Certificate, DigestSummary
from components.evaluation.findings import budgets
from components.evaluation.formatting import listed, readable
from components.evaluation.leaderboard.entries import Leaderboard
from components.evaluation.report.parts import Row, Table, TableCell, plain


@dataclass(frozen=True)
class Certificates:
    """What was checked of all arms.

    Attributes:
        found: why arms are not comparable, and which digests differ, where there is such a thing.
    """

    lead: str
    checks: Table
    budgets: str
    stated: Table
    found: Sequence[Table]
    details: Table
    protocol: str


def certificate(board: Leaderboard) -> Certificates:
    """Arms against checks; then what was violated, in words."""
    certificates = board.certificates
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
    found = (_words("Why arms are not comparable", certificates, failed=True), _digests(digests))
    return Certificates(
        lead=words,
        checks=_checks(certificates),
        budgets=budgets(board.budgets),
        stated=_stated(certificates),
        found=[table for table in found if table.rows],
        details=_words("Everything that was checked", certificates),
        protocol=f"Everything that is held equal, as one hash: {board.protocol}. "
        "Results under another hash are of another study.",
    )


def _checks(certificates: dict[str, Certificate]) -> Table:
    items = list(dict.fromkeys(check.item for one in certificates.values() for check in one.checks))
    rows = []
    for arm, one in certificates.items():
        equal = {check.item: check.equal for check in one.checks}
        verdict = _mark(one.valid, "valid" if one.valid else "not comparable")
        cells = [
            _mark(equal[item], "equal" if equal[item] else "differs") if item in equal else TableCell("–")
            for item in items
        ]
        rows.append(Row(readable(arm), [verdict, *cells]))
    return Table("Certificate of each arm", ["arm", "certificate", *items], rows, wraps=True)


def _mark(good: bool, words: str) -> TableCell:
    return TableCell("✓", words, "yes") if good else TableCell("✗", words, "no")


def _stated(certificates: dict[str, Certificate]) -> Table:
    items = list(dict.fromkeys(item for one in certificates.values() for item in one.stated))
    rows = [
        Row(readable(arm), plain(*(one.stated.get(item, "–") for item in items))) for arm, one in certificates.items()
    ]
    return Table("Stated, and not required to be equal", ["arm", *items], rows, wraps=True)


def _words(caption: str, certificates: dict[str, Certificate], failed: bool = False) -> Table:
    """Every check in words, or only those that failed."""
    rows = [
        Row(readable(arm), plain(check.item, check.detail))
        for arm, one in certificates.items()
        for check in one.checks
        if not (failed and check.equal)
    ]
    return Table(caption, ["arm", "check", "what was found"], rows, wraps=True)


def _digests(digests: DigestSummary) -> Table:
    rows = []
    for violation in digests.violations:
        who = "; ".join(f"{digest[:12]}: {', '.join(names)}" for digest, names in violation.values.items())
        rows.append(Row(violation.where, plain(violation.digest, who)))
    return Table("Digests that differ", ["runs", "digest", "who had which"], rows, wraps=True)
