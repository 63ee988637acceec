"""The outputs of a run: console, HTML, Markdown, JUnit, badge and others."""
