#include "tui/view/budget_rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/json.h"

static void clear(struct budget_rows *r)
{
	for (size_t i = 0; i < r->count; i++) {
		json_decref(r->items[i].whom);
		json_decref(r->items[i].budget);
		json_decref(r->items[i].project);
	}
	r->count = 0;
}

void budget_rows_done(struct budget_rows *r)
{
	clear(r);
	free(r->items);
	*r = (struct budget_rows){0};
}

static const char *text_of(const json_t *object, const char *member)
{
	const char *text = json_get_str(object, member);

	return text ? text : "";
}

/* whom: taken.  Out of memory the row is left out. */
static void add(struct budget_rows *r, json_t *whom, json_t *budget, json_t *project)
{
	size_t room = r->room > 0 ? r->room * 2 : 64;
	struct budget_row *items;

	if (r->count == r->room) {
		items = realloc(r->items, room * sizeof *items);
		if (!items) {
			json_decref(whom);
			return;
		}
		r->items = items;
		r->room = room;
	}
	items = &r->items[r->count++];
	*items = (struct budget_row){whom, json_incref(budget), json_incref(project), ""};
	snprintf(items->id, sizeof items->id, "%.31s/%.64s%.24s", text_of(budget, "window"),
		 text_of(whom, "project"), text_of(whom, "key"));
}

/* Budgets by the name of whom they are of, in the order in which they came: NAME -> [budget...]. */
static json_t *group(const struct rows *budgets, const char *member)
{
	json_t *groups = json_object();

	for (size_t i = 0; i < budgets->count; i++) {
		const char *name = json_get_str(budgets->items[i], member);
		json_t *list = name ? json_object_get(groups, name) : NULL;

		if (!name)
			continue;
		if (!list) {
			list = json_array();
			json_object_set_new(groups, name, list);
		}
		json_array_append(list, budgets->items[i]);
	}
	return groups;
}

static void add_list(struct budget_rows *r, const json_t *list, const char *member, json_t *project)
{
	json_t *budget;
	size_t i;

	json_array_foreach((json_t *)list, i, budget)
		add(r, json_pack("{sO}", member, json_object_get(budget, member)), budget, project);
}

static void add_groups(struct budget_rows *r, json_t *groups, const char *member)
{
	const char *name;
	json_t *list;

	json_object_foreach(groups, name, list) add_list(r, list, member, NULL);
}

static void add_everybody(struct budget_rows *r, const struct rows *budgets)
{
	size_t before = r->count;

	for (size_t i = 0; i < budgets->count; i++)
		if (!json_get_str(budgets->items[i], "project") &&
		    !json_get_str(budgets->items[i], "key"))
			add(r, json_object(), budgets->items[i], NULL);
	if (r->count == before)
		add(r, json_object(), NULL, NULL);
}

void budget_rows_make(struct budget_rows *r, const struct model *m)
{
	unsigned needs = PART_BUDGETS | PART_PROJECTS;
	json_t *groups;

	clear(r);
	if ((m->have & needs) != needs)
		return;
	add_everybody(r, &m->budgets);
	groups = group(&m->budgets, "project");
	for (size_t i = 0; i < m->projects.count; i++) {
		json_t *project = m->projects.items[i], *name = json_object_get(project, "name");
		json_t *list;

		if (!json_is_string(name))
			continue;
		list = json_object_get(groups, json_string_value(name));
		if (list)
			add_list(r, list, "project", project);
		else
			add(r, json_pack("{sO}", "project", name), NULL, project);
		json_object_del(groups, json_string_value(name));
	}
	add_groups(r, groups, "project");
	json_decref(groups);
	groups = group(&m->budgets, "key");
	add_groups(r, groups, "key");
	json_decref(groups);
}
