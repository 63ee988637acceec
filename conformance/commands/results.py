"""The end of `run` and `clients`: print the results, write the files, and exit with the status."""

import os
import sys
from functools import partial
from pathlib import Path
from typing import NoReturn
from urllib.parse import quote

import click
from rich.console import Console

from conformance.commands.exit_statuses import BROKEN_DOWN, OTHERWISE, STATUS
from conformance.commands.options import Wanted, known_failures_in
from conformance.commands.outputs import Outputs, check_parent, make_directory
from conformance.output.console import ConsoleReporter, Detail
from conformance.output.github import tell_github
from conformance.output.junit import render_junit
from conformance.output.summary import print_durations
from conformance.report.comparison import compare
from conformance.report.known_failures import hold, written
from conformance.report.model import Report
from conformance.runner.session import Settings, transcript_path
from conformance.transcript.files import read


class Results:
    """The console, the files and the known failures of one run.

    Raises:
        click.UsageError: The options exclude each other, or a file cannot be read or written.
    """

    def __init__(self, wanted: Wanted) -> None:
        if wanted.quiet and wanted.verbose:
            raise click.UsageError("--quiet and --verbose exclude each other: give one of them")
        self.console = Console(highlight=False, soft_wrap=True)
        self.detail = (
            Detail.QUIET if wanted.quiet else Detail.VERBOSE if wanted.verbose else Detail.NORMAL
        )
        self.known = known_failures_in(wanted.known_failures)
        self.outputs = Outputs()
        self.wanted = wanted
        self._before = known_failures_in(wanted.write_known_failures, new=True)
        for path in (wanted.json, wanted.junit, wanted.page, wanted.write_known_failures):
            if path is not None:
                check_parent(path)
        if wanted.transcripts is not None:
            make_directory(wanted.transcripts)

    def conclude(
        self,
        report: Report,
        settings: Settings,
        reporter: ConsoleReporter,
        jobs: int,
        *,
        accept_declared: bool = False,
    ) -> NoReturn:
        """Write the files, print how the run ended, and exit with its status."""
        outputs, wanted = self.outputs, self.wanted
        outputs.look_for(wanted.transcripts, report.scenarios)
        outputs.write_json(wanted.json, report)
        outputs.write(wanted.junit, lambda: render_junit(report, settings))
        if wanted.page is not None:
            self._write_page(report, wanted.page)
        held = None
        if wanted.known_failures is not None:
            held = hold(self.known, wanted.known_failures, report)
        reporter.on_report(report, held)
        tell_github(report, settings.again, held, click.echo)
        if wanted.durations is not None:
            print_durations(self.console, report, wanted.durations, jobs)
        outputs.write(wanted.write_known_failures, lambda: written(report, self._before))
        if outputs.failed:
            sys.exit(BROKEN_DOWN)
        if held is None:
            accepted = report.otherwise if accept_declared else None
            sys.exit(STATUS[accepted or report.verdict])
        sys.exit(STATUS[held.rest] or (0 if held.holds else OTHERWISE))

    def _write_page(self, report: Report, page: Path) -> None:
        # Imported late: few runs write a page, and the templates take a tenth of the start-up time.
        from conformance.output.html import render_page

        pages = self._write_transcripts(report, page)
        self.outputs.write(page, lambda: render_page(compare([report]), pages))

    def _write_transcripts(self, report: Report, page: Path) -> dict[str, str]:
        """Write a page beside each transcript in which something was found.

        Returns:
            For each scenario, the link from the report's page to that page.
        """
        from conformance.output.html import render_transcript

        pages: dict[str, str] = {}
        if self.wanted.transcripts is None:
            return pages
        for result in report.scenarios:
            kept = transcript_path(self.wanted.transcripts, result.id)
            if result.findings and kept.is_file():
                there = kept.with_suffix(".html")
                render = partial(render_transcript, read(kept), result.findings, kept.name)
                self.outputs.write(there, render)
                pages[result.id] = quote(os.path.relpath(there, page.parent))
        return pages
