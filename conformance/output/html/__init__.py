"""The report as one HTML file that needs nothing else, and beside it the transcripts as such."""

from conformance.output.html.page import render_page
from conformance.output.html.record import render_transcript

__all__ = ["render_page", "render_transcript"]
