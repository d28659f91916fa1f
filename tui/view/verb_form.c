#include "tui/view/verb_form.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/json.h"
#include "shared/verb_value.h"

#include "tui/widget/edit.h"

enum { LABEL_BYTES = 48, CHOICES_MAX = 32 };

static const char not_given[] = "-"; /* the first choice of a word that may be left out */

/* What stands behind a field. */
struct item {
	const struct verb_param *param;
	const char *word; /* of a list of given words: the one that this box stands for */
	char label[LABEL_BYTES];
	char *initial; /* NULL: nothing */
	const char *choices[CHOICES_MAX];
};

struct verb_form {
	const struct verb *verb;
	json_t *preset, *params; /* params: of the last FORM_OK */
	struct item items[FORM_FIELDS_MAX];
	struct field fields[FORM_FIELDS_MAX];
	int count;
	struct form *form;
};

/* ---- making ---- */

/* Whether `names`, with spaces between, has the name. */
static bool names_have(const char *names, const char *name)
{
	size_t len = strlen(name);

	for (const char *at = names; at && *at; at += strcspn(at, " ")) {
		at += strspn(at, " ");
		if (strcspn(at, " ") == len && strncmp(at, name, len) == 0)
			return true;
	}
	return false;
}

static char *print_number(const json_t *value)
{
	char text[64];
	size_t len;

	if (json_is_integer(value)) {
		snprintf(text, sizeof text, "%" PRId64, (int64_t)json_integer_value(value));
	} else {
		len = (size_t)snprintf(text, sizeof text, "%.6f", json_real_value(value));
		while (len > 0 && len < sizeof text && text[len - 1] == '0')
			text[--len] = '\0';
		if (len > 0 && len < sizeof text && text[len - 1] == '.')
			text[len - 1] = '\0';
	}
	return strdup(text);
}

static char *print_list(const json_t *list)
{
	char *text = calloc(1, EDIT_MAX + 1);
	size_t used = 0;
	json_t *item;
	size_t i;

	if (!text)
		return NULL;
	json_array_foreach((json_t *)list, i, item)
	{
		if (json_is_string(item) && used < EDIT_MAX)
			used += (size_t)snprintf(text + used, EDIT_MAX + 1 - used, "%s%s",
						 used ? "," : "", json_string_value(item));
	}
	return text;
}

/* As it would be typed; NULL: nothing. */
static char *print_value(const json_t *value)
{
	if (json_is_string(value))
		return *json_string_value(value) ? strdup(json_string_value(value)) : NULL;
	if (json_is_number(value))
		return print_number(value);
	if (json_is_array(value) && json_array_size(value) > 0)
		return print_list(value);
	return json_is_true(value) ? strdup("1") : NULL;
}

static bool list_has(const json_t *list, const char *word)
{
	json_t *item;
	size_t i;

	json_array_foreach((json_t *)list, i, item)
	{
		if (json_is_string(item) && strcmp(json_string_value(item), word) == 0)
			return true;
	}
	return false;
}

static void set_label(struct item *item)
{
	if (item->word)
		snprintf(item->label, sizeof item->label, "%s %s", item->param->name, item->word);
	else
		snprintf(item->label, sizeof item->label, "%s", item->param->name);
	for (char *c = item->label; *c; c++)
		if (*c == '_')
			*c = ' ';
}

static struct field *add_field(struct verb_form *vf, const struct verb_param *p, const char *word)
{
	struct item *item = &vf->items[vf->count];
	struct field *field = &vf->fields[vf->count];

	if (vf->count == FORM_FIELDS_MAX)
		return NULL;
	vf->count++;
	item->param = p;
	item->word = word;
	set_label(item);
	*field = (struct field){.label = item->label, .hint = p->help, .kind = FIELD_TEXT};
	return field;
}

