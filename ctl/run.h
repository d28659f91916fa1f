/* What a command does, once its line is understood. */
#ifndef CTL_RUN_H
#define CTL_RUN_H

#include "ctl/command.h"

/* Does it and returns the program's exit code. */
int run(const struct command *c);

/* Commands that do more than ask one question; the others are one call and its presentation. */
int run_events(const struct command *c);
int run_tail(const struct command *c);
int run_logs(const struct command *c);
int run_chat(const struct command *c);
int run_doctor(const struct command *c);
int run_login(const struct command *c);
int run_top(const struct command *c);
int run_completion(const struct command *c);

#endif
