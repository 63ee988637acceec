"""From verdict to cause: families of faults, and what each looks like from outside."""
