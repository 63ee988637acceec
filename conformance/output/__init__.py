"""The forms in which a run is shown: console, page, Markdown, badge and the rest."""
