// SPDX-License-Identifier: 0BSD
// Carry files between a station and IPLD's JavaScript: ours read by @ipld/car
// and ipfs-unixfs-exporter, theirs taken by a station, parcels checked and
// made with @ipld/dag-cbor and Node's Ed25519 by the rules of FORMAT.md.
import { execFileSync } from 'node:child_process'
import { createHash, createPublicKey, generateKeyPairSync, randomBytes, sign,
  verify } from 'node:crypto'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync }
  from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CarReader, CarWriter } from '@ipld/car'
import * as dagCbor from '@ipld/dag-cbor'
import { exporter } from 'ipfs-unixfs-exporter'
import { importBytes } from 'ipfs-unixfs-importer'
import { fixedSize } from 'ipfs-unixfs-importer/chunker'
import { trickle } from 'ipfs-unixfs-importer/layout'
import { CID } from 'multiformats/cid'
import * as digest from 'multiformats/hashes/digest'

const MIB = 1024 * 1024
const DOMAIN = Buffer.from('mahatta/parcel/1\0')
const scratch = mkdtempSync(join(tmpdir(), 'mahatta-carry-'))
let made = 0
let passed = 0
let failed = 0

const fresh = ending => join(scratch, `${++made}${ending}`)

async function test (name, body) {
  try {
    await body()
    passed++
  } catch (error) {
    failed++
    console.log(`not ok - ${name}\n  ${error.stack}`)
  }
}

function same (got, want, what = '') {
  if (got !== want) {
    throw new Error(`${what} got ${got}, want ${want}`)
  }
}

const sha256 = bytes => createHash('sha256').update(bytes).digest()
const hex = bytes => sha256(bytes).toString('hex')

// One command at a station: its answers, the last of each name; lists of
// `entry` and `fault`.
function station (store, ...command) {
  const text = execFileSync(process.env.LUA ?? 'lua5.4',
    ['tests/interop/carry_station.lua', store, ...command.map(String)],
    { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] })
  const answer = { entry: [], fault: [] }
  for (const line of text.split('\n').filter(line => line !== '')) {
    const [, name, value] = line.match(/^(.*?) (.*)$/)
    if (Array.isArray(answer[name])) {
      answer[name].push(value)
    } else {
      answer[name] = /^\d+$/.test(value) ? Number(value) : value
    }
  }
  return answer
}

// ---- blocks ----

const block = (codec, bytes) => ({
  cid: CID.createV1(codec, digest.create(0x12, sha256(bytes))),
  bytes: Uint8Array.from(bytes)
})
const cborBlock = value => block(0x71, dagCbor.encode(value))

async function writeCar (roots, blocks) {
  const { writer, out } = CarWriter.create(roots)
  const parts = []
  const done = (async () => { for await (const p of out) parts.push(p) })()
  for (const one of blocks) {
    await writer.put(one)
  }
  await writer.close()
  await done
  const path = fresh('.car')
  writeFileSync(path, Buffer.concat(parts))
  return path
}

// All blocks of a CAR in order, each hashed.
async function readCar (path) {
  const reader = await CarReader.fromBytes(readFileSync(path))
  const blocks = []
  for await (const { cid, bytes } of reader.blocks()) {
    same(cid.version, 1)
    same(Buffer.from(cid.multihash.digest).equals(sha256(bytes)), true,
      `hash of ${cid}`)
    blocks.push({ cid, bytes })
  }
  return { roots: await reader.getRoots(), blocks }
}

async function readFileOf (blocks, root) {
  const all = new Map(blocks.map(b => [b.cid.toString(), b.bytes]))
  const store = { async * get (cid) { yield all.get(cid.toString()) } }
  const entry = await exporter(CID.parse(root), store)
  const parts = []
  for await (const part of entry.content()) parts.push(part)
  return Buffer.concat(parts)
}

// The blocks that an import makes, in the order in which it makes them:
// children first.
async function importFile (bytes, options) {
  const blocks = []
  const store = {
    async put (cid, part) {
      blocks.push({ cid, bytes: Uint8Array.from(part) })
      return cid
    }
  }
  const { cid } = await importBytes(bytes, store, options)
  return { root: cid, blocks }
}

// ---- parcels ----

