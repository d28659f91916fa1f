// Stub of the Messages API for tests: answers POST /v1/messages instantly and deterministically, records what it
// received, and misbehaves on demand.  No npm dependency.   node upstream_stub.mjs [--port N]
//
// Default answer: `echo: <last user text>`, cut into a few text_delta events.  It honours max_tokens (one word is one
// token), stop_sequences and output_config.format (a JSON document with every required field).
//
// Behaviour is changed by rules or by directives in the last user text; both use the keys of KEYS below.
//   PUT    /_stub/script    {"rules":[{match?, times?, ...keys}]}: replaces all rules; the first one whose `match` occurs
//                           in the raw request body and whose `times` is not used up applies; [] removes them
//   [[up:status=429]]       in the prompt: key=value; a value starting with { [ or " is JSON
//   GET    /_stub/requests  every recorded request: method, url, headers, body (parsed), size, aborted
//   GET    /_stub/count     {"count":N,"messages":N}: all requests, and POST /v1/messages alone
//   DELETE /_stub/requests  forgets requests, counters and rules
// Recording is bounded: beyond MAX_RECORDED requests or MAX_RECORDED_BYTES of bodies the oldest are dropped.

import http from 'node:http';
import { pathToFileURL } from 'node:url';

const MAX_RECORDED = 2000;
const MAX_RECORDED_BYTES = 64 << 20;
const MAX_BODY = 64 << 20;
const HOUR = 3600;

// One line per key: what it does to the answer.
const KEYS = {
	status: 'HTTP status; 4xx/5xx answer an API error object',
	error_type: 'error.type of that object (default by status)',
	message: 'error.message of that object',
	body: 'verbatim body (string, or object sent as JSON) with `status`',
	headers: 'object of extra response headers',
	plan: 'plan-limit headers: allowed | warning | rejected (rejected implies status 429)',
	delay_ms: 'wait before the response headers',
	first_ms: 'wait between headers and the first event',
	pace_ms: 'wait between text deltas',
	text: 'answer text',
	repeat: 'answer text repeated N times',
	words: 'answer of N words',
	chunks: 'number of text deltas (default 4)',
	stop_reason: 'stop reason of the message_delta',
	stop_sequence: 'stop sequence of the message_delta',
	usage: 'object merged into the usage figures',
	thinking: 'a thinking block with this text comes first',
	tool_use: 'object {name,input} or list of them: tool_use blocks after the text',
	model: 'model id in message_start (default: the one asked for)',
	reset: 'connection reset: before_headers | mid_stream',
	stall: 'silence until the client leaves: before_headers | mid_stream',
	sse_error: 'an SSE error event of this type in mid stream',
	empty: 'an answer without any content block',
};

const ERROR_TYPES = {
	400: 'invalid_request_error', 401: 'authentication_error', 403: 'permission_error',
	404: 'not_found_error', 413: 'request_too_large', 429: 'rate_limit_error',
	500: 'api_error', 529: 'overloaded_error',
};

let rules = [];
let recorded = [];
let recordedBytes = 0;
let total = 0;
let messages = 0;
let serial = 0;

function record(req, raw) {
	let body = null;
	try {
		body = raw.length ? JSON.parse(raw) : null;
	} catch {
		body = { _unparsed: raw.slice(0, 1000) };
	}
	const entry = { method: req.method, url: req.url, headers: req.headers, body, size: Buffer.byteLength(raw), aborted: false };
	recorded.push(entry);
	recordedBytes += entry.size;
	while (recorded.length > MAX_RECORDED || (recordedBytes > MAX_RECORDED_BYTES && recorded.length > 1))
		recordedBytes -= recorded.shift().size;
	return entry;
}

function lastUserText(body) {
	const list = Array.isArray(body?.messages) ? body.messages : [];
	const user = list.filter((m) => m?.role === 'user').pop();
	if (typeof user?.content === 'string') return user.content;
	const texts = (Array.isArray(user?.content) ? user.content : []).filter((b) => b?.type === 'text');
	return texts.length ? String(texts.pop().text) : '';
}

