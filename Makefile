# Needs make and Python 3.11 or newer. Everything runs in .venv, set up from requirements-dev.lock; uv is used where it is on PATH.

ifneq ($(origin LANGUAGE),command line)
# gettext has a variable of this name too: of the environment's, only a language that we have counts.
LANGUAGE := $(or $(filter en zh_CN zh_TW,$(LANGUAGE)),en)
endif
ifneq ($(words $(LANGUAGE)) $(filter en zh_CN zh_TW,$(LANGUAGE)),1 $(LANGUAGE))
$(error LANGUAGE=$(LANGUAGE) is not a language of the reports. Say LANGUAGE=en, LANGUAGE=zh_CN or LANGUAGE=zh_TW)
endif

CASE := grocery
ifneq ($(words $(CASE)) $(filter grocery coffee,$(CASE)),1 $(CASE))
$(error CASE=$(CASE) is not a case. Say CASE=grocery or CASE=coffee)
endif

grocery_en := project_name="Grocery customer review" client="A US grocery chain"
grocery_zh_CN := project_name="杂货零售顾客分析" client="美国某连锁超市"
grocery_zh_TW := project_name="雜貨零售顧客分析" client="美國某連鎖超市"
grocery_says := Running five notebooks on 801 households.
coffee_en := project_name="Coffee chain customer review (simulated)" client="A simulated coffee chain"
coffee_zh_CN := project_name="咖啡连锁顾客分析（模拟数据）" client="模拟的咖啡连锁企业"
coffee_zh_TW := project_name="咖啡連鎖顧客分析（模擬資料）" client="模擬的咖啡連鎖企業"
coffee_says := Running five notebooks on a simulated company of 5,000 customers.

DEMO := build/demo/$(CASE)
COMPILE := @uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate

.PHONY: help demo batch cases course class nbgrader test test-bayes test-spark test-slow lint catalogs bench-exam bench-intake bench-clv bench-kmeans bench-pairs bench-events fuzz-intake lock clean env

help: ## list the targets
	@echo "make TARGET [CASE=grocery|coffee] [LANGUAGE=en|zh_CN|zh_TW] [PYTHON=/path/to/python3]"
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/\1#\2/p' Makefile | awk -F'#' '{ printf "  %-12s %s\n", $$1, $$2 }'

demo: env ## a case from generated project to reports, in build/demo: CASE=grocery (real) or coffee (simulated)
	@rm -rf $(DEMO)
	@mkdir -p build/demo
	@printf 'replay_dir: build/cookiecutter\ncookiecutters_dir: build/cookiecutter\n' >build/cookiecutter.yml
	@.venv/bin/cookiecutter --no-input --config-file build/cookiecutter.yml --directory template/engagement --output-dir build/demo . \
		project_slug=$(CASE) $($(CASE)_$(LANGUAGE)) language=$(LANGUAGE) data=$(CASE)
	@test $(CASE) = grocery || .venv/bin/fivestep simulate --out $(DEMO)/data/contract/coffee --language $(LANGUAGE)
	@echo "$($(CASE)_says) Then look at the files named at the end."
	@.venv/bin/fivestep run --project $(DEMO)

batch: demo ## one full report for every income band of the demo (slow: a few minutes)
	@cd $(DEMO) && ../../../.venv/bin/fivestep batch --by income_band

cases: env ## from the export of a CRM system to a list of segments, in build/cases: 纷享销客, Zoho CRM, 简信CRM
	@mkdir -p build/cases
	@for system in fxiaoke zoho jianxin; do \
		.venv/bin/papermill --cwd notebooks/cases --no-progress-bar --kernel python3 -p language $(LANGUAGE) \
			notebooks/cases/$$system.ipynb build/cases/$$system.ipynb 2>build/cases/$$system.log || { tail -n 3 build/cases/$$system.log >&2; exit 1; }; \
		.venv/bin/jupyter nbconvert --log-level ERROR --to fivestep-html build/cases/$$system.ipynb || exit 1; \
		echo build/cases/$$system.html; \
	done

course: env ## slides and handouts of the course, in build/course (a few minutes)
	@.venv/bin/fivestep course slides notebooks/course --out build/course --language $(LANGUAGE)

