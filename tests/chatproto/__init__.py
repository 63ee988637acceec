"""Tests of the library, requirement by requirement, against the simplest model of each."""
