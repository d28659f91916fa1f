#!/bin/bash
# Two projects with budgets of their own: sets them up, uses one up, shows the refusal and who has used what, cleans up.
#
#     make run                       # in another terminal; or a service, then as root
#     examples/budgets.sh
#
# CCAPI_BASE_URL is the server (default http://127.0.0.1:8080); ccapictl talks to its control socket (CCAPI_SOCKET, or the
# usual places), and you have to be allowed to make projects: root, or whoever runs the daemon.  It makes keys of its own, so
# CCAPI_API_KEY is not used.  Needs bash, curl and ccapictl, in PATH or in build/bin.  The two projects must not exist;
# they are deleted in the end, however it ends, and what they used stays in the ledger.
set -euo pipefail

url=${CCAPI_BASE_URL:-http://127.0.0.1:8080}
url=${url%/}
PATH=$PATH:$(cd "$(dirname "$0")/.." && pwd)/build/bin
run=$$ # so that two runs do not meet
web=example-web-$run
lab=example-lab-$run

title() { printf '\n== %s\n' "$*"; }

clean_up() {
	local project
	for project in "$web" "$lab"; do
		if ccapictl projects show "$project" >/dev/null 2>&1; then
			ccapictl projects delete "$project" --yes # its keys and budgets go with it
		fi
	done
}
trap clean_up EXIT
trap 'exit 130' INT TERM

# Asks as a project; the key goes by a pipe, not on the command line.
ask() { # KEY TEXT MAX_TOKENS
	curl -sS --fail-with-body -K <(printf 'header = "Authorization: Bearer %s"\n' "$1") \
		"$url/v1/chat/completions" -H 'Content-Type: application/json' \
		-d '{"model":"auto","max_tokens":'"$3"',"messages":[{"role":"user","content":"'"$2"'"}]}'
}

title 'Two projects, each with a key and limits of its own'
ccapictl projects create "$web" --requests-per-minute 60
ccapictl projects create "$lab" --models haiku,sonnet
web_key=$(ccapictl keys create --project "$web" --label example --expires 1h --quiet)
lab_key=$(ccapictl keys create --project "$lab" --label example --expires 1h --quiet)

title 'A budget of dollars and tokens a month for one, a small one of tokens for the other'
ccapictl budgets set "$web" --usd 5 --tokens 2M --window month --warn 80
ccapictl budgets set "$lab" --tokens 600 --window day

title 'Both are served'
ask "$web_key" 'Say hello.' 200
echo
ask "$lab_key" 'Say hello.' 200
echo

title 'What may be used is held before the work begins: 600 tokens are less than this question and 1000 of answer'
if ask "$lab_key" 'Write a long report.' 1000; then
	echo 'This should have been refused.' >&2
	exit 1
fi
echo

title 'A smaller answer fits, and the other project never notices'
ask "$lab_key" 'Write a short report.' 100
echo
ask "$web_key" 'Say hello again.' 200
echo

title 'What each has left, as its client sees it'
for key in "$web_key" "$lab_key"; do
	curl -sS --fail-with-body -K <(printf 'header = "Authorization: Bearer %s"\n' "$key") "$url/v1/usage"
	echo
done

title 'What the operator sees'
ccapictl budgets list
ccapictl usage --group-by project

title 'More for the lab; the refused report is answered now'
ccapictl budgets set "$lab" --tokens 5k --window day
ask "$lab_key" 'Write a long report.' 1000
echo

title 'Cleaning up'
