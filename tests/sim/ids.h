/* Identifiers, clocks, and the memory of message uuids already used. */
#ifndef SIM_IDS_H
#define SIM_IDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define UUID_SIZE 37

/* Seeds the generator from the kernel. */
void ids_init(void);
/* A version 4 uuid; only unique, not secret. */
void uuid_make(char ret_uuid[UUID_SIZE]);
uint64_t random_u64(void);

/* Remembers a message uuid.  True when it was there already: the CLI silently drops such a line.
 * Holds the newest few thousand, so that a worker which lives long does not grow. */
bool uuid_seen(const char *uuid, size_t len);

int64_t now_ns(void);      /* monotonic */
int64_t now_wall_ms(void); /* Unix time */
/* The moment as the CLI prints it, e.g. 2026-11-23T21:05:17.394Z. */
void timestamp_make(char ret_text[32]);

#endif
