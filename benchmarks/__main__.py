"""Entry point of ``python -m benchmarks``; kept bare because every child process imports it."""

if __name__ == "__main__":
    from benchmarks.cli import main

    raise SystemExit(main())
