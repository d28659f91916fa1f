#!/bin/sh
# Checks that the files generated from the settings' table are up to date: scripts/check-generated.sh BUILD_BIN_DIR
set -u

if [ $# -ne 1 ] || [ ! -x "$1/conf-doc" ]; then
	echo "usage: $0 BUILD_BIN_DIR (the folder that holds conf-doc; build the target conf-doc first)" >&2
	exit 2
fi
bin=$(cd "$1" && pwd)
cd "$(dirname "$0")/.." || exit 2
fresh=$(mktemp) || exit 2
trap 'rm -f "$fresh"' EXIT
status=0

check() { # FORM FILE
	if ! "$bin/conf-doc" "$1" > "$fresh"; then
		echo "conf-doc $1 failed" >&2
		exit 2
	fi
	if ! diff -u "$2" "$fresh"; then
		echo "$2 is not what daemon/conf/schema.c says; write it anew: $bin/conf-doc $1 > $2" >&2
		status=1
	fi
}

check markdown docs/configuration.md
check example packaging/ccapid.conf.example
exit $status
