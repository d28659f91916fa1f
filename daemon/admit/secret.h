/* Secrets of API keys: "ccapi_", 256 random bits in hex, and a checksum (the first 4 bytes of the
 * SHA-256 of what precedes it, in hex), by which a mistyped one is told from an unknown one without
 * a look-up.  Only the SHA-256 of the whole is kept. */
#ifndef DAEMON_ADMIT_SECRET_H
#define DAEMON_ADMIT_SECRET_H

#include "daemon/admit/registry.h"
#include "daemon/store/records.h"

enum secret_form { SECRET_GOOD, SECRET_NOT_OURS, SECRET_MALFORMED };

/* A new one and its hash.  The caller wipes `secret` when it has been told. */
void secret_make(char secret[SECRET_SIZE], unsigned char ret_hash[HASH_SIZE]);

/* text: whatever a client sent.  ret_hash is set for SECRET_GOOD. */
enum secret_form secret_read(const char *text, unsigned char ret_hash[HASH_SIZE]);

/* "k_" and 8 random hex digits: a key's public id. */
void secret_make_id(char id[KEY_ID_SIZE]);

#endif
