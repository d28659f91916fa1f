/* Why this exists: see faults.h.  A directive is [[sim:name]] or [[sim:name=value]] anywhere in the
 * last user text; a value ends at the first "]]".  CLAUDE_SIM_FAULTS holds the same names,
 * separated by commas, for the whole process. */
#include "tests/sim/faults.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum kind { FLAG, NUMBER, WORD, TEXT };

enum scope {
	PROMPT = 1,
	PROCESS = 2,
	LOCAL = 4, /* the answer is made here even in upstream mode */
};

struct fault {
	const char *name;
	enum kind kind;
	int scope;
	size_t offset;
	const char *value; /* how the value is written */
	const char *help;
};

#define AT(field) offsetof(struct faults, field)

static const struct fault table[] = {
	{"delay", NUMBER, PROMPT | PROCESS, AT(delay_ms), "MS", "wait before the first token"},
	{"pace", NUMBER, PROMPT | PROCESS, AT(pace_ms), "MS",
	 "wait before each further delta (one word, or one token of `tokens`)"},
	{"tokens", NUMBER, PROMPT | PROCESS | LOCAL, AT(tokens), "N",
	 "answer of N tokens, a delta each"},
	{"bytes", NUMBER, PROMPT | PROCESS | LOCAL, AT(bytes), "N",
	 "answer of N bytes in deltas of 4 KiB, whatever max_tokens says"},
	{"text", TEXT, PROMPT | PROCESS | LOCAL, AT(text), "TEXT", "this answer, verbatim"},
	{"answer", TEXT, PROMPT | PROCESS | LOCAL, AT(text), "TEXT", "the same as text"},
	{"empty", FLAG, PROMPT | PROCESS | LOCAL, AT(empty), "",
	 "an answer without any text (the CLI asks once more)"},
	{"stamp", FLAG, PROMPT | LOCAL, AT(stamp), "",
	 "each delta is the monotonic time in microseconds at which it was written"},
	{"tool", WORD, PROMPT | PROCESS | LOCAL, AT(tool), "NAME", "the answer calls this tool"},
	{"max_tokens", FLAG, PROMPT | PROCESS | LOCAL, AT(max_tokens), "",
	 "the answer stops with max_tokens"},
	{"usage", WORD, PROMPT | LOCAL, AT(usage), "IN,OUT", "token figures of the answer"},
	{"error", WORD, PROMPT | PROCESS | LOCAL, AT(error), "KIND",
	 "400 401 403 404 413 429 500 503 529 plan context refusal reset refused timeout drop "
	 "stall not_logged_in"},
	{"crash", WORD, PROMPT | PROCESS, AT(crash), "before|after",
	 "abrupt exit before or after the first delta"},
	{"hang", FLAG, PROMPT | PROCESS, AT(hang), "",
	 "no output and no reading any more; ends when stdin closes"},
	{"garbage", FLAG, PROMPT | PROCESS, AT(garbage), "",
	 "a line that is not JSON comes before the answer"},
	{"refuse_rewind", FLAG, PROMPT | PROCESS, AT(refuse_rewind), "",
	 "the next rewind is refused (stale_target)"},
	{"bad_rewind", FLAG, PROMPT | PROCESS, AT(bad_rewind), "",
	 "the next rewind succeeds but names a precedingAssistantUuid"},
	{"ignore_interrupt", FLAG, PROMPT | PROCESS, AT(ignore_interrupt), "",
	 "interrupts of this turn get no reply and do nothing"},
	{"second_start", FLAG, PROMPT | PROCESS | LOCAL, AT(second_start), "",
	 "half of the text, then a second message_start and the whole answer"},
	{"no_result", FLAG, PROMPT | PROCESS, AT(no_result), "",
	 "the turn ends without its result line"},
	{"unknown_uuid", FLAG, PROMPT | PROCESS, AT(unknown_uuid), "",
	 "the result names a message that was never sent"},
	{"plan", WORD, PROMPT | PROCESS, AT(plan), "USE,STATUS",
	 "rate_limit_event with this use of the 5-hour window: allowed, allowed_warning, rejected"},
	{"start_fail", FLAG, PROCESS, AT(start_fail), "",
	 "exit 1 at start with a message on stderr"},
	{"start_hang", FLAG, PROCESS, AT(start_hang), "", "never answers initialize"},
	{"start_delay", NUMBER, PROCESS, AT(start_delay_ms), "MS", "wait at start"},
	{"crash_after", NUMBER, PROCESS, AT(crash_after), "N",
	 "crash at the request that follows N served ones"},
	{"crash_file", WORD, PROCESS, AT(crash_file), "PATH",
	 "if PATH exists at a request: remove it and crash"},
	{"error_once_file", WORD, PROCESS, AT(error_once_file), "PATH:KIND",
	 "if PATH exists at a request: remove it and fail as error=KIND"},
	{"version", WORD, PROCESS, AT(version), "X.Y.Z", "the version claimed"},
	{"leak_mention", FLAG, PROCESS, AT(leak_mention), "",
	 "files named by @./path reach the upstream even with client_composed"},
	{"leak_tools", FLAG, PROCESS, AT(leak_tools), "", "a tool definition reaches the upstream"},
	{"leak_email", FLAG, PROCESS, AT(leak_email), "",
	 "the owner's e-mail address reaches the upstream"},
	{"ignore_system_prompt", FLAG, PROCESS, AT(ignore_system_prompt), "",
	 "set_model accepts a system prompt and drops it"},
	{"ignore_max_tokens", FLAG, PROCESS, AT(ignore_max_tokens), "",
	 "max_tokens is always the model's default"},
	{"ignore_body", FLAG, PROCESS, AT(ignore_body), "",
	 "messages and tools of CLAUDE_CODE_EXTRA_BODY are dropped"},
	{"ignore_rewind", FLAG, PROCESS, AT(ignore_rewind), "",
	 "rewind claims success and does nothing"},
	{"swap_history", FLAG, PROCESS, AT(swap_history), "",
	 "the first two messages reach the upstream in the wrong order"},
};

