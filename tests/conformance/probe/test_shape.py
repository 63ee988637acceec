"""The form of a time is looked for among many, quickly."""

from conformance.probe import shape


def test_no_form_of_a_time_is_compiled_twice() -> None:
    assert shape.time_format("at 08:43:11, 127.0.0.1:5") == "%H:%M:%S"
    assert shape.time_format("none") is None
    compiled = shape._pattern.cache_info().misses
    assert shape.time_format("none here either") is None
    assert shape._pattern.cache_info().misses == compiled
