"""Check that a study's rendering leaves something to see: value range and background, over all pictures together."""

from collections.abc import Mapping
from dataclasses import replace

from components.data.findings import Finding, Severity, finding
from components.data.images import Rendering
from components.data.picture_survey import EXAMPLES, PictureSurvey

LEAST_COVERED = 0.5  # share of the pictures' value range that the study's range must cover
LEAST_USED = 0.125  # share of the study's range that the pictures' values must use
MOST_BLANK = 0.5  # share of pictures that may come out blank or dark


def rendering_findings(
    survey: PictureSurvey, rendering: Rendering, place: str, shown_by: Mapping[str, str]
) -> list[Finding]:
    """Findings about how pictures are drawn.

    Args:
        survey: of the pictures, by their ids.
        rendering: how the study draws them.
        place: the file that findings name.
        shown_by: for each picture id the first sample that shows it, by which findings name the picture.
    """
    drawn = replace(rendering, value_range=rendering.value_range or survey.value_range)
    found = [*_range_findings(survey, rendering, place), *_background_findings(survey, rendering, place)]
    if survey.dark:
        severity: Severity = "critical" if survey.dark > MOST_BLANK * survey.deep else "warning"
        problem = f"{_of(survey.dark, survey.deep)} pictures with more than 8 bits a colour come out nearly black"
        found.append(_about(severity, "colours seen", place, survey.dark, problem, "save them with 8 bits a channel"))
    blank = survey.blank(drawn)
    if blank.pictures and not any(item.severity == "critical" for item in found):
        names = [shown_by.get(name, name) for name in blank.names[:EXAMPLES]]
        examples = f" ({', '.join(names)}{', ...' if blank.pictures > len(names) else ''})"
        problem = f"{_of(blank.pictures, survey.count)} pictures come out (almost) one colour{examples}"
        found.append(_about("warning", "picture seen", place, blank.pictures, problem, "look at them"))
    return found


def _range_findings(survey: PictureSurvey, rendering: Rendering, place: str) -> list[Finding]:
    measured, given = survey.value_range, rendering.value_range
    if measured is None:
        return []
    values = f"values from {measured[0]:g} to {measured[1]:g}"
    advice = f"set data.value_range to [{measured[0]:g}, {measured[1]:g}]"
    many = "1 picture has" if survey.wide == 1 else f"{survey.wide:,} pictures have"
    if given is None:
        problem = f"{many} {values} in more than 8 bits"
        return [_about("critical", "value range", place, survey.wide, problem, advice)]
    said = f"data.value_range [{given[0]:g}, {given[1]:g}]"
    covered = min(given[1], measured[1]) - max(given[0], measured[0])
    if covered < LEAST_COVERED * (measured[1] - measured[0]):
        problem = f"{many} {values}, of which {said} covers less than half"
        return [_about("critical", "value range", place, survey.wide, problem, advice)]
    if measured[1] - measured[0] < LEAST_USED * (given[1] - given[0]):
        problem = f"{many} {values}, which are less than an eighth of {said} and come out nearly one grey"
        return [_about("critical", "value range", place, survey.wide, problem, advice)]
    lost = len(survey.blank_between(given)) - len(survey.blank_between(measured))
    if lost > MOST_BLANK * survey.wide:
        problem = f"{_of(lost, survey.wide)} pictures with {values} come out (almost) one colour with {said}"
        return [_about("critical", "value range", place, lost, problem, advice)]
    return []


def _background_findings(survey: PictureSurvey, rendering: Rendering, place: str) -> list[Finding]:
    better = survey.background
    lost = len(survey.blank_on(rendering.background)) - len(survey.blank_on(better))
    if lost <= MOST_BLANK * survey.transparent:
        return []
    many = f"{_of(lost, survey.transparent)} pictures with transparent parts"
    problem = f"{many} come out (almost) one colour on {rendering.background}"
    return [_about("critical", "background", place, lost, problem, f"set data.background to {better}")]


def _about(severity: Severity, rule: str, place: str, count: int, problem: str, advice: str) -> Finding:
    return replace(finding(severity, rule, place, [], problem, advice), count=count)


def _of(count: int, total: int) -> str:
    return f"all {total:,}" if count == total else f"{count:,} of {total:,}"
