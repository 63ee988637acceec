"""The form of a time is looked for among many, quickly; and no clock is a constant."""

import time

import pytest

from conformance.dialect import Dialect
from conformance.dialect.forms import forms
from conformance.probe import shape
from conformance.probe.shape import Sample, Who, common_shape, widened_shape

WHO = shape.Who("10.0.0.9", 4711, "ann42")


def test_no_form_of_a_time_is_compiled_twice() -> None:
    assert shape.time_format("at 08:43:11, 127.0.0.1:5") == "%H:%M:%S"
    assert shape.time_format("none") is None
    compiled = shape._pattern.cache_info().misses
    assert shape.time_format("none here either") is None
    assert shape._pattern.cache_info().misses == compiled


@pytest.mark.parametrize(
    ("said", "form"),
    [
        ("%a %b %d %H:%M:%S %Y : hi", "{time} : hi"),
        ("%a, %d %b %Y %H:%M:%S GMT", "{time} GMT"),
        ("%Y-%m-%dT%H:%M:%SZ ann42 came", "{time}Z {name} came"),
        ("%H:%M:%S:10.0.0.9:4711 came", "{time}:{host}:{port} came"),
        ("[2:53 PM] hi", "[{any}] hi"),
        ("Monday 30. at 2:53pm", "{any} 30. at {any}"),
        ("since 1999-12-31", "since {any}"),
        ("since 31/12/99", "since {any}"),
        ("since December 31, 1999, in room 104512", "since {any}, in room 104512"),
        ("from 10.0.10.12:1234 or fe80::12:34 by 00:11:22:33:44:55", None),
        ("Monkey 5 and Mary 12", None),
        ("version 3.14.15", None),
    ],
)
def test_what_is_shaped_like_a_clock_or_a_date_is_no_constant(said: str, form: str | None) -> None:
    told = time.strftime(said)
    assert shape.form_of(told, WHO, shape.line_time_format(told)) == (
        said if form is None else form
    )


def test_a_part_of_a_clock_is_no_time() -> None:
    assert shape.time_format("at 2:12:07 PM") is None
    header = "[2:12:07 PM] ann42: "
    found = shape.common_shape([shape.Sample(WHO, header, "")])
    assert found == shape.Shape("[", "{any}] {peer}", None, "{name}", ": ")


def test_a_day_of_one_digit_may_have_a_space_before_it() -> None:
    """The date of today shows no more than that."""
    dialect = Dialect(header="{peer}", time="%a %b %e %H:%M:%S %Y", lines=("{time}\n",))
    besides = forms(dialect).besides
    assert besides is not None
    for line in (b"Tue Dec  1 08:00:00 2026\n", b"Mon Nov 30 08:00:00 2026\n"):
        assert besides.fullmatch(line)


@pytest.mark.parametrize(
    ("strange", "peer"),
    [("guest: ", "{any}"), ("guest4: ", "{number}"), ("so it is> ", "{number}"), ("", "{number}")],
)
def test_a_label_that_differs_from_the_others_is_of_any_form(strange: str, peer: str) -> None:
    """But what differs in more is something else."""
    ann, bob, eve = (Who("127.0.0.1", 50_000 + n, f"p{n}r") for n in range(3))
    samples = [Sample(ann, "guest7: ", "\n"), Sample(bob, "guest12: ", "\n")]
    narrow = common_shape(samples)
    assert narrow is not None
    found = widened_shape(narrow, samples, [Sample(eve, strange, "")] if strange else [])
    assert (found.prefix, found.peer, found.infix) == ("guest", peer, ": ")
