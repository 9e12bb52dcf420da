import cf from 'cloudfront';

// Who answers a request. What is not named here goes where the distribution sends it: to the HTTP API.
// template.yaml and infra/terraform deploy this text; tests/cloud/ runs it against every endpoint.
function handler(event) {
    const request = event.request;
    const path = request.uri;
    const gets = request.method === 'GET';
    const reads = gets || request.method === 'HEAD';
    const asIs = Object.keys(request.querystring).length === 0;
    // The doors behind are called by names of their own; absolute links need the one the client used.
    request.headers['x-forwarded-host'] = { value: request.headers.host.value };

    if (reads && /^\/images\/[A-Za-z0-9_-]{22}\.(jpg|png|gif)$/.test(path) && asIs) {
        stored('image-download');
    } else if (reads && /^\/images\/[^/]+$/.test(path)) {
        cf.selectRequestOriginById('image-download');
    } else if (reads && /^\/audio\/[A-Za-z0-9_-]+\.mp3$/.test(path) && asIs) {
        stored('speech-download');
    } else if (reads && /^\/audio\/[^/]+$/.test(path)) {
        cf.selectRequestOriginById('speech-download');
    } else if (reads && /^\/archive\/[^/]+\/?$/.test(path)) {
        cf.selectRequestOriginById('archive-download');
    } else if (gets && /^\/files\/[^/]+$/.test(path)) {
        cf.selectRequestOriginById('tus-download');
    } else if (gets && /^\/resumable\/[^/]+$/.test(path)) {
        cf.selectRequestOriginById('draft-download');
    } else if (request.method === 'POST' && path === '/api/archive/import') {
        cf.selectRequestOriginById('archive-import');
    } else if (request.method === 'POST' && path === '/v1/audio/speech') {
        cf.selectRequestOriginById('speech-speak');
    }
    return request;
}

// From the bucket; what the bucket does not answer with the object, the function does in its own words.
function stored(otherwise) {
    cf.createRequestOriginGroup({
        originIds: [{ originId: 'store' }, { originId: otherwise }],
        failoverCriteria: { statusCodes: [400, 403, 404, 416, 500, 502, 503, 504] },
    });
}
