#!/bin/bash
# `make run`: starts ccapid with the user's Claude Code, or, when that is missing or not logged in, says how to mend it
# and starts the stand-in claude-sim.  Arguments are passed on to ccapid.  CCAPI_CLAUDE=PATH names the CLI, and so does an
# argument claude.path=PATH.  CCAPI_BIN_DIR is where the programs are, by default build/bin.
set -uo pipefail
cd "$(dirname "$0")/.." || exit

bin=$(realpath -sm "${CCAPI_BIN_DIR:-build/bin}")
asked=${CCAPI_CLAUDE:-}
for arg; do
	case $arg in
	claude.path=* | -oclaude.path=*) asked=${arg#*=} ;;
	esac
done
bold='' plain=''
if [ -t 2 ]; then
	bold=$'\e[1m' plain=$'\e[0m'
fi

say() { printf '%s\n' "$*" >&2; }

# Where installers put the CLI when PATH does not know it.
candidates() {
	local dir
	type -aP claude
	if command -v npm >/dev/null; then
		dir=$(npm prefix -g 2>/dev/null) && printf '%s\n' "$dir/bin/claude"
	fi
	if [ -n "${HOME:-}" ]; then
		# The newest node first.
		printf '%s\n' "$HOME"/.nvm/versions/node/*/bin/claude | sort -rV
		printf '%s\n' "$HOME"/{.local/bin,.claude/local,.npm-global/bin,.volta/bin}/claude
	fi
	printf '%s\n' /usr/local/bin/claude
}

find_claude() {
	local path
	if [ -n "$asked" ]; then
		printf '%s\n' "$asked"
		return
	fi
	while IFS= read -r path; do
		if [ -f "$path" ] && [ -x "$path" ]; then
			printf '%s\n' "$path"
			return
		fi
	done < <(candidates)
}

# The daemon's view of the login: none of the caller's ANTHROPIC_* or CLAUDE_CODE_* variables reaches the CLI.
logged_in() {
	local vars=("HOME=${HOME:-/}" "PATH=$PATH")
	[ -z "${CLAUDE_CONFIG_DIR:-}" ] || vars+=("CLAUDE_CONFIG_DIR=$CLAUDE_CONFIG_DIR")
	(cd / && exec timeout 20 env -i "${vars[@]}" "$1" auth status) >/dev/null 2>&1 </dev/null
}

state_dir() {
	if [ "$(id -u)" -eq 0 ]; then
		printf '/var/lib/ccapi\n'
	else
		printf '%s\n' "${XDG_STATE_HOME:-${HOME:-/}/.local/state}/ccapi"
	fi
}

explain_missing() {
	say ""
	if [ -n "$asked" ]; then
		say "${bold}$asked is not a program.${plain}"
		say "Name the Claude Code CLI with CCAPI_CLAUDE or claude.path, or neither to search for one."
		return
	fi
	say "${bold}The Claude Code CLI (\`claude\`) was not found${plain} in PATH or the usual places."
	say "To mend it, install it with node 18 or newer and npm:"
	say "    npm install -g @anthropic-ai/claude-code"
	say "or with its own installer:"
	say "    curl -fsSL https://claude.ai/install.sh | bash"
	say "then run \`claude\` once, type /login, and run \`make run\` again."
	say "If it is somewhere else: make run CCAPI_CLAUDE=/path/to/claude"
}

explain_login() {
	say ""
	say "${bold}$1 is installed, but not logged in.${plain}"
	say "To mend it, either"
	say "    run \`claude\`, type /login and follow it; or"
	say "    run \`claude setup-token\` and put the token it prints into a file of your own:"
	say "        (umask 077; mkdir -p $(state_dir); cat >$(state_dir)/claude-token)"
	say "then run \`make run\` again.  ANTHROPIC_API_KEY and the like in your environment are"
	say "not passed on to the CLI."
}

sim_banner() {
	say ""
	say "${bold}######################################################################${plain}"
	say "${bold}#  NO ANSWER IS REAL: running on claude-sim, a stand-in that makes   #${plain}"
	say "${bold}#  up its answers.  Good for a look at the API, for nothing else.    #${plain}"
	say "${bold}######################################################################${plain}"
	say ""
}

# Sets `args` to the settings for the CLI that can be used, and `last` to those that no argument may change: the stand-in.
choose_cli() {
	local claude
	args=()
	last=()
	claude=$(find_claude)
	[ -z "$claude" ] || claude=$(realpath -sm "$claude")
	if [ -z "$claude" ] || [ ! -f "$claude" ] || [ ! -x "$claude" ]; then
		explain_missing
	elif [ -s "$(state_dir)/claude-token" ]; then
		args=(-o "claude.path=$claude")
		return
	elif logged_in "$claude"; then
		# Named, because the daemon alone would not take root's own login.
		args=(-o "claude.path=$claude" -o claude.login=user)
		return
	else
		explain_login "$claude"
	fi
	sim_banner
	last=(-o "claude.path=$bin/claude-sim")
}

print_hints() {
	local url=http://$1
	say ""
	say "${bold}ccapid serves on $url${plain}   (Ctrl-C ends it)   Try:"
	say ""
	say "  curl $url/health"
	say ""
	say "  curl $url/v1/chat/completions -H 'Content-Type: application/json' \\"
	say "    -d '{\"model\":\"auto\",\"messages\":[{\"role\":\"user\",\"content\":\"Say hello.\"}]}'"
	say ""
	say "  curl -N $url/v1/chat/completions -H 'Content-Type: application/json' \\"
	say "    -d '{\"model\":\"auto\",\"stream\":true,\"messages\":[{\"role\":\"user\",\"content\":\"Count to ten.\"}]}'"
	say ""
	say "  $bin/ccapitop            what it is doing, live"
	say "  $bin/ccapictl doctor     what it needs, and what mends what is missing"
	say ""
}

explain_port() {
	say ""
	say "${bold}The port is taken by another program.${plain}  End that one, or use another port:"
	say "    make run RUN_ARGS='-o listen=127.0.0.1:8081'"
}

choose_cli

# ccapid gets a process group of its own, so that Ctrl-C reaches it once, from here; it ends when this script is killed.
exec {log}< <(exec setsid setpriv --pdeathsig TERM "$bin/ccapid" -o auth.required=false "${args[@]}" "$@" "${last[@]}" 2>&1)
daemon=$!
ended=
address=
taken=no
told=no
trap 'ended=yes; kill -TERM $daemon 2>/dev/null' INT TERM HUP
while :; do
	if IFS= read -r line <&"$log"; then
		printf '%s\n' "$line" >&2
		case $line in
		*'listening on '*)
			line=${line#*listening on }
			address=${address:-${line%%[\" ]*}}
			;;
		*'serving with up to '*)
			[ $told = yes ] || print_hints "$address"
			told=yes
			;;
		*'ddress already in use'*) taken=yes ;;
		esac
	elif ! kill -0 "$daemon" 2>/dev/null; then
		break
	fi
done
wait "$daemon"
status=$?
if [ $taken = yes ]; then
	explain_port
elif [ -n "$ended" ] && [ $status -eq 0 ]; then
	say "ccapid has ended."
fi
exit $status