const raw = key => key.export({ format: 'jwk' }).x
const author = key => Buffer.from(raw(key), 'base64url')

// The signature covers the map without its first entry: a5, and all from
// byte 71 on.
const signed = bytes => Buffer.concat([DOMAIN, Buffer.from([0xa5]),
  Buffer.from(bytes).subarray(71)])

function parcel (keys, collection, time, records) {
  const value = {
    sig: new Uint8Array(64),
    kind: 'parcel/1',
    time,
    author: new Uint8Array(author(keys.publicKey)),
    records: records.map(r => r.cid),
    collection
  }
  value.sig = Uint8Array.from(sign(null, signed(dagCbor.encode(value)),
    keys.privateKey))
  return cborBlock(value)
}

function checkParcel ({ bytes, cid }) {
  const value = dagCbor.decode(bytes)
  same(Buffer.from(dagCbor.encode(value)).equals(bytes), true,
    `canonical form of ${cid}`)
  const key = createPublicKey({ format: 'jwk', key: { kty: 'OKP',
    crv: 'Ed25519', x: Buffer.from(value.author).toString('base64url') } })
  same(verify(null, signed(bytes), key, value.sig), true,
    `signature of ${cid}`)
  return value
}

// ---- ours, read by them ----

const csv = () => {
  const lines = []
  for (let i = 0; lines.length * 30 < 3.2 * MIB; i++) {
    lines.push(`${i},${i * 7919 % 10007},row of a table ${hex(`${i}`).slice(0,
      9)}`)
  }
  return Buffer.from(lines.join('\n'))
}

async function testOurs () {
  const store = fresh('.mahatta')
  const files = {}
  for (const size of [0, 1, MIB, MIB + 1, 5 * MIB]) {
    files[`${size}.bin`] = randomBytes(size)
  }
  files['table.csv'] = csv()
  mkdirSync(join(scratch, 'in'))
  const paths = Object.entries(files).map(([name, bytes]) => {
    writeFileSync(join(scratch, 'in', name), bytes)
    return join(scratch, 'in', name)
  })
  const told = station(store, 'publish', 'edu/files', ...paths)
  station(store, 'fill', 'edu/many', 600)
  const plain = fresh('.car')
  const report = station(store, 'pack', plain)
  const { roots, blocks } = await readCar(plain)

  // Parcels of four records and more stand a second time, behind them.
  const seen = new Set()
  const once = blocks.filter(b => !seen.has(b.cid.toString()) &&
    seen.add(b.cid.toString()))
  const again = once.filter(b => b.cid.code === 0x71 &&
    dagCbor.decode(b.bytes).records?.length >= 4)

  await test('our CAR: as many blocks as told, parcels again', () => {
    same(blocks.length, report.blocks)
    same(blocks.length, once.length + again.length)
    same(again.length >= 1, true, 'parcels again')
    same(readFileSync(plain).length, report.bytes)
    same(roots.length, 1)
    same(roots[0].toString(), blocks[0].cid.toString())
    same(dagCbor.decode(blocks[0].bytes).kind, 'carry/1')
  })
  await test('our parcels hold by the rules of FORMAT.md', () => {
    const at = new Map(once.map((b, i) => [b.cid.toString(), i]))
    let parcels = 0
    let records = 0
    once.forEach((b, i) => {
      if (b.cid.code !== 0x71 || i === 0) return
      const value = dagCbor.decode(b.bytes)
      if (value.kind !== 'parcel/1') return
      checkParcel(b)
      parcels++
      records += value.records.length
      for (const link of value.records) {
        same(at.get(link.toString()) > i, true, 'record behind its parcel')
      }
    })
    same(parcels, report.parcels)
    same(parcels >= 3, true, 'parcels')
    same(records, report.records)
    same(records, 601)
  })
  for (const [name, bytes] of Object.entries(files)) {
    await test(`our ${name} in the exporter`, async () => {
      const out = await readFileOf(blocks, told[`file:${name}`])
      same(hex(out), hex(bytes))
    })
  }
  await test('our .car.zst through zstd -d', async () => {
    const packed = fresh('.car.zst')
    const told = station(store, 'pack', packed)
    const out = fresh('.car')
    execFileSync('zstd', ['-q', '-d', packed, '-o', out])
    const other = await readCar(out)
    same(other.blocks.length, told.blocks)
    same(other.blocks.slice(1).map(b => b.cid).join(),
      once.slice(1).map(b => b.cid).join())
    same(told.bytes < report.bytes, true)
  })
}

