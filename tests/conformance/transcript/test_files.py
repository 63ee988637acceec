"""A transcript written and read again is the same, and its lines are as the schema says."""

import json
from pathlib import Path
from tempfile import TemporaryDirectory

import jsonschema
from hypothesis import given, settings

from conformance.transcript.files import read, schema, write
from tests.conformance.programs import scenes
from tests.conformance.scene import Scene


@given(scenes())
@settings(max_examples=50)
def test_what_is_written_is_read(scene: Scene) -> None:
    with TemporaryDirectory() as directory:
        path = Path(directory) / "t.jsonl"
        write(scene.events, path)
        assert read(path) == scene.events
        validator = jsonschema.Draft202012Validator(schema())
        for line in path.read_text(encoding="utf-8").splitlines():
            validator.validate(json.loads(line))
