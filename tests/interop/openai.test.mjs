// The official OpenAI SDK against ccapid, with nothing changed but its base URL and key.

import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import OpenAI from 'openai';

import { startDaemon, until } from './daemon.mjs';

const HELLO = { model: 'haiku', messages: [{ role: 'user', content: 'hello there' }] };

for (const cli of ['sim', 'real']) describe(`openai SDK over ${cli}`, { timeout: 300_000 }, () => {
	let d, client, sent;

	const clientWith = (options = {}) => new OpenAI({
		baseURL: `${d.url}/v1`, apiKey: 'placeholder',
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
	// A request of its own whose line in the log is there: so are all that came before it.
	let marks = 0;
	const idle = async () => until('idle workers', async () => {
		const mark = `mark-${++marks}`;
		await fetch(`${d.url}/health`, { headers: { 'x-request-id': mark } });
		await d.line(new RegExp(`request_id=${mark} `));
		const states = new Map([...d.log().matchAll(/worker: (\d+): \w+ -> (\w+)/g)].map((m) => [m[1], m[2]]));
		return [...states.values()].every((s) => s === 'ready' || s === 'dead');
	});

	before(async () => {
		d = await startDaemon(cli);
		client = clientWith();
	});
	after(async () => d?.stop());
	beforeEach(async () => {
		await idle();
		await d.upstream.reset();
		await d.upstream.script();
		sent = 0;
	});

	test('create answers', async () => {
		const r = await client.chat.completions.create(HELLO);
		assert.equal(r.object, 'chat.completion');
		assert.equal(r.choices[0].message.content, 'echo: hello there');
		assert.equal(r.choices[0].message.role, 'assistant');
		assert.equal(r.choices[0].finish_reason, 'stop');
		assert.equal(r.usage.total_tokens, r.usage.prompt_tokens + r.usage.completion_tokens);
		assert.ok(r.usage.prompt_tokens > 0);
		assert.match(r._request_id, /^req_/);
		assert.equal(sent, 1);
		assert.equal(await d.upstream.count(), 1);
	});

	test('create with response gives the headers', async () => {
		const { data, response, request_id: id } = await client.chat.completions.create(HELLO).withResponse();
		assert.equal(response.headers.get('x-ccapi-model'), data.model);
		assert.equal(id, response.headers.get('x-request-id'));
	});

	test('a conversation with a system prompt reaches the upstream in turns', async () => {
		const r = await client.chat.completions.create({
			model: 'haiku', temperature: 0.5, stop: ['never'],
			messages: [
				{ role: 'developer', content: 'Be brief.' }, { role: 'user', content: [{ type: 'text', text: 'one' }] },
				{ role: 'assistant', content: 'two' }, { role: 'user', content: 'three' },
			],
		});
		assert.equal(r.choices[0].message.content, 'echo: three');
		const [{ body }] = await d.upstream.requests();
		assert.deepEqual(body.messages.map((m) => m.role), ['user', 'assistant', 'user']);
		assert.equal(body.temperature, 0.5);
		assert.deepEqual(body.stop_sequences, ['never']);
		assert.ok(JSON.stringify(body.system).includes('Be brief.'));
	});

	test('max_completion_tokens ends with length', async () => {
		await d.upstream.script({ words: 50, times: 1 }, { delay_ms: 60_000 }); // a request that slips out gets no answer
		const r = await client.chat.completions.create({ ...HELLO, max_completion_tokens: 5 });
		assert.equal(r.choices[0].finish_reason, 'length');
		assert.equal(r.choices[0].message.content.split(' ').filter(Boolean).length, 5);
		assert.equal((await d.upstream.requests())[0].body.max_tokens, 5);
		await idle();
		assert.ok(await d.upstream.count() <= 2, 'the CLI may have begun to ask on when the interrupt came');
	});

	test('json_schema answers parse', async () => {
		const schema = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'], additionalProperties: false };
		const r = await client.chat.completions.parse({
			...HELLO, response_format: { type: 'json_schema', json_schema: { name: 'place', strict: true, schema } },
		});
		assert.equal(typeof JSON.parse(r.choices[0].message.content).city, 'string');
	});

	test('a stream brings the chunks and its end', async () => {
		const chunks = [];
		for await (const chunk of await client.chat.completions.create({ ...HELLO, stream: true })) chunks.push(chunk);
		assert.equal(chunks[0].choices[0].delta.role, 'assistant');
		assert.equal(chunks.map((c) => c.choices[0].delta.content ?? '').join(''), 'echo: hello there');
		assert.ok(chunks.length > 3, 'the pieces come one by one');
		assert.equal(chunks.at(-1).choices[0].finish_reason, 'stop');
		assert.equal(new Set(chunks.map((c) => c.id)).size, 1);
	});

	test('the stream helper gathers text, events and the final usage', async () => {
		const stream = client.chat.completions.stream({ ...HELLO, stream_options: { include_usage: true } });
		let text = '';
		stream.on('content', (delta) => { text += delta; });
		const final = await stream.finalChatCompletion();
		assert.equal(text, 'echo: hello there');
		assert.equal(final.choices[0].message.content, text);
		assert.equal(final.choices[0].finish_reason, 'stop');
		const usage = await stream.totalUsage();
		assert.ok(usage.prompt_tokens > 0 && usage.completion_tokens > 0);
		assert.equal(usage.total_tokens, usage.prompt_tokens + usage.completion_tokens);
	});

	test('models are listed and retrieved', async () => {
		const ids = [];
		for await (const model of client.models.list()) ids.push(model.id);
		for (const id of ['auto', 'haiku', 'sonnet', 'opus']) assert.ok(ids.includes(id), `${id} in ${ids}`);
		const one = await client.models.retrieve('haiku');
		assert.equal(one.id, 'haiku');
		assert.equal(one.owned_by, 'anthropic');
		const error = await failure(client.models.retrieve('gpt-4'));
		assert.ok(error instanceof OpenAI.NotFoundError);
		assert.equal(error.code, 'model_not_found');
	});

	const refused = [
		['BadRequestError', 400, null, 'temperature', { temperature: 'hot' }],
		['BadRequestError', 400, null, 'messages', { messages: [] }],
		['BadRequestError', 400, null, 'tools', { tools: [] }],
		['NotFoundError', 404, 'model_not_found', 'model', { model: 'gpt-4' }],
	];
	for (const [name, status, code, param, change] of refused)
		test(`${name} for ${param}, and no second try`, async () => {
			const error = await failure(client.chat.completions.create({ ...HELLO, ...change }));
			assert.ok(error instanceof OpenAI[name], String(error));
			assert.deepEqual([error.status, error.code, error.param, error.type], [status, code, param, 'invalid_request_error']);
			assert.match(error.requestID, /^req_/);
			assert.equal(sent, 1);
			assert.equal(await d.upstream.count(), 0);
		});

	test('AuthenticationError for a key of ours, and no second try', async () => {
		const error = await failure(clientWith({ apiKey: 'ccapi_bad' }).chat.completions.create(HELLO));
		assert.ok(error instanceof OpenAI.AuthenticationError);
		assert.deepEqual([error.status, error.code, sent], [401, 'invalid_api_key', 1]);
	});

	test('BadRequestError for what the upstream refuses, with its words', async () => {
		await d.upstream.script({ status: 400, message: 'temperature: may not be set for this model' });
		const error = await failure(client.chat.completions.create({ ...HELLO, temperature: 1 }));
		assert.ok(error instanceof OpenAI.BadRequestError);
		assert.equal(error.param, 'temperature');
		assert.match(error.message, /may not be set/);
		assert.equal(sent, 1);
		assert.ok(await d.upstream.count() <= 3, 'the CLI asks a 400 again without its betas');
	});

	test('RateLimitError when the upstream throttles, with Retry-After', async () => {
		await d.upstream.script({ status: 429 });
		const error = await failure(clientWith({ maxRetries: 0 }).chat.completions.create(HELLO));
		assert.ok(error instanceof OpenAI.RateLimitError);
		assert.deepEqual([error.status, error.code], [429, 'rate_limit_exceeded']);
		assert.ok(Number(error.headers.get('retry-after')) >= 1);
		assert.equal(await d.upstream.count(), 1);
	});

	test('InternalServerError when the upstream is overloaded', async () => {
		await d.upstream.script({ status: 529 });
		const error = await failure(clientWith({ maxRetries: 0 }).chat.completions.create(HELLO));
		assert.ok(error instanceof OpenAI.InternalServerError);
		assert.deepEqual([error.status, error.code, error.type], [502, 'upstream_error', 'server_error']);
		assert.equal(await d.upstream.count(), 2, 'one retry of the daemon and no more');
	});

	test('the SDK tries again where that may help, and succeeds', async () => {
		await d.upstream.script({ status: 529, times: 2 });
		const r = await clientWith({ maxRetries: 1 }).chat.completions.create(HELLO);
		assert.equal(r.choices[0].message.content, 'echo: hello there');
		assert.equal(sent, 2);
	});

	test('an error within a stream is thrown, and what came before was delivered', async () => {
		await d.upstream.script({ reset: 'mid_stream', words: 40, chunks: 10 });
		let text = '';
		const error = await failure((async () => {
			for await (const chunk of await client.chat.completions.create({ ...HELLO, stream: true }))
				text += chunk.choices[0].delta.content ?? '';
		})());
		assert.ok(error instanceof OpenAI.APIError, String(error));
		assert.equal(error.code, 'upstream_error');
		assert.ok(text.length > 0);
	});

	test('abort of a stream cancels the work upstream and frees the worker', async () => {
		await d.upstream.script({ words: 1000, chunks: 1000, pace_ms: 100 });
		const controller = new AbortController();
		let chunks = 0;
		const stream = await client.chat.completions.create({ ...HELLO, stream: true }, { signal: controller.signal });
		for await (const chunk of stream) {
			assert.ok(chunk.id);
			if (++chunks === 3) controller.abort();
		}
		assert.ok(chunks < 20);
		await until('the upstream request to be aborted', async () => (await d.upstream.requests())[0]?.aborted);
		await idle();
		await d.upstream.script();
		assert.equal((await client.chat.completions.create(HELLO)).choices[0].message.content, 'echo: hello there');
	});

	test('abort before the first token cancels too', async () => {
		await d.upstream.script({ delay_ms: 3_600_000 });
		const controller = new AbortController();
		const answer = failure(client.chat.completions.create(HELLO, { signal: controller.signal }));
		await until('the upstream to be asked', async () => (await d.upstream.count()) === 1);
		controller.abort();
		assert.ok((await answer) instanceof OpenAI.APIUserAbortError);
		await until('the upstream request to be aborted', async () => (await d.upstream.requests())[0].aborted);
	});

	test('a time-out of the SDK cancels the work', async () => {
		await d.upstream.script({ delay_ms: 3_600_000 });
		const error = await failure(clientWith({ timeout: 500, maxRetries: 0 }).chat.completions.create(HELLO));
		assert.ok(error instanceof OpenAI.APIConnectionTimeoutError);
		await until('the upstream request to be aborted', async () => {
			const all = await d.upstream.requests();
			return all.length === 1 && all[0].aborted;
		});
	});

	test('a time-out asked of the daemon is a 504', async () => {
		await d.upstream.script({ delay_ms: 3_600_000 });
		const error = await failure(clientWith({ maxRetries: 0 }).chat.completions.create({ ...HELLO, timeout: 0.5 }));
		assert.ok(error instanceof OpenAI.InternalServerError);
		assert.deepEqual([error.status, error.code], [504, 'timeout']);
	});
});
