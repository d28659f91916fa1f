// page.mjs FILE: runs a program of a page in a web page of the daemon, in Chromium; the constant `key` is $CCAPI_KEY.  Fails
// when the program complains, or when no text of an answer has come.

import fs from 'node:fs';
import { chromium } from 'playwright-core';

const browser = await chromium.launch({
	executablePath: '/usr/bin/chromium',
	args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
		'--disable-component-update', '--disable-sync', '--disable-dev-shm-usage'],
});
try {
	const page = await browser.newPage(), complaints = [];
	page.on('console', (m) => m.type() === 'error' && complaints.push(m.text()));
	page.on('pageerror', (e) => complaints.push(String(e)));
	await page.route('**/favicon.ico', (route) => route.fulfill({ status: 204 }));
	await page.goto('http://127.0.0.1:8080/health');
	await page.evaluate((key) => { globalThis.key = key; }, process.env.CCAPI_KEY);
	await page.addScriptTag({ content: fs.readFileSync(process.argv[2], 'utf8') });
	await page.waitForFunction(() => document.body.innerText.includes('You said: '), null, { timeout: 30_000 });
	console.log(await page.innerText('body'));
	if (complaints.length) throw new Error(complaints.join('\n'));
} finally {
	await browser.close();
}