static void add_boxes(struct verb_form *vf, const struct verb_param *p)
{
	const json_t *preset = json_object_get(vf->preset, p->name);

	for (const char *const *word = p->words; *word; word++) {
		struct field *field = add_field(vf, p, *word);

		if (!field)
			return;
		field->kind = FIELD_CHECK;
		field->initial = list_has(preset, *word) ? "1" : NULL;
	}
}

static void set_choices(struct item *item, struct field *field)
{
	const struct verb_param *p = item->param;
	int n = 0;

	if (!(p->flags & PARAM_REQUIRED))
		item->choices[n++] = not_given;
	for (int i = 0; p->words[i] && n < CHOICES_MAX - 1; i++)
		item->choices[n++] = p->words[i];
	field->kind = FIELD_CHOICE;
	field->choices = item->choices;
}

static void add_param(struct verb_form *vf, const struct verb_param *p)
{
	struct field *field;
	struct item *item;

	if (p->type == PARAM_LIST && p->words) {
		add_boxes(vf, p);
		return;
	}
	field = add_field(vf, p, NULL);
	if (!field)
		return;
	item = &vf->items[vf->count - 1];
	item->initial = print_value(json_object_get(vf->preset, p->name));
	field->initial = item->initial;
	if (p->type == PARAM_FLAG)
		field->kind = FIELD_CHECK;
	else if (p->type == PARAM_WORD && p->words)
		set_choices(item, field);
}

static void add_asked(struct verb_form *vf, const char *asked)
{
	char name[64];

	for (const char *at = asked + strspn(asked, " "); *at; at += strspn(at, " ")) {
		size_t len = strcspn(at, " ");
		const struct verb_param *p;

		snprintf(name, sizeof name, "%.*s", (int)len, at);
		p = verb_find_param(vf->verb, name);
		if (p)
			add_param(vf, p);
		at += len;
	}
}

/* What is fixed goes with whatever is typed. */
static void take_fixed(struct verb_form *vf, const char *fixed)
{
	for (const struct verb_param *p = vf->verb->params; p && p->name; p++)
		if (names_have(fixed, p->name) && json_object_get(vf->preset, p->name))
			json_object_set(vf->params, p->name, json_object_get(vf->preset, p->name));
}

struct verb_form *verb_form_new(const struct verb *v, const char *title, const char *ok,
				const json_t *preset, const char *fixed, const char *asked)
{
	struct verb_form *vf = calloc(1, sizeof *vf);

	if (!vf)
		return NULL;
	vf->verb = v;
	vf->preset = json_object();
	vf->params = json_object();
	if (preset)
		json_object_update(vf->preset, (json_t *)preset);
	if (asked)
		add_asked(vf, asked);
	for (const struct verb_param *p = v->params; !asked && p && p->name; p++)
		if (!names_have(fixed, p->name))
			add_param(vf, p);
	/* From here on the preset is what is fixed. */
	take_fixed(vf, fixed);
	json_decref(vf->preset);
	vf->preset = json_copy(vf->params);
	vf->form = form_new(title, ok, vf->fields, vf->count);
	if (vf->form && vf->preset && vf->params)
		return vf;
	verb_form_free(vf);
	return NULL;
}

void verb_form_free(struct verb_form *vf)
{
	if (!vf)
		return;
	form_free(vf->form);
	for (int i = 0; i < vf->count; i++)
		free(vf->items[i].initial);
	json_decref(vf->preset);
	json_decref(vf->params);
	free(vf);
}

/* ---- reading ---- */

/* People put spaces behind the commas of a list. */
static void without_spaces(char *text)
{
	char *to = text;

	for (const char *from = text; *from; from++)
		if (*from != ' ')
			*to++ = *from;
	*to = '\0';
}

static json_t *parse(const struct verb_param *p, const char *text, char why[VALUE_WHY_MAX])
{
	char list[EDIT_MAX + 1];

	if (p->type != PARAM_LIST)
		return verb_value_parse(p, text, why);
	snprintf(list, sizeof list, "%s", text);
	without_spaces(list);
	return verb_value_parse(p, list, why);
}

