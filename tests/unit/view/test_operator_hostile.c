/* Whatever the daemon's rows hold, and of whatever type it is: the screens of requests, budgets,
 * keys and routing, their details and their boxes stay whole, and nothing but printable glyphs is
 * drawn. */
#include <stdlib.h>
#include <string.h>

#include "tests/unit/test.h"
#include "tests/unit/view/view_support.h"

enum { LONG = 10 * 1024, FEW = 2, ALL = 5 };

static const struct view_ops *const tried[] = {&view_requests, &view_budgets, &view_keys,
					       &view_routing};
static const struct {
	int width, height;
} sizes[ALL] = {{80, 24}, {40, 10}, {120, 40}, {1, 1}, {200, 60}};

static uint32_t seed = 20261124;
static bool keep_states; /* requests with another state than "ended" count as live */

/* ---- spoiling ---- */

typedef json_t *spoil_fn(const json_t *value);

static json_t *hostile_text(const json_t *value)
{
	char *bytes = malloc(LONG + 1), *text = malloc(4 * (LONG + 1));
	size_t size = golden_random(&seed) % 4 == 0 ? LONG : 1 + golden_random(&seed) % 200;
	json_t *json;

	(void)value;
	assert_non_null(bytes);
	assert_non_null(text);
	golden_hostile(&seed, bytes, size);
	/* What comes over the socket is UTF-8: of bad bytes only what JSON lets through. */
	json = json_string(bytes);
	if (!json) {
		char *to = text;

		for (const char *at = bytes; *at; at++)
			if ((unsigned char)*at < 0x80)
				*to++ = *at;
		*to = '\0';
		strcpy(to, "\xe2\x80\xae\xf0\x9f\x91\x8d\xf0\x9f\x8f\xbd"
			   "e\xcc\x81\xcc\x82\xcc\x83\xcc\x84\033[31m\xc2\x9b"
			   "5n");
		json = json_string(text);
	}
	free(bytes);
	free(text);
	assert_non_null(json);
	return json;
}

static json_t *long_name(const json_t *value)
{
	char *text = malloc(LONG + 1);
	json_t *json;

	(void)value;
	assert_non_null(text);
	for (size_t i = 0; i + 4 <= LONG; i += 4)
		memcpy(text + i, "\xf0\x9f\x91\xa8", 4);
	text[LONG] = '\0';
	json = json_string(text);
	free(text);
	return json;
}

static json_t *another_type(const json_t *value)
{
	switch (golden_random(&seed) % 8) {
	case 0:
		return json_null();
	case 1:
		return json_true();
	case 2:
		return json_integer(INT64_MAX);
	case 3:
		return json_integer(INT64_MIN);
	case 4:
		return json_real(1e300);
	case 5:
		return json_pack("[{s[]}]", "a", "b");
	case 6:
		return json_object();
	default:
		return json_is_string(value) ? json_integer(-1)
					     : json_string("9999-99-99T99:99:99Z");
	}
}

static json_t *spoil(const json_t *value, spoil_fn *of_leaf)
{
	json_t *to, *member;
	const char *name;
	size_t i;

	if (json_is_array(value)) {
		to = json_array();
		json_array_foreach((json_t *)value, i, member)
			json_array_append_new(to, spoil(member, of_leaf));
		return to;
	}
	if (!json_is_object(value))
		return json_is_string(value) || of_leaf == another_type
			       ? of_leaf(value)
			       : json_copy((json_t *)value);
	to = json_object();
	json_object_foreach((json_t *)value, name, member)
	{
		bool kept = strcmp(name, "state") == 0
				    ? keep_states || of_leaf == another_type
				    : strcmp(name, "id") == 0 && of_leaf == another_type;

		if (kept)
			json_object_set(to, name, member);
		else
			json_object_set_new(to, name, spoil(member, of_leaf));
	}
	return to;
}

/* The fixture with every leaf of its rows spoilt. */
static json_t *spoilt(spoil_fn *of_leaf)
{
	json_t *fixture = stage_fixture("operator"), *value, *bad;
	const char *name;
	void *next;

	json_object_foreach_safe(fixture, next, name, value)
	{
		if (strcmp(name, "now") == 0)
			continue;
		bad = spoil(value, of_leaf);
		json_object_set_new(fixture, name, bad);
	}
	return fixture;
}

