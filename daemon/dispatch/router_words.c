#include "daemon/dispatch/router_words.h"

#include <stdlib.h>
#include <string.h>

/* By a character's first byte, which is all that needs to be known of it.  C2 and E2 begin
 * punctuation and signs (quotation marks, dashes, no-break spaces), EF full-width forms, F0 emoji;
 * E3 to ED are Chinese, Japanese and Korean. */
enum byte_class { SEPARATES, LETTER, IDEOGRAPH, CONTINUES };

static const unsigned char byte_classes[256] = {
	['0' ... '9'] = LETTER,      ['A' ... 'Z'] = LETTER,
	['a' ... 'z'] = LETTER,      ['_'] = LETTER,
	[0x80 ... 0xBF] = CONTINUES, [0xC3 ... 0xE1] = LETTER,
	[0xE3 ... 0xED] = IDEOGRAPH,
};

static enum byte_class class_of(char c)
{
	return byte_classes[(unsigned char)c];
}

/* Static, so that the scan has it inline. */
static unsigned char fold(char c)
{
	unsigned char b = (unsigned char)c;

	return b - (unsigned)'A' < 26 ? b | 0x20 : b;
}

unsigned char route_fold(char c)
{
	return fold(c);
}

static bool begins_word(char c)
{
	return class_of(c) == LETTER || class_of(c) == IDEOGRAPH;
}

bool route_begins_word(const char *text, size_t len)
{
	return len > 0 && begins_word(*text);
}

bool route_hits_has(const struct route_hits *hits, unsigned group)
{
	return hits->bits[group / 64] >> group % 64 & 1;
}

unsigned route_windows(size_t len, struct route_window out[2])
{
	if (len == 0)
		return 0;
	if (len <= 2 * ROUTE_LOOKED_AT_BYTES) {
		out[0] = (struct route_window){0, len};
		return 1;
	}
	out[0] = (struct route_window){0, ROUTE_LOOKED_AT_BYTES};
	out[1] = (struct route_window){len - ROUTE_LOOKED_AT_BYTES, len};
	return 2;
}

struct entry {
	const char *text;
	size_t len, first_len; /* of the keyword, and of its first word */
	uint32_t hash;         /* of its first word */
	uint32_t next;         /* in its bucket, plus one; 0: none */
	unsigned group;
	bool at_start;
	bool ends_in_letter; /* so that the text may not go on with one */
};

struct route_index {
	struct entry *entries;
	uint32_t *buckets; /* first entry plus one; 0: none */
	uint32_t mask;
};

/* A word of the text with its hash (FNV-1a of the folded bytes). */
struct word {
	size_t at, len;
	uint32_t hash;
};

static uint32_t hash_byte(uint32_t hash, char c)
{
	return (hash ^ fold(c)) * 16777619u;
}

/* The next word that begins in [*pos, to); false: there is none.  *pos moves behind it. */
static bool next_word(const char *text, size_t to, size_t *pos, struct word *ret)
{
	size_t at = *pos, end;
	uint32_t hash = 2166136261u;
	bool alone;

	while (at < to && !begins_word(text[at]))
		at++;
	if (at >= to) {
		*pos = to;
		return false;
	}
	alone = class_of(text[at]) == IDEOGRAPH;
	hash = hash_byte(hash, text[at]);
	for (end = at + 1; end < to; end++) {
		enum byte_class class = class_of(text[end]);

		if (class != CONTINUES && (class != LETTER || alone))
			break;
		hash = hash_byte(hash, text[end]);
	}
	*ret = (struct word){.at = at, .len = end - at, .hash = hash};
	*pos = end;
	return true;
}

static bool goes_on(const char *text, size_t len, size_t at)
{
	return at < len && (class_of(text[at]) == LETTER || class_of(text[at]) == CONTINUES);
}

static bool ends_in_letter(const char *text, size_t len)
{
	while (len > 1 && class_of(text[len - 1]) == CONTINUES)
		len--;
	return class_of(text[len - 1]) == LETTER;
}

struct route_index *route_index_new(const struct route_keyword *keywords, size_t count)
{
	struct route_index *index = calloc(1, sizeof *index);
	size_t buckets = 16;

	while (buckets < 2 * count)
		buckets *= 2;
	if (!index)
		return NULL;
	index->mask = (uint32_t)(buckets - 1);
	index->entries = calloc(count + 1, sizeof *index->entries);
	index->buckets = calloc(buckets, sizeof *index->buckets);
	if (!index->entries || !index->buckets) {
		route_index_free(index);
		return NULL;
	}
	for (size_t i = 0; i < count; i++) {
		struct entry *e = &index->entries[i];
		size_t pos = 0;
		struct word first = {0};

		e->text = keywords[i].text;
		e->len = strlen(e->text);
		e->group = keywords[i].group;
		e->at_start = keywords[i].at_start;
		e->ends_in_letter = e->len > 0 && ends_in_letter(e->text, e->len);
		next_word(e->text, e->len, &pos, &first);
		e->first_len = first.len;
		e->hash = first.hash;
		e->next = index->buckets[e->hash & index->mask];
		index->buckets[e->hash & index->mask] = (uint32_t)i + 1;
	}
	return index;
}

void route_index_free(struct route_index *index)
{
	if (!index)
		return;
	free(index->entries);
	free(index->buckets);
	free(index);
}

static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Whether the keyword stands at `at`.  A space in it is any white space of the text, of which a
 * keyword's length bounds how much is passed. */
static bool stands_at(const struct entry *e, const char *text, size_t len, size_t at)
{
	size_t spaces = 0;

	for (size_t i = 0; i < e->len; i++) {
		if (at >= len)
			return false;
		if (e->text[i] != ' ') {
			if (fold(text[at++]) != (unsigned char)e->text[i])
				return false;
			continue;
		}
		if (!is_space(text[at]))
			return false;
		while (at < len && is_space(text[at]) && spaces++ < ROUTE_KEYWORD_MAX)
			at++;
	}
	return !e->ends_in_letter || !goes_on(text, len, at);
}

static void look_up(const struct route_index *index, const char *text, size_t len,
		    const struct word *word, bool first, struct route_hits *hits)
{
	uint32_t next = index->buckets[word->hash & index->mask];

	while (next) {
		const struct entry *e = &index->entries[next - 1];

		next = e->next;
		if (e->hash != word->hash || e->first_len != word->len || (e->at_start && !first) ||
		    route_hits_has(hits, e->group))
			continue;
		if (stands_at(e, text, len, word->at))
			hits->bits[e->group / 64] |= UINT64_C(1) << e->group % 64;
	}
}

void route_index_find(const struct route_index *index, const char *text, size_t len,
		      struct route_hits *hits)
{
	struct route_window windows[2];
	unsigned count = route_windows(len, windows);

	for (unsigned w = 0; w < count; w++) {
		size_t pos = windows[w].from, to = windows[w].to;
		bool first = w == 0;
		struct word word;

		/* The rest of a word that the cut went through is none. */
		while (w > 0 && pos < to && goes_on(text, len, pos))
			pos++;
		while (next_word(text, to, &pos, &word)) {
			look_up(index, text, len, &word, first, hits);
			first = false;
		}
	}
}
