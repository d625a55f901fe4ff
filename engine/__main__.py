"""`python -m berthwatch` is the command `berthwatch`."""

from berthwatch.cli import main

main(prog_name="berthwatch")
