#include "daemon/dispatch/router.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/json.h"

#include "daemon/dispatch/router_limits.h"
#include "daemon/dispatch/router_private.h"

static int check_scores(double sonnet, double opus, char *why, size_t why_size)
{
	if (isfinite(sonnet) && isfinite(opus) && sonnet < opus)
		return 0;
	snprintf(why, why_size, "routing.sonnet_score must be below routing.opus_score");
	return -EINVAL;
}

static int add_rule(struct router *r, const char *text, char *why, size_t why_size)
{
	char reason[512];
	int rc = route_rule_parse(&r->rules[r->count], text, reason, sizeof reason);

	if (rc) {
		snprintf(why, why_size, "rule %zu: %s", r->count + 1, reason);
		return rc;
	}
	for (size_t i = 0; i < r->count; i++) {
		if (strcmp(r->rules[i].name, r->rules[r->count].name) != 0)
			continue;
		snprintf(why, why_size, "rule %zu: rule %zu has the name '%s' already",
			 r->count + 1, i + 1, r->rules[i].name);
		route_rule_done(&r->rules[r->count]);
		return -EEXIST;
	}
	r->count++;
	return 0;
}

static size_t count_keywords(const struct router *r)
{
	size_t count = 0;

	for (size_t i = 0; i < r->count; i++)
		for (size_t c = 0; c < r->rules[i].condition_count; c++)
			count += r->rules[i].conditions[c].words_count;
	return count;
}

/* Gives every condition with keywords its group, and makes the index of them all. */
static int index_keywords(struct router *r)
{
	size_t max = count_keywords(r), count = 0;
	struct route_keyword *keywords = calloc(max + 1, sizeof *keywords);
	unsigned group = 0;

	if (!keywords)
		return -ENOMEM;
	for (size_t i = 0; i < r->count; i++) {
		for (size_t j = 0; j < r->rules[i].condition_count; j++) {
			struct route_condition *c = &r->rules[i].conditions[j];
			const char *word = r->rules[i].words + c->words_at;

			if (!route_condition_has_keywords(c))
				continue;
			c->group = group++;
			for (size_t k = 0; k < c->words_count; k++) {
				keywords[count++] = (struct route_keyword){
					.text = word,
					.group = c->group,
					.at_start = route_condition_at_start(c),
				};
				word += strlen(word) + 1;
			}
		}
	}
	r->index = route_index_new(keywords, count);
	free(keywords);
	return r->index ? 0 : -ENOMEM;
}

struct router *router_new(const char *const *rules, size_t count, double sonnet_score,
			  double opus_score, char *why, size_t why_size)
{
	struct router *r;

	if (check_scores(sonnet_score, opus_score, why, why_size))
		return NULL;
	if (count > RULES_MAX) {
		snprintf(why, why_size, "there are %zu rules; at most %d may be", count, RULES_MAX);
		return NULL;
	}
	r = calloc(1, sizeof *r);
	if (!r)
		goto out_of_memory;
	r->sonnet_score = sonnet_score;
	r->opus_score = opus_score;
	r->rules = calloc(count + 1, sizeof *r->rules);
	if (!r->rules)
		goto out_of_memory;
	for (size_t i = 0; i < count; i++) {
		if (add_rule(r, rules[i], why, why_size)) {
			router_free(r);
			return NULL;
		}
	}
	if (index_keywords(r))
		goto out_of_memory;
	return r;

out_of_memory:
	snprintf(why, why_size, "out of memory");
	router_free(r);
	return NULL;
}

void router_free(struct router *r)
{
	if (!r)
		return;
	for (size_t i = 0; r->rules && i < r->count; i++)
		route_rule_done(&r->rules[i]);
	free(r->rules);
	route_index_free(r->index);
	free(r->overrides);
	free(r);
}

int router_check_rule(const char *rule, char *why, size_t why_size)
{
	struct route_rule *parsed = malloc(sizeof *parsed);
	int rc;

	if (!parsed) {
		snprintf(why, why_size, "out of memory");
		return -ENOMEM;
	}
	rc = route_rule_parse(parsed, rule, why, why_size);
	if (!rc)
		route_rule_done(parsed);
	free(parsed);
	return rc;
}

int router_set_overrides(struct router *r, const struct override_record *o, size_t count)
{
	struct override_record *copy = calloc(count + 1, sizeof *copy);

	if (!copy)
		return -ENOMEM;
	if (count)
		memcpy(copy, o, count * sizeof *copy);
	free(r->overrides);
	r->overrides = copy;
	r->override_count = count;
	return 0;
}

int router_take_overrides(struct router *to, const struct router *from)
{
	return router_set_overrides(to, from->overrides, from->override_count);
}

bool router_has_overrides(const struct router *r, int64_t now_ms)
{
	for (size_t i = 0; i < r->override_count; i++)
		if (!route_override_expired(&r->overrides[i], now_ms))
			return true;
	return false;
}

void router_write_rules(const struct router *r, struct buf *to)
{
	buf_add_char(to, '[');
	for (size_t i = 0; i < r->count; i++) {
		const struct route_rule *rule = &r->rules[i];

		buf_add_str(to, i ? ",{\"rule\":" : "{\"rule\":");
		json_add_string(to, rule->name, strlen(rule->name));
		buf_add_str(to, ",\"text\":");
		json_add_string(to, rule->text, strlen(rule->text));
		if (rule->decides) {
			buf_add_str(to, ",\"model\":");
			json_add_string(to, rule->model, strlen(rule->model));
		} else {
			buf_printf(to, ",\"weight\":%.10g", rule->weight);
		}
		buf_add_char(to, '}');
	}
	buf_add_char(to, ']');
}
