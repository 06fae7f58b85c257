"""``python -m riskcore``: the command of the package that lies in the working directory, if any."""

from riskcore.cli import main

if __name__ == "__main__":
    main()
