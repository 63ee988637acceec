"""The command line of the suite."""

from conformance.commands.cli import main

if __name__ == "__main__":
    main()
