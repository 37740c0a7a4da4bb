python := if path_exists(".venv/bin/python") == "true" { ".venv/bin/python" } else { "python3" }

# Show every task
default:
    @just --list --unsorted

# Make the virtual environment with everything for development
setup:
    python3 -m venv .venv
    .venv/bin/pip install --quiet --editable '.[dev]'

# Impute stockouts: just impute --data PATH --n-neighbors 20 --n-jobs -1 (default: the demo panel)
impute *arguments:
    @{{python}} -m vn2pl impute {{arguments}}

# Write a generated panel and its true demand
demo *arguments:
    @{{python}} -m vn2pl demo {{arguments}}

# Run the tests
test *arguments:
    {{python}} -m pytest {{arguments}}

# Check style and types
check:
    {{python}} -m ruff check .
    {{python}} -m ruff format --check .
    {{python}} -m mypy
