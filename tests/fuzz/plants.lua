-- SPDX-License-Identifier: 0BSD
-- Each fuzz target has to notice a bug in what it looks after: one is put into
-- a copy of the source, the target is linked with that, and has to stop.
--
--   plants.lua FOLDER [TARGET...]
--
-- The environment tells how to COMPILE and LINK, and the LIBS.

package.path = "tests/tools/?.lua;" .. package.path
local planting = require "planting"

local env, run = planting.env, planting.run

local SECONDS = 90 -- at most; most are noticed in the first

local plants = {
  admit = { "src/station/admit.c", "what was missing stays missing",
    "    change_drop(w->c, IDX_MISSING, no_key, cid_order(&in->cid), at);\n",
    "" },
  car = { "src/form/car.c", "a section may be cut by a byte",
    "  if (left < n) {", "  if (left + 1 < n) {" },
  cbor = { "src/form/cbor.c", "23 may be written as 18 17",
    "h->major != SIMPLE && h->arg <= shorter",
    "h->major != SIMPLE && h->arg < shorter" },
  channel = { "src/sync/channel.c", "a byte more is taken than came",
    "n = n < left ? n : left;", "n = n < left ? n : left + (left > 8);" },
  cid = { "src/form/cid.c", "a bit is left over at a text's end",
    "if ((acc & 3u) != 0)", "if ((acc & 1u) != 0)" },
  keyfile = { "src/form/keyfile.c", "a byte may follow",
    "if (rc == 0 && c->s.n > 0)", "if (rc == 0 && c->s.n > 1)" },
  noise = { "src/sync/noise.c", "what does not open counts",
    "n->fault = err_set(e, rc, \"an encrypted",
    "n->in.count++;\n    n->fault = err_set(e, rc, \"an encrypted" },
  parcel = { "src/form/parcel.c", "any signature holds",
    "int rc = crypt_verify(", "int rc = 0 & crypt_verify(" },
  post = { "src/store/post.c", "a block may go beyond its last document",
    "doc > at->last || tf == 0", "doc > UINT32_MAX || tf == 0" },
  rows = { "src/store/sqlite_search.c", "what is out of place stays",
    "(!orderly && (rc", "(!orderly && rc > 0 && (rc" },
  session = { "src/sync/topic.c", "topics are not counted",
    "id > SESSION_TOPICS_MAX", "id > 65536" },
  sketch = { "src/sync/peel.c", "cells that are left over do not matter",
    "if (left == 0 && !syndromes_left(p))", "if (!syndromes_left(p))" },
  slip = { "src/sync/slip_text.c", "three letters may say more than 16 bits",
    "v > (n == 3 ? 0xffff : 0xff)", "v > (n == 3 ? 0x1ffff : 0xff)" },
  store = { "src/station/view.c", "a damaged record is shown",
    "rc = cid_verify(", "rc = 0 & cid_verify(" },
  text = { "src/text/words.c", "a word has a byte too many",
    "w->token_n + len > WORD_BYTES_MAX",
    "w->token_n + len > WORD_BYTES_MAX + 1" },
  unixfs = { "src/form/unixfs_walk.c", "a part may be larger than claimed",
    "if (w->now.size != size)", "if (w->now.size > size)" },
  zpack = { "src/form/zpack.c", "a frame may give a byte more",
    "if (h->size > raw_max)", "if (h->size > raw_max + 1)" },
}

local folder = assert(arg[1], "plants.lua FOLDER [TARGET...]")
local asked = { table.unpack(arg, 2) }

local function build(target, plant)
  local base = folder .. "/plants/" .. target
  planting.plant(plant[1], base .. ".c", plant[3], plant[4])
  -- The library's own object of that name is not linked then.
  assert(run("%s -I%s -c -o %s.o %s.c", env.COMPILE,
    plant[1]:match "^(.*)/", base, base))
  assert(run("%s -o %s_fuzz %s/tests/fuzz/%s_fuzz.o %s.o %s/libmahatta.a %s",
    env.LINK, base, folder, target, base, folder, env.LIBS))
  return base
end

local function noticed(target, plant)
  local base = build(target, plant)
  run("rm -rf %s.d && mkdir %s.d", base, base)
  local from = os.time()
  local quiet = run("%s_fuzz -max_total_time=%d -timeout=25 "
    .. "-rss_limit_mb=2048 -max_len=65536 -artifact_prefix=%s- "
    .. "%s.d tests/fuzz/corpus/%s >%s.log 2>&1",
    base, SECONDS, base, base, target, base)
  local log = planting.read(base .. ".log")
  local how
  for _, sign in ipairs { "[^\n]*: does not hold", "runtime error[^\n]*",
    "AddressSanitizer: [^\n]*", "libFuzzer: [^\n]*" } do
    how = how or log:match(sign)
  end
  print(string.format("%-9s %3d s  %s: %s", target, os.time() - from, plant[2],
    quiet and "NOT NOTICED" or how or "it ended"))
  return not quiet
end

run("mkdir -p %s/plants", folder)
planting.try(plants, asked, noticed)
