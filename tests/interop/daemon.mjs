// Starts ccapid over claude-sim or the real CLI, with the stub of the Messages API upstream, for tests with real SDKs.
// Environment: CCAPI_BIN_DIR (default <repo>/build/bin), CCAPI_REAL_CLI (default: the one in tests/node_modules).

import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const tests = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const bin = process.env.CCAPI_BIN_DIR ?? path.join(tests, '..', 'build', 'bin');
const DEADLINE_MS = 60_000;

export const clis = {
	sim: path.join(bin, 'claude-sim'),
	real: process.env.CCAPI_REAL_CLI ?? path.join(tests, 'node_modules/@anthropic-ai/claude-code-linux-x64/claude'),
};

export async function until(what, condition) {
	const end = Date.now() + DEADLINE_MS;
	for (;;) {
		const value = await condition();
		if (value) return value;
		if (Date.now() > end) throw new Error(`timed out waiting for ${typeof what === 'function' ? what() : what}`);
		await new Promise((resolve) => setTimeout(resolve, 10));
	}
}

function launch(command, args, env, stream) {
	const child = spawn(command, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
	let log = '';
	for (const name of ['stdout', 'stderr'])
		child[name].on('data', (data) => {
			if (name === stream) log += data;
		});
	const exit = once(child, 'exit');
	return {
		child,
		log: () => log,
		line: (pattern) =>
			until(() => `${pattern} in:\n${log}`, () => {
				const found = log.match(pattern);
				if (!found && child.exitCode !== null) throw new Error(`${command} ended with ${child.exitCode}:\n${log}`);
				return found;
			}),
		stop: async () => {
			if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM');
			return (await exit)[0];
		},
	};
}

// The stub of the Messages API: what was asked, and how to answer.
async function startUpstream() {
	const stub = path.join(tests, 'lib', 'upstream_stub.mjs');
	const p = launch(process.execPath, [stub, '--port', '0'], { PATH: process.env.PATH }, 'stdout');
	const url = `http://127.0.0.1:${(await p.line(/listening on 127\.0\.0\.1:(\d+)/))[1]}`;
	const call = async (method, where, body) => {
		const r = await fetch(url + where, { method, body: body && JSON.stringify(body) });
		const text = await r.text();
		return text ? JSON.parse(text) : null;
	};
	return {
		url,
		stop: p.stop,
		script: (...rules) => call('PUT', '/_stub/script', { rules }),
		reset: () => call('DELETE', '/_stub/requests'),
		count: async () => (await call('GET', '/_stub/count')).messages,
		requests: async () => {
			const got = await call('GET', '/_stub/requests');
			return (got.requests ?? got).filter((r) => r.url.startsWith('/v1/messages'));
		},
	};
}

// The daemon with its upstream, ready to serve.
export async function startDaemon(cli, options = {}) {
	const root = fs.mkdtempSync(path.join(os.tmpdir(), 'ccapi-interop-'));
	const upstream = await startUpstream();
	const settings = {
		listen: '127.0.0.1:0', state_dir: path.join(root, 'state'), 'claude.path': fs.realpathSync(clis[cli]),
		'pool.workers': 2, 'pool.spares': 0, 'log.level': 'debug', 'claude.env.ANTHROPIC_BASE_URL': upstream.url,
		'claude.env.ANTHROPIC_API_KEY': 'test-key', 'auth.required': false, 'cache.enabled': false,
		'control.socket': path.join(root, 'control.sock'), ...options,
	};
	const args = Object.entries(settings).flatMap(([key, value]) => ['-o', `${key}=${value}`]);
	const p = launch(path.join(bin, 'ccapid'), args, { HOME: root, PATH: '/usr/bin:/bin' }, 'stderr');
	const url = `http://127.0.0.1:${(await p.line(/listening on \S+:(\d+)/))[1]}`;
	await until(() => `ready; log:\n${p.log()}`, async () => (await fetch(`${url}/ready`)).status === 200);
	const ctl = (...args) =>
		JSON.parse(execFileSync(path.join(bin, 'ccapictl'), ['--socket', settings['control.socket'], '--json', ...args]));
	return {
		url,
		ctl,
		upstream,
		log: p.log,
		line: p.line,
		stop: async () => {
			const status = await p.stop();
			await upstream.stop();
			fs.rmSync(root, { recursive: true, force: true });
			if (status !== 0) throw new Error(`ccapid ended with ${status}:\n${p.log()}`);
		},
	};
}
