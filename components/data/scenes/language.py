"""Put facts into words: sentences, and the phrases of which captions and questions are made.

"A red circle" says that there is at least one. A number says that there are exactly that many, unless "at least" or "at
most" stands before it. Every wording has a second set of templates, which only the split `general_paraphrases` uses. They
contain no new words.
"""

from collections.abc import Sequence

from components.data.scenes.oracle import (
    ABOVE,
    ANY_DIGIT,
    AT_LEAST,
    AT_MOST,
    BELOW,
    COMPARISON,
    COUNT,
    EQUAL,
    FIRST_DIGIT,
    LEFT_OF,
    RELATION,
    RIGHT_OF,
    Fact,
    Pattern,
)
from components.data.scenes.scene_random import SceneRandom
from components.data.scenes.world import COLOURS, DRAWN, SIZES

NUMBERS = ("zero", "one", "two", "three", "four")
RELATION_WORDS = {
    LEFT_OF: ("left of", "to the left of"),
    RIGHT_OF: ("right of", "to the right of"),
    ABOVE: ("above", "higher than"),
    BELOW: ("below", "lower than"),
}

# Each entry: the templates that all splits use, and the paraphrases.
Wording = tuple[Sequence[str], Sequence[str]]

EXISTS: Wording = (
    ("there is {a}", "the picture shows {a}", "{a} is shown", "you can see {a}"),
    ("in the picture there is {a}", "{a} is in the picture"),
)
ABSENT: Wording = (
    ("there is no {one}", "there are no {many}", "you can see no {many}", "no {one} is shown"),
    ("the picture shows no {many}", "in the picture there is no {one}"),
)
EXACTLY_ONE: Wording = (
    ("there is exactly one {one}", "exactly one {one} is shown", "the picture shows exactly one {one}"),
    ("you can see exactly one {one}", "in the picture there is exactly one {one}"),
)
EXACTLY: Wording = (
    (
        "there are exactly {n} {many}",
        "there are {n} {many}",
        "exactly {n} {many} are shown",
        "the picture shows {n} {many}",
    ),
    ("you can see exactly {n} {many}", "in the picture there are {n} {many}"),
)
AT_LEAST_SO_MANY: Wording = (
    ("there are at least {n} {many}", "the picture shows at least {n} {many}"),
    ("you can see at least {n} {many}", "in the picture there are at least {n} {many}"),
)
AT_MOST_SO_MANY: Wording = (
    ("there are at most {n} {many}", "the picture shows at most {n} {many}"),
    ("you can see at most {n} {many}", "in the picture there are at most {n} {many}"),
)
RELATED: Wording = (
    ("{a} is {relation} {b}", "there is {a} {relation} {b}", "the picture shows {a} {relation} {b}"),
    ("{relation} {b} there is {a}", "in the picture {a} is {relation} {b}"),
)
CHAINED: Wording = (
    ("there is {a} {relation} {b} that is {second} {c}", "{a} is {relation} {b} that is {second} {c}"),
    ("in the picture {a} is {relation} {b} that is {second} {c}",),
)
MORE_THAN: Wording = (
    (
        "there are more {first} than {other}",
        "the picture shows more {first} than {other}",
        "there are fewer {other} than {first}",
    ),
    ("you can see more {first} than {other}", "in the picture there are fewer {other} than {first}"),
)
AS_MANY: Wording = (
    ("there are as many {first} as {other}", "the picture shows as many {first} as {other}"),
    ("you can see as many {first} as {other}", "in the picture there are as many {first} as {other}"),
)
ADD_UP: Wording = (
    ("the digits add up to {n}", "the sum of the digits is {n}"),
    ("in the picture the digits add up to {n}", "{n} is the sum of the digits"),
)


def pick(stream: SceneRandom, wording: Wording, paraphrased: bool) -> str:
    """One template of a wording."""
    return stream.choose(wording[paraphrased])


def noun_phrase(pattern: Pattern, plural: bool = False) -> str:
    """'large red circle', 'red digits', 'small 7', 'blue thing'."""
    words = []
    if pattern.size:
        words.append(SIZES[pattern.size - 1])
    if pattern.colour:
        words.append(COLOURS[pattern.colour - 1])
    if FIRST_DIGIT <= pattern.shape < ANY_DIGIT:
        words.append(str(pattern.shape - FIRST_DIGIT))
    else:
        noun = {0: "thing", ANY_DIGIT: "digit"}.get(pattern.shape) or DRAWN[pattern.shape - 1]
        words.append(noun + "s" if plural else noun)
    return " ".join(words)


def with_article(pattern: Pattern) -> str:
    """The noun phrase with 'a' or 'an'."""
    phrase = noun_phrase(pattern)
    return f"an {phrase}" if phrase == "8" else f"a {phrase}"


def relation_words(stream: SceneRandom, relation: int) -> str:
    """One way to name a relation."""
    return stream.choose(RELATION_WORDS[relation])


def sentence(fact: Fact, stream: SceneRandom, paraphrased: bool = False) -> str:
    """One fact in words."""
    if fact.kind == COUNT:
        return _count_sentence(fact, stream, paraphrased)
    if fact.kind == RELATION:
        a, b = with_article(fact.a), with_article(fact.b)
        if fact.second_relation:
            # Sentences with two relations are long, so they use the short words.
            first, second = (RELATION_WORDS[relation][0] for relation in (fact.relation, fact.second_relation))
            template = pick(stream, CHAINED, paraphrased)
            return template.format(a=a, relation=first, b=b, second=second, c=with_article(fact.c))
        return pick(stream, RELATED, paraphrased).format(a=a, relation=relation_words(stream, fact.relation), b=b)
    if fact.kind == COMPARISON:
        first, other = noun_phrase(fact.a, plural=True), noun_phrase(fact.b, plural=True)
        wording = AS_MANY if fact.operator == EQUAL else MORE_THAN
        return pick(stream, wording, paraphrased).format(first=first, other=other)
    return pick(stream, ADD_UP, paraphrased).format(n=fact.number)


def _count_sentence(fact: Fact, stream: SceneRandom, paraphrased: bool) -> str:
    if (fact.operator, fact.number) == (AT_LEAST, 1):
        wording = EXISTS
    elif (fact.operator, fact.number) == (EQUAL, 0):
        wording = ABSENT
    elif (fact.operator, fact.number) == (EQUAL, 1):
        wording = EXACTLY_ONE
    else:
        wording = {EQUAL: EXACTLY, AT_LEAST: AT_LEAST_SO_MANY, AT_MOST: AT_MOST_SO_MANY}[fact.operator]
    return pick(stream, wording, paraphrased).format(
        a=with_article(fact.a), one=noun_phrase(fact.a), many=noun_phrase(fact.a, plural=True), n=NUMBERS[fact.number]
    )
