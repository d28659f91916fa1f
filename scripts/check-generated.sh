#!/bin/sh
# Checks that the files generated from the tables of settings and verbs are up to date:
#   scripts/check-generated.sh BUILD_BIN_DIR
set -u

if [ $# -ne 1 ] || [ ! -x "$1/conf-doc" ] || [ ! -x "$1/verb-doc" ]; then
	echo "usage: $0 BUILD_BIN_DIR (the folder that holds conf-doc and verb-doc; build these targets first)" >&2
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

check conf-doc markdown docs/configuration.md daemon/conf/schema.c
check conf-doc example packaging/ccapid.conf.example daemon/conf/schema.c
check verb-doc verbs docs/control-verbs.md shared/verbs.c
check verb-doc ccapictl docs/ccapictl.md shared/verbs.c
exit $status
