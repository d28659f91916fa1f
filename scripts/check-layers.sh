#!/bin/bash
# Checks every #include "..." of the tree against scripts/layers.txt; prints each edge that is not allowed.
set -euo pipefail
cd "$(dirname "$0")/.."

roots=()
for root in shared daemon ctl tui tests; do
	[ ! -d $root ] || roots+=("$root")
done

find "${roots[@]}" -name node_modules -prune -o -name '*.[ch]' -print 2>/dev/null |
	LC_ALL=C sort | xargs -r grep -Hn '^[[:space:]]*#[[:space:]]*include[[:space:]]*"' /dev/null |
	awk '
function within(path, entry) {
	return path == entry || index(path, entry "/") == 1
}
# The entry of the rules that says most about this path.
function rule_of(path,    entry, best) {
	best = ""
	for (entry in rules)
		if ((within(path, entry) || dir(path) "/" == entry) && length(entry) > length(best))
			best = entry
	return best
}
function allowed(path, to, rule,    i, n, list) {
	n = split(rules[rule], list, " ")
	for (i = 1; i <= n; i++)
		if (list[i] == "*" || within(to, list[i]))
			return 1
	return within(to, rule) || dir(path) == dir(to)
}
function dir(path) {
	sub("/[^/]*$", "", path)
	return path
}
function only_ok(path, to,    i, n, list) {
	if (!(to in only))
		return 1
	n = split(only[to], list, " ")
	for (i = 1; i <= n; i++)
		if (within(path, list[i]))
			return 1
	return within(path, "tests")
}
function complain(text) {
	print text
	bad++
}
FILENAME == "scripts/layers.txt" {
	sub("#.*", "")
	if ($0 ~ /^[[:space:]]*$/)
		next
	if (split($0, sides, ":") != 2) {
		complain("scripts/layers.txt:" FNR ": not FROM: TO...")
		next
	}
	from = sides[1]
	if (sub("^only ", "", from))
		only[from] = sides[2]
	else
		rules[from] = sides[2]
	next
}
{
	# path:line:#include "header"
	split($0, at, ":")
	path = at[1]
	where = at[1] ":" at[2]
	split($0, quoted, "\"")
	to = quoted[2]
	edges++
	if (to == "ccapi_version.h")
		next
	rule = rule_of(path)
	if (rule == "") {
		complain(where ": no layer: add a line for " dir(path) " to scripts/layers.txt")
		next
	}
	if (within(path, "tests"))
		next
	if (to !~ "/")
		complain(where ": includes \"" to "\": name it from the root of the tree")
	else if (!only_ok(path, to))
		complain(where ": includes " to ", which only" only[to] " may")
	else if (!allowed(path, to, rule))
		complain(where ": " rule " may not include " to " (allowed:" \
			 (rules[rule] ~ /[^ ]/ ? rules[rule] : " nothing but itself") ")")
}
END {
	if (bad)
		print bad " of " edges " includes break scripts/layers.txt"
	else
		print "layers: " edges " includes ok"
	exit bad > 0
}' scripts/layers.txt -