/* Of a field that is typed into.  False: why not; ret_value stays NULL for what is not given. */
static bool read_text(const struct verb_form *vf, int i, json_t **ret_value,
		      char why[VALUE_WHY_MAX])
{
	const struct item *item = &vf->items[i];
	const struct verb_param *p = item->param;
	const char *text = form_text(vf->form, i);

	if (*text) {
		*ret_value = parse(p, text, why);
		return *ret_value != NULL;
	}
	if (p->flags & PARAM_REQUIRED) {
		snprintf(why, VALUE_WHY_MAX, "is needed");
		return false;
	}
	if (item->initial && (p->flags & PARAM_NONE))
		*ret_value = json_null();
	else if (item->initial && p->type == PARAM_TEXT && p->min == 0)
		*ret_value = json_string("");
	return true;
}

/* Of the boxes of a list, at the first of them. */
static bool read_boxes(const struct verb_form *vf, int first, json_t **ret_value,
		       char why[VALUE_WHY_MAX])
{
	json_t *list = json_array();
	bool had_some = false;

	for (int i = first; i < vf->count && vf->items[i].param == vf->items[first].param; i++) {
		had_some |= vf->fields[i].initial != NULL;
		if (form_checked(vf->form, i))
			json_array_append_new(list, json_string(vf->items[i].word));
	}
	if (json_array_size(list) > 0) {
		*ret_value = list;
		return true;
	}
	json_decref(list);
	if (had_some)
		snprintf(why, VALUE_WHY_MAX, "tick one or more");
	return !had_some;
}

static bool read_field(const struct verb_form *vf, int i, json_t **ret_value,
		       char why[VALUE_WHY_MAX])
{
	const struct item *item = &vf->items[i];
	const char *choice;

	if (item->word)
		return i > 0 && vf->items[i - 1].param == item->param
			       ? true
			       : read_boxes(vf, i, ret_value, why);
	if (vf->fields[i].kind == FIELD_CHECK) {
		if (form_checked(vf->form, i))
			*ret_value = json_true();
		else if (item->initial)
			*ret_value = json_false();
		return true;
	}
	if (vf->fields[i].kind == FIELD_CHOICE) {
		choice = item->choices[form_choice(vf->form, i)];
		if (choice && choice != not_given)
			*ret_value = json_string(choice);
		return true;
	}
	return read_text(vf, i, ret_value, why);
}

static bool check_all(struct verb_form *vf)
{
	char why[VALUE_WHY_MAX];
	struct rpc_error error;
	bool good = true;

	json_decref(vf->params);
	vf->params = json_copy(vf->preset);
	/* Backwards, so that the cursor ends in the first field that is wrong. */
	for (int i = vf->count - 1; i >= 0; i--) {
		json_t *value = NULL;

		if (!read_field(vf, i, &value, why)) {
			form_set_error(vf->form, i, why);
			good = false;
		} else if (value) {
			json_object_set_new(vf->params, vf->items[i].param->name, value);
		}
	}
	if (good && verb_params_check(vf->verb, vf->params, &error) < 0) {
		form_set_error(vf->form, 0, error.message);
		good = false;
	}
	return good;
}

void verb_form_draw(struct verb_form *vf, struct area a)
{
	form_draw(vf->form, a);
}

int verb_form_input(struct verb_form *vf, const struct event *event)
{
	int r = form_input(vf->form, event);

	return r != FORM_OK || check_all(vf) ? r : (int)INPUT_TAKEN;
}

json_t *verb_form_params(const struct verb_form *vf)
{
	return json_deep_copy(vf->params);
}

bool verb_form_set_error(struct verb_form *vf, const char *param, const char *why)
{
	for (int i = 0; i < vf->count; i++) {
		if (strcmp(vf->items[i].param->name, param) != 0)
			continue;
		form_set_error(vf->form, i, why);
		return true;
	}
	return false;
}