nbgrader: env ## nbgrader generates, grades and comments a unit of the course, in an environment of its own (a minute)
	@.venv/bin/python .ci/nbgrader.py

class: env ## a class of 38 submissions, right, wrong and hostile, grades as it should, in build/class (a few minutes)
	@.venv/bin/python .ci/course_class.py

bench-exam: env ## what the methods find in 20 simulated companies, in build/exam (slow: ten minutes)
	@.venv/bin/fivestep exam --seeds 20 --seed 100 --out build/exam

test: env ## the tests
	@.venv/bin/python -m pytest -n 2 --dist worksteal

test-bayes: ## the posterior of customer lifetime value, in an environment of its own with pymc-marketing (a few minutes)
	@test -x build/bayes/bin/python || $(or $(PYTHON),python3) -m venv build/bayes
	@build/bayes/bin/python -m pip install --quiet --disable-pip-version-check --editable 'lib[bayes]' pytest
	@build/bayes/bin/python -m pytest -rP tests/test_clv_posterior.py

test-spark: ## the five notebooks on Spark give what they give on DuckDB, in an environment of its own; needs Java 17 or newer (slow)
	@test -x build/spark/bin/python || $(or $(PYTHON),python3) -m venv build/spark
	@build/spark/bin/python -m pip install --quiet --disable-pip-version-check --editable 'lib[spark]' pytest
	@build/spark/bin/python -m pytest -rP tests/test_spark.py

test-slow: env ## all tests, those too for which a build machine has no time: the walk through a project's README, the report in Simplified Chinese, all sheets of each system together
	@SLOW_TESTS=1 .venv/bin/python -m pytest -n 2 --dist worksteal

bench-clv: env ## customer lifetime value against lifetimes on 1 million customers, and memory with 10 million (a few minutes)
	@test -x build/bench-clv/bin/python || .venv/bin/python -m venv build/bench-clv
	@build/bench-clv/bin/python -m pip install --quiet --disable-pip-version-check lifetimes==0.11.3
	@.venv/bin/python benchmarks/clv.py --lifetimes build/bench-clv/bin/python
	@.venv/bin/python benchmarks/clv.py --memory 10000000

bench-kmeans: env ## choosing the number of clusters for 1 million customers, against the plain scikit-learn loop (a minute or two)
	@.venv/bin/python benchmarks/kmeans.py

bench-events: env ## visits, funnel, paths and searches on 10 and 100 million events: time and memory (slow; 10 GB of disk)
	@.venv/bin/python benchmarks/events.py

bench-pairs: env ## rules of two products against mlxtend on 1 and 10 million order lines (a few minutes, 9 GB for mlxtend)
	@test -x build/bench-pairs/bin/python || .venv/bin/python -m venv build/bench-pairs
	@build/bench-pairs/bin/python -m pip install --quiet --disable-pip-version-check mlxtend==0.25.0 pyarrow
	@.venv/bin/python benchmarks/pairs.py --mlxtend build/bench-pairs/bin/python

lint: env ## style, and which room may import which
	@.venv/bin/ruff check
	@.venv/bin/lint-imports

catalogs: env ## bring the translations up to date with code and notebooks, and compile them
	@.venv/bin/python .ci/catalogs.py

fuzz-intake: env ## read 10,000 damaged files: sheets or one line of error (slow: an hour)
	@.venv/bin/python benchmarks/fuzz_intake.py

bench-intake: env ## what the import takes beside DuckDB alone, ten million order lines (slow: a few minutes)
	@.venv/bin/python benchmarks/intake.py

lock: ## pin what lib/pyproject.toml asks for, keeping earlier pins; delete a lock first to have the newest (needs uv)
	@command -v uv >/dev/null || { echo "make lock needs uv on PATH. Install it: python3 -m pip install uv" >&2; exit 1; }
	$(COMPILE) --output-file lib/requirements.lock lib/pyproject.toml
	$(COMPILE) --output-file requirements-dev.lock --extra dev --constraint lib/requirements.lock lib/pyproject.toml

clean: ## remove everything that make made
	rm -rf build .venv .pytest_cache .ruff_cache .import_linter_cache .hypothesis .tmp
	find lib tests template -name __pycache__ -type d -prune -exec rm -rf {} +

env: # .venv, where it is not there or out of date
	@PYTHON="$(PYTHON)" .ci/environment
