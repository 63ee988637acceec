"""The results of a run as data, and the words and excerpts that all outputs share."""
