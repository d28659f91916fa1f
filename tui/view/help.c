/* All keys of all views, from the tables that dispatch them, and who we are to the daemon. */
#include <inttypes.h>
#include <stdlib.h>

#include "tui/view/app_keys.h"
#include "tui/view/views.h"
#include "tui/widget/confirm.h"
#include "tui/widget/filter.h"
#include "tui/widget/form.h"
#include "tui/widget/message.h"
#include "tui/widget/pager.h"
#include "tui/widget/table.h"
#include "tui/widget/tabs.h"

struct help {
	struct host *host;
	struct pager *pager;
};

static void add(struct pager *p, const char *title, const struct keymap *map)
{
	const struct help_section section = {title, {map, KEYMAP_ANYWHERE, NULL, NULL}};

	if (!map)
		return;
	pager_add_help(p, &section, 1);
	pager_add(p, STYLE_NORMAL, "");
}

static void add_link(struct help *v)
{
	const struct model *m = v->host->model;

	if (m->link != LINK_LIVE) {
		pager_add(v->pager, STYLE_WARN, "ccapid is not heard: nothing can be done now.");
	} else {
		pager_format(v->pager, STYLE_NORMAL,
			     "ccapid %s, process %" PRId64 ". You have the right %s%s.", m->version,
			     m->pid, verb_right_name(m->right),
			     m->right == RIGHT_READ ? ": you may look, but not act" : "");
	}
	pager_add(v->pager, STYLE_NORMAL, "");
}

static void fill(struct help *v)
{
	struct pager *p = v->pager;

	pager_clear(p);
	add_link(v);
	add(p, "Everywhere", &app_keymap);
	add(p, "Views", &tabs_keymap);
	for (int i = 0; i < view_count; i++)
		add(p, views[i]->title, views[i]->keymap);
	add(p, "Lists", &table_keymap);
	add(p, "Text", &pager_keymap);
	add(p, "The filter, while you type", &filter_keymap);
	add(p, "An error that wants to be read", &message_keymap);
	add(p, "Questions", &confirm_keymap);
	add(p, "Forms", &form_keymap);
	pager_add(p, STYLE_NORMAL,
		  "With the mouse: click a view, a row, or the title of a column to sort by; the "
		  "wheel scrolls. To mark text with the mouse, hold Shift.");
}

static void help_changed(void *self, unsigned parts)
{
	if (parts & PART_LINK)
		fill(self);
}

static void help_draw(void *self, struct area a)
{
	pager_draw(((struct help *)self)->pager, a);
}

static enum input_result help_input(void *self, const struct event *e)
{
	return pager_input(((struct help *)self)->pager, e);
}

static void help_free(void *self)
{
	struct help *v = self;

	if (!v)
		return;
	pager_free(v->pager);
	free(v);
}

static void *help_create(struct host *h)
{
	struct help *v = calloc(1, sizeof *v);

	if (!v)
		return NULL;
	v->host = h;
	v->pager = pager_new();
	if (!v->pager) {
		help_free(v);
		return NULL;
	}
	return v;
}

const struct view_ops view_help = {
	.name = "help",
	.title = "Help",
	.create = help_create,
	.free = help_free,
	.changed = help_changed,
	.draw = help_draw,
	.input = help_input,
};
