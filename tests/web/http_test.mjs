// SPDX-License-Identifier: 0BSD
// The site over real sockets: what servers are attacked with, limits, ranges.
// Needs node alone.
import { createHash, randomBytes } from 'node:crypto'
import { request } from 'node:http'
import { connect } from 'node:net'
import { finish, holds, same, serve, test, until } from './station.mjs'

const site = await serve()
const host = `127.0.0.1:${site.port}`

// Bytes over a socket of their own; all that comes until it ends, or `ms`.
function raw (bytes, ms = 1500, port = site.port) {
  return new Promise(resolve => {
    const socket = connect(port, '127.0.0.1')
    let answer = ''
    const end = () => {
      socket.destroy()
      resolve(answer)
    }
    const timer = setTimeout(end, ms)
    socket.setEncoding('latin1')
    socket.on('data', data => { answer += data })
    socket.on('error', () => {})
    socket.on('close', () => {
      clearTimeout(timer)
      resolve(answer)
    })
    socket.write(bytes, 'latin1')
  })
}

const status = answer => Number(/^HTTP\/1\.1 (\d+)/.exec(answer)?.[1] ?? 0)
const get = (path, headers = '') => `GET ${path} HTTP/1.1\r\n` +
  `Host: ${host}\r\n${headers}Connection: close\r\n\r\n`

function ask (path, { method = 'GET', headers = {}, body, port } = {}) {
  return new Promise((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port: port ?? site.port, path,
      method, headers: { host: `127.0.0.1:${port ?? site.port}`, ...headers }
    }, answer => {
      const parts = []
      answer.on('data', part => parts.push(part))
      answer.on('end', () => resolve({ status: answer.statusCode,
        headers: answer.headers, body: Buffer.concat(parts) }))
      answer.on('error', reject)
    })
    sent.on('error', reject)
    sent.end(body)
  })
}

await test('malformed requests', async () => {
  const bad = {
    'two hosts': `GET / HTTP/1.1\r\nHost: ${host}\r\nHost: ${host}\r\n\r\n`,
    'no host': 'GET / HTTP/1.1\r\n\r\n',
    'absolute form': `GET http://${host}/ HTTP/1.1\r\nHost: ${host}\r\n\r\n`,
    chunked: `POST /api/1/pair HTTP/1.1\r\nHost: ${host}\r\n` +
      'Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    'two lengths': `POST /api/1/pair HTTP/1.1\r\nHost: ${host}\r\n` +
      'Content-Length: 1\r\nContent-Length: 2\r\n\r\nxx',
    'both framings': `POST /api/1/pair HTTP/1.1\r\nHost: ${host}\r\n` +
      'Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    'a long header': get('/', `X: ${'x'.repeat(8300)}\r\n`),
    'a longer one': get('/', `X: ${'x'.repeat(200000)}\r\n`),
    'many headers': get('/', 'X: y\r\n'.repeat(5000)),
    'a body with GET': `GET / HTTP/1.1\r\nHost: ${host}\r\n` +
      'Content-Length: 5\r\n\r\nhello',
    'no version': `GET /\r\nHost: ${host}\r\n\r\n`,
    garbage: '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n',
    'a bare return in a name': `GET / HTTP/1.1\r\nHost: ${host}\r\nA\rB: c` +
      '\r\n\r\n',
    'a space before the colon': `GET / HTTP/1.1\r\nHost : ${host}\r\n\r\n`,
    traversal: get('/../../etc/passwd'),
    'a zero byte': get('/%00')
  }
  for (const [name, bytes] of Object.entries(bad)) {
    const answer = await raw(bytes)
    holds(status(answer) === 0 || status(answer) >= 400,
      `${name}: ${answer.slice(0, 60)}`)
    holds(!answer.includes('<main'), `${name} was served`)
  }
})

await test('line ends and header names cannot smuggle a second request',
  async () => {
    const answer = await raw(`GET /en HTTP/1.1\nHost: ${host}\n\n` +
      get('/robots.txt'))
    holds(status(answer) >= 400 || !answer.includes('<main') ||
      (answer.match(/HTTP\/1\.1/g) ?? []).length <= 2, 'bare line feeds')
  })

await test('foreign names get 421, before anything else', async () => {
  for (const name of ['evil.test', `evil.test:${site.port}`, '127.0.0.1',
    `127.0.0.1:${site.files_port}`]) {
    const answer = await ask('/en/r/' + site.ids.newton,
      { headers: { host: name } })
    same(answer.status, 421, name)
  }
  same((await ask('/', { headers: { host: `localhost:${site.port}` } }))
    .status, 200)
})

await test('a slow header is cut off after ten seconds, silence as well',
  async () => {
    const slow = new Promise(resolve => {
      const start = Date.now()
      const socket = connect(site.port, '127.0.0.1')
      socket.write(`GET / HTTP/1.1\r\nHost: ${host}\r\n`)
      const drip = setInterval(() => socket.write('X'), 400)
      socket.on('error', () => {})
      socket.on('close', () => {
        clearInterval(drip)
        resolve(Date.now() - start)
      })
    })
    // Idle ones take all places; whoever comes then is served when their
    // time is over.
    const idle = Array.from({ length: 70 }, () => {
      const socket = connect(site.port, '127.0.0.1')
      socket.on('error', () => {})
      return socket
    })
    await new Promise(resolve => setTimeout(resolve, 300))
    const start = Date.now()
    same((await ask('/en')).status, 200)
    const waited = Date.now() - start
    const took = await slow
    for (const socket of idle) socket.destroy()
    holds(took >= 9000 && took < 13000, `the slow one lasted ${took} ms`)
    holds(waited < 25000, `the honest one waited ${waited} ms`)
  })

