#!/bin/bash
# `make check`: installs, builds and runs the tests; `check.sh --all` (make check-all) adds sanitizers, valgrind, fuzzing
# and the long system tests.  Logs and results are left in build/check/.  The last line is `N passed, N failed, N skipped`.
#
# Each step has a name, a log, and either a file of results that scripts/totals.py counts, or counts as one test itself.
# What the tests are told by environment:
#   CCAPI_BIN_DIR        where ccapid and claude-sim are
#   CCAPI_REAL_CLI       the real CLI
#   CCAPI_VALGRIND=1     run ccapid under valgrind, the short form of the tests
#   CCAPI_LONG=1         run the long tests too
# shellcheck disable=SC2317  # functions called through step
set -uo pipefail
cd "$(dirname "$0")/.." || exit

all=no
case ${1:-} in
'') ;;
--all) all=yes ;;
*)
	echo "usage: scripts/check.sh [--all]" >&2
	exit 2
	;;
esac

python=/usr/bin/python3
out=$PWD/build/check
steps=$out/steps.tsv
# Another caller's settings would make the tests speak of this machine.
unset "${!ANTHROPIC_@}" "${!CLAUDE_@}" CCAPI_LONG CCAPI_VALGRIND
export CCAPI_BIN_DIR=$PWD/build/bin
export CCAPI_REAL_CLI=$PWD/tests/node_modules/@anthropic-ai/claude-code-linux-x64/claude
export PYTHONDONTWRITEBYTECODE=1
jobs=$(nproc)

rm -rf "$out"
mkdir -p "$out"
: >"$steps"

# step NAME RESULTS COMMAND...: runs it and takes down how it went; RESULTS "-": it counts as one test.
step() {
	local name=$1 results=$2 began=$SECONDS status
	shift 2
	"$@" >"$out/$name.log" 2>&1 </dev/null
	status=$?
	printf '%s\t%s\t%s\n' "$name" "$status" "$results" >>"$steps"
	if [ $status -eq 0 ]; then
		printf '%-24s ok      %4d s\n' "$name" $((SECONDS - began))
	else
		printf '%-24s FAILED  %4d s, from %s:\n' "$name" $((SECONDS - began)) "$out/$name.log"
		tail -n "${CHECK_LINES:-60}" "$out/$name.log" | sed 's/^/    /'
	fi
	return $status
}

finish() {
	[ -x $python ] || {
		echo "0 passed, 1 failed, 0 skipped"
		exit 1
	}
	$python scripts/totals.py "$steps"
	exit
}

configure_and_build() {
	cmake --preset "$1" && cmake --build --preset "$1" -j "$jobs"
}

unit_tests() { # NAME BUILD_DIR
	step "$1" "$out/$1.xml" timeout -k 10 600 ctest --test-dir "$2" --output-on-failure -j "$jobs" \
		--timeout 120 --no-tests=error --test-output-size-passed 1000000 --output-junit "$out/$1.xml"
}

python_tests() { # NAME FOLDER SECONDS
	[ -n "$(find "$2" -name 'test_*.py' -print -quit)" ] || return 0
	step "$1" "$out/$1.xml" timeout -k 10 "$3" $python -m pytest -q -ra -p no:cacheprovider \
		--junitxml="$out/$1.xml" "$2"
}

node_tests() { # NAME FOLDER SECONDS
	local files
	mapfile -t files < <(find "$2" -name '*.test.mjs' -o -name '*.test.js' | sort)
	[ ${#files[@]} -gt 0 ] || return 0
	step "$1" "$out/$1.tap" timeout -k 10 "$3" node --test \
		--test-reporter=spec --test-reporter-destination=stdout \
		--test-reporter=tap --test-reporter-destination="$out/$1.tap" "${files[@]}"
}

check_format() {
	git ls-files -z --cached --others --exclude-standard -- '*.c' '*.h' |
		xargs -0 -r clang-format --dry-run -Werror
}

fuzz_smoke() {
	local program name
	while IFS= read -r program; do
		name=$(basename "$program")
		mkdir -p "build/fuzz/corpus/$name" "$out/crashes"
		local dirs=("build/fuzz/corpus/$name")
		[ ! -d "tests/fuzz/corpus/${name#fuzz_}" ] || dirs+=("tests/fuzz/corpus/${name#fuzz_}")
		step "$name" - "$program" -max_total_time="${FUZZ_SECONDS:-60}" -timeout=10 \
			-rss_limit_mb=2048 -print_final_stats=1 -artifact_prefix="$out/crashes/$name-" "${dirs[@]}"
	done < <(find build/fuzz -type f -executable -name 'fuzz_*' | sort)
}

base_checks() {
	step deps - scripts/deps.sh || finish
	step build - configure_and_build release || finish
	step warnings - configure_and_build dev
	step format - check_format
	step layers - scripts/check-layers.sh
	if [ -x scripts/check-generated.sh ]; then
		step generated - scripts/check-generated.sh build/bin
	fi
	unit_tests unit build/release
	python_tests component tests/component 600
	python_tests tui tests/tui 300
	python_tests system tests/system 600
	python_tests real tests/real 600
	python_tests client tests/client 900
	node_tests interop tests/interop 300
	python_tests examples tests/examples 400
	node_tests examples-node tests/examples 200
	python_tests docs tests/docs 600
}

more_checks() {
	export ASAN_OPTIONS=halt_on_error=1:detect_leaks=1:abort_on_error=0:quarantine_size_mb=8
	export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
	export TSAN_OPTIONS=halt_on_error=1
	if step build-asan - configure_and_build asan; then
		unit_tests unit-asan build/asan
		CCAPI_BIN_DIR=$PWD/build/asan/bin python_tests component-asan tests/component 900
		CCAPI_BIN_DIR=$PWD/build/asan/bin python_tests tui-asan tests/tui 600
		CCAPI_BIN_DIR=$PWD/build/asan/bin python_tests system-asan tests/system 1800
	fi
	if step build-tsan - configure_and_build tsan; then
		unit_tests unit-tsan build/tsan
	fi
	CCAPI_VALGRIND=1 python_tests system-valgrind tests/system 1800
	# What libmicrohttpd makes of malformed requests shows in freed memory, not in answers.
	CCAPI_TEST_WRAPPER='valgrind -q --error-exitcode=99' CCAPI_TEST_DEADLINE=120 \
		python_tests component-valgrind tests/component/test_http.py 900
	if step build-fuzz - configure_and_build fuzz; then
		fuzz_smoke
	fi
	CCAPI_LONG=1 python_tests system-long tests/system 3600
	CCAPI_LONG=1 python_tests real-long tests/real/test_isolation.py 1800
}

base_checks
[ $all = no ] || more_checks
finish
