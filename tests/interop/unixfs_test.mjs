// SPDX-License-Identifier: 0BSD
// Files get the CIDs that `ipfs add` gives with profile unixfs-v1-2025:
// against ipfs-unixfs-importer, and against the CIDs that kubo's own tests
// expect (test/cli/cid_profiles_test.go). Each side reads the other's DAGs.
import { execFileSync, spawn } from 'node:child_process'
import { createCipheriv, createHash } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync }
  from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CarReader, CarWriter } from '@ipld/car'
import { MemoryBlockstore } from 'blockstore-core'
import { exporter } from 'ipfs-unixfs-exporter'
import { importBytes } from 'ipfs-unixfs-importer'
import { fixedSize } from 'ipfs-unixfs-importer/chunker'
import { CID } from 'multiformats/cid'

const MIB = 1024 * 1024
const PROFILE = { profile: 'unixfs-v1-2025' }
const scratch = mkdtempSync(join(tmpdir(), 'mahatta-unixfs-'))
const oracle = join(scratch, 'oracle')
const car = join(scratch, 'file.car')
let passed = 0
let failed = 0

function build () {
  const form = ['cid', 'hash', 'car', 'chunk', 'unixfs_build', 'unixfs_read',
    'unixfs_walk'].map(name => `src/form/${name}.c`)
  const base = readdirSync('src/base').filter(name => name.endsWith('.c'))
    .map(name => `src/base/${name}`)
  execFileSync(process.env.CC ?? 'cc', ['-std=c11', '-D_GNU_SOURCE', '-O2',
    '-Isrc', '-o', oracle, 'tests/interop/unixfs_oracle.c', ...form, ...base,
    '-lcrypto'], { stdio: 'inherit' })
}

async function test (name, body) {
  try {
    await body()
    passed++
  } catch (error) {
    failed++
    console.log(`not ok - ${name}\n  ${error.message}`)
  }
}

function same (got, want) {
  if (got !== want) {
    throw new Error(`got ${got}, want ${want}`)
  }
}

// The key stream that kubo's tests fill files with.
function * stream (size, seed) {
  const key = createHash('sha256').update(seed).digest()
  for (let at = 0; at < size; at += MIB) {
    const iv = Buffer.alloc(16)
    iv.writeUInt32LE(at / 64)
    const cipher = createCipheriv('chacha20', key, iv)
    yield cipher.update(Buffer.alloc(Math.min(MIB, size - at)))
  }
}

const bytes = (size, seed = 'mahatta') => Buffer.concat([...stream(size, seed)])

// What the oracle prints, fed chunk by chunk.
async function ours (chunks, leafSize = MIB, ...more) {
  const child = spawn(oracle, ['cid', String(leafSize), ...more],
    { stdio: ['pipe', 'pipe', 'inherit'] })
  let text = ''
  child.stdout.on('data', data => { text += data })
  const closed = new Promise(resolve => child.on('close', resolve))
  for (const chunk of chunks) {
    if (!child.stdin.write(chunk)) {
      await new Promise(resolve => child.stdin.once('drain', resolve))
    }
  }
  child.stdin.end()
  same(await closed, 0)
  return text.trim()
}

async function theirs (data, options = {}) {
  const store = new MemoryBlockstore()
  const { cid } = await importBytes(data, store, { ...PROFILE, ...options })
  return { cid, store }
}

// A DAG of theirs as a CAR that the oracle reads.
async function writeCar ({ cid, store }) {
  const { writer, out } = CarWriter.create([cid])
  const parts = []
  const done = (async () => { for await (const p of out) parts.push(p) })()
  for await (const { cid: name, bytes: block } of store.getAll()) {
    const all = block instanceof Uint8Array ? [block] : block
    const whole = []
    for await (const part of all) whole.push(part)
    // MemoryBlockstore lists its blocks as raw, whatever they are.
    const raw = CID.createV1(0x55, name.multihash)
    const pb = CID.createV1(0x70, name.multihash)
    for (const known of [raw, pb]) {
      writer.put({ cid: known, bytes: Buffer.concat(whole) })
    }
  }
  writer.close()
  await done
  writeFileSync(car, Buffer.concat(parts))
}

// What the exporter makes of a CAR of ours.
async function readCar (root) {
  const reader = await CarReader.fromBytes(readFileSync(car))
  const store = {
    async * get (cid) { yield (await reader.get(cid)).bytes }
  }
  same((await reader.getRoots())[0].toString(), root)
  const entry = await exporter(CID.parse(root), store)
  const parts = []
  for await (const part of entry.content()) parts.push(part)
  return Buffer.concat(parts)
}

function cat () {
  return execFileSync(oracle, ['cat'],
    { input: readFileSync(car), maxBuffer: 64 * MIB })
}

async function main () {
  build()
  const golden = [
    ['hello world', ['hello world'],
      'bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e'],
    ['1 MiB', stream(MIB, 'chunk-v1-seed'),
      'bafkreiacndfy443ter6qr2tmbbdhadvxxheowwf75s6zehscklu6ezxmta'],
    ['1 MiB + 1', stream(MIB + 1, 'chunk-v1-seed'),
      'bafybeigmix7t42i6jacydtquhet7srwvgpizfg7gjbq7627d35mjomtu64'],
    ['1 GiB', stream(1024 * MIB, 'v1-2025-seed'),
      'bafybeihmf37wcuvtx4hpu7he5zl5qaf2ineo2lqlfrapokkm5zzw7zyhvm'],
    ['1 GiB + 1', stream(1024 * MIB + 1, 'v1-2025-seed'),
      'bafybeibdsi225ugbkmpbdohnxioyab6jsqrmkts3twhpvfnzp77xtzpyhe']
  ]
  for (const [name, chunks, want] of golden) {
    await test(`kubo's ${name}`, async () => same(await ours(chunks), want))
  }
  for (const size of [0, 1, MIB - 1, MIB, MIB + 1, 5 * MIB]) {
    await test(`importer, ${size} bytes`, async () => {
      const data = bytes(size)
      same(await ours([data]), (await theirs(data)).cid.toString())
    })
  }
  // Wide and deep trees with leaves of a few bytes instead of 1 MiB.
  for (const leaves of [1023, 1024, 1025, 2048, 2049, 5000]) {
    await test(`importer, ${leaves} leaves`, async () => {
      const data = bytes(leaves * 16)
      const chunker = fixedSize({ chunkSize: 16 })
      const want = (await theirs(data, { chunker })).cid.toString()
      same(await ours([data], 16), want)
    })
  }
  for (const size of [0, 1, 65536, 3 * MIB, 20 * MIB]) {
    await test(`exporter reads ${size} bytes cut by content`, async () => {
      const data = bytes(size)
      const root = await ours([data], 0, car)
      same((await readCar(root)).equals(data), true)
      same(cat().equals(data), true)
    })
  }
  const foreign = [{}, { rawLeaves: false }, { rawLeaves: false,
    leafType: 'raw' }, { chunker: fixedSize({ chunkSize: 1000 }) }]
  for (const options of foreign) {
    await test(`we read ${JSON.stringify(options)}`, async () => {
      const data = bytes(3 * MIB + 5)
      await writeCar(await theirs(data, options))
      same(cat().equals(data), true)
    })
  }
}

try {
  await main()
} finally {
  rmSync(scratch, { recursive: true })
}
console.log(`${passed} passed, ${failed} failed, 0 skipped`)
process.exitCode = failed === 0 ? 0 : 1
