"""`python -m benchmarks`: run every benchmark and write docs/benchmarks.md."""

from benchmarks.write import main

if __name__ == "__main__":
    main()
