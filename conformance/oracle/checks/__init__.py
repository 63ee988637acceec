"""The checks: each module judges one subject of the standard and yields facts."""
