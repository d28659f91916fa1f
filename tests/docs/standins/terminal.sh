# For the stand-ins of programs that run on: the terminals beside the reader's.

end_foreground() {
	local pid
	[ -f "$DOCS_DIR/foreground" ] || return 0
	pid=$(<"$DOCS_DIR/foreground")
	kill -INT "$pid" 2>/dev/null
	while kill -0 "$pid" 2>/dev/null; do sleep 0.01; done
	rm "$DOCS_DIR/foreground"
}

# in_terminal PATTERN COMMAND...: starts it, and waits until it has said so; 1 when it ends before.
in_terminal() {
	local pattern=$1 log pid
	shift
	log=$(mktemp "$DOCS_DIR/terminal.XXXXXX")
	# Without a shell in between, which would leave SIGINT ignored in the background.
	python3 -c 'import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); os.setsid(); os.execvp(sys.argv[1], sys.argv[1:])' \
		"$@" >"$log" 2>&1 </dev/null &
	pid=$!
	[[ " $* " == *' state_dir='* ]] || echo "$pid" >"$DOCS_DIR/foreground"
	for _ in {1..6000}; do
		if grep -qE "$pattern" "$log"; then
			cat "$log"
			disown
			return 0
		fi
		kill -0 "$pid" 2>/dev/null || break
		sleep 0.01
	done
	cat "$log" >&2
	return 1
}
