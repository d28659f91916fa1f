/* Who is logged in, from the environment. */
#ifndef SIM_LOGIN_H
#define SIM_LOGIN_H

#include "tests/sim/sim.h"

bool login_present(const struct sim *sim);
/* Plan limits are reported to subscriptions, never to API keys. */
bool login_is_subscription(const struct sim *sim);
/* Appends the account object of `initialize`. */
void login_account(const struct sim *sim, struct jbuf *buf);
/* Prints `auth status`; returns the exit code. */
int login_status(const struct sim *sim, bool as_text);

#endif
