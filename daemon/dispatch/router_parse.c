/* The parser of rules, driven by the table of conditions.
 *
 * It walks a rule's text once from left to right; the first thing that is wrong ends it with
 * words that quote what was found and name what may stand there.  Rules come from the
 * operator, but also from a socket (a rule under test), so that every length is bounded. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/err.h"
#include "shared/str.h"

#include "daemon/dispatch/router_rules.h"

#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
#define DIGITS "0123456789"
#define RULE_NAME_CHARS LETTERS DIGITS "_-:"
#define MODEL_CHARS LETTERS DIGITS "._-[]"

/* "<" before "<=" would match half of it. */
static const struct {
	const char *sign;
	enum route_comparison comparison;
} comparisons[] = {
	{"<=", IS_AT_MOST}, {"<", IS_LESS}, {">=", IS_AT_LEAST}, {">", IS_MORE}, {"=", IS_EQUAL},
};

struct parser {
	const char *at;
	struct route_rule *rule;
	size_t words_len, keywords; /* of the rule so far */
	char *why;
	size_t why_size;
};

static int wrong(struct parser *p, int rc, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static int wrong(struct parser *p, int rc, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(p->why, p->why_size, fmt, args);
	va_end(args);
	return rc;
}

static void skip_spaces(struct parser *p)
{
	p->at += strspn(p->at, " \t");
}

/* What an error's words quote. */
struct found {
	char words[48];
};

static struct found quoted(const char *at, size_t len)
{
	struct found f = {"'"};

	/* Cut at a character's border. */
	str_copy_clean(f.words + 1, len < 40 ? len + 1 : 41, at);
	strcat(f.words, "'");
	return f;
}

/* What stands here: a word, or the end. */
static struct found found_here(const struct parser *p)
{
	size_t len = strcspn(p->at, " \t,");

	return *p->at ? quoted(p->at, len ? len : 1) : (struct found){"the end"};
}

/* Takes a run of characters of `set` and the spaces behind it.  Its length, 0: none here. */
static size_t take_run(struct parser *p, const char *set, const char **ret_at)
{
	size_t len = strspn(p->at, set);

	*ret_at = p->at;
	p->at += len;
	skip_spaces(p);
	return len;
}

static bool take_word(struct parser *p, const char *word)
{
	size_t len = strlen(word);

	if (strncmp(p->at, word, len) != 0 || (p->at[len] && !strchr(" \t", p->at[len])))
		return false;
	p->at += len;
	skip_spaces(p);
	return true;
}

/* Digits with at most one point, 0 to max.  No strtod() on unchecked text: it takes "nan", hex and
 * the locale's point. */
static int take_number(struct parser *p, double max, bool whole, double *ret)
{
	struct found found = found_here(p);
	const char *at;
	size_t len = take_run(p, DIGITS ".", &at);
	char digits[32], *end;
	double value;

	if (len == 0 || len >= sizeof digits || *at == '.' || at[len - 1] == '.')
		return wrong(p, ERR_SYNTAX, "a number must stand where %s does", found.words);
	memcpy(digits, at, len);
	digits[len] = '\0';
	value = strtod(digits, &end);
	if (*end)
		return wrong(p, ERR_SYNTAX, "a number must stand where %s does", found.words);
	if (value > max)
		return wrong(p, ERR_LIMIT, "%s is too large: at most %.0f", digits, max);
	if (whole && strchr(digits, '.'))
		return wrong(p, ERR_SYNTAX, "%s must be a whole number", digits);
	*ret = value;
	return 0;
}

/* What the router itself says; a rule named so would be taken for it. */
static bool name_is_reserved(const char *name)
{
	static const char *const prefixes[] = {"auto:", "override:", "project:", "allowed:"};

	for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
		if (strncmp(name, prefixes[i], strlen(prefixes[i])) == 0)
			return true;
	return false;
}

static int parse_name(struct parser *p)
{
	struct found found = found_here(p);
	const char *at;
	size_t len = take_run(p, RULE_NAME_CHARS, &at);
	const char *colon;
	char *name = p->rule->name;

	if (len < 2 || at[len - 1] != ':' || at + len == p->at)
		return wrong(p, ERR_SYNTAX,
			     "a rule begins with its NAME (letters, digits, - and _), a colon and "
			     "a space, not with %s",
			     found.words);
	if (--len >= RULE_NAME_SIZE)
		return wrong(p, ERR_LIMIT, "the name is longer than %d characters",
			     RULE_NAME_SIZE - 1);
	memcpy(name, at, len);
	name[len] = '\0';
	colon = strchr(name, ':');
	if (colon && (colon == name || !colon[1] || strchr(colon + 1, ':')))
		return wrong(p, ERR_SYNTAX, "the name '%s' may have one colon, between two words",
			     name);
	if (name_is_reserved(name))
		return wrong(p, ERR_SYNTAX,
			     "the name '%s' may not begin with auto:, override:, project: or "
			     "allowed:",
			     name);
	return 0;
}

static int parse_outcome(struct parser *p)
{
	struct found found = found_here(p);
	const char *at = p->at;
	size_t len;

	if (*at == '+' || *at == '-') {
		int rc;

		p->at++;
		rc = take_number(p, RULE_WEIGHT_MAX, false, &p->rule->weight);
		if (*at == '-')
			p->rule->weight = -p->rule->weight;
		return rc;
	}
	len = take_run(p, MODEL_CHARS, &at);
	if (len > 0 && strchr(DIGITS, *at))
		return wrong(p, ERR_SYNTAX, "a weight needs its sign: +%.*s",
			     (int)(len < 20 ? len : 20), at);
	if (len == 0 || strncmp(at, "when", len) == 0)
		return wrong(p, ERR_SYNTAX,
			     "behind the name stands +WEIGHT, -WEIGHT or a model, not %s",
			     found.words);
	if (len >= sizeof p->rule->model)
		return wrong(p, ERR_LIMIT, "the model's name is longer than %zu characters",
			     sizeof p->rule->model - 1);
	p->rule->decides = true;
	memcpy(p->rule->model, at, len);
	p->rule->model[len] = '\0';
	return 0;
}

/* Keeps a keyword, lower-case and single-spaced. */
static int keep_keyword(struct parser *p, const char *at, size_t len)
{
	char *to = p->rule->words + p->words_len, *begin = to;

	for (size_t i = 0; i < len; i++) {
		bool space = at[i] == ' ' || at[i] == '\t';

		if (!space)
			*to++ = (char)route_fold(at[i]);
		else if (to > begin && to[-1] != ' ')
			*to++ = ' ';
	}
	if (to > begin && to[-1] == ' ')
		to--;
	*to = '\0';
	if (!route_begins_word(begin, (size_t)(to - begin)))
		return wrong(p, ERR_SYNTAX, "the keyword %s must begin with a letter or digit",
			     quoted(begin, ROUTE_KEYWORD_MAX).words);
	if (to - begin > ROUTE_KEYWORD_MAX)
		return wrong(p, ERR_LIMIT,
			     "the keyword that begins with %s is longer than %d bytes",
			     quoted(begin, ROUTE_KEYWORD_MAX).words, ROUTE_KEYWORD_MAX);
	if (++p->keywords > RULE_KEYWORDS_MAX)
		return wrong(p, ERR_LIMIT, "more than %d keywords in one rule", RULE_KEYWORDS_MAX);
	p->words_len += (size_t)(to - begin) + 1;
	return 0;
}

static int parse_keyword(struct parser *p)
{
	struct found found = found_here(p);
	const char *at = p->at, *end;
	int rc;

	if (*at == '"' || *at == '\'') {
		end = strchr(at + 1, *at);
		if (!end)
			return wrong(p, ERR_SYNTAX, "the quotation mark before %s has no end",
				     quoted(at + 1, ROUTE_KEYWORD_MAX).words);
		rc = keep_keyword(p, at + 1, (size_t)(end - at) - 1);
		p->at = end + 1;
	} else {
		size_t len = strcspn(at, " \t,\"'");

		if (len == 0 || (len == 3 && strncmp(at, "and", 3) == 0))
			return wrong(p, ERR_SYNTAX, "a keyword must stand where %s does",
				     found.words);
		rc = keep_keyword(p, at, len);
		p->at = at + len;
	}
	skip_spaces(p);
	return rc;
}

static int parse_keywords(struct parser *p, struct route_condition *c)
{
	int rc;

	c->words_at = p->words_len;
	for (;;) {
		rc = parse_keyword(p);
		if (rc)
			return rc;
		c->words_count++;
		if (*p->at != ',')
			break;
		p->at++;
		skip_spaces(p);
	}
	return 0;
}

static int parse_comparison(struct parser *p, struct route_condition *c)
{
	for (size_t i = 0; i < sizeof comparisons / sizeof comparisons[0]; i++) {
		size_t len = strlen(comparisons[i].sign);

		if (strncmp(p->at, comparisons[i].sign, len) != 0)
			continue;
		p->at += len;
		skip_spaces(p);
		c->comparison = comparisons[i].comparison;
		return take_number(p, c->kind->max, c->kind->whole, &c->number);
	}
	return wrong(p, ERR_SYNTAX, "behind %s stands <, <=, >, >= or =, not %s", c->kind->name,
		     found_here(p).words);
}

static int unknown_condition(struct parser *p, const struct found *found)
{
	char names[256];
	size_t len = 0;

	for (size_t i = 0; i < route_condition_kind_count && len < sizeof names; i++)
		len += (size_t)snprintf(names + len, sizeof names - len, "%s%s", i ? ", " : "",
					route_condition_kinds[i].name);
	return wrong(p, ERR_UNKNOWN, "%s is no condition; there are %s", found->words, names);
}

static int parse_condition(struct parser *p, struct route_condition *c)
{
	struct found found;
	const char *at;
	size_t len;

	*c = (struct route_condition){.negated = take_word(p, "not")};
	found = found_here(p);
	len = take_run(p, LETTERS "_", &at);
	for (size_t i = 0; i < route_condition_kind_count && !c->kind; i++)
		if (strlen(route_condition_kinds[i].name) == len &&
		    strncmp(route_condition_kinds[i].name, at, len) == 0)
			c->kind = &route_condition_kinds[i];
	if (!c->kind)
		return unknown_condition(p, &found);
	if (route_condition_has_keywords(c))
		return parse_keywords(p, c);
	return c->kind->operand == OPERAND_NUMBER ? parse_comparison(p, c) : 0;
}

static int parse_conditions(struct parser *p)
{
	struct route_rule *rule = p->rule;
	int rc;

	if (!take_word(p, "when"))
		return wrong(p, ERR_SYNTAX, "'when' must stand where %s does", found_here(p).words);
	for (;;) {
		if (rule->condition_count == RULE_CONDITIONS_MAX)
			return wrong(p, ERR_LIMIT, "more than %d conditions in one rule",
				     RULE_CONDITIONS_MAX);
		rc = parse_condition(p, &rule->conditions[rule->condition_count]);
		if (rc)
			return rc;
		rule->condition_count++;
		if (!*p->at)
			return 0;
		if (!take_word(p, "and"))
			return wrong(p, ERR_SYNTAX,
				     "'and' must stand where %s does (keywords are separated by "
				     "commas; quote those of several words)",
				     found_here(p).words);
	}
}

static int check_text(struct parser *p, const char *text)
{
	size_t len = strnlen(text, RULE_BYTES_MAX + 1);

	if (len > RULE_BYTES_MAX)
		return wrong(p, ERR_LIMIT, "the rule is longer than %d bytes", RULE_BYTES_MAX);
	if (!str_is_utf8(text, len))
		return wrong(p, ERR_SYNTAX, "the rule is not UTF-8");
	for (size_t i = 0; i < len; i++)
		if (((unsigned char)text[i] < ' ' && text[i] != '\t') || text[i] == 0x7f)
			return wrong(p, ERR_SYNTAX, "the rule has control characters");
	return 0;
}

int route_rule_parse(struct route_rule *rule, const char *text, char *why, size_t why_size)
{
	struct parser p = {.at = text, .rule = rule, .why = why, .why_size = why_size};
	int rc;

	*rule = (struct route_rule){.decides = false};
	rc = check_text(&p, text);
	if (rc)
		return rc;
	rule->text = strdup(text);
	/* Keywords are never longer together than the text, each with its NUL for the comma or
	 * space that separates it. */
	rule->words = calloc(1, strlen(text) + 2);
	if (!rule->text || !rule->words) {
		route_rule_done(rule);
		return wrong(&p, -ENOMEM, "out of memory");
	}
	skip_spaces(&p);
	rc = parse_name(&p);
	if (!rc)
		rc = parse_outcome(&p);
	if (!rc)
		rc = parse_conditions(&p);
	if (rc)
		route_rule_done(rule);
	return rc;
}

void route_rule_done(struct route_rule *rule)
{
	free(rule->text);
	free(rule->words);
	*rule = (struct route_rule){.decides = false};
}
