"""From verdict to cause: which families of faults what a run showed comes from, and what each
looks like from outside."""

from conformance.diagnosis.dialects import Spoken
from conformance.diagnosis.ranking import Cause, Confidence, Diagnosis, diagnose

__all__ = ["Cause", "Confidence", "Diagnosis", "Spoken", "diagnose"]
