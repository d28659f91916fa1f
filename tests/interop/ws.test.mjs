// WebSocket /v1/stream as node's `ws` and a browser meet it, on the port that serves REST.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import { after, before, beforeEach, describe, test } from 'node:test';
import { chromium } from 'playwright-core';
import { WebSocket } from 'ws';

import { startDaemon, until } from './daemon.mjs';

const hello = (id, content = 'hello there') => ({ type: 'chat', id, model: 'haiku', messages: [{ role: 'user', content }] });

// A socket that collects what it is sent.
function open(url, options = {}, protocols = []) {
	const socket = new WebSocket(url, protocols, options), got = [];
	socket.on('message', (data) => got.push(JSON.parse(data)));
	const closed = once(socket, 'close').then(([code, reason]) => ({ code, reason: String(reason) }));
	closed.catch(() => {});
	return {
		socket, got, closed,
		opened: () => once(socket, 'open'),
		send: (message) => socket.send(typeof message === 'string' ? message : JSON.stringify(message)),
		last: (id, type = 'done') => until(() => `${type} of ${id} in ${JSON.stringify(got)}`,
			() => got.find((m) => m.id === id && (m.type === type || m.type === 'error'))),
		text: (id) => got.filter((m) => m.type === 'token' && m.id === id).map((m) => m.content).join(''),
	};
}

async function refused(url, options = {}, protocols = []) {
	const socket = new WebSocket(url, protocols, options);
	const [, response] = await once(socket, 'unexpected-response');
	let body = '';
	for await (const piece of response) body += piece;
	return { status: response.statusCode, headers: response.headers, error: JSON.parse(body).error };
}

