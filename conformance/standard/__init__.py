"""The standard as data: the register of requirements, and the markup of its text."""
