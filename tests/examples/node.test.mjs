// The examples for node and for a browser, over claude-sim and the real CLI.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { chromium } from 'playwright-core';

import { startDaemon, until } from '../interop/daemon.mjs';

const tests = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const examples = path.join(tests, '..', 'examples');

for (const cli of ['sim', 'real']) test(`openai_sdk.mjs over ${cli}`, { timeout: 120_000 }, async () => {
	const d = await startDaemon(cli, { 'auth.required': true });
	// The example as it stands, with the tests' modules in the place where `npm install` puts its own.
	const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'ccapi-example-'));
	try {
		fs.cpSync(path.join(examples, 'node'), folder, { recursive: true, filter: (from) => !from.includes('node_modules') });
		fs.symlinkSync(path.join(tests, 'node_modules'), path.join(folder, 'node_modules'));
		const pinned = JSON.parse(fs.readFileSync(path.join(folder, 'package.json'))).dependencies.openai;
		assert.equal(pinned, JSON.parse(fs.readFileSync(path.join(tests, 'package.json'))).devDependencies.openai);
		d.ctl('projects', 'create', 'demo');
		const { key } = d.ctl('keys', 'create', '--project', 'demo');
		const env = { PATH: process.env.PATH, CCAPI_BASE_URL: d.url, CCAPI_API_KEY: key };
		const run = (env) => promisify(execFile)(process.execPath, ['openai_sdk.mjs'], { cwd: folder, env, timeout: 60_000 });
		const { stdout } = await run(env);
		assert.match(stdout, /^answer: echo: Say hello\.\nmodel: {2}claude-\S+ because: auto:\S+\ncost: {3}\$0\.0/);
		assert.match(stdout, /\nstream: echo: Count to five\.\ntokens: \d+\nschema: name, field\nerror: {2}404 model_not_found\n$/);
		await assert.rejects(run({ ...env, CCAPI_API_KEY: '' }), /401/);
	} finally {
		fs.rmSync(folder, { recursive: true, force: true });
		await d.stop();
	}
});

describe('browser/chat.html', { timeout: 240_000 }, () => {
	let browser, site;

	before(async () => {
		site = http.createServer((request, answer) => {
			answer.setHeader('Content-Type', 'text/html');
			answer.end(fs.readFileSync(path.join(examples, 'browser', 'chat.html')));
		}).listen(0, '127.0.0.1');
		await once(site, 'listening');
		browser = await chromium.launch({
			executablePath: '/usr/bin/chromium',
			args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
				'--disable-component-update', '--disable-sync'],
		});
	});
	after(async () => {
		await browser?.close();
		site?.close();
	});

	// The page, and all that it asks of the network or complains about.
	async function open(server) {
		const page = await browser.newPage();
		const seen = { requests: [], errors: [] };
		page.on('request', (r) => seen.requests.push(r.url()));
		page.on('websocket', (s) => seen.requests.push(s.url()));
		page.on('console', (m) => m.type() === 'error' && seen.errors.push(m.text()));
		page.on('pageerror', (e) => seen.errors.push(String(e)));
		await page.goto(`http://127.0.0.1:${site.address().port}/chat.html#server=${server}`);
		return { page, seen };
	}
	const ask = async (page, text) => {
		await page.fill('#text', text);
		await page.press('#text', 'Enter');
	};
	const last = (page) => page.locator('.assistant').last();
	// The page's own rules forbid eval, which waitForFunction needs.
	const shows = (page, what, condition, argument) => until(what, () => page.evaluate(condition, argument));
	const settled = (page) => shows(page, 'the end of the chat', () => chat === null);

	for (const cli of ['sim', 'real']) test(`a conversation, a cancel and text that is no HTML, over ${cli}`, async () => {
		const d = await startDaemon(cli, { 'auth.required': true, 'http.cors_origins': `http://127.0.0.1:${site.address().port}` });
		try {
			d.ctl('projects', 'create', 'demo');
			const { key } = d.ctl('keys', 'create', '--project', 'demo');
			const { page, seen } = await open(d.url.replace('http', 'ws'));
			await page.fill('#key', key);
			await page.selectOption('#model', 'haiku');
			await page.click('#connect');
			await shows(page, 'the connection', () => !document.getElementById('send').disabled);
			await ask(page, 'My name is Ada.');
			await settled(page);
			assert.match(await last(page).innerText(), /^echo: My name is Ada\.\n\s*claude-haiku\S+, because: requested; \d+ tokens, \$0\.\d+, stop$/);
			await ask(page, 'What is my name?');
			await settled(page);
			const roles = (await d.upstream.requests()).at(-1).body.messages.map((m) => m.role);
			assert.deepEqual(roles, ['user', 'assistant', 'user']);

			const attack = '<img src=x onerror="document.title=1"><script>document.title=2</script>';
			await ask(page, attack);
			await settled(page);
			assert.ok((await last(page).innerText()).includes(attack));
			assert.equal(await page.title(), 'Chat');
			assert.equal(await page.locator('img, #log script').count(), 0);

			await d.upstream.script({ words: 1000, chunks: 1000, pace_ms: 50 });
			await ask(page, 'Count for ever.');
			await shows(page, 'some text', () => chat?.text.textContent.includes('w1'));
			await page.click('#stop');
			await settled(page);
			assert.match(await last(page).innerText(), /cancelled$/);
			await until('the upstream to be aborted', async () => (await d.upstream.requests()).some((r) => r.aborted));

			await d.upstream.script();
			await page.selectOption('#model', 'opus');
			d.ctl('routing', 'set', '--deny', 'opus', '--global');
			await ask(page, 'Not this one.');
			await shows(page, 'the error', () => document.getElementById('state').className === 'error');
			assert.match(await page.innerText('#state'), /permission_denied/);

			const hosts = new Set(seen.requests.filter((url) => !url.startsWith('data:')).map((url) => new URL(url).hostname));
			assert.deepEqual([...hosts], ['127.0.0.1']);
			assert.deepEqual(seen.errors, []);
			await page.close();
		} finally {
			await d.stop();
		}
	});

	test('a server that does not know the page, and a wrong key, are told', async () => {
		const d = await startDaemon('sim', { 'auth.required': true, 'http.cors_origins': `http://127.0.0.1:${site.address().port}` });
		const stranger = await startDaemon('sim');
		try {
			const { page } = await open(stranger.url.replace('http', 'ws'));
			await page.click('#connect');
			const state = (text) => shows(page, text, (t) => document.getElementById('state').textContent.includes(t), text);
			await state('http.cors_origins');
			await page.fill('#server', d.url.replace('http', 'ws'));
			await page.fill('#key', 'ccapi_nonsense');
			await page.click('#connect');
			await state('closed (1008)');
			assert.ok(await page.isDisabled('#send'));
			await page.close();
		} finally {
			await d.stop();
			await stranger.stop();
		}
	});
});