for (const cli of ['sim', 'real']) describe(`node ws, over ${cli}`, { timeout: 300_000 }, () => {
	let d, url;

	before(async () => {
		d = await startDaemon(cli, { 'http.stall_timeout': '2s' });
		url = `${d.url.replace('http', 'ws')}/v1/stream`;
	});
	after(async () => d?.stop());
	beforeEach(async () => d.upstream.script());

	test('a chat is streamed in order, with its figures at the end', async () => {
		const c = open(url);
		await c.opened();
		c.send(hello('one'));
		const done = await c.last('one');
		assert.equal(done.type, 'done', JSON.stringify(done));
		assert.deepEqual(c.got.map((m) => m.type).filter((t) => t !== 'token'), ['start', 'done']);
		assert.equal(c.text('one'), 'echo: hello there');
		assert.equal(c.got[0].route, 'requested');
		assert.equal(done.finish_reason, 'stop');
		assert.equal(done.model, c.got[0].model);
		assert.ok(done.usage.completion_tokens > 0 && done.cost_usd > 0);
		const rest = await fetch(`${d.url}/v1/models`);
		assert.equal(rest.status, 200); // the same port
		c.socket.close(1000);
		assert.equal((await c.closed).code, 1000);
	});

	test('chats on one connection do not wait for each other, and one is cancelled alone', async () => {
		await d.upstream.script({ words: 1000, chunks: 1000, pace_ms: 20 });
		const c = open(url);
		await c.opened();
		c.send(hello('long'));
		await until('its first token', () => c.text('long'));
		await d.upstream.script();
		c.send(hello('short'));
		assert.equal((await c.last('short')).type, 'done');
		assert.ok(!c.got.some((m) => m.id === 'long' && m.type === 'done'));
		c.send({ type: 'cancel', id: 'long' });
		const end = await c.last('long');
		assert.deepEqual([end.type, end.finish_reason], ['done', 'cancelled']);
		await until('the upstream to be aborted', async () => (await d.upstream.requests()).some((r) => r.aborted));
		c.send({ type: 'ping' });
		await until('pong', () => c.got.some((m) => m.type === 'pong'));
		c.socket.terminate();
	});

	test('closing the connection cancels its chats', async () => {
		await d.upstream.reset();
		await d.upstream.script({ words: 1000, chunks: 1000, pace_ms: 100 });
		const c = open(url);
		await c.opened();
		c.send(hello('gone'));
		await until('its first token', () => c.text('gone'));
		c.socket.close();
		await c.closed;
		await until('the upstream to be aborted', async () => (await d.upstream.requests())[0]?.aborted);
	});

	test('bad messages are answered, and the connection lives', async () => {
		const c = open(url);
		await c.opened();
		for (const bad of ['{"type":', '[]', '"x"', '{}', '{"type":"what"}', '{"type":"chat","id":7,"messages":[]}',
			'{"type":"cancel","id":"nobody"}', '{"type":"chat","messages":"none"}']) c.send(bad);
		await until('eight errors', () => c.got.length === 8);
		for (const m of c.got) assert.ok(m.type === 'error' && m.error.message && m.error.type, JSON.stringify(m));
		c.send(hello('after'));
		assert.equal((await c.last('after')).type, 'done');
		c.socket.terminate();
	});

	test('what breaks the protocol is closed with the code that says so', async () => {
		for (const [code, send] of [
			[1003, (c) => c.socket.send(Buffer.from([1, 2, 3]))],
			[1007, (c) => c.socket.send(Buffer.from([0x7b, 0xff, 0xfe]), { binary: false })],
			[1009, (c) => c.send('"' + 'x'.repeat(5 << 20) + '"')],
		]) {
			const c = open(url);
			await c.opened();
			send(c);
			assert.equal((await c.closed).code, code);
		}
	});

	test('a foreign origin is refused before the upgrade, our own is not', async () => {
		const r = await refused(url, { origin: 'https://elsewhere.example' });
		assert.deepEqual([r.status, r.error.code], [403, 'permission_denied']);
		assert.match(r.headers['x-request-id'], /./);
		const c = open(url, { origin: d.url });
		await c.opened();
		c.socket.terminate();
	});

	test('the subprotocol is ccapi.v1 or none', async () => {
		const c = open(url, {}, ['foo', 'ccapi.v1']);
		await c.opened();
		assert.equal(c.socket.protocol, 'ccapi.v1');
		c.socket.terminate();
		assert.equal((await refused(url, {}, ['foo'])).status, 400);
	});

	test('an ordinary GET is told to upgrade', async () => {
		const r = await fetch(`${d.url}/v1/stream`);
		assert.equal(r.status, 426);
		assert.ok((await r.json()).error.message);
	});

	test('an upgrade on a kept-alive connection is dropped without a byte, as a proxy needs it', async () => {
		const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
		const { port } = new URL(d.url);
		const ask = (path, headers) => new Promise((resolve, reject) => {
			const r = http.request({ port, path, agent, headers }, (answer) => answer.resume().on('end', () => resolve(answer.statusCode)));
			r.on('error', (error) => resolve({ error, reused: r.reusedSocket }));
			r.on('upgrade', () => reject(new Error('upgraded')));
			r.end();
		});
		assert.equal(await ask('/health', {}), 200);
		const upgrade = { Connection: 'Upgrade', Upgrade: 'websocket', 'Sec-WebSocket-Version': '13', 'Sec-WebSocket-Key': 'MDEyMzQ1Njc4OWFiY2RlZg==' };
		const second = await ask('/v1/stream', upgrade);
		assert.ok(second.reused && second.error.code === 'ECONNRESET', JSON.stringify(second));
		agent.destroy();
	});
});

