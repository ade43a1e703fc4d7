"""`python -m infra` is `acgs`, for processes that start it with the Python that runs them."""

from infra.console.cli import main

main()
