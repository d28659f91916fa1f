/* Fault injection and answer shaping: one table drives the directives in prompts, CLAUDE_SIM_FAULTS
 * and --help. */
#ifndef SIM_FAULTS_H
#define SIM_FAULTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FAULT_WORD_MAX 256

struct slice {
	const char *ptr;
	size_t len;
};

struct faults {
	/* per request, or for all of them */
	int64_t delay_ms, pace_ms, tokens, bytes;
	char error[FAULT_WORD_MAX];
	char crash[FAULT_WORD_MAX];
	char usage[FAULT_WORD_MAX]; /* "IN,OUT" */
	char plan[FAULT_WORD_MAX];  /* "0.92,status" */
	char tool[FAULT_WORD_MAX];  /* name of the tool to call */
	struct slice text;
	bool hang, garbage, refuse_rewind, bad_rewind, ignore_interrupt, empty, max_tokens;
	bool second_start, no_result, unknown_uuid, stamp;
	/* for the whole process */
	bool start_fail, start_hang, leak_mention, leak_tools, leak_email, ignore_system_prompt;
	bool ignore_max_tokens, ignore_body, ignore_rewind, swap_history;
	int64_t start_delay_ms, crash_after;
	char crash_file[FAULT_WORD_MAX];
	char error_once_file[FAULT_WORD_MAX]; /* "PATH:KIND" */
	char version[FAULT_WORD_MAX];
	/* set when a directive shapes the answer: then it is made here, whatever the upstream would
	 * say */
	bool local;
};

/* Reads a comma list such as "pace=5,leak_tools"; ret_faults keeps pointers into it.  False and a
 * message on stderr: an unknown name or a bad value. */
bool faults_from_list(const char *list, struct faults *ret_faults);
/* Applies the [[sim:...]] directives of a prompt on top of *faults; unknown ones are ignored.  The
 * text directive points into the prompt.  Directives are removed from the prompt in place and *len
 * shrinks. */
void faults_from_prompt(char *prompt, size_t *len, struct faults *faults);
/* The directives and faults with their meaning, for --help. */
void faults_help(void);

#endif