describe('node ws, with keys', { timeout: 120_000 }, () => {
	let d, url, key;

	before(async () => {
		d = await startDaemon('sim', { 'auth.required': true, 'websocket.auth_timeout': '300ms', 'websocket.ping_interval': '400ms' });
		url = `${d.url.replace('http', 'ws')}/v1/stream`;
		d.ctl('projects', 'create', 'demo');
		({ key } = d.ctl('keys', 'create', '--project', 'demo'));
	});
	after(async () => d?.stop());

	test('a key in the header is checked before the upgrade', async () => {
		const c = open(url, { headers: { Authorization: `Bearer ${key}` } });
		await c.opened();
		c.send(hello('a'));
		assert.equal((await c.last('a')).type, 'done');
		c.socket.terminate();
		const r = await refused(url, { headers: { 'x-api-key': 'ccapi_nonsense' } });
		assert.deepEqual([r.status, r.error.code], [401, 'invalid_api_key']);
	});

	test('a key in the first message serves, a wrong one is told and closed with 1008', async () => {
		const c = open(url);
		await c.opened();
		c.send({ type: 'auth', api_key: key });
		c.send(hello('b'));
		assert.equal((await c.last('b')).type, 'done');
		c.socket.terminate();
		for (const first of [{ type: 'auth', api_key: 'ccapi_nonsense' }, hello('c')]) {
			const bad = open(url);
			await bad.opened();
			bad.send(first);
			assert.equal((await bad.closed).code, 1008);
			assert.equal(bad.got.at(-1).error.code, 'invalid_api_key');
		}
	});

	test('who sends no key in time is closed with 1008', async () => {
		const c = open(url);
		const { code, reason } = await c.closed;
		assert.equal(code, 1008);
		assert.match(reason, /key/);
	});

	test('a silent peer is pinged, and closed with 1008; one that answers stays', async () => {
		const headers = { 'x-api-key': key };
		const silent = open(url, { headers, autoPong: false }), alive = open(url, { headers });
		await Promise.all([silent.opened(), alive.opened()]);
		const { code, reason } = await silent.closed;
		assert.equal(code, 1008);
		assert.ok(reason);
		alive.send(hello('still-here'));
		assert.equal((await alive.last('still-here')).type, 'done');
		alive.socket.terminate();
	});
});

test('a drain says 1001 with a reason, after what is under way', { timeout: 120_000 }, async () => {
	const d = await startDaemon('sim');
	const url = `${d.url.replace('http', 'ws')}/v1/stream`;
	const idle = open(url), busy = open(url);
	await Promise.all([idle.opened(), busy.opened()]);
	busy.send(hello('last', '[[sim:pace=20]][[sim:tokens=50]] go'));
	await until('its first token', () => busy.text('last'));
	const stopped = d.stop();
	const { code, reason } = await idle.closed;
	assert.equal(code, 1001);
	assert.ok(reason);
	assert.equal((await busy.last('last')).type, 'done');
	assert.equal((await busy.closed).code, 1001);
	await stopped;
});

// The page is the daemon's own origin, so that no origin has to be allowed.
test('headless Chromium streams a chat from the real CLI', { timeout: 120_000 }, async () => {
	const d = await startDaemon('real', { 'auth.required': true });
	d.ctl('projects', 'create', 'demo');
	const { key } = d.ctl('keys', 'create', '--project', 'demo');
	const elsewhere = http.createServer((request, answer) => answer.end('hello')).listen(0, '127.0.0.1');
	await once(elsewhere, 'listening');
	const browser = await chromium.launch({
		executablePath: '/usr/bin/chromium',
		args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
			'--disable-component-update', '--disable-sync'],
	});
	try {
		const page = await browser.newPage();
		await page.goto(`${d.url}/health`);
		const result = await page.evaluate(({ apiKey, message }) => new Promise((resolve) => {
			const socket = new WebSocket(`ws://${location.host}/v1/stream`), got = [];
			socket.onopen = () => {
				socket.send(JSON.stringify({ type: 'auth', api_key: apiKey }));
				socket.send(JSON.stringify(message));
			};
			socket.onmessage = (event) => {
				const m = JSON.parse(event.data);
				got.push(m);
				if (m.type === 'done' || m.type === 'error') socket.close(1000);
			};
			socket.onclose = (event) => resolve({ got, code: event.code });
		}), { apiKey: key, message: hello('page') });
		assert.equal(result.got.at(-1).type, 'done', JSON.stringify(result));
		assert.equal(result.got.filter((m) => m.type === 'token').map((m) => m.content).join(''), 'echo: hello there');
		assert.equal(result.code, 1000);
		await page.goto(`http://127.0.0.1:${elsewhere.address().port}/`); // another port is another origin
		const refusedCode = await page.evaluate((address) => new Promise((resolve) => {
			const socket = new WebSocket(address);
			socket.onclose = (event) => resolve(event.code);
		}), `${d.url.replace('http', 'ws')}/v1/stream`);
		assert.equal(refusedCode, 1006);
		await until('the refusal in the log', () => /path=\/v1\/stream status=403/.test(d.log()));
	} finally {
		await browser.close();
		elsewhere.close();
		await d.stop();
	}
});
