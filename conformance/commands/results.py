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
from conformance.commands.options import known_failures_in
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
    """The console, the files and the known failures of one run, from the options of these names.

    Raises:
        click.UsageError: The options exclude each other, or a file cannot be read or written.
    """

    def __init__(
        self,
        *,
        json_path: Path | None,
        junit: Path | None,
        html_path: Path | None,
        transcripts: Path | None,
        known_failures: Path | None,
        write_known_failures: Path | None,
        durations: int | None,
        quiet: bool,
        verbose: bool,
    ) -> None:
        if quiet and verbose:
            raise click.UsageError("--quiet and --verbose exclude each other: give one of them")
        self.console = Console(highlight=False, soft_wrap=True)
        self.detail = Detail.QUIET if quiet else Detail.VERBOSE if verbose else Detail.NORMAL
        self.known = known_failures_in(known_failures)
        self._page = html_path
        self.outputs = Outputs()
        self._before = known_failures_in(write_known_failures, new=True)
        self._json = json_path
        self._junit = junit
        self._transcripts = transcripts
        self._known_failures = known_failures
        self._write_known_failures = write_known_failures
        self._durations = durations
        for path in (json_path, junit, html_path, write_known_failures):
            if path is not None:
                check_parent(path)
        if transcripts is not None:
            make_directory(transcripts)

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
        outputs = self.outputs
        outputs.look_for(self._transcripts, report.scenarios)
        outputs.write_json(self._json, report)
        outputs.write(self._junit, lambda: render_junit(report, settings))
        if self._page is not None:
            self._write_page(report, self._page)
        held = None
        if self._known_failures is not None:
            held = hold(self.known, self._known_failures, report)
        reporter.on_report(report, held)
        tell_github(report, settings.again, held, click.echo)
        if self._durations is not None:
            print_durations(self.console, report, self._durations, jobs)
        outputs.write(self._write_known_failures, lambda: written(report, self._before))
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
        if self._transcripts is None:
            return pages
        for result in report.scenarios:
            kept = transcript_path(self._transcripts, result.id)
            if result.findings and kept.is_file():
                there = kept.with_suffix(".html")
                render = partial(render_transcript, read(kept), result.findings, kept.name)
                self.outputs.write(there, render)
                pages[result.id] = quote(os.path.relpath(there, page.parent))
        return pages
