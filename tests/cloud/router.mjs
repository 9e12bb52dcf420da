// Runs CloudFront's function on requests: [method, path with query] in, where each goes out, both as JSON.
// usage: router.mjs FUNCTION.js <requests
// The module `cloudfront` is there in CloudFront alone; what stands for it here writes down what is asked of it.
import { readFileSync } from 'node:fs';

let picked;
const cf = {
    selectRequestOriginById: (id) => { picked = id; },
    createRequestOriginGroup: ({ originIds, failoverCriteria }) => {
        if (originIds.length !== 2 || failoverCriteria.statusCodes.length === 0) throw new Error('no group');
        picked = originIds.map(({ originId }) => originId).join(',');
    },
};

const [first, ...rest] = readFileSync(process.argv[2], 'utf8').split('\n');
if (first !== "import cf from 'cloudfront';") throw new Error(`unexpected: ${first}`);
const handler = new Function('cf', `${rest.join('\n')}\nreturn handler;`)(cf);

const answers = JSON.parse(readFileSync(0, 'utf8')).map(([method, target]) => {
    picked = 'api';
    const [uri, query] = target.split('?');
    const pairs = query === undefined ? [] : query.split('&').map((pair) => pair.split('='));
    const querystring = Object.fromEntries(pairs.map(([name, value = '']) => [name, { value }]));
    const request = { method, uri, querystring, headers: { host: { value: 'files.example.org' } }, cookies: {} };
    const passed = handler({ version: '1.0', context: {}, viewer: {}, request });
    if (passed.uri !== uri || passed.method !== method) throw new Error('it changes what is asked for');
    if (passed.headers['x-forwarded-host'].value !== 'files.example.org') throw new Error('the name is lost');
    return picked;
});
process.stdout.write(JSON.stringify(answers));
