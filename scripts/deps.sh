#!/bin/bash
# Installs what is missing, and only that:  deps.sh [build] [run] [test]   (default: all three)
# Debian packages come from packaging/deps.apt; npm packages of the tests from tests/package-lock.json, and what draws the
# page /docs from packaging/docs-ui/package-lock.json, if there is an npm: without it the page says how to get it.
set -euo pipefail
cd "$(dirname "$0")/.."

groups=("$@")
[ ${#groups[@]} -gt 0 ] || groups=(build run test)

say() { printf 'deps: %s\n' "$*" >&2; }

wants_group() {
	local group
	for group in "${groups[@]}"; do
		[ "$group" = "$1" ] && return 0
	done
	return 1
}

installed() {
	[ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# A node from elsewhere (nvm, another repository) serves as well as Debian's.
has_node() {
	local version
	version=$(node --version 2>/dev/null) && npm --version >/dev/null 2>&1 || return 1
	version=${version#v}
	[ "${version%%.*}" -ge 18 ]
}

# The packages of the wanted groups that are not installed; alternatives stay joined by |.
missing_packages() {
	local group package rest alternative have
	while read -r group package rest; do
		case $group in '' | '#'*) continue ;; esac
		wants_group "$group" || continue
		case $package in nodejs | npm) has_node && continue ;; esac
		have=no
		for alternative in ${package//|/ }; do
			installed "$alternative" && have=yes
		done
		[ $have = yes ] || printf '%s\n' "$package"
	done <packaging/deps.apt
}

# The first alternative that apt can install.
choose() {
	local alternative
	for alternative in ${1//|/ }; do
		if [ -n "$(apt-cache madison "$alternative" 2>/dev/null)" ]; then
			printf '%s\n' "$alternative"
			return
		fi
	done
	printf '%s\n' "${1%%|*}"
}

install_apt() {
	local missing chosen package sudo=()
	mapfile -t missing < <(missing_packages)
	[ ${#missing[@]} -gt 0 ] || return 0
	if ! command -v apt-get >/dev/null; then
		say "these are missing, and this is no Debian with apt-get: ${missing[*]}"
		exit 1
	fi
	if [ "$(id -u)" -ne 0 ]; then
		if ! command -v sudo >/dev/null || ! sudo -v; then
			say "these packages are missing: ${missing[*]//|/ or }"
			say "you are not root, and sudo is missing or does not let you; as root run:"
			say "  apt-get update && apt-get install ${missing[*]%%|*}"
			exit 1
		fi
		sudo=(sudo)
	fi
	say "missing: ${missing[*]%%|*}"
	"${sudo[@]}" apt-get update -q
	chosen=()
	for package in "${missing[@]}"; do
		chosen+=("$(choose "$package")")
	done
	"${sudo[@]}" env DEBIAN_FRONTEND=noninteractive \
		apt-get install -q -y --no-install-recommends "${chosen[@]}"
}

# npm_ci FOLDER WORDS: when its lock file is newer than what is there.
npm_ci() {
	local stamp=$1/node_modules/.package-lock.json
	[ -f "$1/package-lock.json" ] || return 0
	if [ -f "$stamp" ] && [ ! "$1/package-lock.json" -nt "$stamp" ]; then
		return 0
	fi
	say "$2"
	(cd "$1" && npm ci --no-audit --no-fund --loglevel=error) && touch "$stamp"
}

install_apt
if wants_group test; then
	npm_ci tests "npm packages of the tests"
	npm_ci packaging/docs-ui "npm package of the page /docs"
elif wants_group build && has_node; then
	npm_ci packaging/docs-ui "npm package of the page /docs" ||
		say "npm failed: /docs will not be interactive, all else is not touched by that"
fi
