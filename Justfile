# Arguments reach the commands as they were typed, with blanks and quotes.
set positional-arguments

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
    @{{python}} -m vn2pl impute "$@"

# Write a generated panel and its true demand
demo *arguments:
    @{{python}} -m vn2pl demo "$@"

# Hide in-stock weeks, impute them, compare: just backtest --data PATH --mask blocks
backtest *arguments:
    @{{python}} -m vn2pl backtest "$@"

# Explain one stockout: just why --store S --product P --week W
why *arguments:
    @{{python}} -m vn2pl why "$@"

# Ask named SQL of a run: just query --list
query *arguments:
    @{{python}} -m vn2pl query "$@"

# Write SIPs for a spreadsheet or a simulation: just export --format csv --to sips.csv
export *arguments:
    @{{python}} -m vn2pl export "$@"

# Show a run as one HTML file: just report --run DIR --backtest DIR
report *arguments:
    @{{python}} -m vn2pl report "$@"

# Run the tests
test *arguments:
    {{python}} -m pytest "$@"

# Check style and types
check:
    {{python}} -m ruff check .
    {{python}} -m ruff format --check .
    {{python}} -m mypy

# Measure speed against peers and write the tables of docs/performance.md: just bench --print
bench *arguments:
    {{python}} -m benchmarks.speed "$@"

# Measure accuracy and write the table of docs/accuracy.md: just accuracy --print
accuracy *arguments:
    {{python}} -m benchmarks.accuracy "$@"

# Open a notebook in the browser: just notebook use_it
notebook name *arguments:
    shift; {{python}} -m marimo edit "notebooks/{{name}}.py" "$@"

# Write every notebook as .ipynb with its results, for Jupyter
ipynb:
    for notebook in notebooks/*.py; do {{python}} -m marimo export ipynb "$notebook" --include-outputs --force --output "${notebook%.py}.ipynb"; done

# Write what the documentation takes from the code: configuration reference, pictures, output of commands
docs *arguments:
    {{python}} docs/generate.py "$@"

# Build the documentation as web pages in site/, with the reference of the Python functions; needs no network
site *arguments:
    {{python}} -m sphinx --quiet --fail-on-warning --keep-going docs site "$@"
