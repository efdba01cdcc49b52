/* SPDX-License-Identifier: 0BSD */
/* The schemas, with their comments, as people with SQLite tools see them.
 * Views are plain SQL: no function, collation or tokenizer of ours. */
#include "store/sqlite_int.h"

/* SQL reads better in lines of its own. */
/* clang-format off */

/* The id of a block as text: base32 of 01 codec 12 20 digest. The first six
 * characters hang on the codec alone; each of the other 52 takes five bits
 * that lie in two neighbouring bytes of the digest. A byte's value is its
 * place in byte.all256; past either end substr() is empty and counts as 0. */
#define ID_TEXT(codec, digest)                                                \
  "'b' || CASE " codec " WHEN 85 THEN 'afkrei' WHEN 112 THEN 'afybei'"        \
  " ELSE 'afyrei' END ||"                                                     \
  " (WITH RECURSIVE c(i, t) AS (VALUES(0, '') UNION ALL SELECT i + 1, t ||"   \
  "  substr('abcdefghijklmnopqrstuvwxyz234567', 1 + (31 & (("                 \
  "  (instr(byte.all256, substr(" digest ", (i * 5 + 6) / 8, 1)) - 1) * 256 +" \
  "  instr(byte.all256, substr(" digest ", (i * 5 + 6) / 8 + 1, 1)) - 1) >>"   \
  "  (11 - (i * 5 + 6) % 8))), 1) FROM c WHERE i < 52)"                       \
  " SELECT t FROM c WHERE i = 52)"

#define HEX16(h)                                                              \
  h "0" h "1" h "2" h "3" h "4" h "5" h "6" h "7" h "8" h "9" h "A" h "B" h  \
    "C" h "D" h "E" h "F"
#define ALL256                                                                \
  "x'" HEX16("0") HEX16("1") HEX16("2") HEX16("3") HEX16("4") HEX16("5")      \
      HEX16("6") HEX16("7") HEX16("8") HEX16("9") HEX16("A") HEX16("B")       \
          HEX16("C") HEX16("D") HEX16("E") HEX16("F") "'"

/* A big-endian 32-bit number inside a blob. */
#define BYTE(blob, at)                                                        \
  "(instr(byte.all256, substr(" blob ", " at ", 1)) - 1)"
#define U32(blob, at)                                                         \
  "(" BYTE(blob, at) " << 24 | " BYTE(blob, at " + 1") " << 16 | "            \
  BYTE(blob, at " + 2") " << 8 | " BYTE(blob, at " + 3") ")"

