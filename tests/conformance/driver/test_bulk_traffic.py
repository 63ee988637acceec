"""Bulk traffic is in lines that the server's dialect can express."""

from dataclasses import replace

import pytest

from conformance.dialect import Dialect
from conformance.driver.bulk_traffic import _longest_line
from conformance.driver.stage import Stage
from conformance.target.address import parse_address
from tests.conformance.scene import START


@pytest.mark.parametrize("read_size", [64, 100, 256])
def test_where_reads_are_small_lines_are_as_long_as_one_read(read_size: int) -> None:
    dialect = Dialect(framing="read", read_size=read_size)
    stage = Stage(parse_address("tcp://127.0.0.1:9"), replace(START, dialect=dialect))
    assert read_size // 2 < _longest_line(stage) < read_size
    stage.close()
