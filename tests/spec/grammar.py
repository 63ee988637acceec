"""The standard's grammar at work: it judges texts, and what it allows is drawn from it.

A strategy is built by walking the parsed grammar, so that nothing about the protocol is said here.
"""

from collections.abc import Iterator
from functools import cache
from typing import Any, Final

from abnf import Node, ParseError, Rule
from abnf.parser import Alternation, Concatenation, Literal, Option, Repetition
from hypothesis import strategies as st

from tests.spec import standard

MORE: Final = 3
"""How many more times than it must a repetition is drawn at most: the parser takes short inputs."""


class Grammar(Rule):
    """The rules of grammar.abnf."""


@cache
def _load() -> None:
    Grammar.load_grammar(standard.grammar())


def rule_of(name: str) -> Grammar:
    """Return a rule. The grammar is read when it is first asked for, since that takes a second of
    each process that collects these tests."""
    _load()
    return Grammar(name)


def parse(rule: str, text: str) -> Node | None:
    """Parse a whole text; return None if the rule does not match it."""
    try:
        return rule_of(rule).parse_all(text)
    except ParseError:
        return None


def matches(rule: str, octets: bytes) -> bool:
    """Tell whether octets are UTF-8, and match a rule as a whole."""
    try:
        text = octets.decode()
    except UnicodeDecodeError:
        return False
    return parse(rule, text) is not None


def find(node: Any, name: str) -> list[Any]:
    """Find the nodes of a rule in a parsed text, in order."""
    if node.name == name:
        return [node]
    return [found for child in node.children for found in find(child, name)]


@cache
def texts(rule: str) -> st.SearchStrategy[str]:
    """Draw a text that a rule matches."""
    return st.deferred(lambda: _draw(rule_of(rule).definition))


def _draw(parser: Any) -> st.SearchStrategy[str]:
    match parser:
        case Rule():
            return texts(parser.name)
        case Alternation():
            return st.one_of(*map(_draw, parser.parsers))
        case Concatenation():
            return st.tuples(*map(_draw, parser.parsers)).map("".join)
        case Option():
            return st.just("") | _draw(parser.alternation)
        case Repetition():
            least, most = parser.repeat.min, parser.repeat.max
            most = least + MORE if most is None else most
            return st.lists(_draw(parser.element), min_size=least, max_size=most).map("".join)
        case Literal(value=(first, last)):
            return st.characters(min_codepoint=ord(first), max_codepoint=ord(last))
        case Literal(value=str(literal), case_sensitive=exact):
            return st.just(literal) if exact else _in_any_case(literal)
    raise TypeError(f"nothing can be drawn from {parser}")


def _in_any_case(literal: str) -> st.SearchStrategy[str]:
    return st.tuples(*(st.sampled_from([c.lower(), c.upper()]) for c in literal)).map("".join)


def points(rule: str) -> set[int]:
    """List the code points of a rule that is an alternation of single ones and ranges."""
    return set(_points(rule_of(rule).definition))


def _points(parser: Any) -> Iterator[int]:
    match parser:
        case Alternation():
            for each in parser.parsers:
                yield from _points(each)
        case Literal(value=(first, last)):
            yield from range(ord(first), ord(last) + 1)
        case Literal(value=str(literal)):
            yield ord(literal)
        case _:
            raise TypeError(f"not a set of code points: {parser}")