const char *const sq_schema_main[] = {
    "CREATE TABLE seg(\n"
    "  -- Small blocks, many in a row. A block's number is id * 256 + slot.\n"
    "  id INTEGER PRIMARY KEY,\n"
    "  raw INTEGER NOT NULL, -- plain bytes; data is zstd when it is shorter\n"
    "  head BLOB NOT NULL,   -- 41 bytes a slot: codec 1, length 4, offset 4,"
    " sha-256 32\n"
    "  data BLOB NOT NULL)",

    "CREATE TABLE file(\n"
    "  -- Blocks of files. A block's number is 2^62 + id.\n"
    "  id INTEGER PRIMARY KEY,\n"
    "  codec INTEGER NOT NULL, size INTEGER NOT NULL, -- of the plain bytes\n"
    "  digest BLOB NOT NULL,\n"
    "  data BLOB) -- zstd when shorter than size; NULL: in the -files file",

    "CREATE TABLE gone(\n"
    "  -- File blocks whose bytes are still to be removed from -files.\n"
    "  id INTEGER PRIMARY KEY)",

    "CREATE TABLE cidkey(\n"
    "  -- First 8 bytes of the sha-256 -> number, for blocks up to"
    " state.folded_*.\n"
    "  prefix INTEGER NOT NULL, n INTEGER NOT NULL,\n"
    "  PRIMARY KEY(prefix, n)) WITHOUT ROWID",

    "CREATE TABLE coll(\n"
    "  -- Derived. Collections, numbered in order of their first parcel.\n"
    "  id INTEGER PRIMARY KEY, name BLOB NOT NULL UNIQUE)",

    "CREATE TABLE log(\n"
    "  -- Derived. Which blocks (parcels) a collection's log holds.\n"
    "  coll INTEGER NOT NULL, n INTEGER NOT NULL,\n"
    "  count INTEGER NOT NULL, -- rows of the collection, in its last row\n"
    "  PRIMARY KEY(coll, n)) WITHOUT ROWID",

    "CREATE TABLE entry(\n"
    "  -- Derived. Index rows: under (name, key), in order of (sort, ref).\n"
    "  name INTEGER NOT NULL, key BLOB NOT NULL,\n"
    "  sort INTEGER NOT NULL, ref INTEGER NOT NULL,\n"
    "  PRIMARY KEY(name, key, sort, ref)) WITHOUT ROWID",

    "CREATE TABLE kv(\n"
    "  -- Small pairs that the station keeps.\n"
    "  k BLOB PRIMARY KEY, v BLOB NOT NULL) WITHOUT ROWID",

    "CREATE TABLE state(\n"
    "  -- The engine's own counters.\n"
    "  name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID",

    "CREATE VIEW byte AS SELECT " ALL256 " AS all256",

    "CREATE VIEW seg_slot AS\n"
    "  WITH RECURSIVE slot(i) AS (VALUES(0) UNION ALL SELECT i + 1 FROM slot"
    " WHERE i < 255)\n"
    "  SELECT seg.id * 256 + slot.i AS n, seg.id AS segment,\n"
    "    substr(seg.head, slot.i * 41 + 1, 41) AS head,\n"
    "    length(seg.data) AS segment_at_rest\n"
    "  FROM seg JOIN slot ON slot.i < length(seg.head) / 41\n"
    "  WHERE substr(seg.head, slot.i * 41 + 1, 1) <> x'00'",

    "CREATE VIEW blocks AS\n"
    "  -- All blocks: id as `ipfs` writes it, codec, size in bytes.\n"
    "  SELECT n, " ID_TEXT(BYTE("head", "1"), "substr(head, 10)") " AS id,\n"
    "    CASE substr(head, 1, 1) WHEN x'55' THEN 'raw' WHEN x'70' THEN"
    " 'dag-pb' ELSE 'dag-cbor' END AS codec,\n"
    "    " U32("head", "2") " AS size, segment, segment_at_rest,"
    " 0 AS of_file\n"
    "  FROM seg_slot, byte\n"
    "  UNION ALL SELECT 4611686018427387904 + file.id, "
    ID_TEXT("codec", "digest") ",\n"
    "    CASE codec WHEN 85 THEN 'raw' WHEN 112 THEN 'dag-pb' ELSE 'dag-cbor'"
    " END,\n"
    "    size, NULL, length(data), 1 FROM file, byte",

    "CREATE VIEW collections AS\n"
    "  SELECT CAST(name AS TEXT) AS name,\n"
    "    (SELECT count(*) FROM log WHERE log.coll = coll.id) AS parcels\n"
    "  FROM coll ORDER BY coll.name",

    "CREATE VIEW log_entries AS\n"
    "  -- The parcels of each collection, in order of arrival.\n"
    "  SELECT CAST(coll.name AS TEXT) AS collection, log.n AS n, "
    ID_TEXT(BYTE("seg.head", "(log.n & 255) * 41 + 1"),
            "substr(seg.head, (log.n & 255) * 41 + 10, 32)") " AS id\n"
    "  FROM log JOIN coll ON coll.id = log.coll\n"
    "  JOIN seg ON seg.id = log.n >> 8, byte",

    "CREATE VIEW records AS\n"
    "  -- What is listed, newest first: the time that its author claims, and\n"
    "  -- the id. From the station's index by time, whose name is 't'.\n"
    "  SELECT strftime('%Y-%m-%dT%H:%M:%SZ', entry.sort, 'unixepoch')"
    " AS time,\n"
    "    " ID_TEXT(BYTE("seg.head", "(entry.ref & 255) * 41 + 1"),
            "substr(seg.head, (entry.ref & 255) * 41 + 10, 32)") " AS id\n"
    "  FROM entry JOIN seg ON seg.id = entry.ref >> 8, byte\n"
    "  WHERE entry.name = 116 ORDER BY entry.sort DESC, entry.ref DESC",

    "CREATE VIEW index_rows AS\n"
    "  SELECT name, CAST(key AS TEXT) AS key, sort, ref FROM entry",

    "CREATE VIEW pairs AS\n"
    "  SELECT CAST(k AS TEXT) AS key, length(v) AS bytes,"
    " hex(v) AS value_hex FROM kv",
    NULL};

