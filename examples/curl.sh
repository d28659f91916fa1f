#!/bin/bash
# The API from a shell: health, models, an answer, a stream, a conversation, a batch, routing, usage, an error.
#
#     make run                       # in another terminal
#     examples/curl.sh
#
# CCAPI_BASE_URL is the server (default http://127.0.0.1:8080), CCAPI_API_KEY the key, where it asks for one.
# Needs bash and curl.  Ends with 1 when the server refuses something that it should not.
set -euo pipefail

url=${CCAPI_BASE_URL:-http://127.0.0.1:8080}
url=${url%/}

# curl with the key, which goes by a pipe: on the command line every user of the machine could read it.
ccapi() { # PATH CURL_OPTIONS...
	local path=$1
	shift
	curl -sS --fail-with-body -K <(
		[ -z "${CCAPI_API_KEY:-}" ] || printf 'header = "Authorization: Bearer %s"\n' "$CCAPI_API_KEY"
	) "$@" "$url$path"
}

post() { # PATH JSON CURL_OPTIONS...
	local path=$1 body=$2
	shift 2
	ccapi "$path" -H 'Content-Type: application/json' -d "$body" "$@"
}

title() { printf '\n== %s\n' "$*"; }

title 'Is it there, can it take work?'
ccapi /health
echo
ccapi /ready
echo

title 'What one model is called and costs'
ccapi /v1/models/haiku
echo

title 'One answer; the headers say which model, why, and what it cost'
post /v1/chat/completions '{"messages":[{"role":"user","content":"Say hello."}]}' -i
echo

title 'The same as a stream: -N shows each piece as it comes'
post /v1/chat/completions '{"model":"haiku","stream":true,"stream_options":{"include_usage":true},
	"messages":[{"role":"user","content":"Count to five."}]}' -N

title 'A conversation that the server keeps'
head=$(mktemp)
trap 'rm -f "$head"' EXIT
post /v1/chat/completions '{"model":"haiku","session_id":"new","messages":[{"role":"user","content":"My name is Ada."}]}' \
	-D "$head"
echo
session=$(sed -n 's/^x-ccapi-session-id: \([A-Za-z0-9_-]*\).*/\1/ip' "$head")
post /v1/chat/completions '{"model":"haiku","session_id":"'"$session"'","messages":[
	{"role":"user","content":"What is my name?"}]}'
echo
ccapi "/v1/sessions/$session" -X DELETE
echo

title 'Three answers in one request; they run side by side'
post /v1/batch '{"model":"haiku","requests":[{"prompt":"One.","custom_id":"a"},{"prompt":"Two.","custom_id":"b"},
	{"prompt":"Three.","custom_id":"c"}]}'
echo

title 'Which model would serve, and why; nothing is asked of it'
post /v1/route '{"task_description":"Design a distributed cache"}'
echo

title 'What was used this month'
ccapi '/v1/usage?period=month'
echo

title 'An error: the status is 404, and the body says what to do'
if post /v1/chat/completions '{"model":"no-such-model","messages":[{"role":"user","content":"Hi"}]}'; then
	echo 'This should have been refused.' >&2
	exit 1
fi
echo
