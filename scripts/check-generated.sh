#!/bin/sh
# Checks that what is generated from tables in the sources is up to date: scripts/check-generated.sh BUILD_BIN_DIR
set -u

if [ $# -ne 1 ] || [ ! -x "$1/conf-doc" ] || [ ! -x "$1/verb-doc" ] || [ ! -x "$1/metric-doc" ] || [ ! -x "$1/api-doc" ]; then
	echo "usage: $0 BUILD_BIN_DIR (the folder that holds api-doc, conf-doc, metric-doc and verb-doc; build these targets first)" >&2
	exit 2
fi
bin=$(cd "$1" && pwd)
cd "$(dirname "$0")/.." || exit 2
fresh=$(mktemp) || exit 2
trap 'rm -f "$fresh"' EXIT
status=0

check() { # PROGRAM FORM FILE TABLE
	if ! "$bin/$1" "$2" > "$fresh"; then
		echo "$1 $2 failed" >&2
		exit 2
	fi
	if ! diff -u "$3" "$fresh"; then
		echo "$3 is not what $4 says; write it anew: $bin/$1 $2 > $3" >&2
		status=1
	fi
}

check_output() { # FILE COMMAND...
	file=$1
	shift
	if ! "$@" > "$fresh"; then
		echo "$* failed" >&2
		exit 2
	fi
	if ! diff -u "$file" "$fresh"; then
		echo "$file is behind; write it anew: $* > $file" >&2
		status=1
	fi
}

# A block of a page, between <!-- generated: NAME --> and <!-- end -->.
check_block() { # NAME FILE COMMAND...
	name=$1 file=$2
	shift 2
	if ! "$@" > "$fresh"; then
		echo "$* failed" >&2
		exit 2
	fi
	if ! sed -n "/^<!-- generated: $name -->\$/,/^<!-- end -->\$/p" "$file" | sed '1d;$d' | diff -u - "$fresh"; then
		echo "$file: the block '$name' is not what this prints: $*" >&2
		status=1
	fi
}

check conf-doc markdown docs/configuration.md daemon/conf/schema.c
check conf-doc example packaging/ccapid.conf.example daemon/conf/schema.c
check metric-doc markdown docs/metrics.md daemon/observe/metrics_table.c
check verb-doc verbs docs/control-verbs.md shared/verbs.c
check verb-doc ccapictl docs/ccapictl.md shared/verbs.c
check verb-doc man man/ccapictl.1 shared/verbs.c
check_block conditions docs/ROUTING.md "$bin/route-eval" --conditions
check_block rules docs/ROUTING.md "$bin/route-eval" --rules
check_block evaluation docs/ROUTING.md "$bin/route-eval" --markdown tests/eval/routing.tsv tests/eval/routing-heldout.tsv
check_output docs/API_REFERENCE.md scripts/api-reference.py "$bin/api-doc"
# The OpenAPI document is written by hand; what it says of routes, errors and fields is the code's.
scripts/check-openapi.py "$bin/api-doc" || status=1
exit $status
