"""Captions: three quarters list every object, one quarter state a single fact."""

from components.data.scenes.facts import true_fact
from components.data.scenes.language import NUMBERS, noun_phrase, sentence, with_article
from components.data.scenes.oracle import AT_LEAST, COUNT, EQUAL, FIRST_DIGIT, Fact, Pattern
from components.data.scenes.scene_random import SceneRandom
from components.data.scenes.world import ANYTHING, Law, Scene

KINDS = ("attribute",) * 6 + ("count",) * 5 + ("relation",) * 4 + ("absence",) * 2 + ("comparison",) * 2 + ("sum",)
LISTED = (
    "{all}",
    "a picture of {all}",
    "a picture that shows {all}",
    "the picture shows {all}",
    "you can see {all}",
    "in the picture you can see {all}",
    "{there} {all}",
)
LISTED_OTHERWISE = ("in the picture {there} {all}", "you can see {all} in the picture")  # used if `paraphrased`
LISTED_AS_COMPLETE = ("only {all}", "{all} and nothing else", "exactly {n} {things}: {all}")


def caption(scene: Scene, stream: SceneRandom, law: Law) -> tuple[str, list[Fact], str]:
    """A caption, its facts, and its form: 'complete' or the kind of its single fact."""
    if stream.chance(0.75):
        return *complete_caption(scene, stream), "complete"
    return single_fact_caption(scene, stream, law)


def single_fact_caption(scene: Scene, stream: SceneRandom, law: Law) -> tuple[str, list[Fact], str]:
    """A caption of one fact, that fact, and its kind."""
    while True:
        kind = stream.choose(KINDS)
        fact = true_fact(kind, scene, stream, law)
        if fact:
            return sentence(fact, stream), [fact], kind


def complete_caption(scene: Scene, stream: SceneRandom, paraphrased: bool = False) -> tuple[str, list[Fact]]:
    """A caption that lists every object, and its facts."""
    sized = stream.chance(0.5)
    groups: dict[Pattern, int] = {}
    for thing in stream.shuffled(scene):
        pattern = Pattern(thing.colour, thing.shape, thing.size if sized else 0)
        groups[pattern] = groups.get(pattern, 0) + 1
    phrases, facts = [], []
    for pattern, count in groups.items():
        phrase, fact = _group(pattern, count)
        phrases += phrase
        facts.append(fact)
    listing = " and ".join(filter(None, [", ".join(phrases[:-1]), phrases[-1]]))
    complete = stream.chance(0.3) and not paraphrased
    template = stream.choose(LISTED_AS_COMPLETE if complete else LISTED_OTHERWISE if paraphrased else LISTED)
    if complete:
        facts.append(Fact(COUNT, ANYTHING, operator=EQUAL, number=len(scene)))
    there = "there is" if phrases[0].startswith(("a ", "an ")) else "there are"
    things = "thing" if len(scene) == 1 else "things"
    return template.format(all=listing, there=there, n=NUMBERS[len(scene)], things=things), facts


def _group(pattern: Pattern, count: int) -> tuple[list[str], Fact]:
    """Phrases for objects that are described alike: 'a red circle', 'two red circles', 'a red 7, another red 7'."""
    if count == 1:
        return [with_article(pattern)], Fact(COUNT, pattern, operator=AT_LEAST, number=1)
    if pattern.shape >= FIRST_DIGIT:  # digits have no plural: "two 7s" would be a new word
        phrases = [with_article(pattern), *[f"another {noun_phrase(pattern)}"] * (count - 1)]
        return phrases, Fact(COUNT, pattern, operator=AT_LEAST, number=count)
    return [f"{NUMBERS[count]} {noun_phrase(pattern, plural=True)}"], Fact(COUNT, pattern, operator=EQUAL, number=count)
