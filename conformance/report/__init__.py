"""What a run found, as data, and the words and excerpts that every output shares."""
