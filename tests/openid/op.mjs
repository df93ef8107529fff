// oidc-provider as one of the Norwegian identity providers, on loopback, for as long as its standard input is open.
//
// Usage: node op.mjs '{"kind": "id-porten" | "helseid", "port": …, "clients": [client metadata …]}'
// Whoever signs in chooses a person and a level on the login page: POST person=kari&level=idporten-loa-high.

import { createHash, generateKeyPairSync } from 'node:crypto'
import Provider from 'oidc-provider'

const setup = JSON.parse(process.argv[2])
const helseid = setup.kind === 'helseid'
const issuer = `http://127.0.0.1:${setup.port}`

const people = {
  kari: { pid: '17812099901', name: 'Kari Nordmann', groups: ['staff', 'bridge-drift'] },
  ola: { pid: '02862099902', name: 'Ola Nordmann' },
  line: { pid: '11905299903', name: 'Line Danser', hpr: '431001110', groups: ['bridge-look'] },
}
// A person's level is that of the last sign-in, as the session of the provider would say.
const levels = new Map()

const identity = 'helseid://claims/identity'
const scopesOfHelseid = {
  'helseid://scopes/identity/pid': [`${identity}/pid`],
  'helseid://scopes/identity/security_level': [`${identity}/security_level`],
  'helseid://scopes/identity/assurance_level': [`${identity}/assurance_level`],
  'helseid://scopes/hpr/hpr_number': ['helseid://claims/hpr/hpr_number'],
}

function claimsOf(person) {
  const known = people[person]
  if (!helseid) return { pid: known.pid, locale: 'nb', ...(known.groups && { groups: known.groups }) }
  const level = levels.get(person) ?? '4'
  return {
    name: known.name,
    [`${identity}/pid`]: known.pid,
    [`${identity}/security_level`]: level,
    [`${identity}/assurance_level`]: level === '4' ? 'high' : 'substantial',
    ...(known.hpr && { 'helseid://claims/hpr/hpr_number': known.hpr }),
  }
}

const signingKey = (alg) => {
  const pair =
    alg === 'RS256' ? generateKeyPairSync('rsa', { modulusLength: 2048 }) : generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return { ...pair.privateKey.export({ format: 'jwk' }), alg, use: 'sig', kid: `${setup.kind}-${alg}` }
}

const provider = new Provider(issuer, {
  clients: setup.clients,
  jwks: { keys: [signingKey('RS256'), signingKey('ES256')] },
  cookies: { keys: ['for tests only'] },
  acrValues: ['idporten-loa-low', 'idporten-loa-substantial', 'idporten-loa-high'],
  scopes: ['openid', 'profile', ...(helseid ? Object.keys(scopesOfHelseid) : [])],
  claims: helseid
    ? { openid: ['sub', 'sid'], profile: ['name'], ...scopesOfHelseid }
    : { openid: ['sub', 'acr', 'amr', 'sid', 'pid', 'locale', 'groups'], profile: [] },
  // Both providers put what is asked for by scope into the ID token.
  conformIdTokenClaims: false,
  clientAuthMethods: helseid ? ['private_key_jwt'] : ['private_key_jwt', 'client_secret_basic'],
  enabledJWA: { clientAuthSigningAlgValues: ['RS256', 'PS256', 'ES256'] },
  pkce: { required: () => true },
  features: {
    devInteractions: { enabled: false },
    rpInitiatedLogout: { enabled: true, logoutSource, postLogoutSuccessSource },
    // Only so that ID tokens hold a `sid`, as both providers' do: this one knows no front-channel logout any more.
    backchannelLogout: { enabled: true },
    pushedAuthorizationRequests: { enabled: true, requirePushedAuthorizationRequests: helseid },
    dPoP: {
      enabled: helseid,
      nonceSecret: createHash('sha256').update('for tests only').digest(),
      requireNonce: () => helseid,
    },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => undefined,
      useGrantedResource: () => true,
      getResourceServerInfo: (_ctx, resource) => ({
        scope: 'bridge:join bridge:none',
        audience: resource.replace('urn:audience:', ''),
        accessTokenTTL: 300,
        accessTokenFormat: 'jwt',
        jwt: { sign: { alg: 'RS256' } },
      }),
    },
  },
  extraTokenClaims: (_ctx, token) => (token.accountId ? claimsOf(token.accountId) : undefined),
  interactions: { url: (_ctx, interaction) => `/login/${interaction.uid}` },
  findAccount: (_ctx, id) => ({ accountId: id, claims: () => ({ sub: `${setup.kind}|${id}`, ...claimsOf(id) }) }),
  // Neither provider asks for consent.
  async loadExistingGrant(ctx) {
    const grant = new ctx.oidc.provider.Grant({
      clientId: ctx.oidc.client.clientId,
      accountId: ctx.oidc.session.accountId,
    })
    grant.addOIDCScope([...ctx.oidc.requestParamScopes].join(' '))
    for (const resource of [].concat(ctx.oidc.params.resource ?? [])) {
      grant.addResourceScope(resource, 'bridge:join bridge:none')
    }
    await grant.save()
    return grant
  },
  ttl: { AccessToken: 300, AuthorizationCode: 60, IdToken: 120, Interaction: 600, Session: 1800, Grant: 1800 },
})

function page(body) {
  return `<!doctype html><html lang="nb"><meta charset="utf-8"><title>${setup.kind} (test)</title>${body}`
}

function logoutSource(ctx, form) {
  ctx.body = page(`${form}<button form="op.logoutForm" name="logout" value="yes">Logg ut</button>`)
}

function postLogoutSuccessSource(ctx) {
  ctx.body = page('<p>Du er logget ut.')
}

provider.use(async (ctx, next) => {
  const match = /^\/login\/([\w-]+)$/.exec(ctx.path)
  if (!match) return next()
  const details = await provider.interactionDetails(ctx.req, ctx.res)
  if (ctx.method === 'GET') {
    const choices = Object.keys(people).map((person) => `<option>${person}</option>`)
    const offered = helseid ? ['3', '4'] : ['idporten-loa-substantial', 'idporten-loa-high', 'idporten-loa-low']
    ctx.body = page(`<h1>${setup.kind} (test)</h1><form method="post">
      <p><label>Person <select name="person">${choices.join('')}</select></label>
      <p><label>Nivå <select name="level">${offered.map((level) => `<option>${level}</option>`).join('')}</select></label>
      <p><button>Logg inn</button></form>`)
    return
  }
  let text = ''
  for await (const chunk of ctx.req) text += chunk
  const form = new URLSearchParams(text)
  const person = form.get('person')
  levels.set(person, form.get('level'))
  const login = helseid ? { accountId: person } : { accountId: person, acr: form.get('level'), amr: ['test'] }
  const result = form.has('cancel')
    ? { error: 'access_denied', error_description: 'the person went away' }
    : { login }
  ctx.respond = false
  await provider.interactionFinished(ctx.req, ctx.res, result, { mergeWithLastSubmission: false })
  return details
})

provider.on('server_error', (_ctx, error) => console.error(error))
const server = provider.listen(setup.port, '127.0.0.1', () => console.log('ready'))
process.stdin.resume().on('end', () => server.close(() => process.exit(0)))
