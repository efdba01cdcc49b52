// SPDX-License-Identifier: 0BSD
// What the tests of this folder share: a station with its site in a process
// of its own, and a tiny runner.
import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import * as zlib from 'node:zlib'

const running = new Set()
process.on('exit', () => {
  for (const one of running) one.stop()
})

function crc (bytes) {
  if (zlib.crc32) return zlib.crc32(bytes)
  let c = ~0
  for (const byte of bytes) {
    c ^= byte
    for (let k = 0; k < 8; k++) c = c & 1 ? (c >>> 1) ^ 0xEDB88320 : c >>> 1
  }
  return ~c >>> 0
}

// A picture that a browser shows: a small gradient.
export function picture () {
  const chunk = (name, data) => {
    const body = Buffer.concat([Buffer.from(name), data])
    const out = Buffer.alloc(8)
    out.writeUInt32BE(data.length)
    out.writeUInt32BE(crc(body), 4)
    return Buffer.concat([out.subarray(0, 4), body, out.subarray(4)])
  }
  const head = Buffer.alloc(13)
  head.writeUInt32BE(64, 0)
  head.writeUInt32BE(48, 4)
  head.set([8, 2, 0, 0, 0], 8)
  const rows = Buffer.alloc(48 * (1 + 64 * 3))
  for (let y = 0; y < 48; y++) {
    for (let x = 0; x < 64; x++) {
      rows.set([x * 4, y * 5, 120], y * 193 + 1 + x * 3)
    }
  }
  return Buffer.concat([Buffer.from('89504e470d0a1a0a', 'hex'),
    chunk('IHDR', head), chunk('IDAT', zlib.deflateSync(rows)),
    chunk('IEND', Buffer.alloc(0))])
}

// A station and its site; ${large}: bytes of a file that it publishes.
// { url, files, ids, codes, faults, dir, stop }
export async function serve ({ hostile, env = {}, dir, large } = {}) {
  const own = !dir
  dir ??= mkdtempSync(join(tmpdir(), 'mahatta-web-'))
  mkdirSync(join(dir, 'files'), { recursive: true })
  writeFileSync(join(dir, 'files', 'photo.png'), picture())
  if (large) writeFileSync(join(dir, 'files', 'large.bin'), large)
  const child = spawn(process.env.LUA ?? 'lua5.4',
    ['tests/web/serve.lua', dir, ...(hostile ? [hostile] : [])],
    { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, ...env } })
  const site = { codes: [], faults: [], dir, pid: child.pid }
  site.stop = () => {
    running.delete(site)
    child.kill()
    if (own) rmSync(dir, { recursive: true, force: true })
  }
  running.add(site)
  const lines = createInterface({ input: child.stdout })
  await new Promise((resolve, reject) => {
    child.on('exit', code => reject(new Error(`the site ended: ${code}`)))
    lines.on('line', line => {
      const told = JSON.parse(line)
      if (told.code) site.codes.push(told.code)
      if (told.fault) site.faults.push(told.fault)
      if (told.url) {
        Object.assign(site, told, {
          origin: `http://127.0.0.1:${told.port}`,
          files: `http://127.0.0.1:${told.files_port}`
        })
        resolve()
      }
    })
  })
  return site
}

export const until = async (condition, what, ms = 10000) => {
  const end = Date.now() + ms
  while (!condition()) {
    if (Date.now() > end) throw new Error(`waited in vain for ${what}`)
    await new Promise(resolve => setTimeout(resolve, 20))
  }
}

let passed = 0
let failed = 0

export async function test (name, body) {
  try {
    await body()
    passed++
  } catch (error) {
    failed++
    console.log(`not ok - ${name}\n  ${error.stack}`)
  }
}

export function same (got, want, what = '') {
  if (JSON.stringify(got) !== JSON.stringify(want)) {
    throw new Error(`${what} got ${JSON.stringify(got)}, want ` +
      JSON.stringify(want))
  }
}

export function holds (condition, what) {
  if (!condition) throw new Error(what)
}

export function finish () {
  for (const one of running) one.stop()
  console.log(`${passed} passed, ${failed} failed`)
  process.exit(failed === 0 ? 0 : 1)
}
