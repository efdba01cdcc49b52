// SPDX-License-Identifier: 0BSD
// `mahatta site` and `mahatta serve --site`: what they say, where they listen,
// who may write, what they leave behind. Needs node alone.
import { execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync }
  from 'node:fs'
import { request } from 'node:http'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { finish, holds, same, test, until } from './station.mjs'

const LUA = process.env.LUA ?? 'lua5.4'
const MAIN = 'lua/mahatta/cli/main.lua'
const dir = mkdtempSync(join(tmpdir(), 'mahatta-command-'))
const store = join(dir, 's.mahatta')
execFileSync(LUA, [MAIN, 'init', store])
execFileSync(LUA, [MAIN, '-s', store, 'publish', 'a/b', '--type', 'idea',
  '--title', 'By the command'])

const free = () => new Promise(done => {
  const one = createServer().listen(0, '127.0.0.1', () => {
    const { port } = one.address()
    one.close(() => done(port))
  })
})

function start (...words) {
  const child = spawn(LUA, [MAIN, '-s', store, ...words],
    { stdio: ['ignore', 'pipe', 'pipe'] })
  const told = { out: '', child }
  child.stdout.on('data', data => { told.out += data })
  child.stderr.on('data', data => { told.out += data })
  told.end = new Promise(done => child.on('exit', code => {
    told.ended = true
    done(code)
  }))
  process.on('exit', () => child.kill())
  return told
}

const ask = (host, port, path, options = {}) => new Promise((done, fail) =>
  request({ host, port, path, headers: { host: `${host}:${port}` },
    ...options }, answer => {
    let text = ''
    answer.on('data', part => { text += part })
    answer.on('end', () => done({ status: answer.statusCode, text }))
  }).on('error', fail).end())

// A port whose next one is free, too, most likely.
let port = await free()

await test('mahatta site: the page, for us to write and others to read',
  async () => {
    writeFileSync(join(dir, 'keep'), '')
    const site = start('site', '--port', String(port), '--lan', '127.0.0.2')
    await until(() => site.out.includes('read it at'), site.out)
    holds(site.out.includes(`http://127.0.0.1:${port}/`), site.out)
    const page = await ask('127.0.0.1', port, '/en')
    holds(page.text.includes('By the command'), 'its record')
    same((await ask('127.0.0.1', port + 1, '/')).status, 404)
    const lan = await ask('127.0.0.2', port, '/en/publish')
    holds(lan.text.includes('only read'), 'read only')
    for (const method of ['POST', 'PUT', 'DELETE']) {
      same((await ask('127.0.0.2', port, '/api/1/code', { method })).status,
        405, method)
    }
    // Each listener answers to its own name alone.
    same((await ask('127.0.0.2', port, '/', { headers: {
      host: `127.0.0.1:${port}` } })).status, 421)
    const code = await ask('127.0.0.1', port, '/api/1/code', { method: 'POST',
      headers: { host: `127.0.0.1:${port}`, origin: `http://127.0.0.1:${port}`,
        'content-type': 'application/json', 'content-length': 0 } })
    holds(code.status === 400 || code.status === 202, String(code.status))
    same(statSync(store + '-spool').mode & 0o777, 0o700)
    site.child.kill('SIGINT')
    same(await site.end, 130)
  })

await test('what an earlier run left half done is removed, drafts stay',
  async () => {
    const spool = store + '-spool'
    const draft = 'draft-' + 'a'.repeat(32)
    for (const name of ['upload-x', 'carry-y.car.zst', 'z.part', draft,
      'station.slip', 'somebody-elses']) {
      writeFileSync(join(spool, name), '{}')
    }
    port = await free()
    const site = start('site', '--json', '--port', String(port))
    await until(() => site.out.includes('url'), site.out)
    same(JSON.parse(site.out).port, port)
    same(readdirSync(spool).sort(), [draft, 'somebody-elses'])
    site.child.kill('SIGINT')
    await site.end
  })

await test('a port that is taken is told, and nothing is left open',
  async () => {
    const taken = createServer().listen(0, '127.0.0.1')
    await new Promise(done => taken.on('listening', done))
    const site = start('site', '--port', String(taken.address().port))
    same(await site.end, 1)
    holds(site.out.includes("can't listen at 127.0.0.1"), site.out)
    taken.close()
    const usage = start('site', '--port', 'x')
    same(await usage.end, 2)
  })

await test('mahatta serve --site: both in one loop', async () => {
  try {
    execFileSync(LUA, ['-e', 'require "luv"'], { stdio: 'ignore' })
  } catch { return } // that command needs luv, and says so
  port = await free()
  const serve = start('serve', '--listen', '127.0.0.1:0', '--site', '--port',
    String(port))
  await until(() => serve.out.includes(`127.0.0.1:${port}/`) || serve.ended,
    serve.out)
  const page = await ask('127.0.0.1', port, '/en')
  holds(page.text.includes('By the command'), 'its record')
  const carry = await ask('127.0.0.1', port, '/take/carry.car.zst')
  same(carry.status, 200)
  serve.child.kill('SIGINT')
  same(await serve.end, 0)
})

rmSync(dir, { recursive: true, force: true })
holds(!existsSync(dir), dir)
finish()
