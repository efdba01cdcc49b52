// SPDX-License-Identifier: 0BSD
// The same site inside a real lighttpd (mod_magnet), beside a station that its
// own server goes on writing to. Needs node and Debian's lighttpd.
import { execFileSync, spawn } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, writeFileSync }
  from 'node:fs'
import { createServer } from 'node:net'
import { join, resolve } from 'node:path'
import { finish, holds, same, serve, test } from './station.mjs'

try {
  execFileSync('/usr/sbin/lighttpd', ['-v'])
} catch {
  console.log('Skipped: there is no lighttpd here.')
  console.log('0 passed, 0 failed, 1 skipped')
  process.exit(0)
}

const free = () => new Promise(done => {
  const one = createServer().listen(0, '127.0.0.1', () => {
    const { port } = one.address()
    one.close(() => done(port))
  })
})

const big = randomBytes(5 * 1024 * 1024 + 3)
const site = await serve({ large: big })
const [port, files] = [await free(), await free()]
const spool = join(site.dir, 'lighttpd-spool')
mkdirSync(spool)
writeFileSync(join(site.dir, 'm.lua'), `
return require "mahatta.site.magnet".answer(lighty, {
  station = "${site.store}", spool = "${spool}",
  hosts = { "127.0.0.1:${port}" }, files_hosts = { "127.0.0.1:${files}" },
  files_port = ${files},
  log = function (line) io.stderr:write(line, "\\n") end })
`)
writeFileSync(join(site.dir, 'l.conf'), `
server.modules = ( "mod_magnet" )
server.bind = "127.0.0.1"
server.port = ${port}
server.document-root = "${site.dir}"
server.errorlog = "${site.dir}/lighttpd.log"
magnet.attract-raw-url-to = ( "${site.dir}/m.lua" )
$SERVER["socket"] == "127.0.0.1:${files}" { }
`)
const absolute = paths => (paths ?? '').replaceAll('./', resolve('.') + '/')
const lighttpd = spawn('/usr/sbin/lighttpd',
  ['-D', '-f', join(site.dir, 'l.conf')], { stdio: 'inherit', env: {
    ...process.env, LUA_PATH: absolute(process.env.LUA_PATH),
    LUA_CPATH: absolute(process.env.LUA_CPATH) } })
process.on('exit', () => lighttpd.kill())

const origin = `http://127.0.0.1:${port}`
for (let tries = 0; ; tries++) {
  try {
    await fetch(origin)
    break
  } catch (error) {
    if (tries > 100) throw error
    await new Promise(done => setTimeout(done, 50))
  }
}

// Without what differs by nature: ports, minutes, links to write.
const plain = text => text.replaceAll(String(site.files_port), 'F')
  .replaceAll(String(files), 'F').replaceAll(String(site.port), 'P')
  .replaceAll(String(port), 'P').replace(/<time.*?<\/time>/g, '')
  .replace(/<p><a href="[^"]*edit=.*?<\/p>/g, '')

await test('pages are those of our own server', async () => {
  for (const path of ['/en', '/ar/search?q=%D9%86%D9%8A%D9%88%D8%AA%D9%86',
    `/ckb/r/${site.ids.newton}`, '/en/c/many/things', '/robots.txt',
    `/en/r/${site.ids.cities}/table/1`, '/en/nothing', '/api/1/collections',
    '/feed.atom', '/site.css', `/r/${site.ids.cities}/datapackage.json`]) {
    const [ours, theirs] = await Promise.all([fetch(site.origin + path),
      fetch(origin + path)])
    same(theirs.status, ours.status, path)
    same(plain(await theirs.text()), plain(await ours.text()), path)
    for (const name of ['content-type', 'content-security-policy',
      'cross-origin-resource-policy', 'x-content-type-options']) {
      same(theirs.headers.get(name), ours.headers.get(name), `${path} ${name}`)
    }
  }
})

await test('files, ranges and archives come whole', async () => {
  const path = `http://127.0.0.1:${files}/f/${site.ids.newton}/1/newton.txt`
  const part = await fetch(path, { headers: { range: 'bytes=4-8' } })
  same([part.status, await part.text()], [206, 'm * a'])
  same(await (await fetch(path)).text(), 'F = m * a\n')
  const car = await fetch(`${origin}/ipfs/${site.ids.newton}?format=car`)
  const own = await fetch(`${site.origin}/ipfs/${site.ids.newton}?format=car`)
  const hash = async answer => createHash('sha256').update(Buffer.from(
    await answer.arrayBuffer())).digest('hex')
  same(await hash(car), await hash(own))
  const large = await fetch(`http://127.0.0.1:${files}/f/${site.ids.large}` +
    '/1/large.bin')
  same(await hash(large), createHash('sha256').update(big).digest('hex'))
  const carry = await fetch(`${origin}/take/carry.car.zst`)
  holds((await carry.arrayBuffer()).byteLength > 10000, 'a carry file')
  same(readdirSync(spool), [])
})

await test('only its own names, only reading', async () => {
  const { request } = await import('node:http')
  const status = options => new Promise((done, fail) => request({
    host: '127.0.0.1', port, ...options }, answer => {
    answer.resume()
    done(answer.statusCode)
  }).on('error', fail).end())
  same(await status({ path: '/', headers: { host: 'evil.test' } }), 421)
  same(await status({ path: '/api/1/code', method: 'POST' }), 405)
  same(await status({ path: '/', method: 'HEAD' }), 200)
})

await test('what is written elsewhere is read here', async () => {
  const told = await (await fetch(`${origin}/api/1/station`)).json()
  const before = told.figures.documents
  execFileSync(process.env.LUA ?? 'lua5.4', ['-e', `
    local mahatta = require "mahatta"
    local s = assert(mahatta.open("${site.dir}/o.mahatta"))
    assert(s:publish("late/one", { type = "idea", title = "late arrival" }))
    assert(assert(s:pack("${site.dir}/o.car")):run())`])
  // The writing server takes it in: a paired page brings it.
  const post = async (path, body, token) => (await fetch(
    `${site.origin}/api/1/${path}`, { method: 'POST', body:
    JSON.stringify(body), headers: { origin: site.origin, 'content-type':
    'application/json', ...(token ? { 'x-station-token': token } : {}) } }))
    .json()
  await post('code', {})
  await new Promise(done => setTimeout(done, 200))
  const { token } = await post('pair', { code: site.codes.at(-1) })
  const { upload } = await post('upload', { name: 'o.car' }, token)
  await fetch(`${site.origin}/api/1/upload/${upload}?at=0`, { method: 'PUT',
    body: readFileSync(`${site.dir}/o.car`), headers: { origin: site.origin,
      'content-type': 'application/octet-stream', 'x-station-token': token } })
  const { job } = await post('unpack', { upload }, token)
  for (let step = { more: true }; step.more;) {
    step = await post(`job/${job}`, {}, token)
  }
  const after = await (await fetch(`${origin}/api/1/station`)).json()
  same(after.figures.documents, before + 1)
  holds((await (await fetch(`${origin}/en/search?q=late+arrival`)).text())
    .includes('late arrival'), 'found')
})

lighttpd.kill()
finish()