/* ---- looking ---- */

static void look(struct stage *s, const struct view_ops *v, void *self, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		for (int ascii = 0; ascii < 2; ascii++) {
			struct canvas *c = canvas_new(sizes[i].width, sizes[i].height,
						      ascii ? GLYPHS_ASCII : GLYPHS_UNICODE);
			char *text;

			assert_non_null(c);
			stage_draw(s, v, self, canvas_area(c));
			golden_sound(c);
			text = golden_text(c, false);
			for (const char *at = text; *at; at++)
				assert_true(*at == '\n' || (unsigned char)*at >= 0x20);
			free(text);
			canvas_free(c);
		}
	}
}

/* Every key of the view, on the selected row: what it opens is looked at and left. */
static void try_keys(struct stage *s, const struct view_ops *v, void *self)
{
	char first[KEY_NAME_MAX];

	for (size_t i = 0; i < v->keymap->count; i++) {
		if (!(v->keymap->rows[i].contexts & v->context(self)))
			continue;
		snprintf(first, sizeof first, "%.*s", (int)strcspn(v->keymap->rows[i].keys, " "),
			 v->keymap->rows[i].keys);
		stage_keys(s, v, self, first);
		look(s, v, self, FEW);
		/* Sent, refused, and left. */
		stage_keys(s, v, self, "y");
		if (s->sent_count > 0)
			stage_fail(s, RPC_INVALID_PARAMS, "window", "\033[31m\xe2\x80\xae no",
				   "\007");
		look(s, v, self, FEW);
		stage_keys(s, v, self, "Esc Esc");
	}
}

static void try_view(struct stage *s, const struct view_ops *v)
{
	void *self = v->create(&s->host);
	size_t shown, all;

	assert_non_null(self);
	look(s, v, self, ALL);
	v->counts(self, &shown, &all);
	for (size_t row = 0; row < all; row++) {
		stage_keys(s, v, self, "Enter");
		look(s, v, self, ALL);
		stage_keys(s, v, self, "Esc");
		try_keys(s, v, self);
		stage_keys(s, v, self, "Down");
	}
	for (int column = 0; column < 15; column++) {
		stage_keys(s, v, self, "s");
		look(s, v, self, FEW);
	}
	v->filter(self, "\033[2J");
	look(s, v, self, FEW);
	v->free(self);
}

static void try_all(spoil_fn *of_leaf)
{
	json_t *fixture = spoilt(of_leaf);
	struct stage *s = stage_new("operator");

	stage_fill(s, fixture);
	json_decref(fixture);
	for (size_t i = 0; i < sizeof tried / sizeof tried[0]; i++)
		try_view(s, tried[i]);
	stage_free(s);
}

static void hostile_texts_do_no_harm(void **state)
{
	(void)state;
	keep_states = true;
	try_all(hostile_text);
	keep_states = false;
	try_all(hostile_text);
}

static void names_of_ten_kilobytes_do_no_harm(void **state)
{
	(void)state;
	try_all(long_name);
}

static void surprising_types_do_no_harm(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++)
		try_all(another_type);
}

static void nothing_at_all_does_no_harm(void **state)
{
	struct stage *s = stage_new("operator");
	json_t *fixture =
		json_pack("{ss s{} s{s{} s{} s{} s{} s{}}}", "now", "2026-11-24T14:02:31.000Z",
			  "snapshot", "answers", "projects.list", "budgets.list", "keys.list",
			  "limits.show", "routing.show");

	(void)state;
	stage_fill(s, fixture);
	json_decref(fixture);
	for (size_t i = 0; i < sizeof tried / sizeof tried[0]; i++) {
		void *self = tried[i]->create(&s->host);

		try_keys(s, tried[i], self);
		tried[i]->free(self);
	}
	stage_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hostile_texts_do_no_harm),
		cmocka_unit_test(names_of_ten_kilobytes_do_no_harm),
		cmocka_unit_test(surprising_types_do_no_harm),
		cmocka_unit_test(nothing_at_all_does_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
