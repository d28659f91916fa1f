// /docs as a browser meets it: nothing from elsewhere, nothing that its policy forbids, and "Try it out" asks this server.
// CCAPI_SCREENSHOT=FILE.png keeps what it looks like.

import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { chromium } from 'playwright-core';

import { startDaemon } from './daemon.mjs';

describe('/docs in a browser', { timeout: 300_000 }, () => {
	let d, key, browser, page, complaints, asked;

	before(async () => {
		d = await startDaemon('sim', { 'auth.required': true });
		d.ctl('projects', 'create', 'demo');
		({ key } = d.ctl('keys', 'create', '--project', 'demo'));
		browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] });
	});
	after(async () => {
		await browser?.close();
		await d?.stop();
	});
	beforeEach(async () => {
		complaints = [];
		asked = [];
		page = await browser.newPage({ viewport: { width: 1200, height: 1400 } });
		page.setDefaultTimeout(60_000);
		page.on('console', (m) => ['error', 'warning'].includes(m.type()) && complaints.push(m.text()));
		page.on('pageerror', (e) => complaints.push(e.message));
		page.on('request', (r) => asked.push(r.url()));
		await page.goto(`${d.url}/docs`);
		await page.locator('.opblock').first().waitFor();
	});

	const foreign = () => asked.filter((url) => !url.startsWith(`${d.url}/`) && !url.startsWith('data:'));
	const operation = (id) => page.locator(`[id$="${id}"].opblock`);

	test('shows every operation, without a complaint and without another host', async () => {
		const document = await (await fetch(`${d.url}/openapi.json`)).json();
		const ids = Object.values(document.paths).flatMap((methods) => Object.values(methods).map((o) => o.operationId));
		assert.equal(await page.locator('.opblock').count(), ids.length);
		for (const id of ids) { // one at a time: with their schemas and examples they are large
			await operation(id).locator('.opblock-summary-control').click();
			await operation(id).locator('.responses-wrapper').waitFor();
			await operation(id).locator('.opblock-summary-control').click();
			await operation(id).locator('.responses-wrapper').waitFor({ state: 'detached' });
		}
		await page.locator('.models-control').click();
		await page.locator('.models article').first().waitFor();
		assert.equal(await page.locator('.errors-wrapper').count(), 0);
		assert.deepEqual(complaints, []);
		assert.deepEqual(foreign(), []);
		await page.close();
	});

	test('"Try it out" sends the example with the key, and shows the answer', async () => {
		await page.locator('.auth-wrapper .authorize').click();
		await page.locator('.auth-container input').first().fill(key);
		await page.locator('.auth-container button[type=submit]').first().click();
		await page.locator('.btn-done').first().click();
		const post = operation('createChatCompletion');
		await post.locator('.opblock-summary-control').click();
		await post.locator('.try-out__btn').click();
		await post.locator('.execute').click();
		const status = post.locator('.live-responses-table .response-col_status').nth(1);
		await status.waitFor();
		assert.match(await status.textContent(), /^200/);
		assert.match(await post.locator('.live-responses-table .response-col_description').nth(1).textContent(), /"content": "echo: Say hello\."/);
		if (process.env.CCAPI_SCREENSHOT) await page.screenshot({ path: process.env.CCAPI_SCREENSHOT, fullPage: true });
		assert.deepEqual(complaints, []);
		assert.deepEqual(foreign(), []);
		await page.close();
	});

	test('without a key it shows what is missing', async () => {
		const get = operation('listModels');
		await get.locator('.opblock-summary-control').click();
		await get.locator('.try-out__btn').click();
		await get.locator('.execute').click();
		const status = get.locator('.live-responses-table .response-col_status').nth(1);
		await status.waitFor();
		assert.match(await status.textContent(), /^401/);
		assert.deepEqual(foreign(), []);
		await page.close();
	});

	test('what it loads is kept for good, and the page is asked for again', async () => {
		const files = asked.filter((url) => url.includes('/docs/'));
		assert.equal(files.length, 5);
		for (const url of files) {
			const r = await fetch(url);
			assert.equal(r.headers.get('cache-control'), 'public, max-age=31536000, immutable');
			const known = await fetch(url, { headers: { 'If-None-Match': r.headers.get('etag') } });
			assert.equal(known.status, 304);
		}
		const r = await fetch(`${d.url}/docs`);
		assert.equal(r.headers.get('cache-control'), 'no-cache');
		assert.ok(!/unsafe|https?:/.test(r.headers.get('content-security-policy')));
		await page.close();
	});
});

test('without the package the page says how to get it', { timeout: 120_000 }, async () => {
	const d = await startDaemon('sim', { 'docs.ui_dir': '/nonexistent' });
	const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] });
	const page = await browser.newPage(), complaints = [];
	page.on('console', (m) => complaints.push(m.text()));
	await page.goto(`${d.url}/docs`);
	assert.match(await page.locator('body').textContent(), /make deps/);
	await page.getByRole('link', { name: 'openapi.json' }).click();
	await page.waitForURL(`${d.url}/openapi.json`);
	assert.deepEqual(complaints, []);
	await browser.close();
	await d.stop();
});
