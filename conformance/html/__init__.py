"""The report as one HTML file that needs nothing else."""

from conformance.html.page import render_page

__all__ = ["render_page"]
