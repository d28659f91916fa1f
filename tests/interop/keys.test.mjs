// Keys, limits and budgets as the official OpenAI SDK meets them: the right class, and no second try where none helps.

import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import OpenAI from 'openai';

import { startDaemon, until } from './daemon.mjs';

const HELLO = { model: 'haiku', messages: [{ role: 'user', content: 'hello there' }] };

for (const cli of ['sim', 'real']) describe(`openai SDK with keys, over ${cli}`, { timeout: 300_000 }, () => {
	let d, sent;

	const clientWith = (apiKey, options = {}) => new OpenAI({
		baseURL: `${d.url}/v1`, apiKey,
		fetch: (...args) => {
			sent++;
			return fetch(...args);
		},
		...options,
	});
	const failure = async (promise) => {
		try {
			await promise;
		} catch (error) {
			return error;
		}
		return assert.fail('it was answered');
	};
	const ask = (key, params = {}, options = {}) => clientWith(key, options).chat.completions.create({ ...HELLO, ...params });
	const newKey = (project, ...args) => d.ctl('keys', 'create', '--project', project, ...args);

	before(async () => {
		d = await startDaemon(cli, { 'auth.required': true });
		d.ctl('projects', 'create', 'demo');
	});
	after(async () => d?.stop());
	beforeEach(() => {
		sent = 0;
	});

	test('a good key is answered', async () => {
		const r = await ask(newKey('demo').key);
		assert.equal(r.choices[0].message.content, 'echo: hello there');
		assert.equal(sent, 1);
	});

	test('AuthenticationError for wrong, revoked and expired keys, at the first try', async () => {
		const good = newKey('demo'), revoked = newKey('demo'), expired = newKey('demo', '--expires', '1s');
		d.ctl('keys', 'revoke', revoked.id);
		const wrong = good.key.slice(0, -1) + (good.key.endsWith('0') ? '1' : '0');
		await until('the key to expire', async () =>
			(await fetch(`${d.url}/v1/models`, { headers: { 'x-api-key': expired.key } })).status === 401);
		for (const key of [wrong, revoked.key, expired.key, 'sk-of-somebody-else']) {
			sent = 0;
			const error = await failure(ask(key));
			assert.ok(error instanceof OpenAI.AuthenticationError, String(error));
			assert.deepEqual([error.status, error.code, sent], [401, 'invalid_api_key', 1]);
		}
	});

	test('PermissionDeniedError for a model that the key may not use', async () => {
		const error = await failure(ask(newKey('demo', '--models', 'sonnet').key));
		assert.ok(error instanceof OpenAI.PermissionDeniedError);
		assert.deepEqual([error.status, error.code, error.param, sent], [403, 'permission_denied', 'model', 1]);
	});

	test('RateLimitError above a limit, tried again after Retry-After', async () => {
		const { key } = newKey('demo', '--requests-per-minute', '60', '--concurrent', '1');
		await d.upstream.script({ words: 40, chunks: 40, pace_ms: 50 });
		const first = ask(key), second = ask(key, {}, { maxRetries: 5 });
		await Promise.all([first, second]);
		assert.ok(sent > 2, 'the second was tried again');
		await d.upstream.script();
		const tight = newKey('demo', '--requests-per-minute', '1').key;
		await ask(tight);
		sent = 0;
		const error = await failure(ask(tight, {}, { maxRetries: 0 }));
		assert.ok(error instanceof OpenAI.RateLimitError);
		assert.deepEqual([error.status, error.code, error.type, sent], [429, 'rate_limit_exceeded', 'requests', 1]);
		assert.ok(Number(error.headers.get('retry-after')) >= 1);
	});

	test('RateLimitError with insufficient_quota above a budget, and no second try', async () => {
		const { key, id } = newKey('demo');
		d.ctl('budgets', 'set', '--key', id, '--tokens', '100', '--window', 'total');
		const error = await failure(ask(key, { max_tokens: 500 }));
		assert.ok(error instanceof OpenAI.RateLimitError);
		assert.deepEqual([error.status, error.code, error.type, sent], [429, 'insufficient_quota', 'insufficient_quota', 1]);
	});
});
