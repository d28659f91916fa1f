/* The end of commands that would go on for ever. */
#ifndef CTL_STOP_H
#define CTL_STOP_H

#include <stdbool.h>

/* From now on SIGINT, SIGTERM, SIGHUP and a closed output end nothing by themselves, and writing to
 * stdout fails instead of waiting when one of them has come.  A descriptor that can be read from
 * when a signal has come or nobody reads our output any more; -1 and errno. */
int stop_watch(void);

/* The signal that came; 0: none. */
int stop_signal(void);

/* Whether what we write reaches nobody: the pipe's reader or the terminal is gone. */
bool stop_output_closed(void);

/* After a command has ended in good order: what is still buffered for an output that is closed is
 * dropped, and is no error of the program's. */
void stop_forget_output(void);

#endif