function parseValue(text) {
	if (/^[[{"]/.test(text) || /^-?\d+(\.\d+)?$/.test(text)) {
		try {
			return JSON.parse(text);
		} catch { /* taken literally */ }
	}
	return text;
}

function inlineDirectives(text) {
	const found = {};
	for (const m of text.matchAll(/\[\[up:([a-z_]+)(?:=([\s\S]*?))?\]\]/g))
		if (m[1] in KEYS) found[m[1]] = m[2] === undefined ? true : parseValue(m[2]);
	return found;
}

function behaviour(raw, body) {
	const rule = rules.find((r) => (r.times === undefined || r.times > 0) && (!r.match || raw.includes(r.match)));
	if (rule?.times !== undefined) rule.times--;
	const how = { ...(rule ?? {}), ...inlineDirectives(lastUserText(body)) };
	if (how.plan === 'rejected' && how.status === undefined) how.status = 429;
	return how;
}

// The headers a subscription's answers carry: one pair of figures per window, and the window that counts.
function planHeaders(plan) {
	const now = Math.floor(Date.now() / 1000);
	const use = { allowed: 0.2, warning: 0.92, rejected: 1 }[plan] ?? 0.2;
	const status = { warning: 'allowed_warning', rejected: 'rejected' }[plan] ?? 'allowed';
	const p = 'anthropic-ratelimit-unified';
	const headers = {
		[`${p}-status`]: status, [`${p}-reset`]: now + HOUR, [`${p}-representative-claim`]: 'five_hour',
		[`${p}-fallback-percentage`]: 0.5, [`${p}-overage-status`]: 'rejected',
		[`${p}-overage-disabled-reason`]: 'org_level_disabled',
		[`${p}-5h-status`]: status, [`${p}-5h-utilization`]: use, [`${p}-5h-reset`]: now + HOUR,
		[`${p}-7d-status`]: 'allowed', [`${p}-7d-utilization`]: 0.11, [`${p}-7d-reset`]: now + 72 * HOUR,
	};
	if (plan === 'warning') headers[`${p}-5h-surpassed-threshold`] = 0.9;
	if (plan === 'rejected') headers['retry-after'] = HOUR;
	return headers;
}

function sample(schema, depth = 0) {
	if (!schema || typeof schema !== 'object' || depth > 20) return null;
	if ('const' in schema) return schema.const;
	if (Array.isArray(schema.enum)) return schema.enum[0];
	const alternatives = schema.anyOf ?? schema.oneOf;
	if (Array.isArray(alternatives)) return sample(alternatives[0], depth + 1);
	const type = Array.isArray(schema.type) ? schema.type[0] : schema.type ?? (schema.properties ? 'object' : 'string');
	switch (type) {
	case 'object': return Object.fromEntries((schema.required ?? []).map((k) => [k, sample(schema.properties?.[k] ?? {}, depth + 1)]));
	case 'array': return Array.from({ length: Math.min(schema.minItems ?? 1, 100) }, () => sample(schema.items ?? {}, depth + 1));
	case 'integer': return Math.ceil(schema.minimum ?? 1);
	case 'number': return schema.minimum ?? 1.5;
	case 'boolean': return true;
	case 'null': return null;
	default: return 'text';
	}
}

function answerText(how, body) {
	if (how.empty) return '';
	if (how.words) return Array.from({ length: how.words }, (_, i) => `w${i}`).join(' ');
	if (how.text !== undefined) return String(how.text).repeat(how.repeat ?? 1);
	const format = body?.output_config?.format;
	if (format?.type === 'json_schema') return JSON.stringify(sample(format.schema));
	return `echo: ${lastUserText(body)}`.repeat(how.repeat ?? 1);
}

// The answer after max_tokens and stop_sequences: {text, reason, sequence, tokens}.
function limited(how, body) {
	let text = answerText(how, body);
	let reason = how.stop_reason ?? (how.tool_use ? 'tool_use' : 'end_turn');
	let sequence = how.stop_sequence ?? null;
	for (const s of Array.isArray(body?.stop_sequences) ? body.stop_sequences : []) {
		const at = text.indexOf(s);
		if (s && at >= 0) {
			text = text.slice(0, at);
			reason = 'stop_sequence';
			sequence = s;
		}
	}
	const words = text.match(/\S+\s*/g) ?? [];
	const max = Number.isInteger(body?.max_tokens) ? body.max_tokens : Infinity;
	if (words.length > max) {
		text = words.slice(0, max).join('');
		reason = 'max_tokens';
		sequence = null;
	}
	return { text, reason, sequence, tokens: Math.max(1, Math.min(words.length, max)) };
}

function split(text, n) {
	const step = Math.max(1, Math.ceil(text.length / Math.max(1, n)));
	const parts = [];
	for (let at = 0; at < text.length;) {
		let end = Math.min(text.length, at + step);
		if (end < text.length && (text.charCodeAt(end - 1) & 0xfc00) === 0xd800) end++; // keep surrogate pairs whole
		parts.push(text.slice(at, end));
		at = end;
	}
	return parts;
}

function blocksOf(how, text) {
	const blocks = [];
	if (how.thinking) blocks.push({ type: 'thinking', thinking: String(how.thinking), signature: 'c2ln' });
	if (text) blocks.push({ type: 'text', text });
	for (const t of how.tool_use ? [].concat(how.tool_use) : [])
		blocks.push({ type: 'tool_use', id: t.id ?? `toolu_stub${++serial}`, name: t.name, input: t.input ?? {} });
	return blocks;
}

// The events of an answer in order; `paced` marks those before which pace_ms is waited.
function* events(how, body) {
	const { text, reason, sequence, tokens } = limited(how, body);
	const usage = { input_tokens: 10, cache_creation_input_tokens: 0, cache_read_input_tokens: 0, output_tokens: tokens, ...(how.usage ?? {}) };
	const message = { id: `msg_stub${++serial}`, type: 'message', role: 'assistant', model: how.model ?? body?.model ?? 'unknown',
		content: [], stop_reason: null, stop_sequence: null, usage: { ...usage, output_tokens: 1 } };
	yield { event: { type: 'message_start', message } };
	let index = 0;
	for (const block of blocksOf(how, text)) {
		yield* blockEvents(how, block, index++);
	}
	yield { event: { type: 'message_delta', delta: { stop_reason: reason, stop_sequence: sequence }, usage } };
	yield { event: { type: 'message_stop' } };
}

function* blockEvents(how, block, index) {
	const delta = (d) => ({ event: { type: 'content_block_delta', index, delta: d } });
	if (block.type === 'text') {
		yield { event: { type: 'content_block_start', index, content_block: { type: 'text', text: '' } } };
		for (const part of split(block.text, how.chunks ?? 4)) yield { ...delta({ type: 'text_delta', text: part }), paced: true };
	} else if (block.type === 'thinking') {
		yield { event: { type: 'content_block_start', index, content_block: { type: 'thinking', thinking: '', signature: '' } } };
		yield delta({ type: 'thinking_delta', thinking: block.thinking });
		yield delta({ type: 'signature_delta', signature: block.signature });
	} else {
		yield { event: { type: 'content_block_start', index, content_block: { ...block, input: {} } } };
		for (const part of split(JSON.stringify(block.input), 3)) yield delta({ type: 'input_json_delta', partial_json: part });
	}
	yield { event: { type: 'content_block_stop', index } };
}

function sendJson(res, status, value, headers = {}) {
	res.writeHead(status, { 'content-type': 'application/json', 'request-id': `req_stub${++serial}`, ...headers });
	res.end(typeof value === 'string' ? value : JSON.stringify(value));
}

function sendError(res, how, headers) {
	const type = how.error_type ?? ERROR_TYPES[how.status] ?? 'api_error';
	const message = how.message ?? `stub says ${how.status}`;
	sendJson(res, how.status, how.body ?? { type: 'error', error: { type, message } }, headers);
}

function sendPlain(res, how, body, headers) {
	const { text, reason, sequence, tokens } = limited(how, body);
	sendJson(res, 200, { id: `msg_stub${++serial}`, type: 'message', role: 'assistant', model: how.model ?? body?.model,
		content: blocksOf(how, text), stop_reason: reason, stop_sequence: sequence,
		usage: { input_tokens: 10, cache_creation_input_tokens: 0, cache_read_input_tokens: 0, output_tokens: tokens, ...(how.usage ?? {}) } }, headers);
}

const pause = (ms) => new Promise((done) => setTimeout(done, ms));

async function sendStream(res, how, body, headers) {
	res.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache', 'request-id': `req_stub${++serial}`, ...headers });
	if (how.first_ms) {
		res.flushHeaders();
		await pause(how.first_ms);
	}
	const breaks = how.reset === 'mid_stream' || how.stall === 'mid_stream' || how.sse_error;
	let deltas = 0;
	for (const { event, paced } of events(how, body)) {
		if (res.destroyed) return;
		if (paced && deltas++ > 0) {
			if (how.pace_ms) await pause(how.pace_ms);
			if (breaks && breakStream(res, how)) return;
		}
		if (!res.write(`event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`)) await drained(res);
	}
	res.end();
}

const drained = (res) => new Promise((done) => {
	res.once('drain', done);
	res.once('close', done);
});

function breakStream(res, how) {
	if (how.sse_error) {
		const error = { type: how.sse_error, message: 'stub breaks the stream' };
		res.end(`event: error\ndata: ${JSON.stringify({ type: 'error', error })}\n\n`);
	} else if (how.reset) {
		setTimeout(() => res.destroy(), 50).unref(); // lets the client read what was sent
	}
	return true; // a stall simply never goes on
}

async function onMessages(res, entry, raw) {
	const body = entry.body ?? {};
	const how = behaviour(raw, body);
	const headers = { ...(how.plan ? planHeaders(how.plan) : {}), ...(how.headers ?? {}) };
	if (how.delay_ms) await pause(how.delay_ms);
	if (res.destroyed || how.stall === 'before_headers') return;
	if (how.reset === 'before_headers') return res.socket?.resetAndDestroy();
	if (how.status >= 400) return sendError(res, how, headers);
	if (body.stream !== true) return sendPlain(res, how, body, headers);
	return sendStream(res, how, body, headers);
}

function onAdmin(req, res, raw) {
	const route = `${req.method} ${req.url}`;
	if (route === 'GET /_stub/requests') return sendJson(res, 200, recorded);
	if (route === 'GET /_stub/count') return sendJson(res, 200, { count: total, messages });
	if (route === 'DELETE /_stub/requests') {
		recorded = [];
		rules = [];
		recordedBytes = total = messages = 0;
		return sendJson(res, 200, {});
	}
	if (route === 'PUT /_stub/script') {
		const script = JSON.parse(raw);
		const unknown = (script.rules ?? []).flatMap((r) => Object.keys(r)).filter((k) => !(k in KEYS) && k !== 'match' && k !== 'times');
		if (!Array.isArray(script.rules) || unknown.length) return sendJson(res, 400, { error: `bad script; unknown keys: ${unknown}` });
		rules = script.rules;
		return sendJson(res, 200, { rules: rules.length });
	}
	return sendJson(res, 404, { error: `no such admin route: ${route}` });
}

function handle(req, res, raw) {
	if (req.url.startsWith('/_stub/')) return onAdmin(req, res, raw);
	const entry = record(req, raw);
	total++;
	res.on('close', () => {
		entry.aborted = !res.writableFinished && res.destroyed;
	});
	const path = req.url.split('?')[0];
	if (req.method === 'POST' && path === '/v1/messages') {
		messages++;
		return onMessages(res, entry, raw);
	}
	if (req.method === 'POST' && path === '/v1/messages/count_tokens')
		return sendJson(res, 200, { input_tokens: Math.ceil(entry.size / 4) });
	if (req.method === 'HEAD' || path === '/') return sendJson(res, 200, req.method === 'HEAD' ? '' : {});
	return sendJson(res, 404, { type: 'error', error: { type: 'not_found_error', message: 'stub: no such path' } });
}

export function start(port = 0, host = '127.0.0.1') {
	const server = http.createServer((req, res) => {
		const parts = [];
		let size = 0;
		req.on('data', (d) => {
			size += d.length;
			if (size > MAX_BODY) req.destroy();
			else parts.push(d);
		});
		req.on('end', async () => {
			try {
				await handle(req, res, Buffer.concat(parts).toString());
			} catch (e) {
				if (!res.headersSent) sendJson(res, 400, { error: String(e) });
				else res.destroy();
			}
		});
		res.on('error', () => {});
	});
	server.keepAliveTimeout = 60000;
	return new Promise((done) => server.listen(port, host, () => done(server)));
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
	const at = process.argv.indexOf('--port');
	const server = await start(at > 0 ? Number(process.argv[at + 1]) : 0);
	console.log(`listening on 127.0.0.1:${server.address().port}`);
	for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => process.exit(0));
}