// ---- theirs, taken by us ----

function shuffled (list, seed) {
  const keyed = list.map((one, i) => [hex(`${seed} ${i}`), one])
  return keyed.sort(([a], [b]) => a < b ? -1 : 1).map(([, one]) => one)
}

const orders = {
  'children first': blocks => blocks,
  'root first': blocks => [...blocks].reverse(),
  'in any order': blocks => shuffled(blocks, 1),
  'each twice': blocks => shuffled([...blocks, ...blocks], 2)
}

function exported (store, id) {
  const dir = fresh('')
  mkdirSync(dir)
  return readFileSync(station(store, 'export', id, dir)['path:f'])
}

async function testTheirs () {
  const bytes = Buffer.concat([csv(), randomBytes(2 * MIB + 17)])
  const layouts = {
    'unixfs-v1-2025': { profile: 'unixfs-v1-2025' },
    'the default': {},
    'nodes as leaves': { rawLeaves: false },
    'small leaves, three levels': { chunker: fixedSize({ chunkSize: 4000 }),
      profile: 'unixfs-v1-2025' },
    'a trickle DAG': { layout: trickle({ maxChildrenPerNode: 10 }),
      chunker: fixedSize({ chunkSize: 100000 }) }
  }
  for (const [layout, options] of Object.entries(layouts)) {
    const { root, blocks } = await importFile(bytes, options)
    const distinct = new Set(blocks.map(b => b.cid.toString())).size
    for (const [order, arrange] of Object.entries(orders)) {
      await test(`${layout}, ${order}`, async () => {
        const car = await writeCar([root], arrange(blocks))
        const store = fresh('.mahatta')
        const { record } = station(store, 'list', 'c', 'f', bytes.length,
          root)
        const report = station(store, 'unpack', car)
        same(report.bad, 0, report.fault[0])
        same(report.missing, 0, 'missing')
        same(report.unlisted, 0, 'unlisted')
        same(report.files, distinct, 'files')
        same(hex(exported(store, record)), hex(bytes))
        same(station(store, 'unpack', car).files, 0)
      })
    }
    await test(`${layout}, kept before it is listed`, async () => {
      const car = await writeCar([root], shuffled(blocks, 3))
      const store = fresh('.mahatta')
      same(station(store, 'unpack', car).files, 0)
      same(station(store, 'unpack', car, 'keep').files, distinct)
      const { record } = station(store, 'list', 'c', 'f', bytes.length, root)
      same(hex(exported(store, record)), hex(bytes))
    })
    await test(`${layout}, ours to them again`, async () => {
      const store = fresh('.mahatta')
      station(store, 'unpack', await writeCar([root], blocks), 'keep')
      station(store, 'list', 'c', 'f', bytes.length, root)
      const car = fresh('.car')
      station(store, 'pack', car)
      const back = await readCar(car)
      same(hex(await readFileOf(back.blocks, root.toString())), hex(bytes))
    })
  }
  await test('CIDs of version 0 are refused in words', async () => {
    const { root, blocks } = await importFile(bytes, { cidVersion: 0,
      rawLeaves: false })
    same(root.version, 0)
    const store = fresh('.mahatta')
    const car = await writeCar([root], blocks)
    const report = station(store, 'unpack', car, 'keep')
    same(/version 0/.test(report.refused), true, report.refused)
  })
  await test('a small CAR that zstd compressed', async () => {
    const { root, blocks } = await importFile(bytes.subarray(0, MIB / 2),
      { chunker: fixedSize({ chunkSize: 50000 }) })
    const car = await writeCar([root], blocks)
    execFileSync('zstd', ['-q', '-19', car])
    const store = fresh('.mahatta')
    same(station(store, 'unpack', `${car}.zst`, 'keep').files, blocks.length)
  })
}

// ---- their parcels ----

const lessons = (n, more = {}) => Array.from({ length: n }, (_, i) =>
  cborBlock({ type: 'lesson', title: `lesson ${i}`, ...more }))

