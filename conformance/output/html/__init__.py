"""A report as one self-contained HTML file, and transcripts as such files too."""

from conformance.output.html.page import render_page
from conformance.output.html.record import render_transcript

__all__ = ["render_page", "render_transcript"]
