.PHONY: check test quick search-properties demo docs

check:  ## format, lint, types, import direction
	ruff format --check . && ruff check . && mypy && lint-imports

quick:  ## the tests that take under two minutes
	pytest -n 2 -m "not slow"

test:
	pytest -n 2

search-properties:  ## the property tests with a thousand random examples each
	HYPOTHESIS_PROFILE=search pytest -n 2 tests/world tests/scoring tests/scalediff_measures

demo:
	scalediff demo

docs:  ## the generated page
	python -c "from scalediff_assets.data_page import data_page; print(data_page(), end='')" > docs/data.md
