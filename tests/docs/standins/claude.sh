#!/bin/bash
# Claude Code as far as pages use it by hand; for the daemon it is claude-sim, which lies beside it.
case "$*" in
'setup-token') echo sk-ant-oat01-0123456789abcdefghijklmnopqrstuvwxyz ;;
'update') exit 0 ;;
'-p hello') echo Hello. ;;
*) exec "${0%/*}/claude-sim" "$@" ;;
esac
