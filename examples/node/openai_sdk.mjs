// The official OpenAI SDK with another base URL and nothing else: an answer, a stream, JSON by a schema, an error.
//
//     cd examples/node && npm install
//     node openai_sdk.mjs
//
// CCAPI_BASE_URL is the server (default http://127.0.0.1:8080), CCAPI_API_KEY the key, where it asks for one.
// Debian's node 18 serves, although npm warns that the SDK wants 22.

import OpenAI from 'openai';

const server = (process.env.CCAPI_BASE_URL ?? 'http://127.0.0.1:8080').replace(/\/+$/, '');
const client = new OpenAI({
	baseURL: server.endsWith('/v1') ? server : `${server}/v1`,
	apiKey: process.env.CCAPI_API_KEY || 'none', // the SDK insists on some key
});

async function answer() {
	const { data, response } = await client.chat.completions.create({
		model: 'auto', messages: [{ role: 'user', content: 'Say hello.' }],
	}).withResponse();
	console.log('answer:', data.choices[0].message.content);
	console.log('model: ', data.model, 'because:', response.headers.get('x-ccapi-route'));
	console.log('cost:  ', `$${data.usage.cost_usd}`);
}

async function stream() {
	process.stdout.write('stream: ');
	const chunks = await client.chat.completions.create({
		model: 'haiku', stream: true, stream_options: { include_usage: true },
		messages: [{ role: 'system', content: 'Be brief.' }, { role: 'user', content: 'Count to five.' }],
	});
	for await (const chunk of chunks) {
		process.stdout.write(chunk.choices[0]?.delta?.content ?? '');
		if (chunk.usage) console.log(`\ntokens: ${chunk.usage.total_tokens}`);
	}
}

async function structured() {
	const completion = await client.chat.completions.create({
		model: 'haiku', messages: [{ role: 'user', content: 'Who was Ada Lovelace?' }],
		response_format: {
			type: 'json_schema',
			json_schema: {
				name: 'person',
				schema: {
					type: 'object', required: ['name', 'field'],
					properties: { name: { type: 'string' }, field: { type: 'string' } },
				},
			},
		},
	});
	console.log('schema:', Object.keys(JSON.parse(completion.choices[0].message.content)).join(', '));
}

async function error() {
	try {
		await client.chat.completions.create({ model: 'gpt-4', messages: [{ role: 'user', content: 'Hi' }] });
	} catch (failure) {
		if (!(failure instanceof OpenAI.NotFoundError)) throw failure;
		console.log('error: ', failure.status, failure.code);
		return;
	}
	throw new Error('gpt-4 should not be on offer');
}

await answer();
await stream();
await structured();
await error();