/* The search index; sqlite_terms.h has the whole of it. */
const char *const sq_schema_search[] = {
    "CREATE TABLE search_seg(\n"
    "  -- Derived, as all of search_*. A segment: the postings of documents\n"
    "  -- base .. base + docs - 1. state 1: is being made, 2: is being swept.\n"
    "  id INTEGER PRIMARY KEY, base INTEGER NOT NULL, docs INTEGER NOT NULL,\n"
    "  level INTEGER NOT NULL, state INTEGER NOT NULL,\n"
    "  leaves INTEGER NOT NULL, strips INTEGER NOT NULL,"
    " words INTEGER NOT NULL)",

    "CREATE TABLE search_lead(\n"
    "  -- The first term of each leaf of a segment.\n"
    "  seg INTEGER NOT NULL, first BLOB NOT NULL, no INTEGER NOT NULL,\n"
    "  PRIMARY KEY(seg, first)) WITHOUT ROWID",

    "CREATE TABLE search_leaf(\n"
    "  -- Terms in order and their short lists; id = segment << 32 | no.\n"
    "  id INTEGER PRIMARY KEY, data BLOB NOT NULL)",

    "CREATE TABLE search_strip(\n"
    "  -- Pieces of long lists, numbered in the same way.\n"
    "  id INTEGER PRIMARY KEY, data BLOB NOT NULL)",

    "CREATE TABLE search_word(\n"
    "  -- Words in order, with signatures of their letters; same numbers.\n"
    "  id INTEGER PRIMARY KEY, data BLOB NOT NULL)",

    "CREATE TABLE search_len(\n"
    "  -- Lengths of documents, a byte each, 2048 a row.\n"
    "  page INTEGER PRIMARY KEY, data BLOB NOT NULL)",

    "CREATE TABLE search_doc(\n"
    "  -- Documents: set of facets, block's number, time; 256 a row.\n"
    "  page INTEGER PRIMARY KEY, data BLOB NOT NULL)",

    "CREATE TABLE search_ref(\n"
    "  -- Block's number -> document; page = number >> 8.\n"
    "  page INTEGER PRIMARY KEY, data BLOB NOT NULL)",

    "CREATE TABLE search_set(\n"
    "  -- The different sets of facets, and how many documents have each.\n"
    "  id INTEGER PRIMARY KEY, docs INTEGER NOT NULL,\n"
    "  facets BLOB NOT NULL UNIQUE)",

    "CREATE TABLE search_merge(\n"
    "  -- Merges under way: which segment is made, the last term in it.\n"
    "  level INTEGER PRIMARY KEY, target INTEGER NOT NULL,\n"
    "  after BLOB NOT NULL)",

    "CREATE TABLE search_wait(\n"
    "  -- Documents that become a segment with the next many.\n"
    "  id INTEGER PRIMARY KEY, data BLOB NOT NULL)",
    NULL};

const char *const sq_schema_files[] = {
    "CREATE TABLE file(\n"
    "  -- Large blocks of files; id as in the main file.\n"
    "  id INTEGER PRIMARY KEY,\n"
    "  codec INTEGER NOT NULL, size INTEGER NOT NULL, -- of the plain bytes\n"
    "  digest BLOB NOT NULL,\n"
    "  data BLOB NOT NULL) -- zstd when shorter than size",
    NULL};