async function testParcels () {
  const keys = generateKeyPairSync('ed25519')
  const records = lessons(50)
  const sent = parcel(keys, 'edu/theirs', 1700000000, records)
  const arrangements = {
    'parcel first': [sent, ...records],
    'parcel last': [...records, sent],
    'parcel in the middle': [...records.slice(20), sent,
      ...records.slice(0, 20)],
    'in any order, twice': shuffled([sent, ...records, ...records, sent], 4)
  }
  for (const [order, blocks] of Object.entries(arrangements)) {
    await test(`their parcel, ${order}`, async () => {
      const store = fresh('.mahatta')
      const report = station(store, 'unpack',
        await writeCar([sent.cid], blocks))
      same(report.added, 50, 'added')
      same(report.parcels, 1)
      same(report.bad + report.missing + report.unlisted, 0)
      const { entry } = station(store, 'show')
      same(entry.length, 50)
      same(entry.every(e => e.endsWith(' 1700000000 edu/theirs')), true)
      same(records.every(r => entry.some(e => e.startsWith(`${r.cid} `))),
        true)
      // It goes on to others as it came.
      const car = fresh('.car')
      station(store, 'pack', car)
      const { blocks: out } = await readCar(car)
      checkParcel(out.find(b => b.cid.equals(sent.cid)))
      same(out.length, 1 + 2 + 50) // manifest, parcel twice, records
    })
  }
  await test('their parcel with their file, all backwards', async () => {
    const bytes = randomBytes(3 * MIB)
    const { root, blocks } = await importFile(bytes, {})
    const [record] = lessons(1, { files: [{ name: 'f', size: bytes.length,
      data: root, sha256: Uint8Array.from(sha256(bytes)) }] })
    const store = fresh('.mahatta')
    const report = station(store, 'unpack', await writeCar([root],
      [...blocks, record, parcel(keys, 'edu/a', 1700000000, [record])]))
    same(report.added, 1)
    same(report.missing + report.bad + report.unlisted, 0)
    same(hex(exported(store, record.cid.toString())), hex(bytes))
  })
  await test('512 records are a parcel, 513 are none', async () => {
    const many = lessons(513)
    const store = fresh('.mahatta')
    for (const [n, added, bad] of [[512, 512, 0], [513, 0, 1]]) {
      const one = parcel(keys, `edu/${n}`, 1700000000, many.slice(0, n))
      const report = station(store, 'unpack',
        await writeCar([], [one, ...many.slice(0, n)]))
      same(report.added, added, `${n} records:`)
      same(report.bad, bad)
    }
  })
  await test('their forged parcels are refused, beside good ones', async () => {
    const good = parcel(keys, 'edu/good', 1700000000, records.slice(0, 5))
    const forged = []
    const spoil = change => {
      const value = dagCbor.decode(good.bytes)
      change(value)
      forged.push(cborBlock(value))
    }
    spoil(value => { value.time++ })
    spoil(value => { value.collection = 'edu/other' })
    spoil(value => { value.records.pop() })
    spoil(value => { value.author = new Uint8Array(author(
      generateKeyPairSync('ed25519').publicKey)) })
    spoil(value => { value.sig[63] ^= 0x20 })
    spoil(value => { value.author = new Uint8Array(32) })
    spoil(value => { value.more = 1 })
    spoil(value => { // signed without the domain
      const { sig, ...rest } = value
      value.sig = Uint8Array.from(sign(null, dagCbor.encode(rest),
        keys.privateKey))
      same(value.sig.length, sig.length)
    })
    const store = fresh('.mahatta')
    const blocks = shuffled([...forged, good, ...records.slice(0, 5)], 5)
    const report = station(store, 'unpack', await writeCar([], blocks))
    same(report.added, 5, 'added')
    same(report.parcels, 1)
    // An eighth key makes it another map: then it is a record, unlisted.
    same(report.bad + report.unlisted, forged.length)
    same(report.fault.length, report.bad)
    same(station(store, 'show').entry.every(e => e.endsWith(' edu/good')),
      true)
  })
}

try {
  await testOurs()
  await testTheirs()
  await testParcels()
} finally {
  rmSync(scratch, { recursive: true })
}
console.log(`${passed} passed, ${failed} failed, 0 skipped`)
process.exitCode = failed === 0 ? 0 : 1
