// A vendor's portal on openid-client: signs a person in at HelseID with PAR, PKCE, private_key_jwt and DPoP, and exchanges
// the access token for a join token at the bridge.
//
// Usage: node portal.mjs '{"issuer": …, "client_id": …, "jwk": …, "redirect_uri": …, "resource": …, "scope": …,
//   "person": …, "level": …, "exchange": URL or null, "form": {"room": …, "role": …}}'
// Prints {"access_token": …, "key": private JWK of its proofs, "status": …, "answer": …}.

import * as client from 'openid-client'

const setup = JSON.parse(process.argv[2])
const key = await crypto.subtle.importKey('jwk', setup.jwk, { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' }, false, ['sign'])
const config = await client.discovery(
  new URL(setup.issuer),
  setup.client_id,
  { use_mtls_endpoint_aliases: false },
  client.PrivateKeyJwt({ key, kid: setup.jwk.kid }),
  { execute: [client.allowInsecureRequests] },
)
const pair = await client.randomDPoPKeyPair('ES256', { extractable: true })
const DPoP = client.getDPoPHandle(config, pair)
const verifier = client.randomPKCECodeVerifier()
const state = client.randomState()
const start = await client.buildAuthorizationUrlWithPAR(
  config,
  {
    redirect_uri: setup.redirect_uri,
    scope: setup.scope,
    resource: setup.resource,
    state,
    code_challenge: await client.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
  },
  { DPoP },
)

const jar = new Map()
async function visit(url, form) {
  const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ')
  const body = form && new URLSearchParams(form)
  const response = await fetch(url, { redirect: 'manual', headers: { cookie }, method: form ? 'POST' : 'GET', body })
  for (const each of response.headers.getSetCookie()) {
    const [, name, value] = /^([^=]+)=([^;]*)/.exec(each)
    jar.set(name, value)
  }
  return response
}

let url = start
while (!url.href.startsWith(setup.redirect_uri)) {
  let response = await visit(url)
  if (response.status === 200) response = await visit(url, { person: setup.person, level: setup.level })
  url = new URL(response.headers.get('location'), url)
}
const tokens = await client.authorizationCodeGrant(
  config,
  url,
  { pkceCodeVerifier: verifier, expectedState: state },
  { resource: setup.resource },
  { DPoP },
)
const result = {
  access_token: tokens.access_token,
  key: await crypto.subtle.exportKey('jwk', pair.privateKey),
}

if (setup.exchange) {
  const form = new URLSearchParams({
    grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
    subject_token: tokens.access_token,
    subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
    ...setup.form,
  })
  const headers = new Headers({ 'content-type': 'application/x-www-form-urlencoded' })
  const ask = () =>
    client.fetchProtectedResource(config, tokens.access_token, new URL(setup.exchange), 'POST', form, headers, { DPoP })
  let response
  try {
    response = await ask()
  } catch (error) {
    // RFC 9449, section 9: the library keeps the nonce that the refusal brought, and uses it the next time.
    if (error.cause?.[0]?.parameters?.error !== 'use_dpop_nonce') throw error
    response = await ask()
  }
  result.status = response.status
  result.answer = await response.json()
}
console.log(JSON.stringify(result))
