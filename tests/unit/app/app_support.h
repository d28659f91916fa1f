/* The application without a terminal, at 2026-11-24T14:02:31Z, fed from a fixture by hand. */
#ifndef TESTS_UNIT_APP_APP_SUPPORT_H
#define TESTS_UNIT_APP_APP_SUPPORT_H

#include <jansson.h>

#include "tui/app_private.h"

json_t *fixture_load(const char *name); /* tests/unit/view/fixture/NAME.json */

/* With the fixture's snapshot, figures and answers; NULL: a daemon that was never heard. */
struct app *app_fed(const json_t *fixture);

void app_tell(struct app *app, const char *topic, const char *data); /* JSON with ' for " */
void app_press(struct app *app, const char *keys);                   /* names with spaces between */
void app_type(struct app *app, const char *text);

/* One screen without styles, valid until the next; and whether a text is on it. */
const char *app_screen(struct app *app, int columns, int rows);
bool app_shows(struct app *app, const char *text); /* at 120x40 */

/* At 80x24, 120x40 and 40x10 against tests/unit/app/golden/NAME-COLUMNSxROWS.txt. */
void app_golden(struct app *app, const char *name);

#endif
