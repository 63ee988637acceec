"""Diagnosis: finds the families of faults that explain the failures of a run."""

from conformance.diagnosis.dialects import Spoken
from conformance.diagnosis.ranking import Cause, Confidence, Diagnosis, diagnose

__all__ = ["Cause", "Confidence", "Diagnosis", "Spoken", "diagnose"]