await test('ranges of a file, and the whole of it', async () => {
  const path = `/f/${site.ids.newton}/1/newton.txt`
  const whole = await ask(path, { port: site.files_port })
  same(whole.body.toString(), 'F = m * a\n')
  same(whole.headers['content-type'], 'text/plain; charset=utf-8')
  const part = await ask(path, { port: site.files_port,
    headers: { range: 'bytes=4-8' } })
  same(part.status, 206)
  same(part.body.toString(), 'm * a')
  same(part.headers['content-length'], '5')
  same((await ask(path, { port: site.files_port,
    headers: { range: 'bytes=99-' } })).status, 416)
  const head = await ask(path, { method: 'HEAD', port: site.files_port })
  same(head.body.length, 0)
  same(head.headers['content-length'], '10')
})

// ---- a paired client ----

let token
const send = async (method, path, value) => {
  const bytes = Buffer.isBuffer(value)
  const answer = await ask(path, { method, body: bytes ? value
    : JSON.stringify(value), headers: { origin: `http://${host}`,
    'content-type': bytes ? 'application/octet-stream' : 'application/json',
    ...(token ? { 'x-station-token': token } : {}) } })
  try {
    return { ...answer, value: JSON.parse(answer.body) }
  } catch { return answer }
}

await test('a body is a megabyte at most, a large file comes back whole',
  async () => {
    const big = randomBytes(9 * 1024 * 1024 + 17)
    same((await send('POST', '/api/1/code', {})).status, 202)
    await until(() => site.codes.length > 0, 'the code on the screen')
    token = (await send('POST', '/api/1/pair', { code: site.codes[0] }))
      .value.token
    const { upload } = (await send('POST', '/api/1/upload',
      { name: 'big.bin' })).value
    const piece = 1024 * 1024
    same((await send('PUT', `/api/1/upload/${upload}?at=0`,
      big.subarray(0, piece + 1))).status, 413)
    for (let at = 0; at < big.length; at += piece) {
      const told = await send('PUT', `/api/1/upload/${upload}?at=${at}`,
        big.subarray(at, at + piece))
      same(told.status, 200)
    }
    const { job } = (await send('POST', '/api/1/publish', {
      collection: 'test/big', record: { type: 'dataset', title: 'big' },
      files: [{ upload, name: 'big.bin' }] })).value
    let told
    do told = (await send('POST', `/api/1/job/${job}`, {})).value
    while (told.more)
    const back = await ask(`/f/${told.result.id}/1/big.bin`,
      { port: site.files_port })
    const hash = bytes => createHash('sha256').update(bytes).digest('hex')
    same(hash(back.body), hash(big))
    // A reader that goes away in the middle harms nobody.
    await raw(`GET /f/${told.result.id}/1/x HTTP/1.1\r\nHost: 127.0.0.1:` +
      `${site.files_port}\r\n\r\n`, 30, site.files_port)
    same((await ask('/en')).status, 200)
  })

await test('a hundred clients at once', async () => {
  const answers = await Promise.all(Array.from({ length: 100 }, (_, i) =>
    ask(`/en/search?q=${i % 2 ? 'newton' : 'water'}`)))
  for (const answer of answers) same(answer.status, 200)
})

// ---- mutations ----

let seed = Number(process.env.SEED ?? 20241) | 1
const random = n => {
  seed = Math.imul(seed ^ (seed << 13), 1)
  seed ^= seed >>> 17
  seed ^= seed << 5
  return (seed >>> 0) % n
}

const ROOTS = [get('/'), get('/en/search?q=%D9%86'), get('/ipfs/x?format=raw'),
  get(`/f/${site.ids.newton}/1/x`, 'Range: bytes=0-3\r\n'),
  `POST /api/1/pair HTTP/1.1\r\nHost: ${host}\r\nOrigin: http://${host}\r\n` +
  'Content-Type: application/json\r\nContent-Length: 12\r\n\r\n{"code":"a"}']

function mutated () {
  let text = ROOTS[random(ROOTS.length)]
  for (let n = 1 + random(4); n > 0; n--) {
    const at = random(text.length)
    const what = random(5)
    if (what === 0) text = text.slice(0, at) + text.slice(at + random(9))
    if (what === 1) {
      text = text.slice(0, at) + String.fromCharCode(random(256)) +
        text.slice(at + 1)
    }
    if (what === 2) text = text.slice(0, at) + text.slice(random(text.length))
    if (what === 3) text = text.slice(0, at)
    if (what === 4) {
      text = text.slice(0, at) + '%\r\n:, \0\xff'[random(8)].repeat(
        1 + random(300)) + text.slice(at)
    }
  }
  return text
}

await test('thousands of mutated requests: no fault, and it still answers',
  async () => {
    const n = Number(process.env.MUTANTS ?? 1500)
    for (let done = 0; done < n; done += 25) {
      await Promise.all(Array.from({ length: 25 }, () =>
        raw(mutated(), 120)))
    }
    same((await ask('/en')).status, 200)
    same(site.faults, [])
  })

finish()