#define FAULT_COUNT (sizeof table / sizeof table[0])

static const struct fault *find(const char *name, size_t len, int scope)
{
	for (size_t i = 0; i < FAULT_COUNT; i++)
		if ((table[i].scope & scope) && strlen(table[i].name) == len &&
		    !memcmp(table[i].name, name, len))
			return &table[i];
	return NULL;
}

static bool set_number(const char *value, size_t len, int64_t *ret_number)
{
	char text[24];
	if (!len || len >= sizeof text)
		return false;
	memcpy(text, value, len);
	text[len] = '\0';
	char *end;
	long long number = strtoll(text, &end, 10);
	if (*end || number < 0 || number > 1000000000)
		return false;
	*ret_number = number;
	return true;
}

static bool set_value(const struct fault *fault, const char *value, size_t len,
		      struct faults *faults)
{
	void *field = (char *)faults + fault->offset;
	switch (fault->kind) {
	case FLAG:
		*(bool *)field = true;
		break;
	case NUMBER:
		if (!set_number(value, len, field))
			return false;
		break;
	case WORD:
		if (!len || len >= FAULT_WORD_MAX)
			return false;
		memcpy(field, value, len);
		((char *)field)[len] = '\0';
		break;
	case TEXT:
		*(struct slice *)field = (struct slice){value, len};
		break;
	}
	if (fault->scope & LOCAL)
		faults->local = true;
	return true;
}

/* item is "name" or "name=value" */
static bool apply(const char *item, size_t len, int scope, struct faults *faults)
{
	const char *equals = memchr(item, '=', len);
	size_t name_len = equals ? (size_t)(equals - item) : len;
	const struct fault *fault = find(item, name_len, scope);
	if (!fault)
		return false;
	const char *value = equals ? equals + 1 : item + len;
	return set_value(fault, value, (size_t)(item + len - value), faults);
}

bool faults_from_list(const char *list, struct faults *ret_faults)
{
	*ret_faults = (struct faults){0};
	while (list && *list) {
		size_t len = strcspn(list, ",");
		if (len && !apply(list, len, PROCESS, ret_faults)) {
			fprintf(stderr, "claude-sim: bad fault in CLAUDE_SIM_FAULTS: %.*s\n",
				(int)len, list);
			return false;
		}
		list += len + (list[len] == ',');
	}
	return true;
}

static char *next_directive(char *at, char *end, char **ret_item, char **ret_close)
{
	static const char open[] = "[[sim:";
	at = memmem(at, (size_t)(end - at), open, sizeof open - 1);
	if (!at)
		return NULL;
	*ret_item = at + sizeof open - 1;
	*ret_close = memmem(*ret_item, (size_t)(end - *ret_item), "]]", 2);
	return *ret_close ? at : NULL;
}

void faults_from_prompt(char *prompt, size_t *len, struct faults *faults)
{
	char *end = prompt + *len, *item, *close;
	bool any = false;
	for (char *at = prompt; (at = next_directive(at, end, &item, &close)); at = close + 2) {
		any = true;
		apply(item, (size_t)(close - item), PROMPT, faults);
	}
	/* A text directive points into the prompt, which must then stay; nothing else needs it. */
	if (!any || (faults->text.ptr >= prompt && faults->text.ptr < end))
		return;
	char *kept = prompt, *from = prompt;
	for (char *at; (at = next_directive(from, end, &item, &close)); from = close + 2) {
		memmove(kept, from, (size_t)(at - from));
		kept += at - from;
	}
	memmove(kept, from, (size_t)(end - from));
	*len = (size_t)(kept - prompt) + (size_t)(end - from);
}

static void help_rows(int scope, const char *before, const char *after)
{
	for (size_t i = 0; i < FAULT_COUNT; i++) {
		const struct fault *f = &table[i];
		if (!(f->scope & scope))
			continue;
		char name[96];
		snprintf(name, sizeof name, "%s%s%s%s%s", before, f->name, *f->value ? "=" : "",
			 f->value, after);
		printf("  %-34s %s\n", name, f->help);
	}
}

void faults_help(void)
{
	puts("Directives, anywhere in the last user message; several may be combined:");
	help_rows(PROMPT, "[[sim:", "]]");
	puts("\nCLAUDE_SIM_FAULTS, a comma list for the whole process:");
	help_rows(PROCESS, "", "");
}
